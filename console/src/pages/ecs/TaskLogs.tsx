// What the containers print: the newest lines, followed, filtered, downloaded. A line is always shown as text.
import type { ContainerDefinition, Task, TaskDefinition } from '@aws-sdk/client-ecs';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Select from '@cloudscape-design/components/select';
import { useMemo, useState } from 'react';

import { paths } from '../../aws/arn';
import { LogTail } from '../../components/LogTail';
import { To } from '../../components/To';
import { taskId } from './data';

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
  return (
    <LogTail
      key={stream.group + stream.stream}
      source={stream}
      label={`Log of ${stream.container}`}
      // The last lines of a task come a moment after its end.
      every={task.lastStatus === 'STOPPED' ? 10_000 : 1_500}
      before={select}
      after={<To path={paths.logStream(stream.group, stream.stream)}>{stream.group}</To>}
    />
  );
}

function streamOf(container: ContainerDefinition, id: string): Stream[] {
  const { logDriver, options } = container.logConfiguration ?? {};
  const group = options?.['awslogs-group'];
  if (logDriver !== 'awslogs' || !group || !container.name) return [];
  const prefix = options?.['awslogs-stream-prefix'];
  return [{ container: container.name, group, stream: prefix ? `${prefix}/${container.name}/${id}` : id }];
}
