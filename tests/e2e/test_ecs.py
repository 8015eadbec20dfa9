"""ECS through boto3: every served operation that needs no container, and the rules of task definitions and runs."""

import secrets

import botocore.exceptions
import pytest
from test_iam import refused, unique


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


def fargate(**changes):
    definition = {
        "family": unique("family"), "networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "main", "image": "nginx"}]}
    definition.update(changes)
    return {name: value for name, value in definition.items() if value is not None}


def test_clusters(ecs):
    name = unique("cluster")
    cluster = ecs.create_cluster(clusterName=name, tags=[{"key": "a", "value": "b"}], settings=[{"name": "containerInsights", "value": "disabled"}])["cluster"]
    assert cluster["status"] == "ACTIVE"
    arn = cluster["clusterArn"]
    assert ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"] == arn
    assert arn in ecs.list_clusters()["clusterArns"]
    described = ecs.describe_clusters(clusters=[name, "no-such-cluster"], include=["TAGS", "SETTINGS"])
    assert described["clusters"][0]["tags"] == [{"key": "a", "value": "b"}]
    assert described["failures"][0]["reason"] == "MISSING"
    ecs.update_cluster_settings(cluster=name, settings=[{"name": "containerInsights", "value": "enabled"}])
    ecs.update_cluster(cluster=name, settings=[{"name": "containerInsights", "value": "disabled"}])
    providers = ecs.put_cluster_capacity_providers(
        cluster=name, capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])
    assert providers["cluster"]["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "c", "value": "d"}])
    ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "c", "value": "d"}]
    assert ecs.delete_cluster(cluster=name)["cluster"]["status"] == "INACTIVE"
    refused("ClusterNotFoundException", ecs.list_tasks, cluster="no-such-cluster")


def test_task_definitions(ecs):
    definition = fargate(cpu=".25 vCPU", memory="0.5 GB", tags=[{"key": "a", "value": "b"}])
    registered = ecs.register_task_definition(**definition)["taskDefinition"]
    assert (registered["cpu"], registered["memory"], registered["revision"], registered["status"]) == ("256", "512", 1, "ACTIVE")
    container = registered["containerDefinitions"][0]
    assert container["essential"] is True and container["environment"] == [] and container["cpu"] == 0
    assert {"EC2", "FARGATE"} <= set(registered["compatibilities"])
    family = definition["family"]
    second = ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    described = ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
    assert described["taskDefinition"]["revision"] == 2 and described["tags"] == [{"key": "a", "value": "b"}]
    assert len(ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"]) == 2
    assert ecs.list_task_definition_families(familyPrefix=family)["families"] == [family]
    assert ecs.deregister_task_definition(taskDefinition=second)["taskDefinition"]["status"] == "INACTIVE"
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"] == 1
    assert ecs.delete_task_definitions(taskDefinitions=[second])["taskDefinitions"][0]["status"] == "DELETE_IN_PROGRESS"
    assert ecs.register_task_definition(**definition)["taskDefinition"]["revision"] == 3


@pytest.mark.parametrize(("changes", "text"), [
    ({"cpu": "much"}, "Invalid 'cpu' setting for task"),
    ({"cpu": "300"}, "No Fargate configuration exists for given values"),
    ({"cpu": "4096", "memory": "4096"}, "No Fargate configuration exists for given values"),
    ({"cpu": None}, "Fargate requires that 'cpu' be defined at the task level."),
    ({"memory": None, "containerDefinitions": [{"name": "a", "image": "x", "memory": 512}]}, "Fargate requires that 'memory' be defined at the task level."),
    ({"networkMode": "bridge"}, "Fargate only supports network mode"),
    ({"containerDefinitions": []}, "Container list cannot be empty"),
    ({"containerDefinitions": [{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]}, "unique"),
    ({"containerDefinitions": [{"name": "a", "image": "x", "essential": False}]}, "essential container"),
    ({"containerDefinitions": [{"name": "a", "image": "x", "privileged": True}]}, "privileged"),
    ({"containerDefinitions": [{"name": "a", "image": "x", "repositoryCredentials": {"credentialsParameter": "s"}}]}, "executionRoleArn"),
    ({"containerDefinitions": [{"name": "a", "image": "x", "dependsOn": [{"containerName": "b", "condition": "START"}]}]}, "Cannot depend on container"),
    ({"containerDefinitions": [{"name": "a", "image": "x", "portMappings": [{"containerPort": 80, "hostPort": 81}]}]}, "must match"),
    ({"containerDefinitions": [{"name": f"c{number}", "image": "x"} for number in range(11)]}, "Too many containers"),
])
def test_a_wrong_task_definition_is_refused(ecs, changes, text):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ecs.register_task_definition(**fargate(**changes))
    assert error.value.response["Error"]["Code"] in ("ClientException", "InvalidParameterException")
    assert text in error.value.response["Error"]["Message"]


def test_a_wrong_run_is_refused(world):
    ecs, definition = world.ecs, world.define()
    plain = {"cluster": world.cluster, "launchType": "FARGATE", "taskDefinition": definition}
    refused("ClusterNotFoundException", ecs.run_task, **{**plain, "cluster": "no-such-cluster"}, networkConfiguration=world.network())
    message = refused("InvalidParameterException", ecs.run_task, **plain)["Error"]["Message"]
    assert message == "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    network = {"awsvpcConfiguration": {"subnets": ["subnet-00000000000000000"]}}
    assert "does not exist" in refused("InvalidParameterException", ecs.run_task, **plain, networkConfiguration=network)["Error"]["Message"]
    refused("InvalidParameterException", ecs.run_task, **plain, networkConfiguration=world.network(), count=11)
    refused("ClientException", ecs.run_task, **{**plain, "taskDefinition": "no-such-family"}, networkConfiguration=world.network())
    world.ecs.deregister_task_definition(taskDefinition=definition)
    message = refused("InvalidParameterException", ecs.run_task, **plain, networkConfiguration=world.network())["Error"]["Message"]
    assert message == "TaskDefinition is inactive"


def test_a_client_token_starts_a_task_once(world):
    token, definition = secrets.token_hex(16), world.define()
    first = world.run(definition, clientToken=token)
    assert world.run(definition, clientToken=token) == first
    parameters = {"cluster": world.cluster, "launchType": "FARGATE", "networkConfiguration": world.network(), "clientToken": token}
    refused("ConflictException", world.ecs.run_task, taskDefinition=world.define(), **parameters)
    world.wait(first, "RUNNING")
    listed = world.ecs.list_tasks(cluster=world.cluster, family=definition.rsplit("/", 1)[1].split(":")[0])
    assert listed["taskArns"] == [first]
    world.stop(first)
    assert first in world.ecs.list_tasks(cluster=world.cluster, desiredStatus="STOPPED")["taskArns"]
    missing = world.ecs.describe_tasks(cluster=world.cluster, tasks=["0" * 32])
    assert missing["tasks"] == [] and missing["failures"][0]["reason"] == "MISSING"


def test_account_settings(ecs):
    ecs.put_account_setting(name="containerInsights", value="enabled")
    settings = ecs.list_account_settings(effectiveSettings=True)["settings"]
    assert {"containerInsights": "enabled"}.items() <= {setting["name"]: setting["value"] for setting in settings}.items()
