// The lists of the network, which are pages of their own and parts of the page of a VPC.
import type { NetworkInterface, SecurityGroup, Subnet } from '@aws-sdk/client-ec2';
import Link from '@cloudscape-design/components/link';
import type { ReactNode } from 'react';

import { paths } from '../../aws/arn';
import type { Live } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { LiveTable, type Column } from '../../components/LiveTable';
import { Status } from '../../components/Status';
import { To } from '../../components/To';
import { nameTag } from './data';

interface ListProps<Item> {
  live: Live<Item[]>;
  level?: 'h1' | 'h2';
  actions?: (selected: Item[]) => ReactNode;
}

const subnetColumns: Column<Subnet>[] = [
  { id: 'id', header: 'Subnet', width: 240, text: subnet => subnet.SubnetId, cell: subnet => <Copy text={subnet.SubnetId ?? ''} label="subnet id" shown /> },
  { id: 'name', header: 'Name', text: subnet => nameTag(subnet.Tags) },
  { id: 'vpc', header: 'VPC', width: 220, text: subnet => subnet.VpcId, cell: subnet => <To path={paths.vpc(subnet.VpcId ?? '')}>{subnet.VpcId}</To> },
  { id: 'range', header: 'Range', text: subnet => subnet.CidrBlock },
  { id: 'zone', header: 'Availability zone', text: subnet => subnet.AvailabilityZone },
  { id: 'free', header: 'Free addresses', text: subnet => subnet.AvailableIpAddressCount },
  { id: 'public', header: 'Public addresses', text: subnet => (subnet.MapPublicIpOnLaunch ? 'by default' : 'when asked for') },
  { id: 'state', header: 'State', text: subnet => subnet.State, cell: subnet => <Status value={subnet.State} /> },
];

export function SubnetList({ live, level }: ListProps<Subnet>) {
  return (
    <LiveTable
      title="Subnets"
      live={live}
      level={level}
      columns={subnetColumns}
      order="zone"
      rowId={subnet => subnet.SubnetId ?? ''}
      empty={{ text: 'No subnets. A task needs one: make it with the AWS CLI or Terraform.' }}
    />
  );
}

const groupColumns: Column<SecurityGroup>[] = [
  {
    id: 'id',
    header: 'Security group',
    width: 230,
    text: group => group.GroupId,
    cell: group => <To path={paths.securityGroup(group.GroupId ?? '')}>{group.GroupId}</To>,
  },
  { id: 'name', header: 'Name', text: group => group.GroupName },
  { id: 'vpc', header: 'VPC', width: 220, text: group => group.VpcId, cell: group => <To path={paths.vpc(group.VpcId ?? '')}>{group.VpcId}</To> },
  { id: 'in', header: 'Inbound rules', text: group => count(group.IpPermissions) },
  { id: 'out', header: 'Outbound rules', text: group => count(group.IpPermissionsEgress) },
  { id: 'description', header: 'Description', width: 260, text: group => group.Description },
];

/** Rules as one counts them: one for each peer. */
function count(permissions: SecurityGroup['IpPermissions']): number {
  return (permissions ?? []).reduce(
    (sum, { IpRanges, Ipv6Ranges, UserIdGroupPairs }) => sum + (IpRanges?.length ?? 0) + (Ipv6Ranges?.length ?? 0) + (UserIdGroupPairs?.length ?? 0),
    0,
  );
}

export function SecurityGroupList({ live, level, actions }: ListProps<SecurityGroup>) {
  return (
    <LiveTable
      title="Security groups"
      live={live}
      level={level}
      columns={groupColumns}
      order="name"
      rowId={group => group.GroupId ?? ''}
      selection={actions && 'single'}
      actions={actions}
      empty={{ text: 'No security groups. One says who may reach a task.' }}
    />
  );
}

const interfaceColumns: Column<NetworkInterface>[] = [
  { id: 'id', header: 'Network interface', width: 250, text: one => one.NetworkInterfaceId, cell: one => <Copy text={one.NetworkInterfaceId ?? ''} label="network interface id" shown /> },
  { id: 'public', header: 'Public IP', text: one => one.Association?.PublicIp, cell: one => <PublicAddress address={one.Association?.PublicIp} /> },
  { id: 'private', header: 'Private IP', text: one => one.PrivateIpAddress },
  { id: 'status', header: 'Status', text: one => one.Status, cell: one => <Status value={one.Status} /> },
  { id: 'subnet', header: 'Subnet', width: 220, text: one => one.SubnetId },
  {
    id: 'groups',
    header: 'Security groups',
    width: 230,
    text: one => one.Groups?.map(({ GroupId, GroupName }) => `${GroupName} ${GroupId}`).join(' '),
    cell: one => one.Groups?.map(({ GroupId, GroupName }) => <div key={GroupId}><To path={paths.securityGroup(GroupId ?? '')}>{GroupName}</To></div>) ?? '-',
  },
  { id: 'description', header: 'Description', width: 320, text: one => one.Description },
];

function PublicAddress({ address }: { address?: string }) {
  if (!address) return <>-</>;
  return (
    <>
      <Copy text={address} label="public IP" />{' '}
      <Link href={`http://${address}`} external rel="noopener noreferrer" externalIconAriaLabel="Opens in a new tab">
        {address}
      </Link>
    </>
  );
}

export function InterfaceList({ live, level }: ListProps<NetworkInterface>) {
  return (
    <LiveTable
      title="Network interfaces"
      live={live}
      level={level}
      columns={interfaceColumns}
      order="id"
      rowId={one => one.NetworkInterfaceId ?? ''}
      empty={{ text: 'No network interfaces. Each running task has one.', action: <To path={paths.clusters()}>Run a task</To> }}
    />
  );
}
