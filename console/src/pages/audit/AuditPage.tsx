// Every call to this server: who, what, on which resource, and whether it was allowed.
import FormField from '@cloudscape-design/components/form-field';
import Grid from '@cloudscape-design/components/grid';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import Toggle from '@cloudscape-design/components/toggle';
import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router-dom';

import { cli } from '../../aws/cli';
import { CliCommand } from '../../components/CliCommand';
import { BarePage } from '../../frame/page';
import { EventsTable } from './EventsTable';

const OUTCOMES = [
  { value: '', label: 'Any outcome' },
  { value: 'denied', label: 'Denied' },
  { value: 'allowed', label: 'Allowed' },
  { value: 'failed', label: 'Failed' },
];
/** The names of the filters in the address. */
const FILTERS = ['caller', 'event', 'resource', 'outcome', 'looking'] as const;
type Filters = Partial<Record<(typeof FILTERS)[number], string>>;
const PAUSE_MILLISECONDS = 400;

export function AuditPage() {
  const [search, setSearch] = useSearchParams();
  const [filters, setFilters] = useState<Filters>(() => Object.fromEntries(FILTERS.flatMap(name => (search.get(name) ? [[name, search.get(name)]] : []))));
  const [asked, setAsked] = useState(filters);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setAsked(filters);
      setSearch(Object.entries(filters).filter(([, value]) => value) as [string, string][], { replace: true });
    }, PAUSE_MILLISECONDS);
    return () => window.clearTimeout(timer);
  }, [filters, setSearch]);
  const change = (name: keyof Filters, value: string | undefined) => setFilters(before => ({ ...before, [name]: value?.trim() || undefined }));
  return (
    <BarePage title="Audit" crumbs={[{ text: 'Audit' }]}>
      <EventsTable
        title="Audit"
        fixed={{ caller: asked.caller, eventName: asked.event, resource: asked.resource, outcome: asked.outcome }}
        without={asked.looking || asked.event ? undefined : 'looking'}
        description="Every call to this server, with the decision behind it; what this console only looks at, and calls without a good signature, are counted by the minute. The newest are first, and come by themselves."
        empty={{ text: 'No call is kept that fits. Take a filter away, or look further back.' }}
        filter={
          <Grid gridDefinition={[3, 3, 3, 3, 12].map(colspan => ({ colspan: { default: 12, xs: 6, s: colspan } }))}>
            <FormField label="Who">
              <Input value={filters.caller ?? ''} placeholder="User, role or task" onChange={({ detail }) => change('caller', detail.value)} />
            </FormField>
            <FormField label="Event">
              <Input value={filters.event ?? ''} placeholder="GetSecretValue" onChange={({ detail }) => change('event', detail.value)} />
            </FormField>
            <FormField label="Resource">
              <Input value={filters.resource ?? ''} placeholder="A part of an ARN" onChange={({ detail }) => change('resource', detail.value)} />
            </FormField>
            <FormField label="Outcome">
              <Select
                selectedOption={OUTCOMES.find(({ value }) => value === (filters.outcome ?? '')) ?? null}
                options={OUTCOMES}
                onChange={({ detail }) => change('outcome', detail.selectedOption.value)}
              />
            </FormField>
            <Toggle checked={filters.looking === 'shown'} onChange={({ detail }) => change('looking', detail.checked ? 'shown' : undefined)}>
              Show calls that only looked around, as this console’s own
            </Toggle>
          </Grid>
        }
      />
      <CliCommand
        command={cli('cloudtrail lookup-events', {
          'lookup-attributes': asked.event
            ? `AttributeKey=EventName,AttributeValue=${asked.event}`
            : asked.resource
              ? `AttributeKey=ResourceName,AttributeValue=${asked.resource}`
              : asked.caller
                ? `AttributeKey=Username,AttributeValue=${asked.caller}`
                : undefined,
        })}
      />
    </BarePage>
  );
}
