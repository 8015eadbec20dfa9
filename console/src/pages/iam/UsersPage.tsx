// The users.
import { ListUsersCommand, type User } from '@aws-sdk/client-iam';

import { all } from '../../aws/all';
import { iam } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Time } from '../../components/Time';
import { BarePage } from '../../frame/page';

const columns: Column<User>[] = [
  { id: 'name', header: 'User', text: item => item.UserName },
  {
    id: 'created',
    header: 'Created',
    text: item => item.CreateDate?.getTime(),
    cell: item => <Time value={item.CreateDate} />,
  },
  { id: 'arn', header: 'ARN', width: 420, text: item => item.Arn, cell: item => <Copy text={item.Arn ?? ''} label="ARN" shown /> },
];

export function UsersPage() {
  const live = useLive(users, [], { every: 10_000 });
  return (
    <BarePage title="Users" crumbs={[{ text: 'Users' }]}>
      <LiveTable title="Users" live={live} columns={columns} order="name" rowId={item => item.Arn ?? ''} empty={{ text: 'No users yet.' }} />
    </BarePage>
  );
}

function users(): Promise<User[]> {
  return all(async Marker => {
    const page = await iam().send(new ListUsersCommand({ Marker, MaxItems: 1000 }));
    return { items: page.Users, next: page.Marker };
  });
}
