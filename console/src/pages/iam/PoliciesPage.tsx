// The policies that are your own.
import { ListPoliciesCommand, type Policy } from '@aws-sdk/client-iam';

import { all } from '../../aws/all';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { BarePage } from '../../frame/page';

const columns: Column<Policy>[] = [
  { id: 'name', header: 'Policy', text: item => item.PolicyName },
  {
    id: 'created',
    header: 'Created',
    text: item => item.CreateDate?.getTime(),
    cell: item => <Time value={item.CreateDate} />,
  },
  { id: 'arn', header: 'ARN', width: 420, text: item => item.Arn, cell: item => <Copy text={item.Arn ?? ''} label="ARN" shown /> },
];

export function PoliciesPage() {
  const live = useLive(policies, [], { every: 10_000 });
  return (
    <BarePage title="Policies" crumbs={[{ text: 'Policies' }]}>
      <LiveTable title="Policies" live={live} columns={columns} order="name" rowId={item => item.Arn ?? ''} empty={{ text: 'No policies yet. A policy says what a role or a user may do.' }} />
    </BarePage>
  );
}

function policies(): Promise<Policy[]> {
  return all(async Marker => {
    const page = await iam().send(new ListPoliciesCommand({ Marker, MaxItems: 1000, Scope: 'Local' }));
    return { items: page.Policies, next: page.Marker };
  });
}
