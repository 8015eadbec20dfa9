"""IAM and STS through boto3: every served operation, and the rights they give."""

import json
import secrets

import botocore.exceptions
import pytest
from conftest import ECS_TRUST, allow


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture(scope="module")
def account(server):
    return server.client("sts").get_caller_identity()["Account"]


def unique(word):
    return f"{word}-{secrets.token_hex(4)}"


def refused(code, call, **parameters):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response


def trust(principal, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}]})


def test_users_and_access_keys(server, iam):
    name = unique("user")
    user = iam.create_user(UserName=name, Path="/team/", Tags=[{"Key": "a", "Value": "b"}])["User"]
    assert user["Arn"].endswith(f":user/team/{name}") and user["UserId"].startswith("AIDA")
    assert iam.get_user(UserName=name)["User"]["Tags"] == [{"Key": "a", "Value": "b"}]
    assert name in [listed["UserName"] for listed in iam.list_users(PathPrefix="/team/")["Users"]]
    assert refused("EntityAlreadyExists", iam.create_user, UserName=name.upper())["ResponseMetadata"]["HTTPStatusCode"] == 409
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sts = server.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"] == user["Arn"]
    assert iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["Status"] == "Active"
    assert "AccessKeyLastUsed" in iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    refused("InvalidClientTokenId", sts.get_caller_identity)
    refused("DeleteConflict", iam.delete_user, UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.tag_user(UserName=name, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_user(UserName=name, TagKeys=["a"])
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "c", "Value": "d"}]
    iam.delete_user(UserName=name)
    refused("NoSuchEntity", iam.get_user, UserName=name)


def test_the_rights_of_a_user_are_what_its_policies_say(server, iam):
    name = unique("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    logs = server.client("logs", key["AccessKeyId"], key["SecretAccessKey"])
    message = refused("AccessDeniedException", logs.describe_log_groups)["Error"]["Message"]
    assert "is not authorized to perform: logs:DescribeLogGroups" in message
    assert "because no identity-based policy allows the logs:DescribeLogGroups action" in message
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=allow("logs:Describe*", "*"))
    logs.describe_log_groups()
    assert iam.list_user_policies(UserName=name)["PolicyNames"] == ["inline"]
    document = iam.get_user_policy(UserName=name, PolicyName="inline")["PolicyDocument"]
    assert document == json.loads(allow("logs:Describe*", "*"))
    policy = iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=allow("ecs:*", "*"))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=policy)
    message = refused("AccessDeniedException", logs.describe_log_groups)["Error"]["Message"]
    assert "because no permissions boundary allows the logs:DescribeLogGroups action" in message
    iam.delete_user_permissions_boundary(UserName=name)
    logs.describe_log_groups()
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    assert iam.list_attached_user_policies(UserName=name)["AttachedPolicies"][0]["PolicyArn"] == policy
    refused("AccessDeniedException", logs.describe_log_groups)
    iam.detach_user_policy(UserName=name, PolicyArn=policy)


def test_roles(iam, account):
    name = unique("role")
    role = iam.create_role(RoleName=name, Path="/app/", AssumeRolePolicyDocument=ECS_TRUST, Description="one", Tags=[{"Key": "a", "Value": "b"}])["Role"]
    assert role["Arn"] == f"arn:aws:iam::{account}:role/app/{name}" and role["RoleId"].startswith("AROA")
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(ECS_TRUST)
    assert name in [listed["RoleName"] for listed in iam.list_roles(PathPrefix="/app/")["Roles"]]
    iam.update_role(RoleName=name, Description="two", MaxSessionDuration=7200)
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 7200
    assert iam.update_role_description(RoleName=name, Description="three")["Role"]["Description"] == "three"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": account}))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=allow("ecs:*", "*"))
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["inline"]
    assert iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"]["Statement"][0]["Action"] == "ecs:*"
    managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    iam.attach_role_policy(RoleName=name, PolicyArn=managed)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [{"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": managed}]
    assert name in [entity["RoleName"] for entity in iam.list_entities_for_policy(PolicyArn=managed)["PolicyRoles"]]
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=managed)
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == managed
    iam.delete_role_permissions_boundary(RoleName=name)
    iam.tag_role(RoleName=name, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"] == []
    refused("DeleteConflict", iam.delete_role, RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=managed)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    assert refused("NoSuchEntity", iam.get_role, RoleName=name)["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_policies_and_their_versions(iam):
    name = unique("policy")
    policy = iam.create_policy(PolicyName=name, PolicyDocument=allow("ecs:*", "*"), Tags=[{"Key": "a", "Value": "b"}])["Policy"]["Arn"]
    assert iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v1"
    assert name in [listed["PolicyName"] for listed in iam.list_policies(Scope="Local")["Policies"]]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=allow("logs:*", "*"), SetAsDefault=True)
    version = iam.get_policy_version(PolicyArn=policy, VersionId="v2")["PolicyVersion"]
    assert version["IsDefaultVersion"] and version["Document"] == json.loads(allow("logs:*", "*"))
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v1")
    assert {listed["VersionId"]: listed["IsDefaultVersion"] for listed in iam.list_policy_versions(PolicyArn=policy)["Versions"]} == {"v1": True, "v2": False}
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=policy, VersionId="v1")
    iam.delete_policy_version(PolicyArn=policy, VersionId="v2")
    iam.tag_policy(PolicyArn=policy, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_policy(PolicyArn=policy, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=policy)["Tags"] == [{"Key": "c", "Value": "d"}]
    iam.delete_policy(PolicyArn=policy)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=policy)


