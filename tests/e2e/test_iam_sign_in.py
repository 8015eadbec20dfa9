"""Passwords, MFA devices, service credentials, OpenID Connect providers and the credential report through boto3."""

import base64
import csv
import hashlib
import hmac
import json
import secrets
import struct
import time

import pytest
from conftest import allow
from test_iam import iam, refused, unique  # noqa: F401


@pytest.fixture
def user(server, iam):  # noqa: F811
    """A user with an access key of its own and no right."""
    name = unique("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield name, lambda service: server.client(service, key["AccessKeyId"], key["SecretAccessKey"])


def code(seed, step):
    """The code of a virtual MFA device (RFC 6238)."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    number = struct.unpack(">I", digest[digest[-1] & 15:][:4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def test_a_password_follows_the_policy_and_is_changed_by_its_user(server, iam, user):  # noqa: F811
    name, as_user = user
    refused("NoSuchEntity", iam.get_login_profile, UserName=name)
    refused("PasswordPolicyViolation", iam.create_login_profile, UserName=name, Password="short")
    password = "Old-" + secrets.token_hex(8)
    profile = iam.create_login_profile(UserName=name, Password=password, PasswordResetRequired=True)["LoginProfile"]
    assert (profile["UserName"], profile["PasswordResetRequired"]) == (name, True)
    refused("EntityAlreadyExists", iam.create_login_profile, UserName=name, Password=password)
    refused("NoSuchEntity", iam.get_account_password_policy)
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, PasswordReusePrevention=2, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["ExpirePasswords"], policy["MaxPasswordAge"]) == (12, True, 90)
    new = "New-" + secrets.token_hex(8)
    own = as_user("iam")
    refused("AccessDenied", own.change_password, OldPassword=password, NewPassword=new)
    iam.update_account_password_policy(PasswordReusePrevention=2, AllowUsersToChangePassword=True)
    refused("AccessDenied", own.change_password, OldPassword="no" + password, NewPassword=new)
    own.change_password(OldPassword=password, NewPassword=new)
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is False
    refused("PasswordPolicyViolation", own.change_password, OldPassword=new, NewPassword=password)
    iam.update_login_profile(UserName=name, Password="Third-" + secrets.token_hex(8), PasswordResetRequired=True)
    refused("AccessDenied", own.change_password, OldPassword=new, NewPassword=password)
    assert "login profile" in refused("DeleteConflict", remove, iam=iam, name=name)["Error"]["Message"]
    iam.delete_login_profile(UserName=name)
    iam.delete_account_password_policy()
    refused("NoSuchEntity", iam.delete_account_password_policy)
    data = (server.data / "tidegate.db").read_bytes() + (server.data / "tidegate.db-wal").read_bytes()
    assert password.encode() not in data and new.encode() not in data


def remove(iam, name):  # noqa: F811
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_a_code_of_an_mfa_device_opens_what_asks_for_it(server, iam, user):  # noqa: F811
    name, as_user = user
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Tags=[{"Key": "a", "Value": "b"}])["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"]
    refused("EntityAlreadyExists", iam.create_virtual_mfa_device, VirtualMFADeviceName=name)
    now = int(time.time()) // 30
    enable = {"UserName": name, "SerialNumber": serial}
    refused("InvalidAuthenticationCode", iam.enable_mfa_device, **enable, AuthenticationCode1="000000", AuthenticationCode2="000000")
    iam.enable_mfa_device(**enable, AuthenticationCode1=code(seed, now - 3), AuthenticationCode2=code(seed, now - 2))
    assert [one["SerialNumber"] for one in iam.list_mfa_devices(UserName=name)["MFADevices"]] == [serial]
    assigned = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert name in [one["User"]["UserName"] for one in assigned]
    assert iam.get_mfa_device(SerialNumber=serial)["UserName"] == name
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["a"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "c", "Value": "d"}]
    refused("DeleteConflict", iam.delete_virtual_mfa_device, SerialNumber=serial)

    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["logs:DescribeLogGroups", "iam:ListUsers"], "Resource": "*", "Condition": condition}]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    refused("AccessDeniedException", as_user("logs").describe_log_groups)
    sts = as_user("sts")
    without = sts.get_session_token()["Credentials"]
    refused("AccessDeniedException", session(server, "logs", without).describe_log_groups)
    refused("InvalidClientTokenId", session(server, "iam", without).list_users)
    refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode="000000")
    now = int(time.time()) // 30
    given = sts.get_session_token(SerialNumber=serial, TokenCode=code(seed, now))["Credentials"]
    session(server, "logs", given).describe_log_groups()
    session(server, "iam", given).list_users()
    refused("AccessDenied", sts.get_session_token, SerialNumber=serial, TokenCode=code(seed, now))

    trust = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": iam.get_user(UserName=name)["User"]["Arn"]}, "Action": "sts:AssumeRole",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    refused("AccessDenied", sts.assume_role, RoleArn=role, RoleSessionName="me")
    sts.assume_role(RoleArn=role, RoleSessionName="me", SerialNumber=serial, TokenCode=code(seed, now + 1))

    iam.resync_mfa_device(**enable, AuthenticationCode1=code(seed, now + 3), AuthenticationCode2=code(seed, now + 4))
    iam.deactivate_mfa_device(**enable)
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    refused("NoSuchEntity", iam.delete_virtual_mfa_device, SerialNumber=serial)


def session(server, service, credentials):
    return server.client(service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def test_a_federated_user_may_what_both_policies_allow(server, iam, user):  # noqa: F811
    name, as_user = user
    refused("AccessDenied", as_user("sts").get_federation_token, Name="guest")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow(["sts:GetFederationToken", "logs:*"], "*"))
    token = as_user("sts").get_federation_token(Name="guest", Policy=allow(["logs:DescribeLogGroups", "ecs:*"], "*"), DurationSeconds=900)
    assert token["FederatedUser"]["Arn"].endswith(":federated-user/guest")
    credentials = token["Credentials"]
    assert session(server, "sts", credentials).get_caller_identity()["Arn"] == token["FederatedUser"]["Arn"]
    session(server, "logs", credentials).describe_log_groups()
    refused("AccessDeniedException", session(server, "logs", credentials).create_log_group, logGroupName="none")
    refused("AccessDeniedException", session(server, "ecs", credentials).list_clusters)
    refused("InvalidClientTokenId", session(server, "iam", credentials).list_users)
    nothing = as_user("sts").get_federation_token(Name="guest")
    assert nothing["PackedPolicySize"] == 0
    refused("AccessDeniedException", session(server, "logs", nothing["Credentials"]).describe_log_groups)


def test_service_credentials_and_what_terraform_asks_before_it_deletes_a_user(iam, user):  # noqa: F811
    name, _ = user
    made = iam.create_service_specific_credential(UserName=name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert made["ServiceUserName"].startswith(f"{name}-at-") and made["ServicePassword"]
    which = {"UserName": name, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**which, Status="Inactive")
    listed = iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"]
    assert [one["Status"] for one in listed] == ["Inactive"]
    again = iam.reset_service_specific_credential(**which)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != made["ServicePassword"]
    refused("NoSuchEntity", iam.create_service_specific_credential, UserName=name, ServiceName="lambda.amazonaws.com")
    refused("DeleteConflict", remove, iam=iam, name=name)
    iam.delete_service_specific_credential(**which)
    refused("NoSuchEntity", iam.delete_service_specific_credential, **which)
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    refused("NoSuchEntity", iam.list_ssh_public_keys, UserName=unique("none"))
    remove(iam, name)


def test_openid_connect_providers(iam):  # noqa: F811
    url = f"https://{unique('issuer')}.example/path"
    arn = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["one"], ThumbprintList=["a" * 40], Tags=[{"Key": "a", "Value": "b"}])["OpenIDConnectProviderArn"]
    assert arn.endswith(":oidc-provider/" + url.removeprefix("https://"))
    refused("EntityAlreadyExists", iam.create_open_id_connect_provider, Url=url)
    refused("ValidationError", iam.create_open_id_connect_provider, Url="issuer.example")
    which = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**which, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**which, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**which, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**which, Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_open_id_connect_provider(**which, TagKeys=["a"])
    assert iam.list_open_id_connect_provider_tags(**which)["Tags"] == [{"Key": "c", "Value": "d"}]
    provider = iam.get_open_id_connect_provider(**which)
    assert provider["Url"] == url.removeprefix("https://")
    assert (provider["ClientIDList"], provider["ThumbprintList"]) == (["two"], ["b" * 40])
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(**which)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, **which)


def test_the_credential_report(iam, user):  # noqa: F811
    name, _ = user
    refused("ReportNotPresent", iam.get_credential_report)
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    rows = list(csv.DictReader(iam.get_credential_report()["Content"].decode().splitlines()))
    assert rows[0]["user"] == "<root_account>"
    row = next(row for row in rows if row["user"] == name)
    assert (row["password_enabled"], row["access_key_1_active"], row["access_key_2_active"]) == ("false", "true", "false")


def test_a_role_trusts_who_was_there_and_not_who_has_the_name(server, iam):  # noqa: F811
    name = unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    assert role["AssumeRolePolicyDocument"] == trust
    iam.update_user(UserName=name, NewUserName=name + "-new")
    shown = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert shown == arn + "-new"
    identity = iam.get_user(UserName=name + "-new")["User"]["UserId"]
    iam.delete_user(UserName=name + "-new")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("sts:AssumeRole", "*"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    shown = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert shown == identity
    sts = server.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    refused("AccessDenied", sts.assume_role, RoleArn=role["Arn"], RoleSessionName="me")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")
    message = refused("MalformedPolicyDocument", iam.update_assume_role_policy, RoleName=name, PolicyDocument=json.dumps(
        trust).replace(name, name + "-none"))["Error"]["Message"]
    assert message == f'Invalid principal in policy: "AWS":"{arn}-none"'
