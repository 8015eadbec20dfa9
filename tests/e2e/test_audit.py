"""Who did what, and why it was allowed or denied: CloudTrail's LookupEvents, `tidegate audit`, `tidegate explain`, and EC2's
encoded messages. No secret value is in any of it."""

import datetime
import json
import secrets

import botocore.exceptions
import pytest
from conftest import allow
from support import until


def attribute(key, value):
    return [{"AttributeKey": key, "AttributeValue": value}]


def events(world, key, value, **options):
    pages = world.server.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=attribute(key, value), **options)
    return [event for page in pages for event in page["Events"]]


def record(event):
    return json.loads(event["CloudTrailEvent"])


@pytest.fixture(scope="module")
def ann(world):
    """A user who may do nothing, and her clients."""
    name = "ann-" + secrets.token_hex(4)
    arn = world.iam.create_user(UserName=name)["User"]["Arn"]
    key = world.iam.create_access_key(UserName=name)["AccessKey"]

    class Ann:
        def __init__(self):
            self.name, self.arn, self.key = name, arn, key["AccessKeyId"]

        def client(self, service):
            return world.server.client(service, key["AccessKeyId"], key["SecretAccessKey"])

        def refused(self, service, operation, **parameters):
            with pytest.raises(botocore.exceptions.ClientError) as refused:
                getattr(self.client(service), operation)(**parameters)
            return refused.value.response

    return Ann()


