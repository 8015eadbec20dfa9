// Signing in and out: the console's only private API. See crates/control/src/front/console.rs.
import { beginSession, endSession, session, type Keep, type Session } from './session';
import { signedPost } from './sign';

/** The server's refusal, in words for the person who signs in. */
export class SignInError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Server {
  region: string;
  version: string;
  time: string;
}

export async function server(): Promise<Server> {
  return answer<Server>(await fetch('/console/api/server', { cache: 'no-store' }));
}

/** Signs in with an access key. The key is used for one signature and kept nowhere. */
export async function signInWithKey(accessKeyId: string, secretAccessKey: string, keep: Keep): Promise<void> {
  const { region } = await server();
  const keys = { accessKeyId: accessKeyId.trim(), secretAccessKey: secretAccessKey.trim() };
  beginSession(await answer<Session>(await signedPost('/console/api/signin', {}, '', keys, region)), keep);
}

/** Signs in with the token of a one-time link. */
export async function signInWithLink(token: string): Promise<void> {
  const response = await fetch('/console/api/signin', { method: 'POST', body: JSON.stringify({ token }) });
  beginSession(await answer<Session>(response), 'tab');
}

/** Ends the session, here and on the server. A server that is away forgets it by itself after twelve hours. */
export async function signOut(): Promise<void> {
  const keys = session();
  try {
    await signedPost('/console/api/signout', {}, '', keys, keys.region);
  } finally {
    endSession();
  }
}

async function answer<T>(response: Response): Promise<T> {
  const body = (await response.json()) as T & { code?: string; message?: string };
  if (response.ok) return body;
  throw new SignInError(body.code ?? String(response.status), body.message ?? response.statusText);
}
