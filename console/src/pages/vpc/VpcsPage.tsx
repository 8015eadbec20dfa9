// The VPCs.
import type { Vpc } from '@aws-sdk/client-ec2';

import { paths } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';
import { nameTag, vpcs } from './data';

const columns: Column<Vpc>[] = [
  { id: 'id', header: 'VPC', width: 240, text: vpc => vpc.VpcId, cell: vpc => <To path={paths.vpc(vpc.VpcId ?? '')}>{vpc.VpcId}</To> },
  { id: 'name', header: 'Name', text: vpc => nameTag(vpc.Tags) },
  { id: 'range', header: 'Range', text: vpc => vpc.CidrBlock },
  { id: 'state', header: 'State', text: vpc => vpc.State, cell: vpc => <Status value={vpc.State} /> },
  { id: 'default', header: 'Default', text: vpc => (vpc.IsDefault ? 'yes' : 'no') },
];

export function VpcsPage() {
  const live = useLive(vpcs, [], { every: 10_000 });
  return (
    <BarePage title="VPCs" crumbs={[{ text: 'VPCs' }]}>
      <LiveTable
        title="VPCs"
        live={live}
        columns={columns}
        order="id"
        rowId={vpc => vpc.VpcId ?? ''}
        empty={{ text: 'No VPCs. Tasks need one: make it with aws ec2 create-vpc or Terraform.' }}
      />
    </BarePage>
  );
}