def test_who_read_this_secret_and_for_which_task(world):
    task = world.run(world.define())
    world.wait(task, "RUNNING")
    readings = [event for event in events(world, "ResourceName", world.secret) if event["EventName"] == "GetSecretValue"]
    assert readings, "the task's start is an event"
    told = record(readings[0])
    task_id = task.split("/")[-1]
    assert told["additionalEventData"]["task"] == task
    assert told["userIdentity"]["arn"].endswith(f"/{task_id}")
    assert told["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == world.role
    assert told["userIdentity"]["invokedBy"] == told["sourceIPAddress"] == "ecs-tasks.amazonaws.com"
    assert readings[0]["Username"] == task_id
    assert told["additionalEventData"]["decisions"][0]["policy"] == f"inline policy secret of {world.role}"
    assert told["responseElements"] is None and told["readOnly"] is True
    name = world.secret.split(":")[-1]
    for part in (world.secret, name, name[:-7]):
        printed = world.server.command("audit", "--resource", part, "--event", "GetSecretValue").stdout
        assert f"(task {task_id})" in printed, printed
        assert "statement 1 of inline policy secret of role/" in printed
    by_task = world.server.command("audit", "--caller", task_id, "--json").stdout.splitlines()
    assert {json.loads(line)["eventName"] for line in by_task} >= {"GetSecretValue", "Decrypt"}
    world.stop(task)


def test_no_secret_value_is_in_an_event(world):
    value = "audit-s3cret-" + secrets.token_hex(4)
    arn = world.create_secret("audited", value)
    world.secretsmanager.get_secret_value(SecretId=arn)
    world.secretsmanager.put_secret_value(SecretId=arn, SecretBinary=value.encode())
    world.secretsmanager.batch_get_secret_value(SecretIdList=[arn])
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    blob = world.kms.encrypt(KeyId=key, Plaintext=value.encode())["CiphertextBlob"]
    world.kms.decrypt(CiphertextBlob=blob)
    world.define(environment=[{"name": "PASSWORD", "value": value}])
    issued = world.sts.get_session_token()["Credentials"]
    user = world.iam.create_user(UserName="keys-" + secrets.token_hex(4))["User"]["UserName"]
    access_key = world.iam.create_access_key(UserName=user)["AccessKey"]
    told = "".join(event["CloudTrailEvent"] for event in events(world, "EventSource", "secretsmanager.amazonaws.com"))
    files = list((world.server.data / "audit").rglob("*.jsonl"))
    assert {path.parent.name for path in files} >= {"secrets", "changes"}
    everything = told + "".join(path.read_text() for path in files)
    for secret in (value, issued["SecretAccessKey"], issued["SessionToken"], access_key["SecretAccessKey"]):
        assert secret not in everything
    assert "PASSWORD" in everything and arn in told
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
    read_in_batch = [record(event) for event in events(world, "ResourceName", arn) if event["EventName"] == "GetSecretValue"]
    assert read_in_batch[0]["userIdentity"]["invokedBy"] == "secretsmanager.amazonaws.com"


def test_lookup_events_by_each_attribute(world, ann):
    refusal = ann.refused("secretsmanager", "describe_secret", SecretId=world.secret)
    trail = world.server.client("cloudtrail")
    event = events(world, "Username", ann.name)[0]
    told = record(event)
    assert told["requestID"] == refusal["ResponseMetadata"]["RequestId"]
    assert told["errorCode"] == "AccessDeniedException" and told["errorMessage"] == refusal["Error"]["Message"]
    assert told["userIdentity"] == {
        "type": "IAMUser", "arn": ann.arn, "accountId": world.account, "accessKeyId": ann.key, "userName": ann.name,
        "principalId": world.iam.get_user(UserName=ann.name)["User"]["UserId"]}
    assert told["userAgent"].startswith("Boto3/") and told["sourceIPAddress"] == "127.0.0.1"
    assert event["Resources"] == [{"ResourceType": "AWS::SecretsManager::Secret", "ResourceName": world.secret}]
    for key, value in [
        ("EventId", event["EventId"]), ("EventName", "DescribeSecret"), ("EventSource", "secretsmanager.amazonaws.com"),
        ("ResourceName", world.secret), ("ResourceType", "AWS::SecretsManager::Secret"), ("AccessKeyId", ann.key),
        ("ReadOnly", "true"),
    ]:
        found = trail.lookup_events(LookupAttributes=attribute(key, value))["Events"]
        assert event["EventId"] in [one["EventId"] for one in found], key
    assert trail.lookup_events(LookupAttributes=attribute("EventName", "Nothing"))["Events"] == []
    # Pages are whole, without repetition, the newest first.
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=attribute("EventSource", "iam.amazonaws.com"), EndTime=datetime.datetime.now(), MaxResults=2)
    found = [one for page in pages for one in page["Events"]]
    assert len(found) > 4 and len({one["EventId"] for one in found}) == len(found)
    assert [one["EventTime"] for one in found] == sorted((one["EventTime"] for one in found), reverse=True)
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
    assert trail.lookup_events(StartTime=tomorrow, EndTime=tomorrow)["Events"] == []


@pytest.mark.parametrize(("parameters", "code"), [
    ({"LookupAttributes": attribute("EventName", "a") + attribute("EventId", "b")}, "InvalidLookupAttributesException"),
    ({"StartTime": 2_000_000_000, "EndTime": 1_000_000_000}, "InvalidTimeRangeException"),
    ({"NextToken": "made up"}, "InvalidNextTokenException"),
    ({"MaxResults": 51}, "ValidationException"),
])
def test_what_lookup_events_refuses(world, parameters, code):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        world.server.client("cloudtrail").lookup_events(**parameters)
    assert refused.value.response["Error"]["Code"] == code


def test_trails_are_said_not_to_be_served(world):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        world.server.client("cloudtrail").describe_trails()
    assert "does not serve cloudtrail:DescribeTrails" in str(refused.value)


def test_a_request_that_is_nobodys_is_an_event(world):
    with pytest.raises(botocore.exceptions.ClientError):
        world.server.client("sts", secret_access_key="wrong").get_caller_identity()
    told = [record(event) for event in events(world, "EventName", "GetCallerIdentity")]
    refused = next(event for event in told if event.get("errorCode") == "SignatureDoesNotMatch")
    assert refused["userIdentity"]["type"] == "Unknown"
    assert world.server.access_key_id in refused["additionalEventData"]["accessKeyIds"]
    assert refused["additionalEventData"]["calls"]["sts:GetCallerIdentity"] >= 1


