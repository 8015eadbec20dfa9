"""Every mistake on the road of a private image: what ECS says, and what `tidegate explain` adds."""

import json

import pytest
from conftest import allow


def fails(world, definition, reason, broken, *, mend=""):
    """Runs the definition, expects it to stop with the reason, and expects the broken link in its explanation."""
    task = world.run(definition)
    ended = world.wait(task, "STOPPED")
    said = f"{ended.get('stoppedReason')} {ended['containers'][0].get('reason', '')}"
    assert ended["stopCode"] == "TaskFailedToStart", said
    for fragment in reason:
        assert fragment in said
    assert "startedAt" not in ended
    assert "exitCode" not in ended["containers"][0]
    explained = world.server.command("explain", task, "--json")
    assert explained.returncode == 0, explained.stderr
    links = [link for failure in json.loads(explained.stdout)["failures"] for link in failure["links"]]
    assert broken in [link["kind"] for link in links if link["outcome"] == "broken"], links
    assert mend in json.dumps(links)
    readable = world.server.command("explain", task)
    assert readable.returncode == 0, readable.stderr
    for secret in (world.registry.password, "wr0ng-password"):
        assert secret not in said + explained.stdout + readable.stdout
    return ended


def readable_secret(world, value):
    secret = world.create_secret("mistake", value)
    return secret, world.create_role("mistake", {"secret": allow("secretsmanager:GetSecretValue", secret)})


INITIALIZATION = "ResourceInitializationError: unable to pull secrets or registry auth"


def test_role_without_permission(world):
    role = world.create_role("bare", {})
    reason = [INITIALIZATION, "AccessDeniedException", "is not authorized to perform: secretsmanager:GetSecretValue"]
    fails(world, world.define(role=role), reason, "policy", mend="secretsmanager:GetSecretValue")


def test_explicit_deny(world):
    deny = json.loads(allow("secretsmanager:*", "*"))
    deny["Statement"][0].update(Effect="Deny", Sid="NoSecrets")
    role = world.create_role("denied", {"allow": allow("secretsmanager:*", "*"), "deny": json.dumps(deny)})
    fails(world, world.define(role=role), [INITIALIZATION, "explicit deny"], "policy", mend="NoSecrets")


def test_customer_key_without_decrypt_is_healed_by_adding_it(world):
    key = world.kms.create_key(Description="customer key")["KeyMetadata"]["Arn"]
    secret = world.create_secret("sealed", world.registry.secret_string(), KmsKeyId=key)
    role = world.create_role("sealed", {"secret": allow("secretsmanager:GetSecretValue", secret)})
    definition = world.define(secret=secret, role=role)
    fails(world, definition, [INITIALIZATION, "KMS"], "key", mend="kms:Decrypt")
    world.iam.put_role_policy(RoleName=role.rsplit("/", 1)[1], PolicyName="key", PolicyDocument=allow("kms:Decrypt", key))
    task = world.run(definition)
    world.wait(task, "RUNNING")
    world.stop(task)


def test_deleted_secret(world):
    secret, role = readable_secret(world, world.registry.secret_string())
    world.secretsmanager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    fails(world, world.define(secret=secret, role=role), [INITIALIZATION, "ResourceNotFoundException"], "secret")


@pytest.mark.parametrize(("value", "text"), [
    ("just a string", "unable to unmarshal secret value, invalid schema"),
    ('{"password": "x"}', "asm fetching username: AuthorizationData is malformed, empty field"),
    ('{"username": "x"}', "asm fetching password: AuthorizationData is malformed, empty field"),
    ('{"username": "alice", "password": 7}', "unable to unmarshal secret value, invalid schema"),
])
def test_malformed_secret(world, value, text):
    secret, role = readable_secret(world, value)
    fails(world, world.define(secret=secret, role=role), [INITIALIZATION, text], "secret")


def test_wrong_password_fails_although_every_layer_is_cached(world):
    task = world.run(world.define())
    world.wait(task, "RUNNING")
    secret, role = readable_secret(world, json.dumps({"username": world.registry.user, "password": "wr0ng-password"}))
    fails(world, world.define(secret=secret, role=role), ["CannotPullContainerError", "401 Unauthorized"], "registry")
    fails(world, world.define(secret=""), ["CannotPullContainerError", "401 Unauthorized"], "registry", mend="repositoryCredentials")
    world.stop(task)


def test_missing_tag(world):
    image = world.image.rsplit(":", 1)[0] + ":no-such-tag"
    fails(world, world.define(image=image), ["CannotPullContainerError", "not found"], "image")


def test_dead_registry(world):
    image = "127.0.0.1:1/alice/space:latest"
    fails(world, world.define(image=image), ["CannotPullContainerError", "connection refused"], "registry")


def test_role_that_does_not_exist(world):
    role = f"arn:aws:iam::{world.account}:role/no-such-role"
    fails(world, world.define(role=role), ["ResourceInitializationError", "unable to assume the role"], "role")


def test_role_that_does_not_trust_ecs(world):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = world.iam.create_role(RoleName=f"mistrust-{world.suffix}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    fails(world, world.define(role=role), ["ResourceInitializationError", "unable to assume the role"], "role")


def test_missing_log_group(world):
    options = {"awslogs-group": "/no/such/group", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}
    name = world.role.rsplit("/", 1)[1]
    world.iam.put_role_policy(
        RoleName=name, PolicyName="logs", PolicyDocument=allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*"))
    definition = world.define(logConfiguration={"logDriver": "awslogs", "options": options})
    fails(world, definition, ["ResourceInitializationError", "The specified log group does not exist."], "logs")


def test_command_that_does_not_exist(world):
    ended = fails(world, world.define(command=["/no/such/command"]), ["CannotStartContainerError"], "container")
    assert ended["containers"][0]["lastStatus"] == "STOPPED"
