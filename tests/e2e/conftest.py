"""Fixtures of the end-to-end tests. One server and one registry serve a module; a test that kills makes its own."""

import json
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import types

import botocore.exceptions
import pytest
from support import NETWORK, REGION, Registry, Server, until, web_image

ECS_TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})


def allow(actions, resources):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})


@pytest.fixture(scope="session", autouse=True)
def no_network_is_left():
    """The router outlives a server, as tasks do; the tests take theirs away."""
    yield
    subprocess.run(["ip", "netns", "del", f"{NETWORK}-router"], check=False, capture_output=True)


@pytest.fixture(scope="module")
def directory():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-test-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def server(directory):
    running = Server(directory / "server")
    yield running
    remove_all_tasks(running)
    running.stop()


@pytest.fixture(scope="module", params=["basic"])
def registry(request, directory):
    running = Registry(directory / f"registry-{request.param}", request.param)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def world(server, registry):
    return World(server, registry)


def remove_all_tasks(server):
    """Stops every task, so that nothing of the test is left when the server ends."""
    if server.process.poll() is not None:
        server.start()
    for region in sorted(server.regions):
        remove_tasks(server.client("ecs", region=region))


def remove_tasks(ecs):
    """Stops the tasks that a client of ECS sees."""
    try:
        clusters = ecs.list_clusters()["clusterArns"]
    except botocore.exceptions.ClientError:
        return  # A test asked for a region that there is not.
    for cluster in clusters:
        for task in ecs.list_tasks(cluster=cluster)["taskArns"]:
            ecs.stop_task(cluster=cluster, task=task)
    for cluster in clusters:
        until(lambda cluster=cluster: not ecs.list_tasks(cluster=cluster)["taskArns"] and all(
            task["lastStatus"] == "STOPPED" for task in stopped(ecs, cluster)), 60, "the end of all tasks")


def stopped(ecs, cluster):
    arns = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED", maxResults=100)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


class World:
    """The article's world on one server: clients, a network, a private image, and short ways to its things."""

    def __init__(self, server, registry, region=REGION):
        self.server, self.registry, self.region = server, registry, region
        self.suffix = secrets.token_hex(3)
        for service in ("ecs", "ec2", "iam", "kms", "logs", "secretsmanager", "sts"):
            setattr(self, service, server.client(service, region=region))
        self.account = self.sts.get_caller_identity()["Account"]
        self.image = registry.push(web_image(f"Hello from {self.suffix}"))
        self.cluster = self.ecs.create_cluster(clusterName=f"cluster-{self.suffix}")["cluster"]["clusterName"]
        self.vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.subnet = self.ec2.describe_subnets(Filters=filters)["Subnets"][0]["SubnetId"]
        self.group = self.security_group("web", 80)
        self.secret = self.create_secret("registry", registry.secret_string())
        self.role = self.create_role("execution", {"secret": allow("secretsmanager:GetSecretValue", self.secret)})

    def create_secret(self, name, value, **options):
        name = f"{name}-{secrets.token_hex(4)}"
        return self.secretsmanager.create_secret(Name=name, SecretString=value, **options)["ARN"]

    def create_role(self, name, policies):
        name = f"{name}-{secrets.token_hex(4)}"
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=ECS_TRUST)["Role"]
        for policy, document in policies.items():
            self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
        return role["Arn"]

    def security_group(self, name, port=None):
        name = f"{name}-{secrets.token_hex(4)}"
        group = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        if port:
            self.open_port(group, port)
        return group

    def open_port(self, group, port):
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def define(self, image=None, secret=None, role=None, **container):
        """Registers a task definition of one container and answers its ARN. `secret=""` leaves the credentials out."""
        definition = {"name": "space", "image": image or self.image, "portMappings": [{"containerPort": 80}], **container}
        if secret != "":
            definition["repositoryCredentials"] = {"credentialsParameter": secret or self.secret}
        return self.define_containers([definition], role)

    def define_containers(self, containers, role=None, **options):
        return self.ecs.register_task_definition(
            family=f"family-{secrets.token_hex(4)}", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256",
            memory="512", executionRoleArn=role or self.role, containerDefinitions=containers,
            **options)["taskDefinition"]["taskDefinitionArn"]

    def network(self, groups=None, public="ENABLED"):
        return {"awsvpcConfiguration": {"subnets": [self.subnet], "securityGroups": groups or [self.group], "assignPublicIp": public}}

    def run(self, definition, groups=None, public="ENABLED", **options):
        answer = self.ecs.run_task(
            cluster=self.cluster, launchType="FARGATE", taskDefinition=definition,
            networkConfiguration=self.network(groups, public), **options)
        assert answer["failures"] == []
        return answer["tasks"][0]["taskArn"]

    def describe(self, task):
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=[task])["tasks"][0]

    def wait(self, task, status, seconds=40):
        """Waits until the task has this status and answers it; a task that ends instead fails the test."""

        def reached():
            described = self.describe(task)
            if described["lastStatus"] == "STOPPED" and status != "STOPPED":
                raise AssertionError(f"the task stopped: {described.get('stoppedReason')} {described['containers']}")
            return described if described["lastStatus"] == status else None

        return until(reached, seconds, lambda: f"{status} of {self.describe(task)}")

    def stop(self, task, **options):
        self.ecs.stop_task(cluster=self.cluster, task=task, **options)
        return self.wait(task, "STOPPED")

    def interface(self, described):
        details = {item["name"]: item["value"] for item in described["attachments"][0]["details"]}
        interface = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])["NetworkInterfaces"][0]
        return types.SimpleNamespace(
            id=details["networkInterfaceId"], private=details["privateIPv4Address"],
            public=interface.get("Association", {}).get("PublicIp"), described=interface)