def test_explain_tells_the_statement_that_allowed(world, ann):
    statement = {"Sid": "Peek", "Effect": "Allow", "Action": "secretsmanager:Describe*", "Resource": "*",
                 "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    world.iam.put_user_policy(UserName=ann.name, PolicyName="peek", PolicyDocument=document)
    answer = ann.client("secretsmanager").describe_secret(SecretId=world.secret)
    world.iam.delete_user_policy(UserName=ann.name, PolicyName="peek")
    explained = world.server.command("explain", answer["ResponseMetadata"]["RequestId"]).stdout
    assert f"allowed by Peek of inline policy peek of {ann.arn} (identity-based policy)" in explained
    assert json.dumps(statement, separators=(",", ":")) in explained
    assert "aws:SourceIp was 127.0.0.1" in explained and "was done" in explained


def test_explain_tells_who_denied_and_the_mend_mends(world, ann):
    request_id = ann.refused("secretsmanager", "describe_secret", SecretId=world.secret)["ResponseMetadata"]["RequestId"]
    explained = world.server.command("explain", request_id).stdout
    assert "was denied" in explained and "there is no identity-based policy" in " ".join(explained.split())
    told = json.loads(world.server.command("explain", request_id, "--json").stdout)
    mend = told["decisions"][0]["mend"]
    assert f"→ {mend}" in explained, "it is printed in one piece, to be pasted"
    begin, statement = mend.split(": add a policy with the statement ")
    assert begin == f"Allow secretsmanager:DescribeSecret on {world.secret} to {ann.arn}"
    document = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(statement.removesuffix("."))]})
    world.iam.put_user_policy(UserName=ann.name, PolicyName="mend", PolicyDocument=document)
    assert ann.client("secretsmanager").describe_secret(SecretId=world.secret)["ARN"] == world.secret
    denial = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "Never", "Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}]})
    world.iam.put_user_policy(UserName=ann.name, PolicyName="never", PolicyDocument=denial)
    request_id = ann.refused("secretsmanager", "describe_secret", SecretId=world.secret)["ResponseMetadata"]["RequestId"]
    explained = world.server.command("explain", request_id).stdout
    assert f"denied by Never of inline policy never of {ann.arn}" in explained
    printed = world.server.command("audit", "--denied", "--caller", ann.name, "--since", "1h").stdout
    assert "Never of inline policy never of user/" in printed
    for policy in ("mend", "never"):
        world.iam.delete_user_policy(UserName=ann.name, PolicyName=policy)


def test_explain_names_the_key_behind_a_secret(world, ann):
    key = world.kms.create_key()["KeyMetadata"]["Arn"]
    arn = world.create_secret("keyed", "v", KmsKeyId=key)
    world.iam.put_user_policy(UserName=ann.name, PolicyName="read", PolicyDocument=allow("secretsmanager:GetSecretValue", arn))
    response = ann.refused("secretsmanager", "get_secret_value", SecretId=arn)
    assert response["Error"]["Message"] == "Access to KMS is not allowed"
    explained = world.server.command("explain", response["ResponseMetadata"]["RequestId"]).stdout
    assert f"✓ secretsmanager:GetSecretValue on {arn}" in explained
    assert f"✗ kms:Decrypt on {key} (asked by secretsmanager.amazonaws.com for the caller)" in explained
    world.iam.delete_user_policy(UserName=ann.name, PolicyName="read")


def test_explain_of_what_is_not_kept_and_of_other_errors(world):
    result = world.server.command("explain", "00000000-0000-4000-8000-000000000000")
    assert result.returncode == 1 and "No call with the request id" in result.stderr
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        world.secretsmanager.describe_secret(SecretId="nothing-here")
    explained = world.server.command("explain", refused.value.response["ResponseMetadata"]["RequestId"]).stdout
    assert "ResourceNotFoundException" in explained and "failed" in explained


