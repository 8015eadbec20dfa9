// A secret as rows of keys and values, and as the text that is stored. Pure: nothing here keeps a value.

export interface Pair {
  key: string;
  value: string;
}

/** What a private registry's login is made of. */
export const LOGIN: Pair[] = [
  { key: 'username', value: '' },
  { key: 'password', value: '' },
];

/** The rows as the text that is stored. Rows without a key are left out. */
export function textOf(pairs: Pair[]): string {
  return JSON.stringify(Object.fromEntries(pairs.filter(({ key }) => key !== '').map(({ key, value }) => [key, value])));
}

/** A stored text as rows; undefined if it is anything but an object whose values are texts. */
export function pairsOf(text: string): Pair[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (!entries.every(([, value]) => typeof value === 'string')) return undefined;
  return entries.map(([key, value]) => ({ key, value: String(value) }));
}

/** What is wrong with a row, if anything. */
export function pairProblem(pairs: Pair[], at: number): string | undefined {
  const { key, value } = pairs[at] ?? { key: '', value: '' };
  if (key === '') return value === '' ? undefined : 'Give this value a key.';
  return pairs.findIndex(pair => pair.key === key) < at ? 'This key is there already.' : undefined;
}

/** Why the rows cannot be stored; undefined when they can. */
export function pairsProblem(pairs: Pair[]): string | undefined {
  if (!pairs.some(({ key }) => key !== '')) return 'Write at least one key with its value.';
  return pairs.some((_, at) => pairProblem(pairs, at)) ? 'Mend the keys first.' : undefined;
}

/** Whether a text is the login of a registry: what a task definition's repositoryCredentials need. */
export function isLogin(text: string): boolean {
  const pairs = pairsOf(text);
  return ['username', 'password'].every(name => pairs?.some(({ key, value }) => key === name && value !== ''));
}
