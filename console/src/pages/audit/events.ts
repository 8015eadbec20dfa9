// The events of the audit: CloudTrail's records, as far as the console shows them.
import { searchEvents, type EventSearch, type Ruling } from '../../aws/tidegate';

export interface AuditEvent {
  eventID: string;
  requestID: string;
  eventTime: string;
  /** `secretsmanager.amazonaws.com` */
  eventSource: string;
  eventName: string;
  userIdentity?: { type?: string; arn?: string; invokedBy?: string; accessKeyId?: string };
  sourceIPAddress?: string;
  errorCode?: string;
  errorMessage?: string;
  readOnly?: boolean;
  resources?: { ARN: string }[];
  additionalEventData?: {
    decisions?: Ruling[];
    task?: string;
    /** Of an event that stands for more than one call: how many, and how many of each. */
    count?: number;
    calls?: Record<string, number>;
  };
}

export type Outcome = 'allowed' | 'denied' | 'failed';

/** How many events are asked for at once. */
const PORTION = 200;

/** How it went, said as the server says it. */
export function outcomeOf(event: AuditEvent): Outcome {
  if (!event.errorCode) return 'allowed';
  const last = event.additionalEventData?.decisions?.at(-1);
  const refused = last !== undefined && last.verdict !== 'allowed';
  return event.errorCode.startsWith('AccessDenied') || refused ? 'denied' : 'failed';
}

export function callerOf({ userIdentity }: AuditEvent): string {
  return userIdentity?.arn ?? userIdentity?.invokedBy ?? userIdentity?.accessKeyId ?? 'nobody known';
}

/** `root`, `user/ada`, `role/web`. */
export function shortCaller(event: AuditEvent): string {
  const resource = callerOf(event).split(':').slice(5).join(':') || callerOf(event);
  return resource.replace(/^assumed-role\//, 'role/');
}

/** Whether a call only looked around: what this page itself does all the time. */
export function isLooking({ eventName, readOnly }: AuditEvent): boolean {
  return readOnly === true && /^(ConsoleReadings|List|Describe|Get(?!SecretValue)|Search|Lookup|Filter|Simulate|Explain|Validate|BatchGet(?!Secret))/.test(eventName);
}

/** `ListTasks`; of an event that counts calls also how many. */
export function nameOf({ eventName, additionalEventData }: AuditEvent): string {
  const count = additionalEventData?.count;
  return count === undefined ? eventName : `${eventName} (${count} ${count === 1 ? 'call' : 'calls'})`;
}

/** What an event counts, the most frequent first: `ecs:ListTasks 30`. */
export function callsOf({ additionalEventData }: AuditEvent): string[] {
  const calls = Object.entries(additionalEventData?.calls ?? {});
  return calls.sort(([, one], [, other]) => other - one).map(([name, times]) => `${name} ${times}`);
}

export interface Found {
  events: AuditEvent[];
  nextToken?: string;
}

/** Asks for one portion. With several names each is asked for, and what they find is put in order. */
export async function findEvents(search: EventSearch, names: string[] = []): Promise<Found> {
  const asked = names.length ? names.map(eventName => ({ ...search, eventName })) : [search];
  const answers = await Promise.all(asked.map(one => searchEvents({ maxResults: PORTION, ...one })));
  const events = answers.flatMap(({ events }) => events.map(line => JSON.parse(line) as AuditEvent));
  return { events: newestFirst(events), nextToken: answers.length === 1 ? answers[0]?.nextToken : undefined };
}

/** Each event once, the newest first. */
export function newestFirst(events: AuditEvent[]): AuditEvent[] {
  const each = [...new Map(events.map(event => [event.eventID, event])).values()];
  return each.sort((one, other) => other.eventTime.localeCompare(one.eventTime));
}
