// The VPCs.
import { DescribeVpcsCommand, type Vpc } from '@aws-sdk/client-ec2';

import { all } from '../../aws/all';
import { ec2 } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { BarePage } from '../../frame/page';

const columns: Column<Vpc>[] = [
  { id: 'id', header: 'VPC', text: vpc => vpc.VpcId },
  { id: 'name', header: 'Name', text: vpc => vpc.Tags?.find(({ Key }) => Key === 'Name')?.Value },
  { id: 'range', header: 'Range', text: vpc => vpc.CidrBlock },
  { id: 'state', header: 'State', text: vpc => vpc.State, cell: vpc => <Status value={vpc.State} /> },
  { id: 'default', header: 'Default', text: vpc => (vpc.IsDefault ? 'yes' : 'no') },
];

export function VpcsPage() {
  const live = useLive(vpcs, [], { every: 10_000 });
  return (
    <BarePage title="VPCs" crumbs={[{ text: 'VPCs' }]}>
      <LiveTable title="VPCs" live={live} columns={columns} order="id" rowId={vpc => vpc.VpcId ?? ''} empty={{ text: 'No VPCs.' }} />
    </BarePage>
  );
}

function vpcs(): Promise<Vpc[]> {
  return all(async NextToken => {
    const page = await ec2().send(new DescribeVpcsCommand({ NextToken }));
    return { items: page.Vpcs, next: page.NextToken };
  });
}
