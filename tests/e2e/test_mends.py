"""What `tidegate explain` and `tidegate check` offer against a failure: the printed lines are run as they are, the road is
green afterwards, the task runs again, and nothing that was there has changed."""

import json
import os
import pathlib
import subprocess

import pytest
from conftest import allow


class Shell:
    """A person at a shell with the AWS CLI, who pastes what is printed."""

    def __init__(self, world, directory):
        self.world, self.directory = world, pathlib.Path(directory)

    def run(self, line):
        done = subprocess.run(
            ["bash", "-c", line], env={**self.world.server.environment(), "HOME": str(self.directory)}, cwd=self.directory,
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout


@pytest.fixture
def shell(world, tmp_path):
    return Shell(world, tmp_path)


def failed(world, definition, **options):
    task = world.run(definition, **options)
    ended = world.wait(task, "STOPPED")
    assert ended["stopCode"] == "TaskFailedToStart", ended.get("stoppedReason")
    return task


def explained(world, task):
    """The explanation as JSON, and the lines of it that are commands."""
    answer = world.server.command("explain", task, "--json")
    assert answer.returncode == 0, answer.stderr
    readable = world.server.command("explain", task)
    assert readable.returncode == 0, readable.stderr
    lines = [line.strip() for line in readable.stdout.splitlines()]
    return json.loads(answer.stdout), [line for line in lines if line.startswith(("aws ", "[ "))]


def offered(explanation):
    """The mends of the links that are broken now."""
    links = [link for road in explanation["now"]["roads"] for link in road["links"] if link["outcome"] == "broken"]
    return [mend for link in links for mend in link.get("mends", [])]


def checked(world, task):
    answer = world.server.command("check", "--task", task, "--json")
    assert answer.returncode in (0, 1), answer.stderr
    return json.loads(answer.stdout)["outcome"], answer.stdout


def runs_again(world, shell, line):
    """The line that runs the task again; the second task runs."""
    assert line.startswith("aws ecs run-task "), line
    again = json.loads(shell.run(line))["tasks"][0]["taskArn"]
    world.wait(again, "RUNNING")
    return again


def stop(world, *tasks):
    for task in tasks:
        world.stop(task)


def inline(world, role):
    name = role.rsplit("/", 1)[1]
    names = world.iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {policy: world.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in names}


def test_the_right_to_one_secret_is_added_beside_that_to_another(world, shell):
    own = json.loads(allow("secretsmanager:DescribeSecret", "*"))
    role = world.create_role("bare", {"secretsmanager-GetSecretValue": json.dumps(own)})
    other = world.create_secret("other", world.registry.secret_string())
    network = world.network()["awsvpcConfiguration"]
    overrides = {"containerOverrides": [{"name": "space", "environment": [{"name": "GREETING", "value": "it's \"me\" $HOME"}]}]}
    tags = [{"key": "team", "value": "a b"}]
    before = inline(world, role)
    for secret in (world.secret, other):
        definition = world.define(secret=secret, role=role)
        first = failed(world, definition, overrides=overrides, tags=tags)
        explanation, lines = explained(world, first)
        mend, = offered(explanation)
        step, = mend["steps"]
        assert (step["service"], step["operation"]) == ("iam", "PutRolePolicy")
        assert step["command"] == lines[0]
        assert checked(world, first)[0] == "broken"
        shell.run(lines[0])
        after = inline(world, role)
        # What was there is there as it was, and one policy more.
        assert {name: after[name] for name in before} == before
        added, = set(after) - set(before)
        assert after[added]["Statement"][0]["Resource"] == secret
        before = after
        outcome, text = checked(world, first)
        assert outcome == "good", text
        explanation, lines = explained(world, first)
        assert offered(explanation) == []
        again, third = runs_again(world, shell, lines[-1]), runs_again(world, shell, lines[-1])
        ran = world.ecs.describe_tasks(cluster=world.cluster, tasks=[again], include=["TAGS"])["tasks"][0]
        assert ran["taskDefinitionArn"] == definition and ran["launchType"] == "FARGATE"
        assert ran["tags"] == tags
        assert ran["overrides"]["containerOverrides"] == overrides["containerOverrides"]
        details = {detail["name"]: detail["value"] for detail in ran["attachments"][0]["details"]}
        assert details["subnetId"] == world.subnet
        interface = world.ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])["NetworkInterfaces"][0]
        assert [group["GroupId"] for group in interface["Groups"]] == network["securityGroups"]
        assert "PublicIp" in interface["Association"]
        stop(world, again, third)
    assert own in inline(world, role).values()
