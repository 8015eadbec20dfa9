"""`tidegate check`: every link of a task definition's road is broken once; exactly that one is red, and nothing is written."""

import json
import pathlib
import secrets
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest
from conftest import allow
from support import BINARY, Image, busybox_layer, free_port, layer

MISTRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})


class Sound:
    """A world and a definition in it whose every link is good, with customer keys, a variable and logs."""

    def __init__(self, world):
        self.world = world
        self.key = world.kms.create_key(Description="customer key")["KeyMetadata"]["Arn"]
        self.login = world.create_secret("login", world.registry.secret_string(), KmsKeyId=self.key)
        self.value = world.create_secret("value", json.dumps({"token": "t0ken-value"}))
        self.log_group = f"/check/{world.suffix}"
        self.task_role = world.create_role("task", {})
        self.role = self.role_with()

    def role_with(self, **changed):
        policies = {
            "secrets": allow("secretsmanager:GetSecretValue", "*"),
            "key": allow("kms:Decrypt", self.key),
            "logs": allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
            **changed,
        }
        return self.world.create_role("sound", {name: document for name, document in policies.items() if document})

    def definition(self, image=None, login=None, value_from=None, role=None, task_role=None, **task):
        return {
            "family": f"checked-{self.world.suffix}", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "cpu": "256", "memory": "512", "executionRoleArn": role or self.role, "taskRoleArn": task_role or self.task_role,
            "containerDefinitions": [{
                "name": "space", "image": image or self.world.image,
                "repositoryCredentials": {"credentialsParameter": login or self.login},
                "secrets": [{"name": "TOKEN", "valueFrom": value_from or f"{self.value}:token::"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {
                    "awslogs-group": self.log_group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x",
                    "awslogs-create-group": "true"}},
            }],
            **task,
        }


@pytest.fixture(scope="module")
def sound(world):
    return Sound(world)


def kept(world):
    """Everything the server keeps: its records, and the names of all its files but the store's own and its logs."""
    data = world.server.data
    copy = pathlib.Path(world.server.directory) / f"copy-{secrets.token_hex(4)}"
    copy.mkdir()
    for file in data.glob("tidegate.db*"):
        shutil.copy(file, copy)
    records = sorted(sqlite3.connect(copy / "tidegate.db").execute("SELECT name, key, value FROM record"))
    shutil.rmtree(copy)
    files = sorted(str(path.relative_to(data)) for path in data.rglob("*"))
    # The record of the call itself is no trace of a task.
    files = [name for name in files if not name.startswith(("tidegate.db", "audit"))]
    # A layer of an image that is there is told to be on the disk when it is, by itself and at any time.
    files = [name for name in files if not (name.startswith("content/layers/") and name.endswith("/durable"))]
    # Every call leaves its event and the last use of its key.
    return [record for record in records if record[0] != "last_uses" and "audit" not in record[0]], files


def check(world, definition, *options):
    """Checks a definition by `tidegate check`, in both forms; answers the JSON, the text and the exit code."""
    before = kept(world)
    document = json.dumps(definition)
    answer = world.server.command("check", "-", "--json", *options, input=document)
    assert answer.returncode in (0, 1), answer.stderr
    readable = world.server.command("check", "-", *options, input=document)
    assert readable.returncode == answer.returncode, readable.stderr
    assert kept(world) == before
    for text in (answer.stdout, readable.stdout, answer.stderr, readable.stderr):
        for secret in (world.registry.password, "t0ken-value", "wr0ng-password"):
            assert secret not in text
    assert "\x1b" not in readable.stdout
    return json.loads(answer.stdout), readable.stdout, answer.returncode


def links_of(answer):
    return [(road.get("container"), link) for road in answer["roads"] for link in road["links"]]


def kinds(answer, outcome):
    return [link["kind"] for _, link in links_of(answer) if link["outcome"] == outcome]


def breaks(world, definition, kind, subject, mend, *options, container=True):
    """Exactly one link is red: of this kind, about this, with this in its mend."""
    answer, readable, code = check(world, definition, *options)
    assert code == 1
    assert answer["outcome"] == "broken"
    assert kinds(answer, "broken") == [kind], readable
    (of_container, link), = [(name, link) for name, link in links_of(answer) if link["outcome"] == "broken"]
    assert (of_container == "space") == container
    assert subject in link["subject"], link
    assert mend in link["mend"], link
    assert f"✗ {kind}" in readable
    assert "1 link broken" in readable
    return answer


def test_a_sound_definition_is_green_and_runs(world, sound):
    definition = sound.definition()
    answer, readable, code = check(world, definition, "--cluster", world.cluster, "--subnet", world.subnet, "--launch-type", "FARGATE")
    assert (code, answer["outcome"]) == (0, "good"), readable
    assert [(name, link["kind"]) for name, link in links_of(answer)] == [
        (None, "definition"), (None, "launch"), (None, "role"), (None, "role"),
        ("space", "policy"), ("space", "secret"), ("space", "key"), ("space", "registry"), ("space", "image"), ("space", "platform"),
        ("space", "policy"), ("space", "secret"), ("space", "key"), ("space", "logs")]
    assert "Every link is good" in readable
    assert world.registry.user in readable
    assert "inline policy secrets" in readable
    # The check said so; ECS agrees.
    registered = world.ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    family = registered.rsplit("/", 1)[1]
    for name in (family, family.split(":")[0]):
        by_family = world.server.command("check", "--family", name, "--json")
        assert by_family.returncode == 0, by_family.stdout + by_family.stderr
        assert json.loads(by_family.stdout)["taskDefinition"] == registered
    task = world.run(registered)
    world.wait(task, "RUNNING")
    world.stop(task)
    after, _, code = check(world, definition)
    assert code == 0, after


def test_an_image_that_was_never_here_is_not_brought_here(world, sound):
    image = world.registry.push(Image([busybox_layer()], ["/bin/true"], [f"NEVER={secrets.token_hex(8)}"]), "alice/never")
    answer, _, code = check(world, sound.definition(image=image))
    assert code == 0, answer
    assert image in [link["subject"] for _, link in links_of(answer)]


def test_invalid_definition(world, sound):
    definition = sound.definition(cpu="300")
    answer = breaks(world, definition, "definition", definition["family"], "task definition", container=False)
    assert "good" not in [link["outcome"] for _, link in links_of(answer)]
    assert kinds(answer, "notReached").count("role") == 2
    missing = sound.definition()
    del missing["containerDefinitions"][0]["image"]
    breaks(world, missing, "definition", missing["family"], "task definition", container=False)
    breaks(world, "no definition", "definition", "task definition", "task definition", container=False)


def test_every_broken_rule_is_told(world, sound):
    definition = sound.definition(cpu="300", ipcMode="task")
    definition["containerDefinitions"][0].update(privileged=True, stopTimeout=1)
    answer, readable, code = check(world, definition)
    told = [link["detail"] for _, link in links_of(answer) if link["outcome"] == "broken"]
    assert code == 1 and len(told) == 4 == readable.count("✗ definition"), readable
    for words in ("stopTimeout", "No Fargate configuration", "ipcMode", "privileged"):
        assert words in " ".join(told), told
    # RegisterTaskDefinition says the first, as ECS does.
    with pytest.raises(world.ecs.exceptions.ClientException) as refusal:
        world.ecs.register_task_definition(**definition)
    assert refusal.value.response["Error"]["Message"] == told[0]
    volumes = [{"name": name, "efsVolumeConfiguration": {"fileSystemId": "fs-0123456789abcdef0"}} for name in ("one", "two")]
    answer, readable, _ = check(world, sound.definition(volumes=volumes))
    assert kinds(answer, "broken") == ["launch", "launch"], readable


def test_what_ecs_registers_and_runtask_refuses(world, sound):
    definition = sound.definition(volumes=[{"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-0123456789abcdef0"}}])
    answer = breaks(world, definition, "launch", "RunTask", "Take this out", container=False)
    assert kinds(answer, "good") == ["definition"]
    breaks(world, sound.definition(), "launch", "RunTask", "create-cluster", "--cluster", "nowhere", container=False)
    breaks(world, sound.definition(), "launch", "RunTask", "describe-subnets", "--subnet", "subnet-00000000000000000", container=False)
    breaks(world, sound.definition(), "launch", "EXTERNAL", "Take this out", "--launch-type", "EXTERNAL", container=False)