@pytest.mark.parametrize("document", ['{"Statement":[', "{}", '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Action":"a:b","Resource":"*"}]}'])
def test_a_malformed_policy_is_refused(iam, document):
    refused("MalformedPolicyDocument", iam.create_policy, PolicyName=unique("bad"), PolicyDocument=document)


def test_assume_role(server, iam, account):
    name, user = unique("role"), unique("user")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    key = iam.create_access_key(UserName=user)["AccessKey"]
    sts = server.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    document = trust({"AWS": arn}, Condition={"StringEquals": {"sts:ExternalId": "42"}})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow(["logs:*", "ecs:*"], "*"))
    refused("AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="me")
    answer = sts.assume_role(RoleArn=role, RoleSessionName="me", ExternalId="42", Policy=allow("logs:*", "*"), DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/{name}/me"
    credentials = answer["Credentials"]
    session = [credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]]
    server.client("logs", *session).describe_log_groups()
    message = refused("AccessDeniedException", server.client("ecs", *session).list_clusters)["Error"]["Message"]
    assert "because no session policy allows the ecs:ListClusters action" in message
    refused("InvalidClientTokenId", server.client("sts", session[0], session[1], session[2][:-8] + "AAAAAAA=").get_caller_identity)
    assert server.client("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account
    temporary = sts.get_session_token()["Credentials"]
    own = server.client("sts", temporary["AccessKeyId"], temporary["SecretAccessKey"], temporary["SessionToken"])
    assert own.get_caller_identity()["Arn"] == arn


def test_pass_role_is_checked(server, iam, account):
    user, role = unique("user"), unique("role")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=ECS_TRUST)["Role"]["Arn"]
    iam.put_user_policy(UserName=user, PolicyName="ecs", PolicyDocument=allow("ecs:*", "*"))
    ecs = server.client("ecs", key["AccessKeyId"], key["SecretAccessKey"])
    definition = {
        "family": unique("family"), "networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": arn, "containerDefinitions": [{"name": "x", "image": "x"}]}
    message = refused("AccessDeniedException", ecs.register_task_definition, **definition)["Error"]["Message"]
    assert f"is not authorized to perform: iam:PassRole on resource: {arn}" in message
    iam.put_user_policy(UserName=user, PolicyName="pass", PolicyDocument=allow("iam:PassRole", arn))
    ecs.register_task_definition(**definition)


def test_groups_give_rights(server, iam):
    user, group = unique("user"), unique("group")
    iam.create_user(UserName=user)
    iam.create_group(GroupName=group, Path="/team/")
    key = iam.create_access_key(UserName=user)["AccessKey"]
    logs = server.client("logs", key["AccessKeyId"], key["SecretAccessKey"])
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert [listed["UserName"] for listed in iam.get_group(GroupName=group)["Users"]] == [user]
    assert [listed["GroupName"] for listed in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]
    assert group in [listed["GroupName"] for listed in iam.list_groups(PathPrefix="/team/")["Groups"]]
    refused("AccessDeniedException", logs.describe_log_groups)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=allow("logs:*", "*"))
    logs.describe_log_groups()
    assert iam.list_group_policies(GroupName=group)["PolicyNames"] == ["p"]
    assert iam.get_group_policy(GroupName=group, PolicyName="p")["PolicyDocument"] == json.loads(allow("logs:*", "*"))
    iam.delete_group_policy(GroupName=group, PolicyName="p")
    managed = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_group_policy(GroupName=group, PolicyArn=managed)
    assert iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"][0]["PolicyArn"] == managed
    logs.describe_log_groups()
    iam.detach_group_policy(GroupName=group, PolicyArn=managed)
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.update_group(GroupName=group, NewGroupName=group + "-new")
    iam.delete_group(GroupName=group + "-new")
    iam.update_user(UserName=user, NewUserName=user + "-new")
    assert iam.get_user(UserName=user + "-new")["User"]["Arn"].endswith(user + "-new")


