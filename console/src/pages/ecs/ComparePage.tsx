// Two revisions of a task definition side by side.
import type { TaskDefinition } from '@aws-sdk/client-ecs';
import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { useMemo, useState } from 'react';
import { useParams, useSearchParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { ErrorAlert } from '../../components/ErrorAlert';
import { Page } from '../../frame/page';
import { definitionName, familyArns, taskDefinition } from './data';
import { draftOf } from './define/draft';
import { diff, type DiffLine } from './diff';

const never = { every: () => false as const };

export function ComparePage() {
  const { family = '' } = useParams();
  const [search, setSearch] = useSearchParams();
  const revisions = useLive(() => familyArns(family), [family], { every: 10_000 });
  const known = (revisions.data ?? []).map(arn => definitionName(arn).split(':')[1] ?? '');
  const to = search.get('to') ?? known[0] ?? '';
  const from = search.get('from') ?? known.find(revision => Number(revision) < Number(to)) ?? to;
  const left = useLive(async () => (from ? taskDefinition(`${family}:${from}`) : undefined), [family, from], never);
  const right = useLive(async () => (to ? taskDefinition(`${family}:${to}`) : undefined), [family, to], never);
  const choose = (side: 'from' | 'to', label: string, revision: string) => (
    <FormField label={label}>
      <Select
        selectedOption={{ value: revision, label: `${family}:${revision}` }}
        options={known.map(value => ({ value, label: `${family}:${value}` }))}
        onChange={({ detail }) => setSearch({ from, to, [side]: detail.selectedOption.value ?? '' }, { replace: true })}
      />
    </FormField>
  );
  const crumbs = [
    { text: 'Task definitions', path: paths.taskDefinitions() },
    { text: family, path: paths.taskDefinition(family, to || 1) },
    { text: 'Compare revisions' },
  ];
  const error = revisions.error ?? left.error ?? right.error;
  return (
    <Page title="Compare revisions" crumbs={crumbs}>
      <SpaceBetween size="l">
        {error !== undefined && <ErrorAlert error={error} />}
        <Container>
          <ColumnLayout columns={2}>
            {choose('from', 'Left', from)}
            {choose('to', 'Right', to)}
          </ColumnLayout>
        </Container>
        {left.data && right.data && <Difference left={left.data} right={right.data} />}
      </SpaceBetween>
    </Page>
  );
}

function Difference({ left, right }: { left: TaskDefinition; right: TaskDefinition }) {
  const [whole, setWhole] = useState(false);
  const rows = useMemo(() => diff(linesOf(left), linesOf(right)), [left, right]);
  const shown = whole ? rows : near(rows);
  if (rows.every(({ kind }) => kind === 'same')) return <Box>Both revisions are the same.</Box>;
  return (
    <SpaceBetween size="s">
      <Toggle checked={whole} onChange={({ detail }) => setWhole(detail.checked)}>
        Show what is the same, too
      </Toggle>
      <table className="diff" aria-label="Differences">
        <tbody>
          {shown.map((row, at) => (
            <tr key={at} data-kind={row.kind}>
              <td className={row.kind === 'same' ? '' : 'diff-gone'}>{row.left}</td>
              <td className={row.kind === 'same' ? '' : 'diff-come'}>{row.right}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </SpaceBetween>
  );
}

function linesOf(definition: TaskDefinition): string[] {
  return JSON.stringify(sorted(draftOf(definition)), null, 2).split('\n');
}

/** Names in one order, so that only values differ. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => one.localeCompare(other)).map(([name, inner]) => [name, sorted(inner)]));
}

/** What differs, with three lines around it. */
function near(rows: DiffLine[]): DiffLine[] {
  const AROUND = 3;
  return rows.filter((_, at) => rows.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ kind }) => kind !== 'same'));
}
