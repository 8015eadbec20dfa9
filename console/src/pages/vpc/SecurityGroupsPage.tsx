// The security groups.
import { DescribeSecurityGroupsCommand, type SecurityGroup } from '@aws-sdk/client-ec2';

import { all } from '../../aws/all';
import { ec2 } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { LiveTable, type Column } from '../../components/LiveTable';
import { BarePage } from '../../frame/page';

const columns: Column<SecurityGroup>[] = [
  { id: 'id', header: 'Security group', text: group => group.GroupId },
  { id: 'name', header: 'Name', text: group => group.GroupName },
  { id: 'vpc', header: 'VPC', text: group => group.VpcId },
  { id: 'in', header: 'Inbound rules', text: group => group.IpPermissions?.length ?? 0 },
  { id: 'out', header: 'Outbound rules', text: group => group.IpPermissionsEgress?.length ?? 0 },
  { id: 'description', header: 'Description', text: group => group.Description },
];

export function SecurityGroupsPage() {
  const live = useLive(groups, [], { every: 10_000 });
  return (
    <BarePage title="Security groups" crumbs={[{ text: 'Security groups' }]}>
      <LiveTable
        title="Security groups"
        live={live}
        columns={columns}
        order="name"
        rowId={group => group.GroupId ?? ''}
        empty={{ text: 'No security groups.' }}
      />
    </BarePage>
  );
}

function groups(): Promise<SecurityGroup[]> {
  return all(async NextToken => {
    const page = await ec2().send(new DescribeSecurityGroupsCommand({ NextToken }));
    return { items: page.SecurityGroups, next: page.NextToken };
  });
}
