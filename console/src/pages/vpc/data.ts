// What the pages of the network ask for.
import {
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type NetworkInterface,
  type SecurityGroup,
  type SecurityGroupRule,
  type Subnet,
  type Tag,
  type Vpc,
} from '@aws-sdk/client-ec2';

import { all } from '../../aws/all';
import { ec2 } from '../../aws/clients';

export function vpcs(): Promise<Vpc[]> {
  return all(async NextToken => {
    const page = await ec2().send(new DescribeVpcsCommand({ NextToken }));
    return { items: page.Vpcs, next: page.NextToken };
  });
}

/** All subnets, or those of one VPC. */
export function subnets(vpc?: string): Promise<Subnet[]> {
  return all(async NextToken => {
    const page = await ec2().send(new DescribeSubnetsCommand({ NextToken, Filters: ofVpc(vpc) }));
    return { items: page.Subnets, next: page.NextToken };
  });
}

export function securityGroups(vpc?: string): Promise<SecurityGroup[]> {
  return all(async NextToken => {
    const page = await ec2().send(new DescribeSecurityGroupsCommand({ NextToken, Filters: ofVpc(vpc) }));
    return { items: page.SecurityGroups, next: page.NextToken };
  });
}

export async function securityGroup(id: string): Promise<SecurityGroup> {
  const { SecurityGroups } = await ec2().send(new DescribeSecurityGroupsCommand({ GroupIds: [id] }));
  const found = SecurityGroups?.[0];
  if (!found) throw new Error(`There is no security group ${id}.`);
  return found;
}

export function securityGroupRules(group: string): Promise<SecurityGroupRule[]> {
  return all(async NextToken => {
    const page = await ec2().send(new DescribeSecurityGroupRulesCommand({ NextToken, Filters: [{ Name: 'group-id', Values: [group] }] }));
    return { items: page.SecurityGroupRules, next: page.NextToken };
  });
}

export function networkInterfaces(filter?: { name: string; value: string }): Promise<NetworkInterface[]> {
  return all(async NextToken => {
    const Filters = filter && [{ Name: filter.name, Values: [filter.value] }];
    const page = await ec2().send(new DescribeNetworkInterfacesCommand({ NextToken, Filters }));
    return { items: page.NetworkInterfaces, next: page.NextToken };
  });
}

export function nameTag(tags: Tag[] | undefined): string | undefined {
  return tags?.find(({ Key }) => Key === 'Name')?.Value;
}

function ofVpc(vpc: string | undefined) {
  return vpc === undefined ? undefined : [{ Name: 'vpc-id', Values: [vpc] }];
}
