// Rows and texts of secrets.
import { expect, test } from 'vitest';

import { isLogin, pairProblem, pairsOf, pairsProblem, textOf } from './pairs';

test('rows become the text that a registry’s login needs, and are found again in it', () => {
  const pairs = [
    { key: 'username', value: 'ada' },
    { key: 'password', value: 'p"w\\<script>' },
  ];
  const text = textOf([...pairs, { key: '', value: '' }]);
  expect(JSON.parse(text)).toEqual({ username: 'ada', password: 'p"w\\<script>' });
  expect(pairsOf(text)).toEqual(pairs);
  expect(isLogin(text)).toBe(true);
  expect(isLogin(textOf([{ key: 'Username', value: 'ada' }]))).toBe(false);
});

test.each(['no JSON', '[]', '1', 'null', '{"a": 1}', '{"a": {"b": "c"}}'])('%s has no rows', text => {
  expect(pairsOf(text)).toBeUndefined();
});

test('rows that cannot be stored say why', () => {
  const twice = [
    { key: 'a', value: '1' },
    { key: 'a', value: '2' },
  ];
  expect(pairProblem(twice, 0)).toBeUndefined();
  expect(pairProblem(twice, 1)).toBe('This key is there already.');
  expect(pairProblem([{ key: '', value: 'x' }], 0)).toBe('Give this value a key.');
  expect(pairsProblem(twice)).toBeDefined();
  expect(pairsProblem([{ key: '', value: '' }])).toBe('Write at least one key with its value.');
  expect(pairsProblem([{ key: 'a', value: '' }])).toBeUndefined();
});
