// What a task uses: the pull while it is on its way, processor and memory while it runs. The samples live here alone.
import type { Task } from '@aws-sdk/client-ecs';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { lazy, Suspense, useEffect, useState } from 'react';

import { describeTaskUsage, type ContainerUsage, type Usage } from '../../aws/tidegate';
import { useLive } from '../../aws/useLive';
import { ErrorAlert } from '../../components/ErrorAlert';
import { inWords, percentOf, pullInWords, withSample } from './usage';

const Plots = lazy(() => import('./UsagePlots'));

/** Nothing for a task that has stopped. */
export function TaskUsage({ cluster, task }: { cluster: string; task: Task }) {
  const running = task.lastStatus === 'RUNNING';
  const starting = task.desiredStatus === 'RUNNING' && !running;
  return running || starting ? <Measured cluster={cluster} task={task} key={task.taskArn} /> : null;
}

function Measured({ cluster, task }: { cluster: string; task: Task }) {
  const [samples, setSamples] = useState<Usage[]>([]);
  const id = task.taskArn ?? '';
  const running = task.lastStatus === 'RUNNING';
  const live = useLive(() => describeTaskUsage({ cluster, task: id }), [cluster, id], {
    every: ({ lastStatus }) => (lastStatus === 'STOPPED' ? false : lastStatus === 'RUNNING' ? 3_000 : 500),
  });
  const newest = live.data;
  useEffect(() => {
    if (newest?.lastStatus === 'RUNNING') setSamples(before => withSample(before, newest));
  }, [newest]);
  const pulls = running ? [] : (newest?.containers ?? []);
  if (!running && !live.error && pulls.length === 0) return null;
  return (
    <Container header={<Header variant="h2">{running ? 'Usage' : 'Pull'}</Header>}>
      <SpaceBetween size="s">
        {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
        {pulls.map(container => (
          <Pull key={container.name} container={container} />
        ))}
        {running && samples.length > 0 && <Box color="text-body-secondary">{inWords(samples)}</Box>}
        {running && samples.length > 0 && (
          <Suspense fallback={<Spinner />}>
            <Plots samples={samples} />
          </Suspense>
        )}
      </SpaceBetween>
    </Container>
  );
}

function Pull({ container: { name, image, pull } }: { container: ContainerUsage }) {
  const failed = pull.state === 'ended';
  return (
    <ProgressBar
      label={name}
      description={<span className="break">{image}</span>}
      additionalInfo={pullInWords(pull)}
      status={failed ? 'error' : 'in-progress'}
      resultText={failed ? pullInWords(pull) : undefined}
      value={percentOf(pull) ?? 0}
    />
  );
}
