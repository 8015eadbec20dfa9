"""What fills the audit, and what cannot: pages that ask every second, strangers, loops, a full disk."""

import http.client
import json
import pathlib
import secrets

import botocore.exceptions
import pytest
from conftest import allow
from support import until


def events(server, key=None, value=None):
    attributes = [{"AttributeKey": key, "AttributeValue": value}] if key else []
    pages = server.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=attributes)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]


def counted(server, name):
    """The counts of this name: those on disk and the one that runs."""
    return [event["additionalEventData"] for event in events(server) if event["eventName"] == name]


def files(server, budget):
    folder = server.data / "audit" / budget
    return sorted(folder.iterdir()) if folder.exists() else []


def lines(server, budget):
    return [json.loads(line) for path in files(server, budget) for line in path.read_text().splitlines()]


def refused(call, **parameters):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]


def console_session(server):
    """What a browser gets when it signs in by a link."""
    link = server.command("console").stdout.split("#")[-1].strip()
    token = link.split("=")[-1]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/console/api/signin", json.dumps({"token": token}), {"content-type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (link, body)
    session = json.loads(body)
    return lambda service: server.client(service, session["accessKeyId"], session["secretAccessKey"], session["sessionToken"])


def test_a_page_that_asks_all_the_time_is_counted_and_its_reading_of_a_secret_is_kept(world):
    arn = world.create_secret("watched", "v")
    client = console_session(world.server)
    ecs, before = client("ecs"), len(lines(world.server, "readings"))
    for _ in range(25):
        ecs.list_clusters()
        ecs.list_tasks(cluster=world.cluster)
    client("secretsmanager").get_secret_value(SecretId=arn)
    counts = counted(world.server, "ConsoleReadings")
    calls = {}
    for count in counts:
        assert count["count"] == sum(count["calls"].values()) and count["firstTime"] <= count["lastTime"]
        for name, times in count["calls"].items():
            calls[name] = calls.get(name, 0) + times
    assert (calls["ecs:ListClusters"], calls["ecs:ListTasks"]) == (25, 25)
    names = [event["eventName"] for event in lines(world.server, "readings")[before:]]
    assert "ListClusters" not in names and "ListTasks" not in names
    read = [event for event in lines(world.server, "secrets") if event["eventName"] == "GetSecretValue" and event["resources"][0]["ARN"] == arn]
    assert len(read) == 1 and read[0]["userIdentity"]["arn"].endswith(":root")
    # The count is found by the name of what it counts, and printed.
    found = [event["eventName"] for event in events(world.server, "EventName", "ListClusters")]
    assert "ConsoleReadings" in found
    assert "ConsoleReadings" in world.server.command("audit", "--event", "ListClusters").stdout


def test_calls_that_are_nobodys_are_counted_by_source_and_kind(world):
    key = "AKIA" + secrets.token_hex(8).upper()
    for _ in range(40):
        refused(world.server.client("sts", access_key_id=key).get_caller_identity)
        refused(world.server.client("secretsmanager", secret_access_key="wrong").get_secret_value, SecretId="x")
    counts = [event for event in events(world.server) if event["eventName"] == "UnauthenticatedCalls"]

    def of(code):
        return [event for event in counts if event["errorCode"] == code]

    for code, name in [("InvalidClientTokenId", "sts:GetCallerIdentity"), ("InvalidSignatureException", "secretsmanager:GetSecretValue")]:
        assert sum(event["additionalEventData"]["calls"].get(name, 0) for event in of(code)) == 40, counts
        assert len(of(code)) <= 4, "one a minute"
        assert {event["sourceIPAddress"] for event in of(code)} == {"127.0.0.1"}
        assert {event["userIdentity"]["type"] for event in of(code)} == {"Unknown"}
    assert key in [claimed for event in of("InvalidClientTokenId") for claimed in event["additionalEventData"]["accessKeyIds"]]
    assert {event["eventName"] for event in events(world.server, "AccessKeyId", key)} == {"UnauthenticatedCalls"}


