// Lines of a log: the newest ones, followed, filtered, downloaded. A line is always shown as text.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { useLive } from '../aws/useLive';
import { download } from './download';
import { ErrorAlert } from './ErrorAlert';
import { GroupReader, StreamReader, type Line } from './logs';

/** How many of them are in the document. */
const SHOWN = 1_000;
/** Of a whole group, lines from this long ago on are shown at first. */
const HOUR = 3_600_000;

/** A log group, or one of its streams. */
export interface LogSource {
  group: string;
  stream?: string;
  /** Of a group: only the lines of the last so many milliseconds (an hour unless told). */
  last?: number;
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
  const reader = useMemo(() => readerOf(source), [source.group, source.stream, source.last]);
  const live = useLive(() => reader.look(), [reader], { every });
  const [search, setSearch] = useState('');
  const [follow, setFollow] = useState(true);
  const [isFirst, setIsFirst] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => {
    const wanted = search.toLowerCase();
    return (live.data ?? []).filter(({ text }) => text.toLowerCase().includes(wanted));
  }, [live.data, search]);
  useEffect(() => {
    const box = end.current;
    if (follow && box) box.scrollTop = box.scrollHeight;
  }, [lines, follow]);
  const earlier = async () => {
    setFollow(false);
    setIsFirst(!(await reader.before()));
    await live.refresh();
  };
  // Who reads on wants the beginning, who follows the end.
  const shown = follow ? lines.slice(-SHOWN) : lines.slice(0, SHOWN);
  const text = () => lines.map(line => `${timeOf(line)} ${line.text}\n`).join('');
  const name = (source.stream ?? source.group).replaceAll('/', '-').replace(/^-/, '');
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        {before}
        <Input type="search" value={search} onChange={({ detail }) => setSearch(detail.value)} placeholder="Filter lines" ariaLabel="Filter lines" />
        <Toggle checked={follow} onChange={({ detail }) => setFollow(detail.checked)}>
          Follow
        </Toggle>
        <Button disabled={isFirst} onClick={() => void earlier()}>
          {isFirst ? 'No earlier lines' : 'Earlier lines'}
        </Button>
        <Button iconName="download" disabled={lines.length === 0} onClick={() => download(`${name}.log`, text())}>
          Download
        </Button>
        {after}
      </SpaceBetween>
      {live.error !== undefined && <ErrorAlert error={live.error} />}
      {shown.length < lines.length && (
        <Box color="text-body-secondary">
          The {follow ? 'newest' : 'oldest'} {SHOWN} of {lines.length} lines; the download has all of them.
        </Box>
      )}
      <div className="log" ref={end} tabIndex={0} role="log" aria-label={label}>
        {shown.map(line => (
          <div className="log-line" key={line.id}>
            <span className="log-time">{timeOf(line)}</span>
            {line.stream && <span className="log-time">{line.stream}</span>}
            <span>{line.text}</span>
          </div>
        ))}
        {lines.length === 0 && <Box color="text-body-secondary">{search ? 'No line matches.' : 'Nothing printed yet.'}</Box>}
      </div>
    </SpaceBetween>
  );
}

function timeOf({ time }: Line): string {
  return new Date(time).toISOString();
}

function readerOf({ group, stream, last = HOUR }: LogSource) {
  return stream === undefined ? new GroupReader(group, Date.now() - last) : new StreamReader(group, stream);
}