def test_roles(world, sound):
    missing = f"arn:aws:iam::{world.account}:role/no-such-role"
    answer = breaks(world, sound.definition(role=missing), "role", missing, "Create the role", container=False)
    assert kinds(answer, "notReached") == ["secret", "registry", "image", "platform", "secret", "logs"]
    answer = breaks(world, sound.definition(task_role=missing), "role", missing, "Create the role", container=False)
    assert kinds(answer, "notReached") == []
    name = f"mistrust-{secrets.token_hex(4)}"
    mistrust = world.iam.create_role(RoleName=name, AssumeRolePolicyDocument=MISTRUST)["Role"]["Arn"]
    breaks(world, sound.definition(role=mistrust), "role", mistrust, "trust policy", container=False)
    # ECS itself wants an execution role for Fargate only.
    none = sound.definition()
    del none["executionRoleArn"], none["requiresCompatibilities"]
    del none["containerDefinitions"][0]["repositoryCredentials"], none["containerDefinitions"][0]["secrets"]
    answer, readable, _ = check(world, none, "--launch-type", "EC2")
    assert kinds(answer, "broken") == ["role", "registry"], readable
    assert "Give the task definition an executionRoleArn" in readable
    assert "add repositoryCredentials" in readable


def test_rights_of_the_execution_role(world, sound):
    role = sound.role_with(secrets=allow("secretsmanager:GetSecretValue", sound.value))
    answer = breaks(world, sound.definition(role=role), "policy", role, "secretsmanager:GetSecretValue")
    assert kinds(answer, "notReached") == ["secret", "key", "registry", "image", "platform"]
    breaks(world, sound.definition(role=sound.role_with(key=None)), "key", sound.key, "kms:Decrypt")
    role = sound.role_with(logs=allow(["logs:CreateLogGroup", "logs:CreateLogStream"], "*"))
    breaks(world, sound.definition(role=role), "policy", role, "logs:PutLogEvents")
    role = sound.role_with(logs=allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*"))
    fresh = sound.definition(role=role)
    fresh["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"] = "/check/never-made"
    breaks(world, fresh, "policy", role, "logs:CreateLogGroup")
    del fresh["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-create-group"]
    breaks(world, fresh, "logs", "/check/never-made", "create-log-group")


def test_secrets(world, sound):
    gone = world.create_secret("gone", world.registry.secret_string())
    world.secretsmanager.delete_secret(SecretId=gone, ForceDeleteWithoutRecovery=True)
    breaks(world, sound.definition(login=gone), "secret", gone, "secret")
    for value in ("just a string", '{"password": "x"}', '{"username": "alice", "password": 7}'):
        malformed = world.create_secret("malformed", value)
        answer = breaks(world, sound.definition(login=malformed), "secret", malformed, "username")
        assert kinds(answer, "notReached") == ["registry", "image", "platform"]
    breaks(world, sound.definition(value_from=f"{sound.value}:tokens::"), "secret", sound.value, "JSON key")
    breaks(world, sound.definition(value_from=f"{sound.value}:token:AWSPREVIOUS:"), "secret", sound.value, "")
    world.kms.disable_key(KeyId=sound.key)
    breaks(world, sound.definition(), "key", sound.key, "Enable the key")
    world.kms.enable_key(KeyId=sound.key)


def test_parameters(world, sound):
    ssm = world.server.client("ssm")
    name = f"/check/{world.suffix}/token"
    ssm.put_parameter(Name=name, Type="SecureString", Value="t0ken-value")
    arn = f"arn:aws:ssm:us-east-1:{world.account}:parameter{name}"
    role = sound.role_with(parameters=allow("ssm:GetParameters", arn))
    answer, readable, code = check(world, sound.definition(role=role, value_from=arn))
    assert code == 0, readable
    assert arn in [link["subject"] for _, link in links_of(answer)]
    breaks(world, sound.definition(value_from=arn), "policy", sound.role, "ssm:GetParameters")
    role = sound.role_with(parameters=allow("ssm:GetParameters", "*"))
    breaks(world, sound.definition(role=role, value_from=f"{arn}-gone"), "secret", f"{name}-gone", "put-parameter")


def test_registry(world, sound):
    wrong = world.create_secret("wrong", json.dumps({"username": world.registry.user, "password": "wr0ng-password"}))
    answer = breaks(world, sound.definition(login=wrong), "registry", world.registry.host, "put the right one into the secret")
    assert kinds(answer, "notReached") == ["image", "platform"]
    host = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    breaks(world, sound.definition(image=f"{host}/alice/space:latest"), "registry", host, "nobody listens")
    assert time.monotonic() - began < 20


def test_image_and_platform(world, sound):
    tagless = world.image.rsplit(":", 1)[0]
    breaks(world, sound.definition(image=f"{tagless}:no-such-tag"), "image", "no-such-tag", "tag")
    capitals = f"{world.registry.host}/Alice/Space"
    breaks(world, sound.definition(image=capitals), "image", capitals, "host/repository:tag")
    arm = sound.definition(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"})
    answer = breaks(world, arm, "platform", "linux/arm64", "cpuArchitecture")
    assert "linux/amd64" in json.dumps(answer)


def test_an_image_without_one_of_its_layers(world, sound):
    """A layer is taken out of the registry's storage: the manifest is there, a pull would fail, and the check says why."""
    marked = layer(("marked", secrets.token_hex(8).encode()))
    image = world.registry.push(Image([busybox_layer(), marked], ["/bin/true"]), "alice/torn")
    answer, _, code = check(world, sound.definition(image=image))
    assert code == 0 and "all layers" in json.dumps(answer)
    manifest = world.registry.directory / "data"
    links = sorted(manifest.glob("docker/registry/v2/repositories/alice/torn/_layers/sha256/*/link"))
    blobs = [manifest / f"docker/registry/v2/blobs/sha256/{(digest := link.read_text().partition(':')[2])[:2]}/{digest}/data" for link in links]
    smallest = min((blob for blob in blobs if blob.read_bytes()[:1] != b"{"), key=lambda blob: blob.stat().st_size)
    smallest.unlink()
    answer = breaks(world, sound.definition(image=image), "image", "alice/torn", "push the image again")
    assert smallest.parent.name in json.dumps(answer)


def test_a_registry_that_never_answers_does_not_hold_the_check(world, sound):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        definition = sound.definition(image=f"{host}/alice/space:latest")
        answer = world.server.command("check", "-", "--json", input=json.dumps(definition))
    assert answer.returncode == 1, answer.stderr
    assert kinds(json.loads(answer.stdout), "broken") == ["registry"]


def principal(world, *statements):
    """A user with these statements; answers its key and its ARN."""
    name = f"checker-{secrets.token_hex(4)}"
    arn = world.iam.create_user(UserName=name)["User"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    if statements:
        world.iam.put_user_policy(UserName=name, PolicyName="check", PolicyDocument=document)
    key = world.iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def check_as(world, key, *arguments, document=None):
    environment = {**world.server.environment(), **key}
    return subprocess.run(
        [BINARY, "check", *arguments], env=environment, input=document, capture_output=True, text=True, timeout=60)


def test_rights_of_the_caller(world, sound):
    document = json.dumps(sound.definition())
    stranger = check_as(world, principal(world), "-", document=document)
    assert stranger.returncode == 2
    assert "tidegate:CheckTaskDefinition" in stranger.stderr, stranger
    checking = {"Effect": "Allow", "Action": "tidegate:CheckTaskDefinition", "Resource": "*"}
    # Who may not pass the roles learns nothing of them, nor of what they may read.
    answers = []
    for role in (sound.role, f"arn:aws:iam::{world.account}:role/no-such-role"):
        document = json.dumps(sound.definition(role=role))
        bare = check_as(world, principal(world, checking), "-", "--json", document=document)
        assert bare.returncode == 1, bare.stderr
        answer = json.loads(bare.stdout)
        assert kinds(answer, "broken") == ["role", "role"]
        assert "iam:PassRole" in bare.stdout
        assert sound.key not in bare.stdout
        answers.append([(link["kind"], link["outcome"]) for _, link in links_of(answer)])
    assert answers[0] == answers[1]
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": [sound.role, sound.task_role]}
    key = principal(world, checking, passing)
    allowed = check_as(world, key, "-", document=json.dumps(sound.definition()))
    assert allowed.returncode == 0, allowed.stdout
    registered = world.ecs.register_task_definition(**sound.definition())["taskDefinition"]["taskDefinitionArn"]
    hidden = check_as(world, key, "--family", registered)
    assert hidden.returncode == 2
    assert "ecs:DescribeTaskDefinition" in hidden.stderr


def test_usage(world, sound, tmp_path):
    for arguments in ([], ["x.json", "--family", "y"], [str(tmp_path / "missing.json")], ["--no-such-option"]):
        refused = world.server.command("check", *arguments)
        assert refused.returncode == 2, refused
        assert refused.stdout == ""
    unknown = world.server.command("check", "--family", "no-such-family")
    assert unknown.returncode == 1
    assert "list-task-definitions" in unknown.stdout
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(sound.definition()))
    assert world.server.command("check", str(file)).returncode == 0
