// One task: how far it is and why, its containers, its network with the public address, its logs, all of it as JSON.
import { type Task } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { useEffect, useState } from 'react';
import { useParams, useSearchParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { explainTask, type Explanation, type Mend, type Step } from '../../aws/tidegate';
import { useLive, type Live } from '../../aws/useLive';
import { Chain } from '../../components/Chain';
import { Copy } from '../../components/Copy';
import { ErrorAlert } from '../../components/ErrorAlert';
import { JsonView } from '../../components/JsonView';
import { Status } from '../../components/Status';
import { Time } from '../../components/Time';
import { ArnLink, To } from '../../components/To';
import { Page } from '../../frame/page';
import { CheckView } from './CheckView';
import { StopTasks } from './ClusterPage';
import { definitionName, detailOf, endedBadly, interfaceOf, task as describe, taskDefinition } from './data';
import { RunAgain } from './RunAgain';
import { Containers } from './TaskContainers';
import { TaskLogs } from './TaskLogs';
import { TaskTimeline } from './TaskTimeline';
import { TaskUsage } from './TaskUsage';
import { useCheck } from './useCheck';

// What can only change while the task is on its way is looked at quickly, and not at all after its end.
const pace = (task: Task | undefined) => (task?.lastStatus === 'STOPPED' ? 30_000 : task?.lastStatus === 'RUNNING' ? 3_000 : 1_000);

export function TaskPage() {
  const { cluster = '', task: id = '' } = useParams();
  const [search, setSearch] = useSearchParams();
  const [stopping, setStopping] = useState(false);
  const [running, setRunning] = useState(false);
  // A mend that registered a revision says what is to be run now.
  const [mended, setMended] = useState<Step>();
  const live = useLive(() => describe(cluster, id), [cluster, id], { every: pace });
  const task = live.data;
  const definition = useLive(
    async () => (task?.taskDefinitionArn ? taskDefinition(task.taskDefinitionArn) : undefined),
    [task?.taskDefinitionArn],
    { every: () => false },
  );
  const crumbs = [
    { text: 'Clusters', path: paths.clusters() },
    { text: cluster, path: paths.cluster(cluster) },
    { text: id },
  ];
  const explained = useLive(
    async () => (task?.taskArn ? explainTask({ cluster, task: task.taskArn }) : undefined),
    [cluster, task?.taskArn, task?.lastStatus],
    { every: explanation => (explanation?.lastStatus === 'STOPPED' ? false : 3_000) },
  );
  const again = mended ?? explained.data?.runAgain;
  const actions = task && (
    <SpaceBetween direction="horizontal" size="xs">
      {again && <Button onClick={() => setRunning(true)}>Run again</Button>}
      <Button disabled={task.desiredStatus === 'STOPPED'} onClick={() => setStopping(true)}>
        Stop
      </Button>
    </SpaceBetween>
  );
  return (
    <Page title={`Task ${id.slice(0, 8)}`} crumbs={crumbs} actions={actions}>
      <SpaceBetween size="l">
        {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
        {live.loading && <Spinner size="large" />}
        {!live.loading && !live.error && !task && (
          <Alert type="info" header="This task is not there any more">
            A stopped task is kept for an hour. <To path={paths.cluster(cluster)}>See the tasks of {cluster}</To>
          </Alert>
        )}
        {task && <Overview task={task} />}
        {task && <TaskUsage cluster={cluster} task={task} />}
        {task && (
          <Tabs
            activeTabId={search.get('tab') ?? 'road'}
            onChange={({ detail }) => setSearch({ tab: detail.activeTabId }, { replace: true })}
            tabs={[
              { id: 'road', label: 'Status and road', content: <Road cluster={cluster} task={task} live={explained} onMended={({ runAgain }) => setMended(runAgain)} /> },
              { id: 'containers', label: 'Containers', content: <Containers task={task} definition={definition.data} /> },
              { id: 'logs', label: 'Logs', content: <TaskLogs task={task} definition={definition.data} /> },
              { id: 'json', label: 'JSON', content: <JsonView value={task} name={`task-${id}`} /> },
            ]}
          />
        )}
        {running && again && <RunAgain cluster={cluster} step={again} onClose={() => setRunning(false)} />}
        {stopping && task && (
          <StopTasks
            cluster={cluster}
            tasks={[task]}
            onClose={() => {
              setStopping(false);
              void live.refresh();
            }}
          />
        )}
      </SpaceBetween>
    </Page>
  );
}

function Overview({ task }: { task: Task }) {
  const network = useLive(() => interfaceOf(task), [task.taskArn, task.lastStatus], { every: () => false });
  const address = network.data?.Association?.PublicIp;
  const groups = network.data?.Groups ?? [];
  return (
    <Container header={<Header variant="h2">Overview</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: 'ARN', value: <Copy text={task.taskArn ?? ''} label="ARN" shown /> },
          { label: 'Last status', value: <Status value={task.lastStatus} bad={endedBadly(task)} /> },
          {
            label: 'Task definition',
            value: <ArnLink arn={task.taskDefinitionArn ?? ''}>{definitionName(task.taskDefinitionArn)}</ArnLink>,
          },
          { label: 'CPU and memory', value: `${task.cpu ?? '-'} units, ${task.memory ?? '-'} MiB` },
          { label: 'Public IP', value: address ? <PublicAddress address={address} /> : '-' },
          { label: 'Private IP', value: detailOf(task.attachments, 'privateIPv4Address') ?? '-' },
          { label: 'Subnet', value: detailOf(task.attachments, 'subnetId') ?? '-' },
          {
            label: 'Security groups',
            value: groups.length
              ? groups.map(group => (
                  <div key={group.GroupId}>
                    <To path={paths.securityGroup(group.GroupId ?? '')}>{group.GroupName ?? group.GroupId}</To>
                  </div>
                ))
              : '-',
          },
          { label: 'Launch type', value: task.launchType ?? '-' },
          { label: 'Started by', value: task.startedBy ?? '-' },
          { label: 'Created', value: <Time value={task.createdAt} /> },
          { label: 'Network interface', value: detailOf(task.attachments, 'networkInterfaceId') ?? '-' },
        ]}
      />
    </Container>
  );
}