def test_a_refusal_in_a_loop_is_kept_and_then_counted(world):
    name = "loop-" + secrets.token_hex(4)
    user = world.iam.create_user(UserName=name)["User"]
    key = world.iam.create_access_key(UserName=name)["AccessKey"]
    client = world.server.client("secretsmanager", key["AccessKeyId"], key["SecretAccessKey"])
    for _ in range(100):
        assert refused(client.get_secret_value, SecretId=world.secret)["Code"] == "AccessDeniedException"
    own = [event for event in events(world.server) if event["userIdentity"].get("arn") == user["Arn"]]
    whole = [event for event in own if event["eventName"] == "GetSecretValue"]
    hours = {event["eventTime"][:13] for event in own}
    assert 60 <= len(whole) <= 60 * len(hours)
    counts = [event for event in own if event["eventName"] == "RepeatedRefusals"]
    assert len(whole) + sum(event["additionalEventData"]["count"] for event in counts) == 100
    assert all(event["errorCode"] == "AccessDeniedException" for event in counts)
    printed = world.server.command("audit", "--denied", "--caller", name).stdout
    assert "RepeatedRefusals" in printed and "(secretsmanager:GetSecretValue " in printed, printed


def test_counts_outlive_the_end_of_the_server(world):
    key = "AKIA" + secrets.token_hex(8).upper()
    for _ in range(3):
        refused(world.server.client("sts", access_key_id=key).get_caller_identity)
    world.server.stop()
    world.server.start()
    told = [event["additionalEventData"] for event in lines(world.server, "counts") if key in json.dumps(event)]
    assert sum(count["calls"]["sts:GetCallerIdentity"] for count in told) >= 3


def test_each_kind_has_a_room_of_its_own_which_others_cannot_fill(world):
    """With little room a flood of readings drives out readings, and neither a secret's reading nor a change."""
    world.server.stop()
    options, world.server.options = world.server.options, (*world.server.options, "--audit-mib", "16")
    world.server.start()
    try:
        arn = world.create_secret("kept", "v")
        world.secretsmanager.get_secret_value(SecretId=arn)
        client, filters = world.server.client("ec2"), [{"Name": "tag:" + "x" * 100, "Values": [letter * 250 for letter in "abcdefghij"]}]
        # Two of the sixteen MiB are for readings, in files of half a MiB.
        until(lambda: [client.describe_vpcs(Filters=filters) for _ in range(50)] and files(world.server, "readings")[0].name[-10:] != "0000.jsonl",
              200, "readings that drive out readings")
        assert sum(path.stat().st_size for path in files(world.server, "readings")) <= 2.1 * (1 << 20)
        assert [event for event in lines(world.server, "secrets") if event["eventName"] == "GetSecretValue" and arn in json.dumps(event)]
        assert [event for event in lines(world.server, "changes") if event["eventName"] == "CreateSecret" and arn in json.dumps(event)]
    finally:
        world.server.stop()
        world.server.options = options
        world.server.start()


@pytest.fixture
def little_room(world):
    """The audit on a small disk of its own, seen by the server alone; gone with it."""
    server, audit = world.server, world.server.data / "audit"
    server.stop()
    server.before = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", f'mount -t tmpfs -o size=1m tmpfs {audit} && exec "$@"', "sh"]
    server.start()
    yield pathlib.Path(f"/proc/{server.process.pid}/root{audit}")
    server.stop()
    server.before = ()
    server.start()


