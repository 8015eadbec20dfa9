// The log groups.
import { DescribeLogGroupsCommand, type LogGroup } from '@aws-sdk/client-cloudwatch-logs';

import { all } from '../../aws/all';
import { logs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { BarePage } from '../../frame/page';

const columns: Column<LogGroup>[] = [
  { id: 'name', header: 'Log group', text: group => group.logGroupName },
  { id: 'retention', header: 'Kept for', text: group => (group.retentionInDays ? `${group.retentionInDays} days` : 'ever') },
  { id: 'bytes', header: 'Bytes', text: group => group.storedBytes ?? 0 },
  {
    id: 'created',
    header: 'Created',
    text: group => group.creationTime,
    cell: group => <Time value={group.creationTime} />,
  },
  { id: 'arn', header: 'ARN', width: 420, text: group => group.arn, cell: group => <Copy text={group.arn ?? ''} label="ARN" shown /> },
];

export function LogGroupsPage() {
  const live = useLive(groups, [], { every: 10_000 });
  return (
    <BarePage title="Log groups" crumbs={[{ text: 'Log groups' }]}>
      <LiveTable
        title="Log groups"
        live={live}
        columns={columns}
        order="name"
        rowId={group => group.logGroupName ?? ''}
        empty={{ text: 'No log groups yet. What the containers of a task print goes into one.' }}
      />
    </BarePage>
  );
}

function groups(): Promise<LogGroup[]> {
  return all(async nextToken => {
    const page = await logs().send(new DescribeLogGroupsCommand({ nextToken }));
    return { items: page.logGroups, next: page.nextToken };
  });
}
