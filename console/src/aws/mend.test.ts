// What a mend does with its input before it is sent.
import { expect, test } from 'vitest';

import { canPerform, sorted, withFilled } from './mend';

const step = (service: string, operation: string) => ({ service, operation, input: '{}', command: '' });

test('only what is in the table is done here', () => {
  expect(canPerform({ title: '', steps: [step('iam', 'PutRolePolicy')] })).toBe(true);
  expect(canPerform({ title: '', steps: [step('iam', 'PutRolePolicy'), step('iam', 'DeleteRole')] })).toBe(false);
  const guard = { operation: 'DeleteRole', input: '{}', path: 'Role', expected: '{}' };
  expect(canPerform({ title: '', steps: [{ ...step('iam', 'PutRolePolicy'), guard }] })).toBe(false);
});

test('what a person knows is filled in, and JSON stays JSON', () => {
  const input = { SecretId: 'login', SecretString: '{"password":"<password>","username":"alice"}' };
  const filled = withFilled(input, { '<password>': 'a"b\\$&', '<user name>': 'bob' });
  expect(JSON.parse(filled.SecretString as string)).toEqual({ username: 'alice', password: 'a"b\\$&' });
  expect(filled.SecretId).toBe('login');
});

test('documents are compared by what they say', () => {
  expect(sorted({ b: [{ d: 1, c: 2 }], a: 1 })).toBe(sorted({ a: 1, b: [{ c: 2, d: 1 }] }));
  expect(sorted([1, 2])).not.toBe(sorted([2, 1]));
});
