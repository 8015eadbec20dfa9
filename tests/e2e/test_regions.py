"""One server has every region of AWS: each has records and networks of its own, and the same machine runs the tasks of all."""

import concurrent.futures
import urllib.error
import urllib.parse
import urllib.request

import botocore.exceptions
import pytest
from conftest import World, allow
from support import until


@pytest.fixture(scope="module")
def frankfurt(server, registry):
    return World(server, registry, region="eu-central-1")


def asked_inside(address, other):
    """The page at another address, as a task gets it."""
    command = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {other} 80"
    return page(address, "/cgi-bin/run?" + urllib.parse.quote(command))


def page(address, path):
    """A page of a task; empty as long as it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=8) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, OSError):
        return ""


def test_a_secret_belongs_to_its_region(server):
    here, there = server.client("secretsmanager"), server.client("secretsmanager", region="eu-west-1")
    here.create_secret(Name="regions/one", SecretString="here")
    arn = there.create_secret(Name="regions/one", SecretString="there")["ARN"]
    assert arn.split(":")[3] == "eu-west-1"
    assert here.get_secret_value(SecretId="regions/one")["SecretString"] == "here"
    assert there.get_secret_value(SecretId="regions/one")["SecretString"] == "there"
    there.delete_secret(SecretId="regions/one", ForceDeleteWithoutRecovery=True)
    with pytest.raises(there.exceptions.ResourceNotFoundException):
        there.get_secret_value(SecretId="regions/one")
    assert here.get_secret_value(SecretId="regions/one")["SecretString"] == "here"


def test_a_key_belongs_to_its_region(server):
    here, there = server.client("kms"), server.client("kms", region="us-west-2")
    key = there.create_key()["KeyMetadata"]
    assert key["Arn"].split(":")[3] == "us-west-2"
    sealed = there.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    for client_call in (lambda: here.describe_key(KeyId=key["KeyId"]), lambda: here.decrypt(CiphertextBlob=sealed)):
        with pytest.raises(botocore.exceptions.ClientError):
            client_call()
    assert key["KeyId"] not in {listed["KeyId"] for listed in here.list_keys()["Keys"]}


def test_a_log_group_belongs_to_its_region(server):
    there = server.client("logs", region="ap-south-1")
    there.create_log_group(logGroupName="/regions/there")
    assert [group["logGroupName"] for group in there.describe_log_groups()["logGroups"]] == ["/regions/there"]
    here = server.client("logs").describe_log_groups(logGroupNamePrefix="/regions/")
    assert here["logGroups"] == []


def test_a_stack_runs_in_another_region(server, registry, frankfurt):
    here = server.client("ecs")
    definition = frankfurt.define(environment=[{"name": "MINE", "value": "yes"}])
    assert definition.startswith(f"arn:aws:ecs:eu-central-1:{frankfurt.account}:task-definition/")
    task = frankfurt.run(definition)
    described = frankfurt.wait(task, "RUNNING")
    assert described["availabilityZone"].startswith("eu-central-1")
    interface = frankfurt.interface(described)
    digits = interface.private.replace(".", "-")
    assert interface.described["PrivateDnsName"] == f"ip-{digits}.eu-central-1.compute.internal"
    dashed = interface.public.replace(".", "-")
    assert interface.described["Association"]["PublicDnsName"] == f"ec2-{dashed}.eu-central-1.compute.amazonaws.com"
    environment = until(lambda: page(interface.public, "/cgi-bin/env"), 20, "the page")
    assert "AWS_REGION=eu-central-1" in environment and "AWS_DEFAULT_REGION=eu-central-1" in environment
    # Nobody elsewhere sees any of it.
    assert frankfurt.cluster not in str(here.list_clusters()) and definition not in str(here.list_task_definitions())
    for call in (
        lambda: here.describe_tasks(cluster=described["clusterArn"], tasks=[task]),
        lambda: here.describe_task_definition(taskDefinition=definition),
        lambda: here.stop_task(cluster=described["clusterArn"], task=task),
    ):
        with pytest.raises(botocore.exceptions.ClientError, match="Invalid Region in ARN"):
            call()
    frankfurt.stop(task)


def test_two_regions_have_the_same_names_and_ranges(server, world, frankfurt):
    for one in (world, frankfurt):
        one.ecs.create_cluster(clusterName="twin")
        one.ecs.put_account_setting(name="containerInsights", value="enabled" if one is world else "enhanced")
        vpc = one.ec2.describe_vpcs(VpcIds=[one.vpc])["Vpcs"][0]
        assert vpc["CidrBlock"] == "172.31.0.0/16" and vpc["IsDefault"]
        zones = sorted(subnet["AvailabilityZone"] for subnet in one.ec2.describe_subnets()["Subnets"] if subnet["DefaultForAz"])
        assert zones == [f"{one.region}{letter}" for letter in "abc"]
    arns = [one.ecs.describe_clusters(clusters=["twin"])["clusters"][0]["clusterArn"] for one in (world, frankfurt)]
    assert [arn.split(":")[3] for arn in arns] == ["us-east-1", "eu-central-1"]
    settings = [one.ecs.list_account_settings(name="containerInsights")["settings"][0]["value"] for one in (world, frankfurt)]
    assert settings == ["enabled", "enhanced"]
    assert world.vpc != frankfurt.vpc
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidVpcID.NotFound"):
        world.ec2.describe_vpcs(VpcIds=[frankfurt.vpc])
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidSubnetID.NotFound"):
        world.ecs.run_task(
            cluster=world.cluster, launchType="FARGATE", taskDefinition=world.define(),
            networkConfiguration={"awsvpcConfiguration": {"subnets": [frankfurt.subnet]}})
    running = [one.run(one.define()) for one in (world, frankfurt)]
    interfaces = [one.interface(one.wait(task, "RUNNING")) for one, task in zip((world, frankfurt), running, strict=True)]
    for interface in interfaces:
        assert until(lambda interface=interface: page(interface.public, "/"), 20, "the page")
    # They do not reach each other by private addresses; by public ones they do, as over the internet.
    for own, other in (interfaces, interfaces[::-1]):
        assert "Hello" not in asked_inside(own.public, other.private)
        assert "Hello" in asked_inside(own.public, other.public)
    for one, task in zip((world, frankfurt), running, strict=True):
        one.stop(task)


def test_the_default_network_is_made_once_however_many_ask(server):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = [server.client("ec2", region="sa-east-1") for _ in range(8)]
        answers = list(pool.map(lambda client: client.describe_vpcs()["Vpcs"][0]["VpcId"], clients))
    assert len(set(answers)) == 1
    ec2 = clients[0]
    assert [len(found) for found in (
        ec2.describe_subnets()["Subnets"], ec2.describe_security_groups()["SecurityGroups"],
        ec2.describe_internet_gateways()["InternetGateways"], ec2.describe_route_tables()["RouteTables"],
        ec2.describe_network_acls()["NetworkAcls"])] == [3, 1, 1, 1, 1]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    assert ec2.describe_subnets()["Subnets"] == [], "what was deleted stays deleted"


def test_a_task_may_log_and_read_secrets_in_another_region(server, registry, frankfurt):
    elsewhere = {service: server.client(service, region="ap-south-1") for service in ("kms", "secretsmanager", "ssm", "logs")}
    key = elsewhere["kms"].create_key()["KeyMetadata"]["Arn"]
    secret = elsewhere["secretsmanager"].create_secret(Name="regions/far", SecretString="from afar", KmsKeyId=key)["ARN"]
    elsewhere["ssm"].put_parameter(Name="/regions/far", Value="parameter from afar", Type="SecureString", KeyId=key)
    parameter = f"arn:aws:ssm:ap-south-1:{frankfurt.account}:parameter/regions/far"
    role = frankfurt.create_role("far", {
        "secret": allow("secretsmanager:GetSecretValue", [secret, frankfurt.secret]), "key": allow("kms:Decrypt", key),
        "parameter": allow("ssm:GetParameters", parameter),
        "logs": allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
    })
    definition = frankfurt.define(role=role, secrets=[
        {"name": "FAR_SECRET", "valueFrom": secret}, {"name": "FAR_PARAMETER", "valueFrom": parameter},
    ], logConfiguration={"logDriver": "awslogs", "options": {
        "awslogs-group": "/regions/far", "awslogs-region": "ap-south-1", "awslogs-stream-prefix": "a", "awslogs-create-group": "true",
    }})
    task = frankfurt.run(definition)
    interface = frankfurt.interface(frankfurt.wait(task, "RUNNING"))
    environment = until(lambda: page(interface.public, "/cgi-bin/env"), 20, "the page")
    assert "FAR_SECRET=from afar" in environment and "FAR_PARAMETER=parameter from afar" in environment
    stream = f"a/space/{task.rsplit('/', 1)[1]}"
    until(lambda: elsewhere["logs"].get_log_events(
        logGroupName="/regions/far", logStreamName=stream, startFromHead=True)["events"], 20, "the log")
    printed = server.command("logs", task)
    assert "space starting" in printed.stdout, printed.stderr
    frankfurt.stop(task)


def test_regions_and_zones_are_those_of_the_partition(server):
    names = {region["RegionName"] for region in server.client("ec2", region="eu-west-3").describe_regions()["Regions"]}
    assert {"us-east-1", "eu-central-1"} < names and not any(name.startswith(("cn-", "us-gov-")) for name in names)
    china = server.client("ec2", region="cn-north-1")
    assert {region["RegionName"]: region["Endpoint"] for region in china.describe_regions()["Regions"]} == {
        "cn-north-1": "ec2.cn-north-1.amazonaws.com.cn", "cn-northwest-1": "ec2.cn-northwest-1.amazonaws.com.cn"}
    zones = china.describe_availability_zones()["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in zones] == ["cn-north-1a", "cn-north-1b", "cn-north-1c"]


def test_commands_choose_the_region(server, frankfurt):
    task = frankfurt.run(frankfurt.define())
    frankfurt.wait(task, "RUNNING")
    task_id = task.rsplit("/", 1)[1]
    assert task_id[:12] not in server.command("ps").stdout
    assert task_id[:12] in server.command("ps", "--region", "eu-central-1").stdout
    assert "RUNNING" in server.command("explain", task).stdout
    assert "RUNNING" in server.command("explain", "--region", "eu-central-1", task_id).stdout
    checked = server.command("check", "--region", "eu-central-1", "--family", frankfurt.describe(task)["group"].removeprefix("family:"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "AWS_REGION='eu-central-1'" in server.command("env", "--region", "eu-central-1").stdout
    frankfurt.stop(task)


def test_what_is_no_region_is_refused(server):
    with pytest.raises(botocore.exceptions.ClientError, match="scoped to a valid Region, not 'us-east-9'"):
        server.client("kms", region="us-east-9").list_keys()


def test_a_policy_may_speak_of_the_region(server):
    iam = server.client("iam")
    iam.create_user(UserName="regional")
    statement = ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*",'
                 '"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-north-1"}}}]}')
    iam.put_user_policy(UserName="regional", PolicyName="there", PolicyDocument=statement)
    key = iam.create_access_key(UserName="regional")["AccessKey"]
    signed = (key["AccessKeyId"], key["SecretAccessKey"])
    server.client("kms", *signed, region="eu-north-1").list_keys()
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        server.client("kms", *signed).list_keys()
