// Who is signed in: temporary credentials, kept by this tab (or, if the user wants that, by this computer).
// The access keys with which one signs in are never kept.
import { useSyncExternalStore } from 'react';

export interface Session {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** ISO 8601 */
  expiration: string;
  account: string;
  arn: string;
  region: string;
}

/** How long the browser remembers the session: as long as this tab, or in all tabs until it ends. */
export type Keep = 'tab' | 'computer';

const KEY = 'tidegate.session';
const listeners = new Set<() => void>();
let current = load();
let ended: string | undefined;

/** The session, for code that only runs when somebody is signed in. */
export function session(): Session {
  if (!current) throw new Error('Nobody is signed in.');
  return current;
}

export function useSession(): Session | undefined {
  return useSyncExternalStore(subscribe, () => current);
}

/** Why the last session ended, if it was not the user's wish. */
export function useEnded(): string | undefined {
  return useSyncExternalStore(subscribe, () => ended);
}

export function beginSession(session: Session, keep: Keep): void {
  (keep === 'tab' ? sessionStorage : localStorage).setItem(KEY, JSON.stringify(session));
  current = session;
  ended = undefined;
  tell();
}

/** Forgets the session; `why` is shown on the sign-in page. */
export function endSession(why?: string): void {
  if (!current) return;
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  current = undefined;
  ended = why;
  tell();
}

function load(): Session | undefined {
  const text = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
  if (!text) return undefined;
  try {
    const session = JSON.parse(text) as Session;
    return Date.parse(session.expiration) > Date.now() ? session : undefined;
  } catch {
    return undefined;
  }
}

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Another tab signed out of a session that all tabs share.
window.addEventListener('storage', event => {
  if (event.key === KEY && event.newValue === null && !sessionStorage.getItem(KEY)) endSession();
});
