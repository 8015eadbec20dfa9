// What the containers print: the newest lines, followed, filtered, downloaded. A line is always shown as text.
import { FilterLogEventsCommand, type FilteredLogEvent } from '@aws-sdk/client-cloudwatch-logs';
import type { ContainerDefinition, Task, TaskDefinition } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useEffect, useMemo, useRef, useState } from 'react';

import { paths } from '../../aws/arn';
import { logs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { download } from '../../components/download';
import { ErrorAlert } from '../../components/ErrorAlert';
import { To } from '../../components/To';
import { taskId } from './data';

/** How many lines are kept here; the download has no more. */
const KEPT = 5_000;
/** How many of them are in the document. */
const SHOWN = 1_000;

interface Stream {
  container: string;
  group: string;
  stream: string;
}

export function TaskLogs({ task, definition }: { task: Task; definition?: TaskDefinition }) {
  const streams = useMemo(
    () => (definition?.containerDefinitions ?? []).flatMap(container => streamOf(container, taskId(task))),
    [definition, task.taskArn],
  );
  const [chosen, setChosen] = useState<string>();
  const stream = streams.find(({ container }) => container === chosen) ?? streams[0];
  if (!definition) return <Box>The task definition is not known yet.</Box>;
  if (!stream) {
    return (
      <Alert type="info" header="This task writes no logs">
        Give its containers a log configuration with the driver awslogs in the task definition, and what they print is
        here.
      </Alert>
    );
  }
  const select = streams.length > 1 && (
    <Select
      ariaLabel="Container"
      selectedOption={{ value: stream.container, label: stream.container }}
      options={streams.map(({ container }) => ({ value: container, label: container }))}
      onChange={({ detail }) => setChosen(detail.selectedOption.value)}
    />
  );
  return <Tail key={stream.group + stream.stream} stream={stream} ended={task.lastStatus === 'STOPPED'} select={select} />;
}

function Tail({ stream, ended, select }: { stream: Stream; ended: boolean; select: React.ReactNode }) {
  const reader = useMemo(() => new Reader(stream), [stream.group, stream.stream]);
  // The last lines of a task come a moment after its end.
  const live = useLive(() => reader.look(), [reader], { every: ended ? 10_000 : 1_500 });
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
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        {select}
        <Input type="search" value={search} onChange={({ detail }) => setSearch(detail.value)} placeholder="Filter lines" ariaLabel="Filter lines" />
        <Toggle checked={follow} onChange={({ detail }) => setFollow(detail.checked)}>
          Follow
        </Toggle>
        <Button iconName="download" disabled={lines.length === 0} onClick={() => download(`${stream.stream.replaceAll('/', '-')}.log`, text())}>
          Download
        </Button>
        <To path={paths.logGroup(stream.group)}>{stream.group}</To>
      </SpaceBetween>
      {live.error !== undefined && <ErrorAlert error={live.error} />}
      {lines.length > SHOWN && <Box color="text-body-secondary">The newest {SHOWN} of {lines.length} lines.</Box>}
      <div className="log" ref={end} tabIndex={0} role="log" aria-label={`Log of ${stream.container}`}>
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

/** Reads a stream to its end, and from there on what is new. */
class Reader {
  private events: FilteredLogEvent[] = [];
  private readonly ids = new Set<string>();
  private from = 0;

  constructor(private readonly stream: Stream) {}

  async look(): Promise<FilteredLogEvent[]> {
    let nextToken: string | undefined;
    const found: FilteredLogEvent[] = [];
    try {
      do {
        const page = await logs().send(
          new FilterLogEventsCommand({
            logGroupName: this.stream.group,
            logStreamNames: [this.stream.stream],
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

function streamOf(container: ContainerDefinition, id: string): Stream[] {
  const { logDriver, options } = container.logConfiguration ?? {};
  const group = options?.['awslogs-group'];
  if (logDriver !== 'awslogs' || !group || !container.name) return [];
  const prefix = options?.['awslogs-stream-prefix'];
  return [{ container: container.name, group, stream: prefix ? `${prefix}/${container.name}/${id}` : id }];
}

function timeOf({ timestamp }: FilteredLogEvent): string {
  return timestamp === undefined ? '' : new Date(timestamp).toISOString();
}
