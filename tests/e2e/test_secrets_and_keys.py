"""Secrets Manager and KMS through boto3. Replication and rotation are in test_secret_life.py."""

import json
import secrets

import botocore.exceptions
import pytest
from conftest import allow
from test_iam import refused, unique


@pytest.fixture(scope="module")
def manager(server):
    return server.client("secretsmanager")


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


def test_a_secret_and_its_versions(manager):
    name = unique("app/secret")
    token = secrets.token_hex(16)
    created = manager.create_secret(Name=name, SecretString="one", Description="d", ClientRequestToken=token, Tags=[{"Key": "a", "Value": "b"}])
    arn = created["ARN"]
    assert created["VersionId"] == token
    assert manager.create_secret(Name=name, SecretString="one", Description="d", ClientRequestToken=token)["ARN"] == arn
    refused("ResourceExistsException", manager.create_secret, Name=name, SecretString="other")
    for reference in (name, arn, arn[:-7]):
        assert manager.get_secret_value(SecretId=reference)["SecretString"] == "one"
    second = manager.put_secret_value(SecretId=name, SecretString="two")["VersionId"]
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "two"
    assert manager.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["VersionId"] == token
    manager.update_secret(SecretId=name, SecretString="three", Description="new")
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "three"
    manager.update_secret_version_stage(SecretId=name, VersionStage="MINE", MoveToVersionId=second)
    assert manager.get_secret_value(SecretId=name, VersionStage="MINE")["SecretString"] == "two"
    described = manager.describe_secret(SecretId=name)
    assert described["Description"] == "new" and "KmsKeyId" not in described and "SecretString" not in str(described)
    versions = manager.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    assert {token, second} <= {version["VersionId"] for version in versions}
    manager.tag_resource(SecretId=name, Tags=[{"Key": "c", "Value": "d"}])
    manager.untag_resource(SecretId=name, TagKeys=["a"])
    assert manager.describe_secret(SecretId=name)["Tags"] == [{"Key": "c", "Value": "d"}]
    listed = manager.list_secrets(Filters=[{"Key": "name", "Values": ["app/"]}])["SecretList"]
    assert arn in [secret["ARN"] for secret in listed]
    batch = manager.batch_get_secret_value(SecretIdList=[name, "no-such-secret"])
    assert [value["SecretString"] for value in batch["SecretValues"]] == ["three"]
    assert batch["Errors"][0]["ErrorCode"] == "ResourceNotFoundException"


def test_deletion_and_restoring(manager):
    name = unique("gone")
    manager.create_secret(Name=name, SecretBinary=b"\x00\x01")
    assert manager.get_secret_value(SecretId=name)["SecretBinary"] == b"\x00\x01"
    manager.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    refused("InvalidRequestException", manager.get_secret_value, SecretId=name)
    refused("InvalidRequestException", manager.create_secret, Name=name, SecretString="x")
    manager.restore_secret(SecretId=name)
    assert manager.get_secret_value(SecretId=name)["SecretBinary"] == b"\x00\x01"
    manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    answer = refused("ResourceNotFoundException", manager.get_secret_value, SecretId=name)
    # The body spells it with a capital, as AWS does; boto3 shows it beside the error.
    assert answer["Message"] == answer["Error"]["Message"]
    message = answer["Error"]["Message"]
    assert message == "Secrets Manager can't find the specified secret."


