// From samples to lines: what a counter says, what it says after a restart, and what is not known.
import { expect, test } from 'vitest';

import type { Usage } from '../../aws/tidegate';
import { cpuLine, inWords, memoryLine, percentOf, pullInWords, size, WINDOW, withSample } from './usage';

const MIB = 1 << 20;

function sample(seconds: number, cpuSeconds: number, more: Partial<Usage> = {}): Usage {
  const process = { cpuNanoseconds: cpuSeconds * 1e9, memoryBytes: 64 * MIB, processes: 2 };
  const containers = [{ name: 'web', process, pull: { state: 'pulled' as const } }];
  return { taskArn: 'arn', lastStatus: 'RUNNING', sampledAt: seconds, cpuUnits: 256, memoryLimitBytes: 512 * MIB, containers, ...more };
}

test('processor time is percent of what the task reserved', () => {
  // A quarter of a processor is reserved: half a second of it in two seconds is all of it.
  const line = cpuLine([sample(10, 1), sample(12, 1.5), sample(14.5, 1.5)]);
  expect(line).toEqual([
    { x: new Date(12_000), y: 100 },
    { x: new Date(14_500), y: 0 },
  ]);
  expect(cpuLine([sample(0, 0, { cpuUnits: undefined }), sample(2, 1, { cpuUnits: undefined })])[0]?.y).toBe(50);
  expect(cpuLine([sample(1, 1)])).toEqual([]);
});

test('a container that was started again never counts backwards', () => {
  expect(cpuLine([sample(10, 100), sample(12, 0.25)])[0]?.y).toBe(50);
  const begun = { ...sample(10, 0), containers: [] };
  expect(cpuLine([begun, sample(12, 0.25)])[0]?.y).toBe(50);
});

test('memory is the sum of the containers, which need not have a process', () => {
  const two = sample(1, 0);
  two.containers = [...two.containers, ...two.containers, { name: 'late', pull: { state: 'waiting' } }];
  expect(memoryLine([two])).toEqual([{ x: new Date(1_000), y: 128 }]);
});

test('samples leave the window, come once, and belong to one task', () => {
  const old = sample(0, 0);
  const kept = withSample([old], sample(1, 0));
  expect(kept).toHaveLength(2);
  expect(withSample(kept, sample(1, 0))).toBe(kept);
  expect(withSample(kept, sample(WINDOW / 1000, 0)).map(({ sampledAt }) => sampledAt)).toEqual([1, WINDOW / 1000]);
  expect(withSample(kept, sample(2, 0, { taskArn: 'other' }))).toHaveLength(1);
});

test('the newest numbers are said in words', () => {
  const network = { bytesReceived: 2048, bytesSent: 10 };
  expect(inWords([])).toBe('');
  expect(inWords([sample(10, 1), sample(12, 1.25, { network })])).toBe(
    'CPU 50.0 % of 0.25 vCPU · memory 64.0 MiB of 512 MiB · 2 processes · network 2.0 KiB in, 10 B out',
  );
});

test('a pull is told as far as it is known', () => {
  const pulling = { state: 'pulling' as const, bytesDone: MIB, bytesTotal: 4 * MIB, layersDone: 1, layersTotal: 3 };
  expect([percentOf(pulling), pullInWords(pulling)]).toEqual([25, '1 of 3 layers, 1.0 MiB of 4.0 MiB']);
  expect(percentOf({ state: 'resolving', bytesDone: 0, layersDone: 0 })).toBeUndefined();
  expect([percentOf({ state: 'pulled' }), pullInWords({ state: 'pulled' })]).toEqual([100, 'The image is here.']);
  // A download that was proved again is more than the layers are.
  expect(percentOf({ ...pulling, bytesDone: 9 * MIB })).toBe(100);
  expect(percentOf({ ...pulling, bytesDone: 0, bytesTotal: 0 })).toBe(0);
});

test('bytes are readable', () => {
  expect([0, 1023, 1024, 5 * MIB, 3 * 1024 ** 4].map(size)).toEqual(['0 B', '1023 B', '1.0 KiB', '5.0 MiB', '3.0 TiB']);
});
