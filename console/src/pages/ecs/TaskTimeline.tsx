// How far a task is, and how long each part took.
import type { Task } from '@aws-sdk/client-ecs';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

import { duration, Time } from '../../components/Time';
import { endedBadly } from './data';

interface Step {
  name: string;
  at?: Date;
}

export function TaskTimeline({ task }: { task: Task }) {
  const steps = stepsOf(task);
  return (
    <Container header={<Header variant="h2">Timeline</Header>}>
      <div className="steps-line" role="list" aria-label="Timeline">
        {steps.map((step, at) => {
          const before = steps.slice(0, at).findLast(({ at }) => at)?.at;
          return (
            <div key={step.name} role="listitem">
              <StatusIndicator type={signOf(task, steps, at)}>{step.name}</StatusIndicator>
              <Box fontSize="body-s" color="text-body-secondary">
                {step.at ? <Time value={step.at} /> : ' '}
              </Box>
              <Box fontSize="body-s" color="text-body-secondary">
                {step.at && before ? `+ ${duration(step.at.getTime() - before.getTime())}` : ' '}
              </Box>
            </div>
          );
        })}
      </div>
    </Container>
  );
}

/** The steps of a task that goes well, or, once it is on its way down, those it has really taken. */
export function stepsOf(task: Task): Step[] {
  const up: Step[] = [
    { name: 'Created', at: task.createdAt },
    { name: 'Pull began', at: task.pullStartedAt },
    { name: 'Pull ended', at: task.pullStoppedAt },
    { name: 'Running', at: task.startedAt },
  ];
  const down: Step[] = [
    { name: 'Stopping', at: task.stoppingAt },
    { name: 'Containers ended', at: task.executionStoppedAt },
    { name: 'Stopped', at: task.stoppedAt },
  ];
  if (task.desiredStatus !== 'STOPPED') return up;
  const taken = up.filter(({ at }) => at);
  const steps = [...taken, ...down.filter(({ name, at }) => at || name === 'Stopped')];
  return steps.sort((one, other) => (one.at?.getTime() ?? Infinity) - (other.at?.getTime() ?? Infinity));
}

function signOf(task: Task, steps: Step[], at: number): StatusIndicatorProps.Type {
  const step = steps[at];
  if (step?.at) return step.name === 'Stopped' ? (endedBadly(task) ? 'error' : 'stopped') : 'success';
  const isNext = steps.slice(0, at).every(({ at }) => at);
  return isNext ? 'in-progress' : 'pending';
}
