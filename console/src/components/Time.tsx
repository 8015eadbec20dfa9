// A point in time, in the reader's own time zone; the exact one is behind it.
import { useEffect, useState } from 'react';

interface TimeProps {
  value: Date | string | number | undefined;
  /** "3 minutes ago" in the place of the date. */
  ago?: boolean;
}

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

export function Time({ value, ago }: TimeProps) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!ago) return undefined;
    const timer = window.setInterval(() => setNow(Date.now()), 10_000);
    return () => window.clearInterval(timer);
  }, [ago]);
  if (value === undefined || value === '') return <>-</>;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return <>-</>;
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()}>
      {ago ? relative((date.getTime() - now) / 1000) : DATE.format(date)}
    </time>
  );
}

/** How long something took: `850 ms`, `12.3 s`, `4 min 5 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function relative(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? (['second', 1] as const);
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}
