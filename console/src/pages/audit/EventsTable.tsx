// Calls that were made, the newest first: a page of its own, and a part of the page of what they were made on.
import Button from '@cloudscape-design/components/button';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { useMemo, useState, type ReactNode } from 'react';

import { parseArn, pathOf, paths, shortName } from '../../aws/arn';
import type { EventSearch } from '../../aws/tidegate';
import { useLive } from '../../aws/useLive';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { ArnLink, To } from '../../components/To';
import { callerOf, callsOf, findEvents, isLooking, nameOf, newestFirst, outcomeOf, shortCaller, type AuditEvent, type Found, type Outcome } from './events';

const SIGNS: Record<Outcome, StatusIndicatorProps.Type> = { allowed: 'success', denied: 'error', failed: 'warning' };

const columns: Column<AuditEvent>[] = [
  {
    id: 'time',
    header: 'Time',
    width: 200,
    text: event => Date.parse(event.eventTime),
    cell: event => <Time value={event.eventTime} />,
  },
  {
    id: 'event',
    header: 'Event',
    width: 220,
    text: event => `${nameOf(event)} ${event.eventSource.split('.')[0]}`,
    cell: event => (
      <>
        {event.additionalEventData?.count === undefined ? <To path={paths.request(event.requestID)}>{event.eventName}</To> : nameOf(event)} <small>{event.eventSource.split('.')[0]}</small>
      </>
    ),
  },
  {
    id: 'outcome',
    header: 'Outcome',
    width: 150,
    text: event => `${outcomeOf(event)} ${event.errorCode ?? ''}`,
    cell: event => (
      <StatusIndicator type={SIGNS[outcomeOf(event)]}>
        {outcomeOf(event)}
        {event.errorCode && outcomeOf(event) === 'failed' ? ` (${event.errorCode})` : ''}
      </StatusIndicator>
    ),
  },
  {
    id: 'who',
    header: 'Who',
    width: 260,
    text: event => callerOf(event),
    cell: event => <Who event={event} />,
  },
  {
    id: 'resources',
    header: 'Resources',
    width: 320,
    text: event => [...(event.resources?.map(({ ARN }) => ARN) ?? []), ...callsOf(event)].join(' '),
    cell: event => <Resources event={event} />,
  },
  { id: 'address', header: 'From', width: 140, text: event => event.sourceIPAddress },
];

export function OutcomeSign({ outcome }: { outcome: string }) {
  return <StatusIndicator type={SIGNS[outcome as Outcome] ?? 'info'}>{outcome}</StatusIndicator>;
}

function Who({ event }: { event: AuditEvent }) {
  const task = event.additionalEventData?.task;
  return (
    <>
      <ArnLink arn={callerOf(event)}>{shortCaller(event)}</ArnLink>
      {task && (
        <div>
          for <ArnLink arn={task}>task {shortName(task)}</ArnLink>
        </div>
      )}
    </>
  );
}

function Resources({ event }: { event: AuditEvent }) {
  const arns = event.resources?.map(({ ARN }) => ARN) ?? [];
  const calls = callsOf(event);
  if (calls.length > 0) return calls.map(call => <div key={call}>{call}</div>);
  if (arns.length === 0) return <>-</>;
  return arns.map(arn => (
    <div key={arn}>
      {pathOf(arn) ? <ArnLink arn={arn}>{parseArn(arn)?.resource}</ArnLink> : <span className="break">{parseArn(arn)?.resource ?? arn}</span>}
    </div>
  ));
}

interface EventsTableProps {
  title: string;
  level?: 'h1' | 'h2';
  /** What is asked of the server. */
  fixed: EventSearch;
  /** Only events of these names. */
  names?: string[];
  /** Leave out calls that only looked around. */
  without?: 'looking';
  filter?: ReactNode;
  description?: ReactNode;
  empty: { text: ReactNode; action?: ReactNode };
}

export function EventsTable({ title, level, fixed, names, without, filter, description, empty }: EventsTableProps) {
  const question = JSON.stringify([fixed, names]);
  const live = useLive(() => findEvents(fixed, names), [question]);
  const [older, setOlder] = useState<Found & { of: string }>();
  const [looking, setLooking] = useState(false);
  const back = older?.of === question ? older : undefined;
  const data = useMemo(() => {
    if (!live.data) return undefined;
    const events = newestFirst([...live.data.events, ...(back?.events ?? [])]);
    return without === 'looking' ? events.filter(event => !isLooking(event)) : events;
  }, [live.data, back, without]);
  const token = back ? back.nextToken : live.data?.nextToken;
  const lookBack = async () => {
    setLooking(true);
    try {
      const found = await findEvents({ ...fixed, nextToken: token }, names);
      // What was newest when the older ones were asked for would else fall between the two.
      setOlder({ of: question, nextToken: found.nextToken, events: [...(live.data?.events ?? []), ...(back?.events ?? []), ...found.events] });
    } finally {
      setLooking(false);
    }
  };
  return (
    <LiveTable
      title={title}
      level={level}
      live={{ ...live, data }}
      columns={columns}
      order="-time"
      rowId={event => event.eventID}
      filter={filter}
      description={description}
      empty={empty}
      actions={() => (
        <Button disabled={!token} loading={looking} onClick={() => void lookBack()}>
          Look further back
        </Button>
      )}
    />
  );
}
