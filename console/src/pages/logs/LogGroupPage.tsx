// One log group: its streams, and the lines of one or of all of them as they come.
import { DeleteRetentionPolicyCommand, PutRetentionPolicyCommand, TagResourceCommand, UntagResourceCommand, type LogGroup, type LogStream } from '@aws-sdk/client-cloudwatch-logs';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, quoted } from '../../aws/cli';
import { logs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { Loaded } from '../../components/Loaded';
import { LiveTable, type Column } from '../../components/LiveTable';
import { LogTail } from '../../components/LogTail';
import { TagsPanel } from '../../components/Tags';
import { Time } from '../../components/Time';
import { To } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { logGroup, logStreams, logTags, sizeOf } from './data';
import { DeleteLogGroup } from './LogGroupsPage';

/** How long CloudWatch Logs can keep lines, in days. */
const DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

export function LogGroupPage() {
  const { group: name = '' } = useParams();
  const [search] = useSearchParams();
  const stream = search.get('stream') ?? undefined;
  const live = useLive(() => logGroup(name), [name], { every: 10_000 });
  const tab = useTab('streams');
  const navigate = useNavigate();
  const [open, setOpen] = useState<'delete' | 'retention'>();
  const arn = live.data?.logGroupArn ?? '';
  const tags = useLive(async () => (arn ? logTags(arn) : []), [arn], { every: 15_000 });
  return (
    <Page
      title={name}
      crumbs={[{ text: 'Log groups', path: paths.logGroups() }, { text: name }]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button disabled={!live.data} onClick={() => setOpen('retention')}>
            Change retention
          </Button>
          <Button disabled={!live.data} onClick={() => setOpen('delete')}>
            Delete
          </Button>
        </SpaceBetween>
      }
    >
      <Loaded live={live}>
        {group => [
          <Container key="details" header={<Header variant="h2">Log group details</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: 'ARN', value: <Copy text={group.logGroupArn ?? ''} label="ARN" shown /> },
                { label: 'Kept for', value: group.retentionInDays ? `${group.retentionInDays} days` : 'ever' },
                { label: 'Size', value: sizeOf(group.storedBytes) },
                { label: 'Created', value: <Time value={group.creationTime} /> },
              ]}
            />
          </Container>,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              { id: 'streams', label: 'Streams', content: <Streams group={name} /> },
              { id: 'lines', label: 'Lines', content: <Lines key={stream} group={name} stream={stream} /> },
              {
                id: 'tags',
                label: 'Tags',
                content: (
                  <TagsPanel
                    tags={tags.data ?? []}
                    onSave={async (changed, tagKeys) => {
                      if (tagKeys.length) await logs().send(new UntagResourceCommand({ resourceArn: arn, tagKeys }));
                      const added = Object.fromEntries(changed.map(({ key, value }) => [key, value]));
                      if (changed.length) await logs().send(new TagResourceCommand({ resourceArn: arn, tags: added }));
                      await tags.refresh();
                    }}
                  />
                ),
              },
            ]}
          />,
        ]}
      </Loaded>
      {open === 'delete' && <DeleteLogGroup name={name} onClose={() => setOpen(undefined)} onDeleted={() => void navigate(paths.logGroups())} />}
      {open === 'retention' && live.data && (
        <Retention
          of={live.data}
          onClose={() => {
            setOpen(undefined);
            void live.refresh();
          }}
        />
      )}
    </Page>
  );
}

function Streams({ group }: { group: string }) {
  const live = useLive(() => logStreams(group), [group]);
  const columns: Column<LogStream>[] = [
    {
      id: 'name',
      header: 'Log stream',
      width: 420,
      text: stream => stream.logStreamName,
      cell: stream => <To path={paths.logStream(group, stream.logStreamName ?? '')}>{stream.logStreamName}</To>,
    },
    {
      id: 'last',
      header: 'Last line',
      text: stream => stream.lastEventTimestamp,
      cell: stream => <Time value={stream.lastEventTimestamp} ago />,
    },
    { id: 'created', header: 'Created', text: stream => stream.creationTime, cell: stream => <Time value={stream.creationTime} /> },
  ];
  return (
    <LiveTable
      title="Log streams"
      level="h2"
      live={live}
      columns={columns}
      order="-last"
      rowId={stream => stream.logStreamName ?? ''}
      empty={{ text: 'No streams yet. Each container of a task that writes here gets one.', action: <To path={paths.clusters()}>Run a task</To> }}
    />
  );
}

const HOUR = 3_600_000;
const TIMES = [
  { value: '1', label: 'The last hour' },
  { value: '24', label: 'The last day' },
  { value: '168', label: 'The last week' },
];

function Lines({ group, stream }: { group: string; stream?: string }) {
  // A stream is one container's; a group may hold the lines of years.
  const [hours, setHours] = useState('1');
  const last = Number(hours) * HOUR;
  return (
    <SpaceBetween size="s">
      <LogTail
        key={hours}
        source={{ group, stream, last }}
        label={`Log of ${stream ?? group}`}
        before={
          stream === undefined && <Select
            ariaLabel="Lines of which time"
            selectedOption={TIMES.find(({ value }) => value === hours) ?? null}
            options={TIMES}
            onChange={({ detail }) => setHours(detail.selectedOption.value ?? '1')}
          />
        }
        after={stream && <To path={`${paths.logGroup(group)}?tab=lines`}>Lines of all streams</To>}
      />
      <CliCommand
        command={cli(`logs tail ${quoted(group)}`, { 'log-stream-names': stream && [stream], since: stream === undefined ? `${hours}h` : undefined, follow: true })}
      />
    </SpaceBetween>
  );
}

function Retention({ of, onClose }: { of: LogGroup; onClose: () => void }) {
  const name = of.logGroupName ?? '';
  const [days, setDays] = useState(String(of.retentionInDays ?? ''));
  const options = [{ value: '', label: 'Ever' }, ...DAYS.map(day => ({ value: String(day), label: `${day} days` }))];
  const { success } = useNotifications();
  return (
    <Dialog
      title="Change how long lines are kept"
      action="Save"
      onClose={onClose}
      onAction={async () => {
        if (days) await logs().send(new PutRetentionPolicyCommand({ logGroupName: name, retentionInDays: Number(days) }));
        else await logs().send(new DeleteRetentionPolicyCommand({ logGroupName: name }));
        success(days ? `Lines are kept for ${days} days.` : 'Lines are kept for ever.');
      }}
    >
      <FormField label="Kept for" description="Older lines are taken away.">
        <Select selectedOption={options.find(({ value }) => value === days) ?? null} options={options} onChange={({ detail }) => setDays(detail.selectedOption.value ?? '')} />
      </FormField>
      <CliCommand
        command={
          days
            ? cli('logs put-retention-policy', { 'log-group-name': name, 'retention-in-days': Number(days) })
            : cli('logs delete-retention-policy', { 'log-group-name': name })
        }
      />
    </Dialog>
  );
}
