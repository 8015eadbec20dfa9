// Which commands the page can do by itself, and that it does nothing else.
import { expect, test } from 'vitest';

import { mendOf, words } from './mend';

test('words are read as a shell reads them', () => {
  expect(words(`a --b 'c d' e'f'g`)).toEqual(['a', '--b', 'c d', 'efg']);
  expect(words(`'it'\\''s'`)).toEqual(["it's"]);
  for (const more of ['a && b', 'a $(b)', 'a | b', 'a; b', 'a "b"', 'a > b', "a 'b", 'a …', 'a `b`']) {
    expect(words(more), more).toBeUndefined();
  }
});

test('a whole command that is known is a mend', () => {
  const document = '{"Version":"2012-10-17","Statement":[]}';
  const mend = mendOf(`aws iam put-role-policy --role-name exec --policy-name secrets --policy-document '${document}'`);
  expect(mend).toMatchObject({ subject: 'exec', document });
  expect(mendOf('aws secretsmanager restore-secret --secret-id arn:aws:secretsmanager:us-east-1:1:secret:a-b')).toBeDefined();
  expect(mendOf('aws kms enable-key --key-id 1234')).toBeDefined();
});

test('anything else is not', () => {
  for (const command of [
    'aws iam put-role-policy --role-name exec',
    'aws iam put-role-policy --role-name exec --policy-name a --policy-document b --profile c',
    'aws iam delete-role --role-name exec',
    'aws kms cancel-key-deletion --key-id 1 && aws kms enable-key --key-id 1',
    'Look at what it printed last: tidegate logs 1234',
    'aws iam create-role --role-name a --assume-role-policy-document b, or name a role that exists',
  ]) {
    expect(mendOf(command), command).toBeUndefined();
  }
});