def test_an_encoded_message_of_ec2_can_be_decoded_by_who_may(world, ann):
    response = ann.refused("ec2", "create_vpc", CidrBlock="10.9.0.0/16")
    text, encoded = response["Error"]["Message"].split(". Encoded authorization failure message: ")
    assert response["Error"]["Code"] == "UnauthorizedOperation"
    assert text.endswith("because no identity-based policy allows the ec2:CreateVpc action")
    ann.refused("sts", "decode_authorization_message", EncodedMessage=encoded)
    decoded = json.loads(world.sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (decoded["allowed"], decoded["explicitDeny"]) == (False, False)
    assert decoded["matchedStatements"] == decoded["failures"] == {"items": []}
    context = decoded["context"]
    assert context["principal"]["arn"] == ann.arn and context["principal"]["name"] == ann.name
    assert context["action"] == "ec2:CreateVpc" and context["resource"].endswith(":vpc/*")
    keys = {item["key"]: item["values"]["items"][0]["value"] for item in context["conditions"]["items"]}
    assert keys["aws:sourceip"] == "127.0.0.1"
    denial = {"Sid": "NoVpc", "Effect": "Deny", "Action": "ec2:CreateVpc", "Resource": "*"}
    world.iam.put_user_policy(
        UserName=ann.name, PolicyName="no", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))
    encoded = ann.refused("ec2", "create_vpc", CidrBlock="10.9.0.0/16")["Error"]["Message"].split("message: ")[1]
    world.iam.delete_user_policy(UserName=ann.name, PolicyName="no")
    decoded = json.loads(world.sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["explicitDeny"] is True
    statement = decoded["matchedStatements"]["items"][0]
    assert (statement["statementId"], statement["effect"]) == ("NoVpc", "DENY")
    assert statement["actions"]["items"] == [{"value": "ec2:CreateVpc"}]
    changed = ("B" if encoded[40] == "A" else "A").join([encoded[:40], encoded[41:]])
    for message in ("garbage", changed):
        with pytest.raises(world.sts.exceptions.InvalidAuthorizationMessageException):
            world.sts.decode_authorization_message(EncodedMessage=message)


def test_keys_and_roles_remember_their_last_use(world, ann):
    never = world.iam.create_access_key(UserName=ann.name)["AccessKey"]["AccessKeyId"]
    unused = world.iam.get_access_key_last_used(AccessKeyId=never)["AccessKeyLastUsed"]
    assert unused == {"ServiceName": "N/A", "Region": "N/A"}
    ann.client("sts").get_caller_identity()
    used = world.iam.get_access_key_last_used(AccessKeyId=ann.key)
    assert used["UserName"] == ann.name
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == ("sts", "us-east-1")
    age = datetime.datetime.now(datetime.timezone.utc) - used["AccessKeyLastUsed"]["LastUsedDate"]
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=3)
    role = world.create_role("unused", {}).split("/")[-1]
    assert world.iam.get_role(RoleName=role)["Role"]["RoleLastUsed"] == {}
    task = world.run(world.define())
    world.wait(task, "RUNNING")
    world.stop(task)
    last_used = world.iam.get_role(RoleName=world.role.split("/")[-1])["Role"]["RoleLastUsed"]
    assert last_used["Region"] == "us-east-1" and last_used["LastUsedDate"]


def test_a_killed_server_has_lost_no_answered_call(world):
    names = [world.iam.create_group(GroupName=f"g-{secrets.token_hex(4)}")["Group"]["GroupName"] for _ in range(20)]
    world.server.kill()
    for folder in (world.server.data / "audit").iterdir():
        with open(max(folder.iterdir()), "ab") as file:
            file.write(b'{"torn')
    world.server.start()
    found = [record(event) for event in events(world, "EventName", "CreateGroup")]
    assert {event["requestParameters"]["groupName"] for event in found} >= set(names)
    until(lambda: events(world, "EventName", "LookupEvents"), 5, "the next event behind the torn line")
