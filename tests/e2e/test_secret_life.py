"""Secrets Manager, second part: secrets in several regions, and secrets that are rotated by the operator's command."""

import json
import sys

import botocore.exceptions
import pytest
from conftest import allow
from support import Server, until
from test_iam import refused, unique

HOME, AWAY = "us-east-1", "eu-west-1"
ON_REPLICA = "Operation not permitted on a replica secret. Call must be made in primary secret's region."

# Each step of AWS's contract, done through the API with what the environment says.
ROTATE = """
import os, boto3
step, secret, token = (os.environ["TIDEGATE_ROTATION_" + name] for name in ("STEP", "SECRET_ID", "CLIENT_REQUEST_TOKEN"))
manager = boto3.client("secretsmanager")
stages = manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
assert "AWSPENDING" in stages[token]
with open(__file__ + ".steps", "a") as steps:
    print(step, token, file=steps)
if step == "createSecret":
    try:
        manager.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
    except manager.exceptions.ResourceNotFoundException:
        password = manager.get_random_password()["RandomPassword"]
        manager.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString=password, VersionStages=["AWSPENDING"])
if step == "testSecret":
    assert manager.get_secret_value(SecretId=secret, VersionStage="AWSPENDING")["VersionId"] == token
if step == "finishSecret":
    current = [version for version, labels in stages.items() if "AWSCURRENT" in labels][0]
    manager.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
    manager.update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=token)
"""


@pytest.fixture(scope="module")
def server(directory):
    script = directory / "rotate.py"
    script.write_text(ROTATE)
    running = Server(directory / "server", "--rotation-command", f"{sys.executable} {script}")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def manager(server):
    return server.client("secretsmanager")


@pytest.fixture(scope="module")
def away(server):
    return server.client("secretsmanager", region=AWAY)


def message(error):
    return error["Error"]["Message"]


def test_a_replica_follows_its_primary(server, manager, away):
    name = unique("both")
    created = manager.create_secret(Name=name, SecretString="one", Tags=[{"Key": "a", "Value": "b"}], AddReplicaRegions=[{"Region": AWAY}])
    assert [(status["Region"], status["Status"]) for status in created["ReplicationStatus"]] == [(AWAY, "InSync")]
    arn = created["ARN"]
    replica = arn.replace(HOME, AWAY)
    value = away.get_secret_value(SecretId=name)
    assert value["ARN"] == replica and value["SecretString"] == "one" and value["VersionId"] == created["VersionId"]
    manager.put_secret_value(SecretId=name, SecretString="two")
    manager.update_secret(SecretId=name, Description="of both")
    manager.tag_resource(SecretId=name, Tags=[{"Key": "c", "Value": "d"}])
    manager.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteResourcePolicy", "Resource": "*"}]}))
    assert away.get_secret_value(SecretId=replica)["SecretString"] == "two"
    assert away.get_secret_value(SecretId=replica, VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    here, there = manager.describe_secret(SecretId=name), away.describe_secret(SecretId=name)
    assert there["Description"] == "of both" and there["Tags"] == here["Tags"]
    assert there["VersionIdsToStages"] == here["VersionIdsToStages"]
    assert there["PrimaryRegion"] == here["PrimaryRegion"] == HOME
    assert here["ReplicationStatus"][0]["KmsKeyId"] == "alias/aws/secretsmanager" and "LastAccessedDate" in here["ReplicationStatus"][0]
    assert [found["ARN"] for found in away.list_secrets(Filters=[{"Key": "primary-region", "Values": [HOME]}, {"Key": "name", "Values": [name]}])["SecretList"]] == [replica]
    # Each region has only its own: an ARN of another one is not found.
    refused("ResourceNotFoundException", manager.get_secret_value, SecretId=replica)


def test_a_replica_is_not_changed_by_itself(manager, away):
    name = unique("fixed")
    arn = manager.create_secret(Name=name, SecretString="one", AddReplicaRegions=[{"Region": AWAY}])["ARN"]
    for call, more in [
        (away.put_secret_value, {"SecretString": "x"}), (away.update_secret, {"SecretString": "x"}), (away.delete_secret, {}),
        (away.restore_secret, {}), (away.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}), (away.untag_resource, {"TagKeys": ["a"]}),
        (away.put_resource_policy, {"ResourcePolicy": "{}"}), (away.get_resource_policy, {}), (away.delete_resource_policy, {}),
        (away.rotate_secret, {}), (away.cancel_rotate_secret, {}), (away.replicate_secret_to_regions, {"AddReplicaRegions": [{"Region": "eu-west-2"}]}),
        (away.remove_regions_from_replication, {"RemoveReplicaRegions": [HOME]}),
    ]:
        assert message(refused("InvalidParameterException", call, SecretId=name, **more)) == ON_REPLICA
    text = message(refused("InvalidParameterException", manager.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True))
    assert text == f"You can't delete secret {arn} that still has replica regions [{AWAY}]."
    assert manager.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[AWAY])["ReplicationStatus"] == []
    refused("ResourceNotFoundException", away.describe_secret, SecretId=name)
    manager.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[AWAY])
    manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_a_replica_becomes_a_secret_of_its_own(manager, away):
    name = unique("apart")
    manager.create_secret(Name=name, SecretString="one", AddReplicaRegions=[{"Region": AWAY}])
    refused("InvalidParameterException", manager.stop_replication_to_replica, SecretId=name)
    away.stop_replication_to_replica(SecretId=name)
    away.put_secret_value(SecretId=name, SecretString="mine")
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "one"
    assert "ReplicationStatus" not in manager.describe_secret(SecretId=name)
    assert "PrimaryRegion" not in away.describe_secret(SecretId=name)


