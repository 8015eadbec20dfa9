// Which lines of two revisions stand beside each other.
import { expect, test } from 'vitest';

import { diff } from './diff';

const told = (left: string, right: string) =>
  diff(left.split(''), right.split('')).map(row => `${row.kind}:${row.left ?? ''}|${row.right ?? ''}`);

test('what is the same stays together, what changed stands in one row', () => {
  expect(told('abc', 'abc')).toEqual(['same:a|a', 'same:b|b', 'same:c|c']);
  expect(told('abc', 'axc')).toEqual(['same:a|a', 'changed:b|x', 'same:c|c']);
  expect(told('ac', 'abc')).toEqual(['same:a|a', 'right:|b', 'same:c|c']);
  expect(told('abc', 'c')).toEqual(['left:a|', 'left:b|', 'same:c|c']);
  expect(diff([], ['a'])).toEqual([{ kind: 'right', left: undefined, right: 'a' }]);
});
