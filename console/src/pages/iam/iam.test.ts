// Policies that are made here, and the statements that are shown of others.
import { expect, test } from 'vitest';

import { keyPolicyFor } from '../kms/keyPolicy';
import { asJson } from './data';
import { statementsAbout } from './statements';
import { readSecretPolicy, trustService } from './templates';

const SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:registry/login-AbCdEf';
const KEY = 'arn:aws:kms:us-east-1:000000000000:key/0123';

test('the policy for a registry’s login reads one secret, and decrypts only with a key of one’s own', () => {
  expect(JSON.parse(readSecretPolicy(SECRET)).Statement).toHaveLength(1);
  const { Statement } = JSON.parse(readSecretPolicy(SECRET, KEY));
  expect(Statement[0]).toMatchObject({ Action: ['secretsmanager:GetSecretValue'], Resource: [SECRET] });
  expect(Statement[1]).toMatchObject({ Action: ['kms:Decrypt'], Resource: [KEY] });
  expect(JSON.parse(trustService('ecs-tasks.amazonaws.com')).Statement[0].Principal).toEqual({ Service: 'ecs-tasks.amazonaws.com' });
});

test('the policy of a key gives the account the key, and others what they are for', () => {
  const statements = (administrators: string[], users: string[]) => JSON.parse(keyPolicyFor('000000000000', administrators, users)).Statement;
  expect(statements([], [])).toHaveLength(1);
  expect(statements([], [])[0]).toMatchObject({ Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*' });
  const [, administer, use] = statements(['a', 'b'], ['c']);
  expect(administer.Principal.AWS).toEqual(['a', 'b']);
  expect(administer.Action).not.toContain('kms:Decrypt');
  expect(use).toMatchObject({ Principal: { AWS: 'c' } });
  expect(use.Action).toContain('kms:Decrypt');
});

test('the statements about an action on a resource are found', () => {
  const one = { Effect: 'Allow', Action: 'secretsmanager:Get*', Resource: `${SECRET.slice(0, -6)}??????` };
  const other = { Effect: 'Deny', NotAction: ['kms:*'], Resource: '*' };
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [one, other] });
  const found = (action: string, resource = SECRET) => statementsAbout(document, action, resource).map(text => JSON.parse(text));
  expect(found('secretsmanager:getsecretvalue')).toEqual([one, other]);
  expect(found('secretsmanager:GetSecretValue', `${SECRET}x`)).toEqual([other]);
  expect(found('kms:Decrypt', KEY)).toEqual([]);
  expect(statementsAbout('no JSON', 'a:b', '*')).toEqual([]);
  expect(statementsAbout(JSON.stringify({ Statement: one }), 'secretsmanager:GetSecretValue', SECRET)).toHaveLength(1);
});

test('documents come written as in an address', () => {
  expect(asJson('%7B%22a%22%3A%20%22%25%22%7D')).toBe('{"a": "%"}');
  expect(asJson('{"a": "100%"}')).toBe('{"a": "100%"}');
});
