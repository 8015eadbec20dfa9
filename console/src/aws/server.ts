// Whether the server answers. All calls report here; the frame says so, and lists look again when it is back.
import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
let state = { away: false, returns: 0 };

export function serverAnswered(): void {
  if (state.away) change({ away: false, returns: state.returns + 1 });
}

export function serverIsAway(): void {
  if (!state.away) change({ ...state, away: true });
}

/** `returns` counts how often the server came back. */
export function useServer(): { away: boolean; returns: number } {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** Whether an error means that nobody answered. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error instanceof TypeError && /fetch|network/i.test(error.message)) || error.name === 'TimeoutError';
}

function change(next: typeof state): void {
  state = next;
  for (const listener of listeners) listener();
}