def test_replicas_that_cannot_be(server, manager, away):
    name = unique("taken")
    away.create_secret(Name=name, SecretString="another")
    manager.create_secret(Name=name, SecretString="one")
    for region in (HOME, "us-middle-1"):
        refused("InvalidParameterException", manager.replicate_secret_to_regions, SecretId=name, AddReplicaRegions=[{"Region": region}])
    status = manager.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": AWAY}])["ReplicationStatus"][0]
    assert (status["Status"], status["StatusMessage"]) == ("Failed", f"Replication failed: Secret name {name} already exists in region {AWAY}.")
    assert away.get_secret_value(SecretId=name)["SecretString"] == "another"
    again = manager.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": AWAY}], ForceOverwriteReplicaSecret=True)
    assert again["ReplicationStatus"][0]["Status"] == "InSync"
    assert away.get_secret_value(SecretId=name)["SecretString"] == "one"


def test_a_replica_whose_key_fails_stands_still(server, manager, away):
    name, keys = unique("stuck"), server.client("kms", region=AWAY)
    key = keys.create_key()["KeyMetadata"]["Arn"]
    manager.create_secret(Name=name, SecretString="one", AddReplicaRegions=[{"Region": AWAY, "KmsKeyId": key}])
    assert away.describe_secret(SecretId=name)["KmsKeyId"] == key
    keys.disable_key(KeyId=key)
    manager.put_secret_value(SecretId=name, SecretString="two")
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "two"
    assert manager.describe_secret(SecretId=name)["ReplicationStatus"][0]["Status"] == "Failed"
    keys.enable_key(KeyId=key)
    assert away.get_secret_value(SecretId=name)["SecretString"] == "one"
    manager.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": AWAY, "KmsKeyId": key}])
    assert away.get_secret_value(SecretId=name)["SecretString"] == "two"
    # The key is the one thing of a replica that is its own.
    away.update_secret(SecretId=name, KmsKeyId="alias/aws/secretsmanager")
    assert "KmsKeyId" not in away.describe_secret(SecretId=name)
    assert manager.describe_secret(SecretId=name)["ReplicationStatus"][0]["KmsKeyId"] == "alias/aws/secretsmanager"
    assert away.get_secret_value(SecretId=name)["SecretString"] == "two"


