// One VPC: its subnets, security groups and network interfaces.
import { DescribeVpcsCommand, type Vpc } from '@aws-sdk/client-ec2';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Tabs from '@cloudscape-design/components/tabs';
import { useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { ec2 } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { Copy } from '../../components/Copy';
import { Loaded } from '../../components/Loaded';
import { Status } from '../../components/Status';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { nameTag, networkInterfaces, securityGroups, subnets } from './data';
import { InterfaceList, SecurityGroupList, SubnetList } from './tables';

export function VpcPage() {
  const { vpc: id = '' } = useParams();
  const live = useLive(() => vpc(id), [id], { every: 10_000 });
  const tab = useTab('subnets');
  return (
    <Page title={nameTag(live.data?.Tags) ?? id} crumbs={[{ text: 'VPCs', path: paths.vpcs() }, { text: id }]}>
      <Loaded live={live}>
        {vpc => [
          <Container key="details" header={<Header variant="h2">VPC details</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: 'VPC id', value: <Copy text={id} label="VPC id" shown /> },
                { label: 'Range', value: vpc.CidrBlock ?? '-' },
                { label: 'State', value: <Status value={vpc.State} /> },
                { label: 'Default', value: vpc.IsDefault ? 'yes' : 'no' },
              ]}
            />
          </Container>,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              { id: 'subnets', label: 'Subnets', content: <Subnets vpc={id} /> },
              { id: 'groups', label: 'Security groups', content: <Groups vpc={id} /> },
              { id: 'interfaces', label: 'Network interfaces', content: <Interfaces vpc={id} /> },
            ]}
          />,
        ]}
      </Loaded>
    </Page>
  );
}

function Subnets({ vpc }: { vpc: string }) {
  return <SubnetList level="h2" live={useLive(() => subnets(vpc), [vpc], { every: 10_000 })} />;
}

function Groups({ vpc }: { vpc: string }) {
  return <SecurityGroupList level="h2" live={useLive(() => securityGroups(vpc), [vpc], { every: 10_000 })} />;
}

function Interfaces({ vpc }: { vpc: string }) {
  return <InterfaceList level="h2" live={useLive(() => networkInterfaces({ name: 'vpc-id', value: vpc }), [vpc])} />;
}

async function vpc(id: string): Promise<Vpc> {
  const { Vpcs } = await ec2().send(new DescribeVpcsCommand({ VpcIds: [id] }));
  const found = Vpcs?.[0];
  if (!found) throw new Error(`There is no VPC ${id}.`);
  return found;
}
