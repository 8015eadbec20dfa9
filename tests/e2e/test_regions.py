"""One server has every region of AWS: what has no machine is told apart by region, tasks and networks are where it is."""

import botocore.exceptions
import pytest


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


def test_tasks_and_networks_are_where_the_machine_is(server):
    for service, call in (("ecs", "list_clusters"), ("ec2", "describe_vpcs")):
        with pytest.raises(botocore.exceptions.ClientError, match="server's region is 'us-east-1'"):
            getattr(server.client(service, region="eu-west-1"), call)()


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
