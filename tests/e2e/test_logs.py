"""CloudWatch Logs through boto3: every served operation."""

import time

import pytest
from test_iam import refused, unique


@pytest.fixture(scope="module")
def logs(server):
    return server.client("logs")


def test_groups(logs):
    name = unique("/app/group")
    logs.create_log_group(logGroupName=name, tags={"a": "b"})
    refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=7)
    group = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    assert group["retentionInDays"] == 7
    logs.delete_retention_policy(logGroupName=name)
    arn = group["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"c": "d"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "d"}
    logs.tag_log_group(logGroupName=name, tags={"e": "f"})
    logs.untag_log_group(logGroupName=name, tags=["c"])
    assert logs.list_tags_log_group(logGroupName=name)["tags"] == {"e": "f"}
    refused("ResourceNotFoundException", logs.list_tags_log_group, logGroupName=name + "-gone")
    listed = logs.list_log_groups(logGroupNamePattern="^/app/group")["logGroups"]
    assert {"logGroupName": name, "logGroupArn": arn, "logGroupClass": "STANDARD"} in listed
    assert logs.list_log_groups(logGroupNamePattern="no-such-group")["logGroups"] == []
    logs.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=True)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["deletionProtectionEnabled"] is True
    refused("ValidationException", logs.delete_log_group, logGroupName=name)
    logs.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=name)
    message = refused("ResourceNotFoundException", logs.delete_log_group, logGroupName=name)["Error"]["Message"]
    assert message == "The specified log group does not exist."


def test_events(logs):
    group, now = unique("/app/events"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": now + index, "message": f"{stream} {index} {'ERROR' if index % 10 == 0 else 'fine'}"} for index in range(100)]
        answer = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        assert "rejectedLogEventsInfo" not in answer
    old = logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=[{"timestamp": now - 15 * 86_400_000, "message": "old"}])
    assert old["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] == 1
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LogStreamName")["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["a", "b"]
    read, token = [], None
    while True:
        answer = logs.get_log_events(logGroupName=group, logStreamName="a", startFromHead=True, limit=30, **({"nextToken": token} if token else {}))
        read += [event["message"] for event in answer["events"]]
        if answer["nextForwardToken"] == token:
            break
        token = answer["nextForwardToken"]
    assert read == [f"a {index} {'ERROR' if index % 10 == 0 else 'fine'}" for index in range(100)]
    last = logs.get_log_events(logGroupName=group, logStreamName="a", limit=1)["events"]
    assert [event["message"] for event in last] == ["a 99 fine"]
    found = [event for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="ERROR -b", PaginationConfig={"PageSize": 3}) for event in page["events"]]
    assert [event["message"] for event in found] == [f"a {index} ERROR" for index in range(0, 100, 10)]
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    refused("ResourceNotFoundException", logs.get_log_events, logGroupName=group, logStreamName="a")
