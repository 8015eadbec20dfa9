// What an error of an AWS call says, for people.
import { isAway } from './server';

/** Who was not allowed to do what, and which layer decided, read from AWS's own sentence. */
export interface Denial {
  principal: string;
  action: string;
  resource?: string;
  reason: string;
}

export interface Told {
  title: string;
  message: string;
  code?: string;
  requestId?: string;
  denial?: Denial;
}

interface AwsError {
  name?: string;
  Code?: string;
  message?: string;
  $metadata?: { requestId?: string };
}

const SESSION_OVER = [
  'ExpiredTokenException',
  'ExpiredToken',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'AuthFailure',
  'RequestExpired',
];

export function codeOf(error: unknown): string | undefined {
  const { name, Code } = (error ?? {}) as AwsError;
  return Code ?? name;
}

/** Whether the credentials are good for nothing any more. */
export function isSessionOver(error: unknown): boolean {
  return SESSION_OVER.includes(codeOf(error) ?? '');
}

export function told(error: unknown): Told {
  if (isAway(error)) {
    return { title: 'The server does not answer', message: 'It is asked again until it does.' };
  }
  const { message, $metadata } = (error ?? {}) as AwsError;
  const code = codeOf(error);
  const text = message || String(error);
  const denial = denialOf(text);
  const title = denial ? 'You may not do this' : (code ?? 'Error');
  return { title, message: text, code, requestId: $metadata?.requestId, denial };
}

const DENIED =
  /(?:User|Role|Principal)?:? ?(arn:\S+) is not authorized to perform: (\S+?)(?: on resource: (\S+?))?(?: because (.*?)\.?)?$/s;

function denialOf(message: string): Denial | undefined {
  const found = DENIED.exec(message.trim());
  if (!found?.[1] || !found[2]) return undefined;
  return { principal: found[1], action: found[2], resource: found[3], reason: found[4] ?? 'no policy allows it' };
}
