// What a task uses, from samples to lines: the arithmetic of TaskUsage.tsx.
import type { PullUsage, Usage } from '../../aws/tidegate';

/** How long a line is, in milliseconds. */
export const WINDOW = 10 * 60_000;

export interface Point {
  x: Date;
  y: number;
}

const MIB = 1 << 20;
const UNITS_OF_A_CPU = 1024;

const at = (sample: Usage) => sample.sampledAt * 1000;

/** The samples with a newer one, without those that have left the window; a sample that is not newer changes nothing. */
export function withSample(samples: Usage[], sample: Usage): Usage[] {
  const last = samples.at(-1);
  if (last && last.taskArn === sample.taskArn && last.sampledAt >= sample.sampledAt) return samples;
  const kept = samples.filter(old => old.taskArn === sample.taskArn && at(old) > at(sample) - WINDOW);
  return [...kept, sample];
}

/**
 * Percent of the processor time that the task reserved (of one processor if it reserved none), between one sample and the
 * next. A counter that went back belongs to a container that was started again: what it shows is what it used since.
 */
export function cpuLine(samples: Usage[]): Point[] {
  return samples.slice(1).map((sample, before) => {
    const earlier = samples[before] as Usage;
    const used = sample.containers.reduce((sum, container) => {
      const now = container.process?.cpuNanoseconds ?? 0;
      const then = earlier.containers.find(({ name }) => name === container.name)?.process?.cpuNanoseconds ?? 0;
      return sum + (now >= then ? now - then : now);
    }, 0);
    const reserved = ((sample.cpuUnits ?? UNITS_OF_A_CPU) / UNITS_OF_A_CPU) * (at(sample) - at(earlier)) * 1e6;
    return { x: new Date(at(sample)), y: (100 * used) / reserved };
  });
}

/** MiB of all containers together. */
export function memoryLine(samples: Usage[]): Point[] {
  return samples.map(sample => ({ x: new Date(at(sample)), y: memoryOf(sample) / MIB }));
}

export const limitMib = (sample: Usage) => (sample.memoryLimitBytes === undefined ? undefined : sample.memoryLimitBytes / MIB);

const memoryOf = (sample: Usage) => sample.containers.reduce((sum, { process }) => sum + (process?.memoryBytes ?? 0), 0);

/** The newest numbers in words, for whoever does not see the lines. */
export function inWords(samples: Usage[]): string {
  const newest = samples.at(-1);
  if (!newest) return '';
  const cpu = cpuLine(samples.slice(-2)).at(-1);
  const limit = limitMib(newest);
  const processes = newest.containers.reduce((sum, { process }) => sum + (process?.processes ?? 0), 0);
  return [
    cpu && `CPU ${cpu.y.toFixed(1)} % of ${(newest.cpuUnits ?? UNITS_OF_A_CPU) / UNITS_OF_A_CPU} vCPU`,
    `memory ${size(memoryOf(newest))}${limit === undefined ? '' : ` of ${limit} MiB`}`,
    `${processes} ${processes === 1 ? 'process' : 'processes'}`,
    newest.network && `network ${size(newest.network.bytesReceived)} in, ${size(newest.network.bytesSent)} out`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** How much of a pull is done, in percent; undefined while the manifest is not known. */
export function percentOf(pull: PullUsage): number | undefined {
  if (pull.state === 'pulled') return 100;
  if (pull.bytesTotal === undefined) return undefined;
  return pull.bytesTotal === 0 ? 0 : Math.min(100, (100 * (pull.bytesDone ?? 0)) / pull.bytesTotal);
}

/** A pull in words. */
export function pullInWords(pull: PullUsage): string {
  switch (pull.state) {
    case 'waiting':
      return 'The pull has not begun.';
    case 'resolving':
      return 'The registry is asked for the manifest.';
    case 'ended':
      return 'The pull was given up.';
  }
  if (pull.bytesTotal === undefined) return 'The image is here.';
  const layers = `${pull.layersDone ?? 0} of ${pull.layersTotal ?? 0} layers`;
  return `${layers}, ${size(pull.bytesDone ?? 0)} of ${size(pull.bytesTotal)}`;
}

/** Bytes for people. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
