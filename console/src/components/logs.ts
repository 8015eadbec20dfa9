// Reading log streams: the newest lines, what comes after them, what was before, all of it.
import { FilterLogEventsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';

import { logs } from '../aws/clients';

export interface Line {
  /** Names the line as long as the page is open. */
  id: string;
  /** Milliseconds since 1970. */
  time: number;
  text: string;
  /** Of which stream, where lines of several are together. */
  stream?: string;
}

/** How many lines are kept here. */
const KEPT = 20_000;
const PAGE = 1_000;

/** What a page of logs reads from: `look` gives all lines it has, with those that have come; `before` reads some that were
 * there earlier, and says whether there are any. */
export interface LogReader {
  look(): Promise<Line[]>;
  before(): Promise<boolean>;
}

/** One stream, from its newest lines on. */
export class StreamReader implements LogReader {
  private lines: Line[] = [];
  private last = 0;
  private forward?: string;
  private backward?: string;

  constructor(
    private readonly logGroupName: string,
    private readonly logStreamName: string,
  ) {}

  async look(): Promise<Line[]> {
    for (;;) {
      const page = await this.page({ nextToken: this.forward, startFromHead: this.forward !== undefined, limit: this.forward ? undefined : PAGE });
      if (!page) return this.lines;
      const first = this.forward === undefined;
      if (first) this.backward = page.nextBackwardToken;
      const isEnd = page.nextForwardToken === this.forward;
      this.forward = page.nextForwardToken;
      const found = this.named(page.events);
      if (found.length > 0) this.lines = [...this.lines, ...found].slice(-KEPT);
      if (first || isEnd || found.length === 0) return this.lines;
    }
  }

  async before(): Promise<boolean> {
    if (!this.backward) return false;
    const page = await this.page({ nextToken: this.backward, limit: PAGE });
    if (!page || page.nextBackwardToken === this.backward) return false;
    this.backward = page.nextBackwardToken;
    this.lines = [...this.named(page.events), ...this.lines];
    return (page.events ?? []).length > 0;
  }

  private named(events: { timestamp?: number; message?: string }[] | undefined): Line[] {
    return (events ?? []).map(({ timestamp = 0, message = '' }) => ({ id: String(++this.last), time: timestamp, text: message }));
  }

  private async page(part: { nextToken?: string; startFromHead?: boolean; limit?: number }) {
    const { logGroupName, logStreamName } = this;
    try {
      return await logs().send(new GetLogEventsCommand({ logGroupName, logStreamName, ...part }));
    } catch (error) {
      // Group and stream are made when the first container starts.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  }
}

/** All streams of a group, from a moment on. */
export class GroupReader implements LogReader {
  private lines: Line[] = [];
  private readonly seen = new Set<string>();
  /** Before this nothing has been read. */
  private first: number;

  constructor(
    private readonly logGroupName: string,
    private from: number,
  ) {
    this.first = from;
  }

  async look(): Promise<Line[]> {
    const fresh = await this.read(this.from);
    if (fresh.length > 0) {
      this.lines = [...this.lines, ...fresh].sort((one, other) => one.time - other.time).slice(-KEPT);
      // Lines of the same moment may still come, also from a stream that is a little late.
      this.from = Math.max(this.from, (this.lines.at(-1)?.time ?? 0) - 5_000);
    }
    return this.lines;
  }

  async before(): Promise<boolean> {
    // Each window reaches as far back again as all before it, so that old lines are found in few steps.
    for (let reach = Math.max(Date.now() - this.first, 60_000); this.first > 0; reach *= 2) {
      const until = this.first;
      this.first = Math.max(0, until - reach);
      const found = await this.read(this.first, until);
      if (found.length === 0) continue;
      this.lines = [...found, ...this.lines].sort((one, other) => one.time - other.time);
      return true;
    }
    return false;
  }

  private async read(startTime: number, endTime?: number): Promise<Line[]> {
    const { logGroupName } = this;
    const fresh: Line[] = [];
    let nextToken: string | undefined;
    do {
      const page = await logs().send(new FilterLogEventsCommand({ logGroupName, startTime, endTime, nextToken }));
      for (const { eventId = '', timestamp = 0, message = '', logStreamName } of page.events ?? []) {
        if (this.seen.has(eventId)) continue;
        this.seen.add(eventId);
        fresh.push({ id: eventId, time: timestamp, text: message, stream: logStreamName });
      }
      nextToken = page.nextToken;
    } while (nextToken);
    return fresh;
  }
}
