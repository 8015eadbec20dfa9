"""Every served operation against botocore's own serialiser and parser, both ways, with values nobody wrote by hand."""

import random

import botocore.awsrequest
import botocore.parsers
import botocore.serialize
import pytest

from mirror import Mirror, ValidValues, Values, answer_name, as_json, request_name, served, service_models

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
CASES = 6


@pytest.fixture(scope="module")
def mirror():
    with Mirror() as mirror:
        yield mirror


@pytest.fixture(scope="module")
def models():
    return service_models()


def cases(*seed, kind=Values):
    """The first has every member, the others some."""
    return [kind(random.Random(f"{seed} {case}"), every_member=case == 0) for case in range(CASES)]


def body(serializer, value, operation):
    request = serializer.serialize_to_request(value, operation)
    prepared = botocore.awsrequest.AWSRequest("POST", "http://localhost/", data=request["body"]).prepare().body
    return prepared.decode() if isinstance(prepared, bytes) else prepared


def without_empty(value):
    """The Query protocols cannot say "an empty structure"; it comes as absent."""
    if isinstance(value, dict):
        members = {name: without_empty(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in ({}, None)}
    if isinstance(value, list):
        return [without_empty(element) for element in value]
    return value


@pytest.mark.parametrize(("service", "name"), served())
def test_requests_are_understood_as_botocore_means_them(mirror, models, service, name):
    operation = models[service].operation_model(name)
    if operation.input_shape is None:
        assert mirror.ask(do="read", service=service, operation=name, body="") == {}
        return
    serializer = botocore.serialize.create_serializer(models[service].metadata["protocol"], include_validation=False)
    for values in cases("request", service, name):
        value = values.of(operation.input_shape)
        understood = mirror.ask(do="read", service=service, operation=name, body=body(serializer, value, operation))
        assert without_empty(understood) == without_empty(as_json(operation.input_shape, value, answer_name))


@pytest.mark.parametrize(("service", "name"), served())
def test_constraints_are_the_models(mirror, models, service, name):
    operation = models[service].operation_model(name)
    shape = operation.input_shape
    if shape is None:
        return
    serializer = botocore.serialize.create_serializer(models[service].metadata["protocol"], include_validation=False)

    def violations(value):
        return mirror.ask(do="check", service=service, operation=name, body=body(serializer, value, operation))

    for values in cases("valid", service, name, kind=ValidValues):
        value = values.of(shape)
        assert violations(value) == []
        for member, member_shape in shape.members.items():
            if member in shape.required_members and must_not_be_empty(member_shape):
                without = {key: kept for key, kept in value.items() if key != member}
                assert any(told_of_nothing(member_shape) in violation for violation in violations(without)), member
            if member_shape.type_name == "string" and member_shape.enum:
                assert any("enum value set" in violation for violation in violations({**value, member: "?"})), member
            longest = member_shape.metadata.get("max")
            if member_shape.type_name == "string" and longest and longest < 10_000:
                too_long = {**value, member: "a" * (longest + 1)}
                assert any(f"less than or equal to {longest}" in violation for violation in violations(too_long)), member


def told_of_nothing(shape):
    """Clients send an empty blob where they refuse to send none; AWS tells its length."""
    if shape.type_name == "blob" and shape.metadata.get("min"):
        return f"must have length greater than or equal to {shape.metadata['min']}"
    return "must not be null"


def must_not_be_empty(shape):
    return shape.type_name in ("string", "blob") and shape.metadata.get("min") != 0


@pytest.mark.parametrize(("service", "name"), served())
def test_botocore_understands_answers_as_we_mean_them(mirror, models, service, name):
    operation = models[service].operation_model(name)
    protocol = models[service].metadata["protocol"]
    parser = botocore.parsers.create_parser(protocol)
    name_of = request_name if protocol == "ec2" else answer_name
    for values in cases("answer", service, name):
        value = values.of(operation.output_shape) if operation.output_shape else {}
        output = as_json(operation.output_shape, value, name_of) if operation.output_shape else {}
        answer = mirror.ask(do="write", service=service, operation=name, output=output)
        response = {"status_code": 200, "headers": {"x-amzn-requestid": REQUEST_ID}, "body": answer.encode()}
        parsed = parser.parse(response, operation.output_shape)
        assert parsed.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
        assert without_empty(parsed) == without_empty(value)


@pytest.mark.parametrize("service", sorted({service for service, _ in served()}))
def test_botocore_understands_errors(mirror, models, service):
    parser = botocore.parsers.create_parser(models[service].metadata["protocol"])
    for code, message, status in [("AccessDeniedException", "User: <é> & co", 400), ("InternalFailure", "line\nline", 500)]:
        answer = mirror.ask(do="refuse", service=service, code=code, message=message, status=status)
        response = {"status_code": status, "headers": {"x-amzn-requestid": REQUEST_ID}, "body": answer.encode()}
        parsed = parser.parse(response, None)
        assert (parsed["Error"]["Code"], parsed["Error"]["Message"]) == (code, message)
        assert parsed["ResponseMetadata"]["RequestId"] == REQUEST_ID
