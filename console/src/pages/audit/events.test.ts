// How the events of the audit are read.
import { expect, test } from 'vitest';

import { callsOf, isLooking, nameOf, newestFirst, outcomeOf, shortCaller, type AuditEvent } from './events';

const event = (part: Partial<AuditEvent>): AuditEvent => ({
  eventID: '1',
  requestID: 'r',
  eventTime: '2026-11-01T00:00:00Z',
  eventSource: 'secretsmanager.amazonaws.com',
  eventName: 'GetSecretValue',
  ...part,
});

test('a refusal by a policy is denied, another error failed', () => {
  const refused = { action: 'a:b', resource: '*', verdict: 'implicitDeny', layer: 'identity-based' };
  expect(outcomeOf(event({}))).toBe('allowed');
  expect(outcomeOf(event({ errorCode: 'AccessDeniedException' }))).toBe('denied');
  expect(outcomeOf(event({ errorCode: 'UnauthorizedOperation', additionalEventData: { decisions: [refused] } }))).toBe('denied');
  expect(outcomeOf(event({ errorCode: 'ResourceNotFoundException', additionalEventData: { decisions: [{ ...refused, verdict: 'allowed' }] } }))).toBe('failed');
});

test('looking around is told from reading a secret', () => {
  expect(isLooking(event({ eventName: 'ListSecrets', readOnly: true }))).toBe(true);
  expect(isLooking(event({ eventName: 'GetRole', readOnly: true }))).toBe(true);
  expect(isLooking(event({ eventName: 'GetSecretValue', readOnly: true }))).toBe(false);
  expect(isLooking(event({ eventName: 'Decrypt', readOnly: true }))).toBe(false);
  expect(isLooking(event({ eventName: 'CreateSecret', readOnly: false }))).toBe(false);
});

test('an event that counts calls tells how many of each', () => {
  const counted = event({ eventName: 'ConsoleReadings', readOnly: true, additionalEventData: { count: 3, calls: { 'ecs:ListTasks': 1, 'ecs:ListClusters': 2 } } });
  expect(nameOf(counted)).toBe('ConsoleReadings (3 calls)');
  expect(callsOf(counted)).toEqual(['ecs:ListClusters 2', 'ecs:ListTasks 1']);
  expect(isLooking(counted)).toBe(true);
  expect([nameOf(event({})), callsOf(event({}))]).toEqual(['GetSecretValue', []]);
});

test('callers are short, and each event is there once, the newest first', () => {
  expect(shortCaller(event({ userIdentity: { arn: 'arn:aws:sts::000000000000:assumed-role/web/0123' } }))).toBe('role/web/0123');
  expect(shortCaller(event({ userIdentity: { arn: 'arn:aws:iam::000000000000:root' } }))).toBe('root');
  expect(shortCaller(event({ userIdentity: { invokedBy: 'ecs.amazonaws.com' } }))).toBe('ecs.amazonaws.com');
  const later = event({ eventID: '2', eventTime: '2026-11-01T00:00:01Z' });
  expect(newestFirst([event({}), later, event({})]).map(({ eventID }) => eventID)).toEqual(['2', '1']);
});
