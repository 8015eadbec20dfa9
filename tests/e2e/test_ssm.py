"""SSM Parameter Store through boto3: every served operation, and tasks whose environment comes from it."""

import json

import pytest
from conftest import allow
from support import shell_image, until
from test_article import page
from test_failures import INITIALIZATION, fails
from test_iam import refused, unique


@pytest.fixture(scope="module")
def ssm(server):
    return server.client("ssm")


def message(*arguments, **options):
    return refused(*arguments, **options)["Error"]["Message"]


def test_a_parameter_and_its_versions(ssm):
    name = f"/{unique('app')}/level"
    created = ssm.put_parameter(Name=name, Value="one", Type="String", Description="d", AllowedPattern="[a-z]+", Tags=[{"Key": "a", "Value": "b"}])
    assert (created["Version"], created["Tier"]) == (1, "Standard")
    assert "already exists" in message("ParameterAlreadyExists", ssm.put_parameter, Name=name, Value="two", Type="String")
    refused("ValidationException", ssm.put_parameter, Name=name, Value="two", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])
    told = message("ParameterPatternMismatchException", ssm.put_parameter, Name=name, Value="TWO", Overwrite=True)
    assert told == "Parameter value, cannot be validated against allowedPattern: [a-z]+"
    assert ssm.put_parameter(Name=name, Value="two", Overwrite=True)["Version"] == 2
    found = ssm.get_parameter(Name=name)["Parameter"]
    assert (found["Name"], found["Value"], found["Type"], found["Version"], found["DataType"]) == (name, "two", "String", 2, "text")
    assert found["ARN"].endswith(f":parameter{name}")
    assert ssm.get_parameter(Name=found["ARN"])["Parameter"]["Name"] == name
    first = ssm.get_parameter(Name=f"{name}:1")["Parameter"]
    assert (first["Value"], first["Selector"]) == ("one", ":1")
    told = message("ParameterVersionNotFound", ssm.get_parameter, Name=f"{name}:3")
    assert told == f"Systems Manager could not find version 3 of {name}. Verify the version and try again."
    assert ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["prod", "9bad"])["InvalidLabels"] == ["9bad"]
    assert ssm.get_parameter(Name=f"{name}:prod")["Parameter"]["Version"] == 1
    assert ssm.label_parameter_version(Name=name, Labels=["prod"])["ParameterVersion"] == 2
    history = ssm.get_parameter_history(Name=name)["Parameters"]
    assert [(version["Value"], version["Labels"]) for version in history] == [("one", []), ("two", ["prod"])]
    assert history[0]["LastModifiedUser"].endswith(":root")
    unlabelled = ssm.unlabel_parameter_version(Name=name, ParameterVersion=2, Labels=["prod", "other"])
    assert (unlabelled["RemovedLabels"], unlabelled["InvalidLabels"]) == (["prod"], ["other"])
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "tag:a", "Values": ["b"]}, {"Key": "Path", "Option": "Recursive", "Values": [name.rsplit("/", 1)[0]]}])["Parameters"]
    assert [(one["Name"], one["Description"], one["AllowedPattern"], one["Policies"]) for one in described] == [(name, "d", "[a-z]+", [])]
    many = ssm.get_parameters(Names=[name, "no-such-parameter"])
    assert [one["Value"] for one in many["Parameters"]] == ["two"] and many["InvalidParameters"] == ["no-such-parameter"]
    ssm.delete_parameter(Name=name)
    assert message("ParameterNotFound", ssm.get_parameter, Name=name) == f"Parameter {name} not found."
    refused("ParameterNotFound", ssm.delete_parameter, Name=name)


def test_paths(ssm):
    root = f"/{unique('tree')}"
    names = [f"{root}/{leaf}" for leaf in ("a", "b", "c/d", "c/e")]
    for index, name in enumerate(names):
        ssm.put_parameter(Name=name, Value=str(index), Type="StringList" if index % 2 else "String")
    listed = lambda **options: [one["Name"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=root, **options) for one in page["Parameters"]]
    assert listed() == names[:2]
    assert listed(Recursive=True, PaginationConfig={"PageSize": 1}) == names
    assert listed(Recursive=True, ParameterFilters=[{"Key": "Type", "Values": ["StringList"]}]) == [names[1], names[3]]
    ssm.label_parameter_version(Name=names[0], Labels=["here"])
    assert listed(ParameterFilters=[{"Key": "Label", "Values": ["here"]}]) == [names[0]]
    assert "Valid filter keys include" in message("InvalidFilterKey", ssm.get_parameters_by_path, Path=root, ParameterFilters=[{"Key": "Name", "Values": ["x"]}])
    assert "must begin with a forward slash" in message("ValidationException", ssm.get_parameters_by_path, Path="tree")
    refused("InvalidNextToken", ssm.get_parameters_by_path, Path=root, NextToken="not ours!")
    deleted = ssm.delete_parameters(Names=[*names, "no-such-parameter"])
    assert deleted["DeletedParameters"] == names and deleted["InvalidParameters"] == ["no-such-parameter"]


