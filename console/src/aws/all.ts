// Lists that AWS gives in pages, and batches that it takes in portions.

/** Every item of a list that is given in pages. */
export async function all<Item>(
  page: (token: string | undefined) => Promise<{ items: Item[] | undefined; next: string | undefined }>,
): Promise<Item[]> {
  const found: Item[] = [];
  let token: string | undefined;
  do {
    const { items, next } = await page(token);
    found.push(...(items ?? []));
    token = next || undefined;
  } while (token);
  return found;
}

/** The answers for portions of at most `size`, a few at a time, in order. */
export async function inPortions<Item, Answer>(
  items: Item[],
  size: number,
  ask: (portion: Item[]) => Promise<Answer[]>,
): Promise<Answer[]> {
  const portions: Item[][] = [];
  for (let at = 0; at < items.length; at += size) portions.push(items.slice(at, at + size));
  const answers: Answer[][] = [];
  let next = 0;
  const worker = async () => {
    while (next < portions.length) {
      const mine = next++;
      answers[mine] = await ask(portions[mine] ?? []);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return answers.flat();
}