/** The page of the task's own web server: another site, which must not know or touch this one. */
function PublicAddress({ address }: { address: string }) {
  return (
    <>
      <Link href={`http://${address}/`} external rel="noopener noreferrer" target="_blank">
        {address}
      </Link>{' '}
      <Copy text={address} label="public IP" />
    </>
  );
}

interface RoadProps {
  cluster: string;
  task: Task;
  live: Live<Explanation | undefined>;
  onMended: (mend: Mend) => void;
}

function Road({ cluster, task, live, onMended }: RoadProps) {
  const failures = live.data?.failures ?? [];
  const [looking, setLooking] = useState(false);
  const runs = task.lastStatus === 'RUNNING';
  return (
    <SpaceBetween size="l">
      <TaskTimeline task={task} />
      {task.stoppedReason && (
        <Alert type={endedBadly(task) ? 'error' : 'info'} header={`Stopped: ${task.stopCode ?? ''}`}>
          <span className="break">{task.stoppedReason}</span>
        </Alert>
      )}
      {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
      {failures.map((failure, at) => (
        <Container
          key={at}
          header={
            <Header variant="h2" description={<span className="break">{failure.message}</span>}>
              {failure.name}
              {failure.container && ` of the container ${failure.container}`}
            </Header>
          }
        >
          <Chain links={failure.links} />
        </Container>
      ))}
      {runs && !looking && <Button onClick={() => setLooking(true)}>Check its road now</Button>}
      {(failures.length > 0 || (runs && looking)) && <RoadNow key={task.taskArn} cluster={cluster} task={task.taskArn ?? ''} onMended={onMended} />}
      {live.data && failures.length === 0 && (
        <Container header={<Header variant="h2">The road of this task</Header>}>
          <Chain links={live.data.road} />
        </Container>
      )}
    </SpaceBetween>
  );
}

/** The road as it would be now, with what mends it. It is looked at once and after a mend, not over and over: registries count. */
function RoadNow({ cluster, task, onMended }: { cluster: string; task: string; onMended: (mend: Mend) => void }) {
  const [check, ask] = useCheck();
  const look = () => ask({ cluster, task });
  useEffect(look, [cluster, task]);
  return (
    <section aria-label="Its road now">
      <SpaceBetween size="l">
        <Header variant="h2">Its road now</Header>
        {check && <CheckView check={check} onAgain={look} onMended={onMended} />}
      </SpaceBetween>
    </section>
  );
}