def test_a_resource_policy_gives_and_takes(server, manager):
    iam = server.client("iam")
    user = unique("reader")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    key = iam.create_access_key(UserName=user)["AccessKey"]
    reader = server.client("secretsmanager", key["AccessKeyId"], key["SecretAccessKey"])
    secret = manager.create_secret(Name=unique("shared"), SecretString="x")["ARN"]
    refused("AccessDeniedException", reader.get_secret_value, SecretId=secret)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}
    manager.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(policy))
    assert reader.get_secret_value(SecretId=secret)["SecretString"] == "x"
    assert json.loads(manager.get_resource_policy(SecretId=secret)["ResourcePolicy"]) == policy
    policy["Statement"][0]["Effect"] = "Deny"
    manager.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(policy))
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("secretsmanager:*", "*"))
    message = refused("AccessDeniedException", reader.get_secret_value, SecretId=secret)["Error"]["Message"]
    assert "with an explicit deny in a resource-based policy" in message
    manager.delete_resource_policy(SecretId=secret)
    reader.get_secret_value(SecretId=secret)
    public = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}
    assert manager.validate_resource_policy(ResourcePolicy=json.dumps(public))["PolicyValidationPassed"] is False
    refused("PublicPolicyException", manager.put_resource_policy, SecretId=secret, ResourcePolicy=json.dumps(public), BlockPublicPolicy=True)


def test_policies_that_are_no_good(manager):
    name = unique("shut")
    manager.create_secret(Name=name, SecretString="x")

    def policy(effect, principal, action):
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"}]})

    for document in ("some policy", "{}", policy("Perhaps", "*", "secretsmanager:*")):
        message = refused("MalformedPolicyDocumentException", manager.put_resource_policy, SecretId=name, ResourcePolicy=document)["Error"]["Message"]
        assert message.startswith("This policy has invalid syntax.")
        refused("MalformedPolicyDocumentException", manager.validate_resource_policy, ResourcePolicy=document)
    shut = policy("Deny", "*", "secretsmanager:*")
    refused("MalformedPolicyDocumentException", manager.put_resource_policy, SecretId=name, ResourcePolicy=shut)
    checked = manager.validate_resource_policy(SecretId=name, ResourcePolicy=shut)
    assert checked["PolicyValidationPassed"] is False and [error["CheckName"] for error in checked["ValidationErrors"]] == ["LOCKOUT_CHECK"]
    good = policy("Allow", {"AWS": "arn:aws:iam::210987654321:root"}, "secretsmanager:GetSecretValue")
    assert manager.validate_resource_policy(SecretId=name, ResourcePolicy=good)["PolicyValidationPassed"] is True
    assert "ResourcePolicy" not in manager.get_resource_policy(SecretId=name)


def test_without_a_command_nothing_rotates(manager):
    name = unique("still")
    manager.create_secret(Name=name, SecretString="one")
    message = refused("InvalidRequestException", manager.rotate_secret, SecretId=name)["Error"]["Message"]
    assert message == "No Lambda rotation function ARN is associated with this secret."
    function = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
    message = refused("InvalidRequestException", manager.rotate_secret, SecretId=name, RotationLambdaARN=function)["Error"]["Message"]
    assert "--rotation-command" in message and function in message
    assert not {"RotationEnabled", "RotationLambdaARN"} & manager.describe_secret(SecretId=name).keys()


def test_lists_in_order(manager):
    word = unique("order")
    names = [f"{word}-{letter}" for letter in "bca"]
    for name in names:
        manager.create_secret(Name=name, SecretString=name, Description=f"The {name} of AppBeta")
    mine = {"Key": "name", "Values": [word]}

    def listed(**more):
        more.setdefault("Filters", [mine])
        return [secret["Name"] for page in manager.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2}, **more) for secret in page["SecretList"]]

    assert listed() == names and listed(SortOrder="desc") == names[::-1]
    assert listed(SortBy="name") == sorted(names) and listed(SortBy="name", SortOrder="desc") == sorted(names)[::-1]
    assert listed(Filters=[mine, {"Key": "description", "Values": ["beta the"]}]) == names
    assert listed(Filters=[mine, {"Key": "description", "Values": ["eta"]}]) == []
    assert listed(Filters=[mine, {"Key": "all", "Values": ["!beta", "appb"]}]) == []
    manager.delete_secret(SecretId=names[0])
    assert listed() == names[1:] and listed(IncludePlannedDeletion=True) == names
    batch = manager.batch_get_secret_value(Filters=[mine])
    assert [value["SecretString"] for value in batch["SecretValues"]] == names[1:] and batch["Errors"] == []
    refused("InvalidParameterException", manager.batch_get_secret_value, SecretIdList=names, MaxResults=2)
    refused("ValidationException", manager.list_secrets, Filters=[{"Key": "colour", "Values": ["red"]}])


