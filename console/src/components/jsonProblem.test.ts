// Where JSON ends: each mistake has its place and its word, and what JSON.parse takes has none.
import { expect, test } from 'vitest';

import { jsonProblem, problemText } from './jsonProblem';

test.each(['{}', ' [1, -2.5e+3, "a\\u00e9\\n", true, null, {"a": []}] ', '"x"', '0'])('%s is JSON', text => {
  expect(jsonProblem(text)).toBeUndefined();
});

test.each([
  ['', 1, 1, 'ends too early'],
  ['{\n  "a": 1,\n}', 3, 1, 'no comma may stand before }'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, 'a comma or } is expected'],
  ['{"a": [1 2]}', 1, 10, 'a comma or ] is expected'],
  ["{'a': 1}", 1, 2, 'a name in double quotes'],
  ['{"a" 1}', 1, 6, 'a colon is expected'],
  ['{"a": x}', 1, 7, 'a value is expected'],
  ['{"a": "x}', 1, 7, 'no closing double quote'],
  ['{"a": "\\x"}', 1, 8, 'escape'],
  ['{} {}', 1, 4, 'nothing may follow'],
  ['[01]', 1, 3, 'a comma or ] is expected'],
])('%j is not', (text, line, column, word) => {
  const problem = jsonProblem(text)!;
  expect(problem).toMatchObject({ line, column });
  expect(problemText(problem)).toContain(word);
});