def test_a_full_disk_withholds_secrets_and_loses_nothing_in_silence(world, little_room):
    arn = world.create_secret("withheld", "v")
    world.secretsmanager.get_secret_value(SecretId=arn)
    assert world.server.health() == (200, {"status": "ok"})
    with open(little_room / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
        while filler.write(b"x" * 4096):
            pass

    def withheld():
        try:
            world.secretsmanager.get_secret_value(SecretId=arn)
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]
        return None

    # The last page of the file takes some more.
    error = until(withheld, 60, "a value that is withheld")
    assert error["Code"] == "InternalFailure" and "The value is withheld" in error["Message"], error
    # Everything else goes on, and what is lost is told.
    cluster = world.ecs.create_cluster(clusterName="unrecorded-" + secrets.token_hex(4))["cluster"]["clusterName"]
    assert world.ecs.describe_clusters(clusters=[cluster])["clusters"][0]["status"] == "ACTIVE"
    status, told = world.server.health()
    assert status == 503 and "audit" in told["reason"], told
    assert "AUDIT EVENTS ARE LOST" in world.server.output.read_text()
    (little_room / "filler").unlink()
    assert world.secretsmanager.get_secret_value(SecretId=arn)["SecretString"] == "v"
    lost = [event for event in events(world.server) if event["eventName"] == "AuditEventsLost"]
    assert lost and sum(event["additionalEventData"]["count"] for event in lost) >= 1
    assert "secretsmanager:GetSecretValue" in lost[-1]["additionalEventData"]["calls"]
    assert world.server.health() == (200, {"status": "ok"})


def test_what_a_task_begins_with_is_told_as_aws_tells_it(world):
    """Its roles are assumed by ECS, and its log group and stream are made by its execution role."""
    group = "/made/by/" + secrets.token_hex(4)
    logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    role = world.create_role("starts", {"secret": allow("secretsmanager:GetSecretValue", world.secret), "logs": allow(logs, "*")})
    own = world.create_role("own", {})
    log = {"logDriver": "awslogs", "options": {
        "awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p", "awslogs-create-group": "true"}}
    # A container that asks for its keys again and again gets the same ones.
    script = "for i in 1 2 3; do wget -qO- http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; echo; done; exec /start"
    container = {
        "name": "space", "image": world.image, "repositoryCredentials": {"credentialsParameter": world.secret},
        "command": ["/bin/sh", "-c", script], "logConfiguration": log}
    task = world.run(world.define_containers([container], role, taskRoleArn=own))
    world.wait(task, "RUNNING")
    task_id = task.split("/")[-1]

    def keys():
        printed = world.logs.get_log_events(logGroupName=group, logStreamName=f"p/space/{task_id}", startFromHead=True)["events"]
        return [json.loads(event["message"])["AccessKeyId"] for event in printed if "AccessKeyId" in event["message"]]

    until(lambda: len(keys()) == 3, 30, "the keys of the task")
    assert len(set(keys())) == 1
    of_task = [event for event in events(world.server) if event["additionalEventData"].get("task") == task]
    assumed = {event["requestParameters"]["roleArn"]: event for event in of_task if event["eventName"] == "AssumeRole"}
    told = assumed[role]
    assert told["userIdentity"] == {"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"}
    assert told["sourceIPAddress"] == told["userAgent"] == "ecs-tasks.amazonaws.com"
    assert told["eventSource"] == "sts.amazonaws.com" and told["readOnly"] is True
    assert told["requestParameters"]["roleSessionName"] == task_id
    assert told["resources"][0]["ARN"] == role and told["resources"][0]["type"] == "AWS::IAM::Role"
    assert told["responseElements"]["assumedRoleUser"]["arn"].endswith(f"/{task_id}")
    assert len([event for event in of_task if event["eventName"] == "AssumeRole" and event["requestParameters"]["roleArn"] == role]) == 1
    [issued] = [event for event in of_task if event["eventName"] == "AssumeRole" and event["requestParameters"]["roleArn"] == own]
    assert issued["responseElements"]["credentials"]["accessKeyId"] == keys()[0]
    assert issued["responseElements"]["credentials"]["secretAccessKey"] == issued["responseElements"]["credentials"]["sessionToken"] == "***"
    for name, member in [("CreateLogGroup", "logGroupName"), ("CreateLogStream", "logStreamName")]:
        made = [event for event in of_task if event["eventName"] == name and "errorCode" not in event]
        assert len(made) == 1 and made[0]["readOnly"] is False
        assert made[0]["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role
        assert made[0]["userIdentity"]["invokedBy"] == "ecs-tasks.amazonaws.com"
        assert (group if member == "logGroupName" else task_id) in made[0]["requestParameters"][member]
    world.stop(task)