@pytest.mark.parametrize(("name", "code", "text"), [
    ("aws_test", "ValidationException", "can't be prefixed with \"aws\" or \"ssm\""),
    ("/aws/test", "AccessDeniedException", "No access to reserved parameter name: /aws/test."),
    ("a/b", "ValidationException", "must be a fully qualified name"),
    ("a b", "ValidationException", "sub-paths divided by slash symbol"),
    ("/a" * 16, "HierarchyLevelLimitExceededException", "15 levels"),
])
def test_names_that_are_refused(ssm, name, code, text):
    assert text in message(code, ssm.put_parameter, Name=name, Value="x", Type="String")


def test_tiers_and_policies(ssm):
    name = unique("tier")
    assert "4096 characters" in message("ValidationException", ssm.put_parameter, Name=name, Value="x" * 4097, Type="String")
    assert ssm.put_parameter(Name=name, Value="x" * 4097, Type="String", Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert "can't downgrade" in message("ValidationException", ssm.put_parameter, Name=name, Value="x", Overwrite=True, Tier="Standard")
    policy = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2090-12-02T21:34:33.000Z"}}
    ssm.put_parameter(Name=name, Value="x", Overwrite=True, Policies=json.dumps([policy]))
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"][0]
    assert [(one["PolicyType"], one["PolicyStatus"], json.loads(one["PolicyText"])) for one in described["Policies"]] == [("Expiration", "Pending", policy)]
    refused("InvalidPolicyTypeException", ssm.put_parameter, Name=name, Value="x", Overwrite=True, Policies='[{"Type": "Other"}]')
    refused("ValidationException", ssm.put_parameter, Name=name, Value="x", Overwrite=True, DataType="other")


def test_a_hundred_versions_are_kept_but_no_label_is_lost(ssm):
    name = unique("many")
    for index in range(100):
        ssm.put_parameter(Name=name, Value=str(index), Type="String", Overwrite=True)
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["first"])
    assert "Version 1, the oldest version, can't be deleted" in message("ParameterMaxVersionLimitExceeded", ssm.put_parameter, Name=name, Value="x", Overwrite=True)
    ssm.label_parameter_version(Name=name, Labels=["first"])
    ssm.put_parameter(Name=name, Value="x", Overwrite=True)
    history = [version["Version"] for page in ssm.get_paginator("get_parameter_history").paginate(Name=name) for version in page["Parameters"]]
    assert history == list(range(2, 102))


