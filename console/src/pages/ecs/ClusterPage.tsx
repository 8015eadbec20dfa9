// One cluster with its tasks. Tasks that have stopped stay in the list with their reason.
import { StopTaskCommand, type Task } from '@aws-sdk/client-ecs';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMemo, useState } from 'react';
import { useNavigate, useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli } from '../../aws/cli';
import { ecs } from '../../aws/clients';
import { useLive, type Live } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { ErrorAlert } from '../../components/ErrorAlert';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { Time } from '../../components/Time';
import { ArnLink, To } from '../../components/To';
import { Page } from '../../frame/page';
import { useNotifications } from '../../frame/notifications';
import { cluster, definitionName, endedBadly, taskId, Tasks } from './data';

type Shown = 'all' | 'running' | 'stopped';

const HIDDEN: Record<Shown, (task: Task) => boolean> = {
  all: () => false,
  running: task => task.lastStatus === 'STOPPED',
  stopped: task => task.lastStatus !== 'STOPPED',
};

export function ClusterPage() {
  const { cluster: name = '' } = useParams();
  const about = useLive(() => cluster(name), [name]);
  const tasks = useMemo(() => new Tasks(name), [name]);
  const live = useLive(() => tasks.look(), [tasks]);
  const shown = about.data;
  return (
    <Page title={name} crumbs={[{ text: 'Clusters', path: paths.clusters() }, { text: name }]}>
      <SpaceBetween size="l">
        {about.error !== undefined && <ErrorAlert error={about.error} onRetry={() => void about.refresh()} />}
        <Container>
          <KeyValuePairs
            columns={4}
            items={[
              { label: 'ARN', value: <Copy text={shown?.clusterArn ?? ''} label="ARN" shown /> },
              { label: 'Status', value: <Status value={shown?.status ?? (about.loading ? undefined : 'INACTIVE')} /> },
              { label: 'Running tasks', value: String(shown?.runningTasksCount ?? '-') },
              { label: 'Pending tasks', value: String(shown?.pendingTasksCount ?? '-') },
            ]}
          />
        </Container>
        <TaskList cluster={name} live={live} />
      </SpaceBetween>
    </Page>
  );
}

function TaskList({ cluster, live }: { cluster: string; live: Live<Task[]> }) {
  const [shown, setShown] = useState<Shown>('all');
  const [stopping, setStopping] = useState<Task[]>();
  const navigate = useNavigate();
  const columns = useMemo(() => columnsOf(cluster), [cluster]);
  const data = useMemo(() => live.data?.filter(task => !HIDDEN[shown](task)), [live.data, shown]);
  const run = (
    <Button variant="primary" onClick={() => void navigate(paths.runTask(cluster))}>
      Run a task
    </Button>
  );
  return (
    <>
      <LiveTable
        title="Tasks"
        level="h2"
        live={{ ...live, data }}
        columns={columns}
        order="-started"
        rowId={taskId}
        selection="multi"
        filter={
          <SegmentedControl
            label="Which tasks"
            selectedId={shown}
            onChange={({ detail }) => setShown(detail.selectedId as Shown)}
            options={[
              { id: 'all', text: 'All' },
              { id: 'running', text: 'Not stopped' },
              { id: 'stopped', text: 'Stopped' },
            ]}
          />
        }
        empty={
          shown === 'all'
            ? { text: 'No tasks yet. A task runs the containers of a task definition.', action: run }
            : { text: 'No task is in this state.' }
        }
        description="A stopped task stays here for an hour, with the reason."
        actions={selected => {
          const running = selected.filter(task => task.desiredStatus !== 'STOPPED');
          return (
            <>
              <Button disabled={running.length === 0} onClick={() => setStopping(running)}>
                Stop
              </Button>
              {run}
            </>
          );
        }}
      />
      {stopping && (
        <StopTasks
          cluster={cluster}
          tasks={stopping}
          onClose={() => {
            setStopping(undefined);
            void live.refresh();
          }}
        />
      )}
    </>
  );
}

export function StopTasks({ cluster, tasks, onClose }: { cluster: string; tasks: Task[]; onClose: () => void }) {
  const { success } = useNotifications();
  const one = tasks.length === 1;
  return (
    <Dialog
      title={one ? 'Stop the task?' : `Stop ${tasks.length} tasks?`}
      action="Stop"
      onClose={onClose}
      onAction={async () => {
        await Promise.all(tasks.map(task => ecs().send(new StopTaskCommand({ cluster, task: task.taskArn }))));
        success(one ? 'The task is stopping.' : `${tasks.length} tasks are stopping.`);
      }}
    >
      Its containers get SIGTERM, and SIGKILL after their stop timeout. Its public address is given back.
      <CliCommand
        command={tasks.map(task => cli('ecs stop-task', { cluster, task: taskId(task) })).join('\n')}
      />
    </Dialog>
  );
}

function columnsOf(cluster: string): Column<Task>[] {
  return [
    {
      id: 'task',
      header: 'Task',
      width: 110,
      text: taskId,
      cell: task => <To path={paths.task(cluster, taskId(task))}>{taskId(task).slice(0, 8)}</To>,
    },
    {
      id: 'status',
      header: 'Last status',
      width: 150,
      text: task => task.lastStatus,
      cell: task => <Status value={task.lastStatus} bad={endedBadly(task)} />,
    },
    {
      id: 'definition',
      header: 'Task definition',
      width: 160,
      text: task => definitionName(task.taskDefinitionArn),
      cell: task => <ArnLink arn={task.taskDefinitionArn ?? ''}>{definitionName(task.taskDefinitionArn)}</ArnLink>,
    },
    {
      id: 'started',
      header: 'Created',
      width: 130,
      text: task => task.createdAt?.getTime(),
      cell: task => <Time value={task.createdAt} ago />,
    },
    {
      id: 'stopped',
      header: 'Stopped at',
      width: 150,
      text: task => task.stoppedAt?.getTime(),
      cell: task => <Time value={task.stoppedAt} />,
    },
    {
      id: 'reason',
      header: 'Stopped reason',
      width: 340,
      text: task => task.stoppedReason,
      cell: task => (
        <span className="break clamped" title={task.stoppedReason}>
          {task.stoppedReason ?? '-'}
        </span>
      ),
    },
  ];
}
