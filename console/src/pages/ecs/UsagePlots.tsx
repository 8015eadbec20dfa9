// The two lines of a task's usage. Loaded when a task runs: the chart is the largest part of the page.
import Grid from '@cloudscape-design/components/grid';
import LineChart, { type LineChartProps } from '@cloudscape-design/components/line-chart';

import type { Usage } from '../../aws/tidegate';
import { cpuLine, limitMib, memoryLine, WINDOW, type Point } from './usage';

const clock = (value: Date) => value.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export default function UsagePlots({ samples }: { samples: Usage[] }) {
  const newest = samples.at(-1);
  if (!newest) return null;
  const limit = limitMib(newest);
  const memory = memoryLine(samples);
  const cpu = cpuLine(samples);
  const cpus = (newest.cpuUnits ?? 1024) / 1024;
  const until = new Date(newest.sampledAt * 1000);
  return (
    <Grid gridDefinition={[{ colspan: { default: 12, s: 6 } }, { colspan: { default: 12, s: 6 } }]}>
      <Plot title={`CPU (% of ${cpus} vCPU)`} unit="%" line={cpu} until={until} top={Math.max(100, ...cpu.map(({ y }) => y))} />
      <Plot
        title="Memory (MiB)"
        unit="MiB"
        line={memory}
        until={until}
        top={1.1 * Math.max(1, limit ?? 0, ...memory.map(({ y }) => y))}
        limit={limit}
      />
    </Grid>
  );
}

interface PlotProps {
  title: string;
  unit: string;
  line: Point[];
  until: Date;
  top: number;
  limit?: number;
}

function Plot({ title, unit, line, until, top, limit }: PlotProps) {
  const value = (y: number) => `${y.toFixed(1)} ${unit}`;
  const series: LineChartProps<Date>['series'] = [
    { title, type: 'line', data: line, valueFormatter: value },
    ...(limit === undefined ? [] : [{ title: 'Limit', type: 'threshold' as const, y: limit, valueFormatter: value }]),
  ];
  const first = line[0]?.x ?? until;
  // The line grows from the left until the window is full; then it moves.
  const from = Math.max(until.getTime() - WINDOW, Math.min(first.getTime(), until.getTime() - 60_000));
  return (
    <LineChart
      series={series}
      xDomain={[new Date(from), until]}
      yDomain={[0, top]}
      xScaleType="time"
      xTitle=""
      yTitle={title}
      height={160}
      hideFilter
      hideLegend
      ariaLabel={`${title}, line chart`}
      ariaDescription="The last ten minutes; the newest numbers are in the text above."
      i18nStrings={{
        xTickFormatter: clock,
        chartAriaRoleDescription: 'line chart',
        xAxisAriaRoleDescription: 'time',
        yAxisAriaRoleDescription: unit,
        detailPopoverDismissAriaLabel: 'Close',
      }}
      empty={<span>The first line needs two looks.</span>}
    />
  );
}
