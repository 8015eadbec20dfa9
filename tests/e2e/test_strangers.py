"""Every served operation, called by a user without any right, is refused; GetCallerIdentity alone needs none."""

import secrets

import botocore.exceptions
import botocore.session
import pytest
from support import ROOT

WITHOUT_PERMISSION = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
# Nobody signs these: what they bring proves who asks, so a stranger is told that it proves nothing.
UNSIGNED = {("sts", "AssumeRoleWithWebIdentity"): "InvalidIdentityToken"}
OWN_ANSWERS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


def served():
    names, service = [], None
    for line in (ROOT / "models/operations.toml").read_text().splitlines():
        line = line.split("#")[0].strip().rstrip(",")
        if line.startswith("["):
            service = line.strip("[]").split(".")[0]
        elif line.startswith('"'):
            names.append((service, line.strip('"')))
    return [(service, name) for service, name in names if service != "tidegate"]


def example(shape, name=""):
    """The smallest valid value of a shape."""
    if shape.type_name == "structure":
        wanted = set(shape.required_members) | ({"GroupId", "logGroupName"} & set(shape.members))
        return {member: example(shape.members[member], member) for member in wanted}
    if shape.type_name == "list":
        return [example(shape.member, name)] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "map":
        return {"key": "value"}
    if shape.type_name == "string":
        if shape.enum:
            return shape.enum[0]
        known = {
            "PolicyDocument": "{}", "RoleArn": "arn:aws:iam::123456789012:role/none", "AccessKeyId": "AKIAEXAMPLE123456789",
            "VersionId": "v1", "ReplicaRegions": "eu-west-1", "ServiceSpecificCredentialId": "ACCAEXAMPLE123456789",
            "AuthenticationCode1": "000000", "AuthenticationCode2": "000000", "Url": "https://issuer.example",
            "resourceArn": "arn:aws:logs:us-east-1:123456789012:log-group:none", "GroupId": "sg-00000000000000000"}
        if name.endswith("Region"):
            return "eu-west-1"
        for word, value in known.items():
            if name.endswith(word):
                return value
        return ("arn:aws:iam::123456789012:policy/example" if name.endswith("Arn") else "example-one").ljust(shape.metadata.get("min", 1), "x")
    return {"integer": max(1, shape.metadata.get("min", 1)), "long": 1, "boolean": True, "blob": b"x", "timestamp": 0, "double": 1.0, "float": 1.0}[shape.type_name]


@pytest.fixture(scope="module")
def stranger(server):
    iam = server.client("iam")
    name = "stranger-" + secrets.token_hex(4)
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server, key["AccessKeyId"], key["SecretAccessKey"]


@pytest.mark.parametrize(("service", "operation"), served())
def test_a_stranger_is_refused(stranger, service, operation):
    server, key, secret = stranger
    client = server.client(service, key, secret)
    shape = client.meta.service_model.operation_model(operation).input_shape
    parameters = example(shape) if shape else {}
    method = botocore.xform_name(operation)
    if (service, operation) in WITHOUT_PERMISSION:
        getattr(client, method)(**parameters)
        return
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(client, method)(**parameters)
    answer = refused.value.response["Error"]
    expected = {UNSIGNED[service, operation]} if (service, operation) in UNSIGNED else OWN_ANSWERS
    assert answer["Code"] in expected, answer


def test_the_table_is_not_empty():
    assert len(served()) > 100