def test_tags(ssm):
    name = unique("tagged")
    refused("InvalidResourceId", ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId=name)
    ssm.put_parameter(Name=name, Value="x", Type="String", Tags=[{"Key": "a", "Value": "b"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=f"/{name}", Tags=[{"Key": "c", "Value": "d"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=["a"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"] == [{"Key": "c", "Value": "d"}]
    refused("InvalidResourceType", ssm.list_tags_for_resource, ResourceType="Document", ResourceId=name)


def test_secure_strings(server, ssm):
    kms, iam = server.client("kms"), server.client("iam")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    alias = f"alias/{unique('ssm')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    plain, own = f"/{unique('default')}", f"/{unique('own')}"
    ssm.put_parameter(Name=plain, Value="s3cret", Type="SecureString")
    ssm.put_parameter(Name=own, Value="s3cret", Type="SecureString", KeyId=alias, Tier="Advanced")
    for name in (plain, own):
        assert "s3cret" not in ssm.get_parameter(Name=name)["Parameter"]["Value"]
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "s3cret"
    keys = {one["Name"]: one["KeyId"] for one in ssm.describe_parameters(ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}], MaxResults=50)["Parameters"]}
    assert (keys[plain], keys[own]) == ("alias/aws/ssm", alias)
    ssm.put_parameter(Name=own, Value="s3cret", Overwrite=True)
    assert ssm.get_parameter_history(Name=own)["Parameters"][-1]["KeyId"] == alias
    changed = unique("changed")
    ssm.put_parameter(Name=changed, Value="s3cret", Type="String")
    ssm.put_parameter(Name=changed, Value="s3cret", Type="SecureString", Overwrite=True)
    assert "s3cret" not in ssm.get_parameter(Name=changed)["Parameter"]["Value"]
    user = unique("reader")
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("ssm:GetParameter", "*"))
    access = iam.create_access_key(UserName=user)["AccessKey"]
    reader = server.client("ssm", access["AccessKeyId"], access["SecretAccessKey"])
    assert reader.get_parameter(Name=plain, WithDecryption=True)["Parameter"]["Value"] == "s3cret"
    told = message("AccessDeniedException", reader.get_parameter, Name=own, WithDecryption=True)
    assert f"is not authorized to perform: kms:Decrypt on resource: {key}" in told and "(Service: AWSKMS;" in told
    reader.get_parameter(Name=own)
    told = message("AccessDeniedException", reader.put_parameter, Name=own, Value="x", Overwrite=True)
    assert "ssm:PutParameter on resource" in told
    assert "does not exist (Service: AWSKMS" in message("InvalidKeyId", ssm.put_parameter, Name=own, Value="x", Overwrite=True, KeyId="1234abcd-12ab-34cd-56ef-1234567890ab")
    kms.disable_key(KeyId=key)
    refused("InvalidKeyId", ssm.get_parameter, Name=own, WithDecryption=True)


def test_a_secret_by_reference(server, ssm):
    manager = server.client("secretsmanager")
    name = unique("referenced")
    arn = manager.create_secret(Name=name, SecretString="s3cret")["ARN"]
    reference = f"/aws/reference/secretsmanager/{name}"
    found = ssm.get_parameter(Name=reference, WithDecryption=True)["Parameter"]
    assert (found["Name"], found["Value"], found["Type"], found["Version"]) == (reference, "s3cret", "SecureString", 0)
    assert json.loads(found["SourceResult"])["ARN"] == arn
    assert ssm.get_parameter(Name=f"{reference}:AWSCURRENT", WithDecryption=True)["Parameter"]["Value"] == "s3cret"
    refused("ValidationException", ssm.get_parameter, Name=reference)
    assert "not found" in message("ParameterNotFound", ssm.get_parameter, Name=f"{reference}-gone", WithDecryption=True)


def test_regions_are_apart(server, ssm):
    elsewhere, name = server.client("ssm", region="eu-west-1"), unique("apart")
    ssm.put_parameter(Name=name, Value="here", Type="SecureString")
    elsewhere.put_parameter(Name=name, Value="there", Type="SecureString")
    assert [one.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] for one in (ssm, elsewhere)] == ["here", "there"]


def test_what_is_not_served_says_so(ssm):
    assert message("UnknownOperationException", ssm.list_documents) == "Tidegate does not serve ssm:ListDocuments."


@pytest.fixture(scope="module")
def shown(world):
    """An image that serves its environment variable PASSWORD on port 80."""
    script = "busybox mkdir -p /www; echo \"$PASSWORD $PLAIN\" > /www/index.html; exec httpd -f -p 80 -h /www"
    return world.registry.push(shell_image(script), repository="alice/shown")


def read(address):
    """The page, once it is there."""
    try:
        return page(address)
    except OSError:
        return None


def define(world, image, role, secrets):
    return world.define(image=image, role=role, secrets=[{"name": name, "valueFrom": source} for name, source in secrets.items()])


def role_for(world, *statements):
    pull = allow("secretsmanager:GetSecretValue", world.secret)
    return world.create_role("parameters", {"pull": pull, **{f"p{index}": one for index, one in enumerate(statements)}})


def test_a_task_gets_its_parameters(world, ssm, shown):
    name, plain = f"/{unique('task')}/password", unique("plain")
    ssm.put_parameter(Name=name, Value="s3cret of ssm", Type="SecureString")
    ssm.put_parameter(Name=plain, Value="not secret", Type="String")
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    role = role_for(world, allow("ssm:GetParameters", [arn, ssm.get_parameter(Name=plain)["Parameter"]["ARN"]]))
    task = world.run(define(world, shown, role, {"PASSWORD": arn, "PLAIN": plain}))
    address = world.interface(world.wait(task, "RUNNING")).public
    assert until(lambda: read(address), 10, "the page").strip() == "s3cret of ssm not secret"
    world.stop(task)


def test_a_task_without_the_right_the_key_or_the_parameter(world, ssm, shown):
    key = world.kms.create_key()["KeyMetadata"]["Arn"]
    name = f"/{unique('task')}/password"
    ssm.put_parameter(Name=name, Value="s3cret of ssm", Type="SecureString", KeyId=key)
    arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
    begin = f"{INITIALIZATION}: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
    call = begin + "operation error SSM: GetParameters, https response error StatusCode: 400, RequestID: "
    right = [call, f"api error AccessDeniedException: User: arn:aws:sts::{world.account}:assumed-role/", f"ssm:GetParameters on resource: {arn}"]
    fails(world, define(world, shown, role_for(world), {"PASSWORD": name}), right, "policy", mend="ssm:GetParameters")
    role = role_for(world, allow("ssm:GetParameters", "*"))
    decrypt = [call, "api error AccessDeniedException", f"kms:Decrypt on resource: {key}"]
    fails(world, define(world, shown, role, {"PASSWORD": arn}), decrypt, "key", mend="kms:Decrypt")
    fails(world, define(world, shown, role, {"PASSWORD": f"{name}/gone"}), [f"{begin}invalid parameters: {name}/gone"], "secret", mend="put-parameter")
