// The steps of a task on its way up, and of one that never came up.
import type { Task } from '@aws-sdk/client-ecs';
import { expect, test } from 'vitest';

import { endedBadly } from './data';
import { stepsOf } from './TaskTimeline';

const at = (second: number) => new Date(1_790_000_000_000 + second * 1000);
const names = (task: Partial<Task>) => stepsOf(task as Task).map(({ name, at }) => (at ? name : `(${name})`));

test('a task on its way up has its next steps before it', () => {
  expect(names({ desiredStatus: 'RUNNING', createdAt: at(0), pullStartedAt: at(1) })).toEqual([
    'Created',
    'Pull began',
    '(Pull ended)',
    '(Running)',
  ]);
});

test('a task on its way down shows the steps it took, in their order', () => {
  const failed = { desiredStatus: 'STOPPED', createdAt: at(0), stoppingAt: at(2), executionStoppedAt: at(2), stoppedAt: at(3) };
  expect(names(failed)).toEqual(['Created', 'Stopping', 'Containers ended', 'Stopped']);
  expect(names({ ...failed, stoppedAt: undefined })).toEqual(['Created', 'Stopping', 'Containers ended', '(Stopped)']);
  const ended = { ...failed, pullStartedAt: at(1), executionStoppedAt: at(1.5), startedAt: at(1.2) };
  expect(names(ended)).toEqual(['Created', 'Pull began', 'Running', 'Containers ended', 'Stopping', 'Stopped']);
});

test('an end that somebody asked for, or with exit code 0, is no bad one', () => {
  const stopped: Partial<Task> = { lastStatus: 'STOPPED', desiredStatus: 'STOPPED' };
  const bad = (task: Partial<Task>) => endedBadly({ ...stopped, ...task } as Task);
  expect(bad({ stopCode: 'UserInitiated' })).toBe(false);
  expect(bad({ stopCode: 'EssentialContainerExited', containers: [{ exitCode: 0 }] })).toBe(false);
  expect(bad({ stopCode: 'EssentialContainerExited', containers: [{ exitCode: 3 }] })).toBe(true);
  expect(bad({ stopCode: 'TaskFailedToStart' })).toBe(true);
  expect(endedBadly({ lastStatus: 'RUNNING', desiredStatus: 'RUNNING' } as Task)).toBe(false);
});
