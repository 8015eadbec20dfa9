// The pure parts: names, commands, errors, pages.
import { expect, test } from 'vitest';

import { all, inPortions } from './all';
import { pathOf, paths } from './arn';
import { cli, file } from './cli';
import { isSessionOver, told } from './errors';

test('an ARN leads to the page of what it names', () => {
  const account = 'us-east-1:123456789012';
  const secret = `arn:aws:secretsmanager:${account}:secret:prod/login-AbCdEf`;
  expect(pathOf(`arn:aws:ecs:${account}:task/demo/0123`)).toBe('/ecs/clusters/demo/tasks/0123');
  expect(pathOf(`arn:aws:ecs:${account}:task-definition/web:3`)).toBe('/ecs/task-definitions/web/3');
  expect(pathOf('arn:aws:iam::123456789012:role/path/exec')).toBe('/iam/roles/role/exec');
  expect(pathOf(`${secret}:username::`)).toBe(paths.secret(secret));
  expect(pathOf(`arn:aws:logs:${account}:log-group:/ecs/web:*`)).toBe('/logs/groups/%2Fecs%2Fweb');
  expect(pathOf('eni-0123')).toBeUndefined();
  expect(pathOf(`arn:aws:s3:::bucket`)).toBeUndefined();
});

test('a command is quoted for a shell and names files in the place of secrets', () => {
  const command = cli('secretsmanager create-secret', {
    name: "it's",
    description: undefined,
    'secret-string': file('secret.json'),
    tags: [],
    'add-replica-regions': ['a b', 'c'],
  });
  expect(command).toBe(
    "aws secretsmanager create-secret \\\n  --name 'it'\\''s' \\\n  --secret-string file://secret.json \\\n  --add-replica-regions 'a b' c",
  );
  expect(cli('ecs run-task', { overrides: { cpu: '256' } })).toContain(`--overrides '{"cpu":"256"}'`);
});

test('a denial is taken apart', () => {
  const error = Object.assign(
    new Error(
      'User: arn:aws:iam::123456789012:user/bob is not authorized to perform: ecs:RunTask on resource: ' +
        'arn:aws:ecs:us-east-1:123456789012:task-definition/web:1 because no identity-based policy allows the ecs:RunTask action',
    ),
    { name: 'AccessDeniedException', $metadata: { requestId: 'r-1' } },
  );
  expect(told(error)).toMatchObject({
    title: 'You may not do this',
    requestId: 'r-1',
    denial: {
      principal: 'arn:aws:iam::123456789012:user/bob',
      action: 'ecs:RunTask',
      resource: 'arn:aws:ecs:us-east-1:123456789012:task-definition/web:1',
      reason: 'no identity-based policy allows the ecs:RunTask action',
    },
  });
  expect(told(new TypeError('Failed to fetch')).title).toBe('The server does not answer');
  expect(isSessionOver(Object.assign(new Error('x'), { name: 'ExpiredTokenException' }))).toBe(true);
  expect(isSessionOver(error)).toBe(false);
});

test('lists are read to their end, batches in portions and in order', async () => {
  const pages: Record<string, { items: number[]; next?: string }> = { '': { items: [1], next: 'b' }, b: { items: [2, 3] } };
  expect(await all(async token => ({ next: undefined, ...pages[token ?? '']! }))).toEqual([1, 2, 3]);
  const sizes: number[] = [];
  const answers = await inPortions([1, 2, 3, 4, 5], 2, async portion => {
    sizes.push(portion.length);
    return portion.map(item => item * 10);
  });
  expect([answers, sizes.sort()]).toEqual([[10, 20, 30, 40, 50], [1, 2, 2]]);
});
