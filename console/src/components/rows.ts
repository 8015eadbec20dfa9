// The rows of a list as they are searched and ordered. What that needs of a row is made once for what the server last
// answered, so that a key of a search, or the next page, of thousands of rows costs next to nothing.
export type Text<Item> = (item: Item) => string | number | undefined;

const COLLATOR = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export class Rows<Item> {
  private readonly ranks = new Map<Text<Item>, Map<Item, number>>();
  private readonly searched = new Map<Item, string>();

  constructor(private readonly items: Item[]) {}

  /** Orders two rows by the text of a column. */
  compare(text: Text<Item>, one: Item, other: Item): number {
    const ranks = this.ranks.get(text) ?? this.rank(text);
    return (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0);
  }

  /** Every word of the search is in some column. */
  matches(texts: Text<Item>[], item: Item, search: string): boolean {
    let row = this.searched.get(item);
    if (row === undefined) {
      row = texts.map(text => text(item) ?? '').join(' ').toLowerCase();
      this.searched.set(item, row);
    }
    return search.toLowerCase().split(/\s+/).every(word => row.includes(word));
  }

  private rank(text: Text<Item>): Map<Item, number> {
    const sorted = this.items.map(item => ({ item, of: text(item) })).sort((one, other) => compare(one.of, other.of));
    const ranks = new Map<Item, number>();
    let rank = 0;
    sorted.forEach(({ item, of }, at) => {
      // Equal texts have one rank, so that they keep the order in which they came.
      if (at > 0 && compare(sorted[at - 1]?.of, of) !== 0) rank = at;
      ranks.set(item, rank);
    });
    this.ranks.set(text, ranks);
    return ranks;
  }
}

function compare(one: string | number | undefined, other: string | number | undefined): number {
  if (one === other) return 0;
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return COLLATOR.compare(String(one ?? ''), String(other ?? ''));
}
