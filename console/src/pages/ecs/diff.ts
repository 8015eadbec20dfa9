// Two texts line by line: what is in both, what is only in one. The longest common run of lines stays together.

export interface DiffLine {
  kind: 'same' | 'left' | 'right' | 'changed';
  left?: string;
  right?: string;
}

/** Lines beside each other; lines that took another's place stand in one row. */
export function diff(left: string[], right: string[]): DiffLine[] {
  const lengths = commonLengths(left, right);
  const rows: DiffLine[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  const flush = () => {
    for (let at = 0; at < Math.max(gone.length, come.length); at++) {
      const [one, other] = [gone[at], come[at]];
      const kind = one === undefined ? 'right' : other === undefined ? 'left' : 'changed';
      rows.push({ kind, left: one, right: other });
    }
    gone = [];
    come = [];
  };
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      flush();
      rows.push({ kind: 'same', left: left[i++], right: right[j++] });
    } else if (j >= right.length || (i < left.length && (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) {
      gone.push(left[i++] ?? '');
    } else {
      come.push(right[j++] ?? '');
    }
  }
  flush();
  return rows;
}

/** How many lines the ends of both texts, from each pair of places, have in common. */
function commonLengths(left: string[], right: string[]): number[][] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const same = left[i] === right[j];
      lengths[i]![j] = same ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  return lengths;
}
