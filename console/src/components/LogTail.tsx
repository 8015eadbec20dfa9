// Lines of a log: the newest ones, followed, filtered, downloaded. A line is always shown as text.
import { FilterLogEventsCommand, type FilteredLogEvent } from '@aws-sdk/client-cloudwatch-logs';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { logs } from '../aws/clients';
import { useLive } from '../aws/useLive';
import { download } from './download';
import { ErrorAlert } from './ErrorAlert';

/** How many lines are kept here; the download has no more. */
const KEPT = 5_000;
/** How many of them are in the document. */
const SHOWN = 1_000;

/** A log group, or one of its streams. */
export interface LogSource {
  group: string;
  stream?: string;
}

interface LogTailProps {
  source: LogSource;
  /** What the log is of: "Log of web". */
  label: string;
  /** Milliseconds between two looks. */
  every?: number;
  /** Choices before the filter. */
  before?: ReactNode;
  /** A link after the buttons. */
  after?: ReactNode;
}

export function LogTail({ source, label, every = 1_500, before, after }: LogTailProps) {
  const reader = useMemo(() => new Reader(source), [source.group, source.stream]);
  const live = useLive(() => reader.look(), [reader], { every });
  const [search, setSearch] = useState('');
  const [follow, setFollow] = useState(true);
  const end = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => {
    const wanted = search.toLowerCase();
    return (live.data ?? []).filter(({ message }) => message?.toLowerCase().includes(wanted));
  }, [live.data, search]);
  useEffect(() => {
    const box = end.current;
    if (follow && box) box.scrollTop = box.scrollHeight;
  }, [lines, follow]);
  const text = () => lines.map(line => `${timeOf(line)} ${line.message}\n`).join('');
  const name = (source.stream ?? source.group).replaceAll('/', '-').replace(/^-/, '');
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        {before}
        <Input type="search" value={search} onChange={({ detail }) => setSearch(detail.value)} placeholder="Filter lines" ariaLabel="Filter lines" />
        <Toggle checked={follow} onChange={({ detail }) => setFollow(detail.checked)}>
          Follow
        </Toggle>
        <Button iconName="download" disabled={lines.length === 0} onClick={() => download(`${name}.log`, text())}>
          Download
        </Button>
        {after}
      </SpaceBetween>
      {live.error !== undefined && <ErrorAlert error={live.error} />}
      {lines.length > SHOWN && <Box color="text-body-secondary">The newest {SHOWN} of {lines.length} lines.</Box>}
      <div className="log" ref={end} tabIndex={0} role="log" aria-label={label}>
        {lines.slice(-SHOWN).map(line => (
          <div className="log-line" key={line.eventId}>
            <span className="log-time">{timeOf(line)}</span>
            <span>{line.message}</span>
          </div>
        ))}
        {lines.length === 0 && <Box color="text-body-secondary">{search ? 'No line matches.' : 'Nothing printed yet.'}</Box>}
      </div>
    </SpaceBetween>
  );
}

/** Reads to the end, and from there on what is new. */
class Reader {
  private events: FilteredLogEvent[] = [];
  private readonly ids = new Set<string>();
  private from = 0;

  constructor(private readonly source: LogSource) {}

  async look(): Promise<FilteredLogEvent[]> {
    let nextToken: string | undefined;
    const found: FilteredLogEvent[] = [];
    try {
      do {
        const page = await logs().send(
          new FilterLogEventsCommand({
            logGroupName: this.source.group,
            logStreamNames: this.source.stream === undefined ? undefined : [this.source.stream],
            startTime: this.from,
            nextToken,
          }),
        );
        found.push(...(page.events ?? []));
        nextToken = page.nextToken;
      } while (nextToken);
    } catch (error) {
      // The group and the stream are made when the first container starts.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return this.events;
      throw error;
    }
    const fresh = found.filter(({ eventId }) => eventId && !this.ids.has(eventId));
    if (fresh.length === 0) return this.events;
    for (const { eventId } of fresh) this.ids.add(eventId ?? '');
    this.events = [...this.events, ...fresh].slice(-KEPT);
    // Lines of the same millisecond may still come.
    this.from = this.events.at(-1)?.timestamp ?? this.from;
    return this.events;
  }
}

function timeOf({ timestamp }: FilteredLogEvent): string {
  return timestamp === undefined ? '' : new Date(timestamp).toISOString();
}
