"""The VPC part of EC2 through boto3: every served operation."""

import pytest
from test_iam import refused, unique


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


def only(items):
    assert len(items) == 1, items
    return items[0]


def test_the_default_vpc(ec2):
    vpc = only(ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"])
    assert vpc["CidrBlock"] == "172.31.0.0/16" and vpc["State"] == "available"
    filters = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=filters)["Subnets"]
    assert len(subnets) >= 2 and all(subnet["DefaultForAz"] and subnet["MapPublicIpOnLaunch"] for subnet in subnets)
    group = only(ec2.describe_security_groups(Filters=[*filters, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"])
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    gateway = only(ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}])["InternetGateways"])
    table = only(ec2.describe_route_tables(Filters=[*filters, {"Name": "association.main", "Values": ["true"]}])["RouteTables"])
    assert gateway["InternetGatewayId"] in [route.get("GatewayId") for route in table["Routes"]]
    assert ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["IsDefault"]
    assert ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"] is True
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert {subnet["AvailabilityZone"] for subnet in subnets} <= {zone["ZoneName"] for zone in zones}
    assert "us-east-1" in [region["RegionName"] for region in ec2.describe_regions()["Regions"]]
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_vpc_of_ones_own(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "own"}]}])["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]
    assert subnet["AvailableIpAddressCount"] == 251
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    refused("InvalidSubnet.Range", ec2.create_subnet, VpcId=vpc, CidrBlock="10.78.1.0/24")
    refused("InvalidSubnet.Conflict", ec2.create_subnet, VpcId=vpc, CidrBlock="10.77.1.128/25")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["SubnetId"])["AssociationId"]
    ec2.create_tags(Resources=[vpc, table], Tags=[{"Key": "a", "Value": "b"}])
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]
    assert {"Name": "own", "a": "b"} == {tag["Key"]: tag["Value"] for tag in tags}
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a"}])
    refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])


def test_security_groups(ec2):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    name = unique("group")
    group = ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"]
    refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName=name, Description="d", VpcId=vpc)
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]}
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission])
    described = only(ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"])
    assert described["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]
    assert described["IpPermissionsEgress"][0]["IpProtocol"] == "-1"
    changed = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 444, "CidrIpv4": "10.0.0.0/8"}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}])
    assert only(ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"])["IpPermissions"][0]["ToPort"] == 444
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert rule in [listed["SecurityGroupRuleId"] for listed in rules] and len(rules) == 2
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}]}])
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    assert only(ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"])["IpPermissions"] == []
    refused("DryRunOperation", ec2.delete_security_group, GroupId=group, DryRun=True)
    ec2.delete_security_group(GroupId=group)
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[group])