def test_random_passwords(manager):
    password = manager.get_random_password(PasswordLength=40, ExcludePunctuation=True, ExcludeNumbers=True)["RandomPassword"]
    assert len(password) == 40 and password.isalpha()


def test_a_key_encrypts_under_its_context(kms):
    key = kms.create_key(Description="k", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    assert key["KeyState"] == "Enabled" and key["KeySpec"] == "SYMMETRIC_DEFAULT"
    identity = key["KeyId"]
    sealed = kms.encrypt(KeyId=identity, Plaintext=b"plain", EncryptionContext={"a": "1", "b": "2"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"b": "2", "a": "1"})["Plaintext"] == b"plain"
    refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=sealed, EncryptionContext={"a": "1"})
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=sealed, KeyId=other, EncryptionContext={"a": "1", "b": "2"})
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceEncryptionContext={"a": "1", "b": "2"}, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["KeyId"].endswith(other)
    data = kms.generate_data_key(KeyId=identity, KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"] and len(data["Plaintext"]) == 32
    assert "Plaintext" not in kms.generate_data_key_without_plaintext(KeyId=identity, NumberOfBytes=64)
    assert len(kms.generate_random(NumberOfBytes=17)["Plaintext"]) == 17


def test_the_life_of_a_key(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert key in [listed["KeyId"] for listed in kms.list_keys(Limit=1000)["Keys"]]
    kms.update_key_description(KeyId=key, Description="new")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "new"
    alias = f"alias/{unique('a')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    refused("AlreadyExistsException", kms.create_alias, AliasName=alias, TargetKeyId=key)
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key
    assert [listed["AliasName"] for listed in kms.list_aliases(KeyId=key)["Aliases"]] == [alias]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    kms.delete_alias(AliasName=alias)
    refused("NotFoundException", kms.describe_key, KeyId=alias)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    refused("DisabledException", kms.decrypt, CiphertextBlob=sealed)
    kms.enable_key(KeyId=key)
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    kms.disable_key_rotation(KeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "c", "TagValue": "d"}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "c", "TagValue": "d"}]
    kms.untag_resource(KeyId=key, TagKeys=["c"])
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=sealed)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_key_policies_and_grants(server, kms):
    iam = server.client("iam")
    account = server.client("sts").get_caller_identity()["Account"]
    user = unique("crypto")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    access = iam.create_access_key(UserName=user)["AccessKey"]
    mine = server.client("kms", access["AccessKeyId"], access["SecretAccessKey"])
    key = kms.create_key()["KeyMetadata"]["Arn"]
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    default = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert default["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}
    refused("AccessDeniedException", mine.encrypt, KeyId=key, Plaintext=b"x")
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("kms:*", key))
    mine.encrypt(KeyId=key, Plaintext=b"x")
    nobody = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/{user}"}, "Action": "kms:Put*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": ["kms:PutKeyPolicy", "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant", "kms:Encrypt"], "Resource": "*",
         "Condition": {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account}:root"}}}]}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(nobody))
    refused("AccessDeniedException", mine.encrypt, KeyId=key, Plaintext=b"x")
    grant = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], RetiringPrincipal=arn)
    mine.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
    assert [listed["GrantId"] for listed in kms.list_grants(KeyId=key)["Grants"]] == [grant["GrantId"]]
    mine.retire_grant(KeyId=key, GrantId=grant["GrantId"])
    refused("AccessDeniedException", mine.encrypt, KeyId=key, Plaintext=b"x")
    again = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    kms.revoke_grant(KeyId=key, GrantId=again["GrantId"])
    with pytest.raises(botocore.exceptions.ClientError):
        mine.encrypt(KeyId=key, Plaintext=b"x")