def test_the_command_rotates(manager):
    name = unique("rotated")
    first = manager.create_secret(Name=name, SecretString="one")["VersionId"]
    function = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
    version = manager.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30, "Duration": "2h"})["VersionId"]
    described = until(lambda: (secret := manager.describe_secret(SecretId=name)).get("LastRotatedDate") and secret, what="the rotation")
    assert described["VersionIdsToStages"] == {first: ["AWSPREVIOUS"], version: ["AWSCURRENT"]}
    assert described["RotationEnabled"] is True and described["RotationLambdaARN"] == function
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 30, "Duration": "2h"}
    assert 28 < (described["NextRotationDate"] - described["LastRotatedDate"]).total_seconds() / 86400 < 31
    assert len(manager.get_secret_value(SecretId=name)["SecretString"]) == 32
    manager.cancel_rotate_secret(SecretId=name)
    described = manager.describe_secret(SecretId=name)
    assert described["RotationEnabled"] is False and described["RotationRules"] and "NextRotationDate" not in described


def test_a_rotation_that_waits_is_tested(manager, directory):
    name = unique("tested")
    first = manager.create_secret(Name=name, SecretString="one")["VersionId"]
    version = manager.rotate_secret(SecretId=name, RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=False)["VersionId"]
    described = until(lambda: version not in (secret := manager.describe_secret(SecretId=name))["VersionIdsToStages"] and secret, what="the test's end")
    assert described["VersionIdsToStages"] == {first: ["AWSCURRENT"]}
    assert described["RotationEnabled"] is True and "LastRotatedDate" not in described
    steps = [line.split() for line in (directory / "rotate.py.steps").read_text().splitlines()]
    assert [step for step, token in steps if token == version] == ["testSecret"]
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "one"


def test_rotations_that_cannot_be(manager):
    name = unique("still")
    manager.create_secret(Name=name, SecretString="one")
    refused("InvalidRequestException", manager.cancel_rotate_secret, SecretId=name)
    for rules in ({"Duration": "2h"}, {"ScheduleExpression": "rate(3 hours)"}, {"AutomaticallyAfterDays": 3, "ScheduleExpression": "rate(4 hours)"}):
        refused("InvalidParameterException", manager.rotate_secret, SecretId=name, RotationRules=rules)
    manager.rotate_secret(SecretId=name, RotationRules={"ScheduleExpression": "cron(0 8 1 * ? *)"}, RotateImmediately=False)
    described = manager.describe_secret(SecretId=name)
    assert described["NextRotationDate"].day == 1 and "LastRotatedDate" not in described
    manager.put_secret_value(SecretId=name, SecretString="half", VersionStages=["AWSPENDING"])
    text = message(refused("InvalidRequestException", manager.rotate_secret, SecretId=name))
    assert text == "A previous rotation isn't complete. That rotation will be reattempted."


def test_rights_of_replication_and_tags(server):
    iam = server.client("iam")
    user = unique("writer")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    mine = server.client("secretsmanager", key["AccessKeyId"], key["SecretAccessKey"])
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("secretsmanager:CreateSecret", "*"))
    mine.create_secret(Name=unique("plain"), SecretString="x")
    assert "secretsmanager:TagResource" in message(refused("AccessDeniedException", mine.create_secret, Name=unique("tags"), SecretString="x", Tags=[{"Key": "a", "Value": "b"}]))
    assert "secretsmanager:ReplicateSecretToRegions" in message(
        refused("AccessDeniedException", mine.create_secret, Name=unique("regions"), SecretString="x", AddReplicaRegions=[{"Region": AWAY}]))
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"secretsmanager:AddReplicaRegions": ["eu-west-2"]}}}]}))
    name = unique("regions")
    mine.create_secret(Name=name, SecretString="x", AddReplicaRegions=[{"Region": AWAY}])
    with pytest.raises(botocore.exceptions.ClientError, match="explicit deny"):
        mine.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": "eu-west-2"}])
