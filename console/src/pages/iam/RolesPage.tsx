// The roles.
import { ListRolesCommand, type Role } from '@aws-sdk/client-iam';

import { all } from '../../aws/all';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { BarePage } from '../../frame/page';

const columns: Column<Role>[] = [
  { id: 'name', header: 'Role', text: item => item.RoleName },
  {
    id: 'created',
    header: 'Created',
    text: item => item.CreateDate?.getTime(),
    cell: item => <Time value={item.CreateDate} />,
  },
  { id: 'arn', header: 'ARN', width: 420, text: item => item.Arn, cell: item => <Copy text={item.Arn ?? ''} label="ARN" shown /> },
];

export function RolesPage() {
  const live = useLive(roles, [], { every: 10_000 });
  return (
    <BarePage title="Roles" crumbs={[{ text: 'Roles' }]}>
      <LiveTable title="Roles" live={live} columns={columns} order="name" rowId={item => item.Arn ?? ''} empty={{ text: 'No roles yet. A task needs one to read its secrets: the execution role.' }} />
    </BarePage>
  );
}

function roles(): Promise<Role[]> {
  return all(async Marker => {
    const page = await iam().send(new ListRolesCommand({ Marker, MaxItems: 1000 }));
    return { items: page.Roles, next: page.Marker };
  });
}
