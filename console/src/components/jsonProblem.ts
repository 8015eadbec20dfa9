// Where a text stops being JSON. The browsers say that in different words and often without a place, so it is looked for
// here; whether there is a problem at all, JSON.parse decides.

export interface JsonProblem {
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
  message: string;
}

export function jsonProblem(text: string): JsonProblem | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const found = new Scanner(text).problem();
    const before = text.slice(0, found?.at ?? text.length).split('\n');
    return {
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      message: found?.message ?? (error instanceof Error ? error.message : String(error)),
    };
  }
}

/** `Line 3, column 5: a comma or } is expected.` */
export function problemText({ line, column, message }: JsonProblem): string {
  return `Line ${line}, column ${column}: ${message}`;
}

class Found {
  constructor(
    readonly at: number,
    readonly message: string,
  ) {}
}

/** Reads along RFC 8259 until the first character that does not belong. */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  problem(): Found | undefined {
    try {
      this.value();
      this.space();
      if (this.at < this.text.length) throw this.found('nothing may follow the end of the document.');
      return undefined;
    } catch (found) {
      if (found instanceof Found) return found;
      throw found;
    }
  }

  private value(): void {
    this.space();
    const next = this.text[this.at];
    if (next === '{') this.items('}', () => this.member());
    else if (next === '[') this.items(']', () => this.value());
    else if (next === '"') this.string();
    else if (!this.take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y)) {
      throw this.found(next === undefined ? 'the text ends too early; a value is expected.' : 'a value is expected.');
    }
  }

  private items(end: string, item: () => void): void {
    this.at++;
    this.space();
    if (this.text[this.at] === end) {
      this.at++;
      return;
    }
    for (;;) {
      item();
      this.space();
      const next = this.text[this.at];
      if (next !== end && next !== ',') throw this.found(`a comma or ${end} is expected.`);
      this.at++;
      if (next === end) return;
      this.space();
      if (this.text[this.at] === end) throw this.found(`no comma may stand before ${end}.`);
    }
  }

  private member(): void {
    this.space();
    if (this.text[this.at] !== '"') throw this.found('a name in double quotes is expected.');
    this.string();
    this.space();
    if (this.text[this.at] !== ':') throw this.found('a colon is expected after the name.');
    this.at++;
    this.value();
  }

  private string(): void {
    const began = this.at++;
    // eslint-disable-next-line no-control-regex -- JSON forbids them in strings
    this.take(/(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*/y);
    const next = this.text[this.at];
    if (next === '"') this.at++;
    else if (next === '\\') throw this.found('this escape is not known in JSON.');
    else throw new Found(began, 'this text has no closing double quote.');
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return false;
    this.at += found[0].length;
    return true;
  }

  private space(): void {
    this.take(/[ \t\r\n]*/y);
  }

  private found(message: string): Found {
    return new Found(this.at, message);
  }
}