def test_instance_profiles(iam):
    profile, role = unique("profile"), unique("role")
    iam.create_instance_profile(InstanceProfileName=profile, Tags=[{"Key": "a", "Value": "b"}])
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=ECS_TRUST)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    assert iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"][0]["RoleName"] == role
    assert profile in [listed["InstanceProfileName"] for listed in iam.list_instance_profiles()["InstanceProfiles"]]
    iam.tag_instance_profile(InstanceProfileName=profile, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_instance_profile(InstanceProfileName=profile, TagKeys=["a"])
    assert iam.list_instance_profile_tags(InstanceProfileName=profile)["Tags"] == [{"Key": "c", "Value": "d"}]
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)
    refused("NoSuchEntity", iam.get_instance_profile, InstanceProfileName=profile)


@pytest.mark.parametrize("service, name, policy", [
    ("ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
    ("rds.amazonaws.com", "AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy"),
    ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService", "AWSApplicationAutoscalingECSServicePolicy"),
])
def test_a_service_linked_role(iam, account, service, name, policy):
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    assert role["RoleName"] == name
    assert role["Arn"] == f"arn:aws:iam::{account}:role/aws-service-role/{service}/{name}"
    assert role["AssumeRolePolicyDocument"]["Statement"] == [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]
    assert iam.get_role(RoleName=name)["Role"]["Path"] == f"/aws-service-role/{service}/"
    arn = f"arn:aws:iam::aws:policy/aws-service-role/{policy}"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [{"PolicyName": policy, "PolicyArn": arn}]
    assert "try a different suffix" in refused("InvalidInput", iam.create_service_linked_role, AWSServiceName=service)["Error"]["Message"]
    assert "not allowed" in refused("InvalidInput", iam.create_service_linked_role, AWSServiceName=service, CustomSuffix="x")["Error"]["Message"]
    refused("UnmodifiableEntity", iam.delete_role, RoleName=name)
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    refused("NoSuchEntity", iam.get_role, RoleName=name)


def test_service_linked_roles_with_suffixes_and_of_nobody(iam):
    suffix = unique("s")
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix, Description="mine")["Role"]
    assert (role["RoleName"], role["Description"]) == (f"AWSServiceRoleForAutoScaling_{suffix}", "mine")
    iam.delete_service_linked_role(RoleName=role["RoleName"])
    assert "lambda.amazonaws.com" in refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="lambda.amazonaws.com")["Error"]["Message"]
    refused("NoSuchEntity", iam.get_service_linked_role_deletion_status, DeletionTaskId="task/aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda/0")
    refused("NoSuchEntity", iam.delete_service_linked_role, RoleName=unique("role"))


def test_the_account(iam, account):
    alias = unique("alias")
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.get_account_summary()["SummaryMap"]["Users"] >= 0
    name = unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=ECS_TRUST)
    details = [role for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"]) for role in page["RoleDetailList"]]
    assert f"arn:aws:iam::{account}:role/{name}" in [role["Arn"] for role in details]


def test_policies_are_simulated_as_they_are_decided(iam):
    name = unique("role")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=ECS_TRUST)["Role"]["Arn"]
    document = json.loads(allow("logs:*", "*"))
    document["Statement"][0]["Condition"] = {"StringEquals": {"aws:RequestTag/team": "a"}}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == ["aws:RequestTag/team"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[json.dumps(document)])["ContextKeyNames"] == ["aws:RequestTag/team"]
    entry = {"ContextKeyName": "aws:RequestTag/team", "ContextKeyType": "string", "ContextKeyValues": ["a"]}
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["logs:PutLogEvents", "ecs:RunTask"], ContextEntries=[entry])
    assert [result["EvalDecision"] for result in answer["EvaluationResults"]] == ["allowed", "implicitDeny"]
    answer = iam.simulate_custom_policy(PolicyInputList=[json.dumps(document)], ActionNames=["logs:PutLogEvents"])
    result = answer["EvaluationResults"][0]
    assert result["EvalDecision"] == "implicitDeny" and result["MissingContextValues"] == ["aws:RequestTag/team"]


def test_conditions_on_the_headers_of_a_request(server, iam):
    """What the sender writes is no proof of who it is, but policies may ask for it, as on AWS."""
    name = unique("headers")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    mine = server.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    headers = {}
    mine.meta.events.register("before-send.iam.*", lambda request, **_: request.headers.update(headers) and None)
    document = json.loads(allow("iam:ListRoles", "*"))
    document["Statement"][0]["Condition"] = {"StringLike": {"aws:UserAgent": "build-*", "aws:Referer": "https://wiki.example/*"}}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    refused("AccessDenied", mine.list_roles)
    headers["User-Agent"] = "build-7"
    refused("AccessDenied", mine.list_roles)
    headers["Referer"] = "https://wiki.example/how-to"
    assert "Roles" in mine.list_roles()
    headers["User-Agent"] = "Boto3/1"
    refused("AccessDenied", mine.list_roles)
