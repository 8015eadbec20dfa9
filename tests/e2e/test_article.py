"""The article, line by line: a private image on Fargate, from the stored password to the page at the public IP."""

import json
import re
import subprocess
import urllib.request

import pytest
from conftest import World, allow
from support import PROVED, REGION, until


@pytest.fixture(scope="module", params=["basic", "token"])
def registry(request, directory):
    from support import Registry

    running = Registry(directory / f"registry-{request.param}", request.param)
    yield running
    running.stop()


def page(address, path="/"):
    return urllib.request.urlopen(f"http://{address}{path}", timeout=10).read().decode()


def test_the_walk(server, registry):
    world = World(server, registry)
    assert re.fullmatch(rf"arn:aws:secretsmanager:{REGION}:{world.account}:secret:registry-[0-9a-f]+-[A-Za-z0-9]{{6}}", world.secret)
    definition = world.define()
    task = world.run(definition)
    described = world.wait(task, "RUNNING")
    assert described["connectivity"] == "CONNECTED"
    assert described["createdAt"] <= described["pullStartedAt"] <= described["pullStoppedAt"] <= described["startedAt"]
    assert described["containers"][0]["imageDigest"].startswith("sha256:")
    interface = world.interface(described)
    assert interface.described["SubnetId"] == world.subnet
    assert f"Hello from {world.suffix}" in page(interface.public)
    environment = page(interface.public, "/cgi-bin/env")
    assert "FROM_IMAGE=yes" in environment
    assert registry.password not in environment
    ended = world.stop(task, reason="the walk is over")
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "the walk is over")
    assert ended["containers"][0]["exitCode"] == 0
    with pytest.raises(OSError):
        page(interface.public)


def test_lines_reach_cloudwatch_logs_while_the_task_runs(world):
    group = f"/ecs/{world.suffix}"
    world.logs.create_log_group(logGroupName=group)
    name = world.role.rsplit("/", 1)[1]
    world.iam.put_role_policy(
        RoleName=name, PolicyName="logs", PolicyDocument=allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*"))
    options = {"awslogs-group": group, "awslogs-region": REGION, "awslogs-stream-prefix": "space"}
    task = world.run(world.define(logConfiguration={"logDriver": "awslogs", "options": options}))
    world.wait(task, "RUNNING")
    stream = f"space/space/{task.rsplit('/', 1)[1]}"

    def lines():
        events = world.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        return [event["message"] for event in events]

    until(lambda: {"space starting", "to stderr", "listening on 80"} <= set(lines()), 10, "the first lines")
    world.stop(task)
    assert lines().count("got TERM") == 1, "the last words are there as soon as the task is STOPPED"
    found = world.logs.filter_log_events(logGroupName=group, filterPattern="TERM")["events"]
    assert [event["message"] for event in found] == ["got TERM"]


def test_security_groups_take_effect_on_a_running_task(world):
    closed = world.security_group("closed")
    described = world.wait(world.run(world.define(), [closed]), "RUNNING")
    address = world.interface(described).public
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{address}/", timeout=1)
    world.open_port(closed, 80)
    until(lambda: answers(address), 10, "the opened port")
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    world.ec2.revoke_security_group_ingress(GroupId=closed, IpPermissions=[permission])
    until(lambda: not answers(address), 10, "the closed port")
    world.stop(described["taskArn"])


def answers(address):
    try:
        return "Hello" in urllib.request.urlopen(f"http://{address}/", timeout=1).read().decode()
    except OSError:
        return False


def test_the_aws_cli_walks_too(world):
    """The words of the article, with the unmodified AWS CLI."""

    def aws(*arguments):
        command = ["target/python/bin/aws", "--output", "json", *arguments]
        done = subprocess.run(command, env=world.server.environment(), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    network = f"awsvpcConfiguration={{subnets=[{world.subnet}],securityGroups=[{world.group}],assignPublicIp=ENABLED}}"
    answer = aws(
        "ecs", "run-task", "--cluster", world.cluster, "--launch-type", "FARGATE", "--task-definition", world.define(),
        "--network-configuration", network)
    task = answer["tasks"][0]["taskArn"]
    aws("ecs", "wait", "tasks-running", "--cluster", world.cluster, "--tasks", task)
    aws("ecs", "stop-task", "--cluster", world.cluster, "--task", task)
    aws("ecs", "wait", "tasks-stopped", "--cluster", world.cluster, "--tasks", task)
    assert PROVED, "boto3 recorded what it called"
