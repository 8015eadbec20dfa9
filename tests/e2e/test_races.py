"""Calls at the same time: what each one depends on is so when it is done, not only when it began."""

from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest
from test_iam import unique

HOME, AWAY, THIRD = "us-east-1", "eu-west-1", "ap-south-1"


def at_once(*calls):
    """Does all of them at the same time, and answers what each one answered or its error's code."""

    def outcome(call):
        try:
            return call()
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


@pytest.mark.parametrize("round_", range(4))
def test_one_region_becomes_the_primary(server, round_):
    home = server.client("kms")
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    for region in (AWAY, THIRD):
        home.replicate_key(KeyId=key, ReplicaRegion=region)
    answers = at_once(*(lambda region=region: home.update_primary_region(KeyId=key, PrimaryRegion=region) for region in (AWAY, THIRD) * 3))
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert {answer for answer in answers if isinstance(answer, str)} == {"UnsupportedOperationException"}
    kinds = [server.client("kms", region=region).describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]["MultiRegionKeyType"]
             for region in (HOME, AWAY, THIRD)]
    assert kinds.count("PRIMARY") == 1 and kinds[0] == "REPLICA"


@pytest.mark.parametrize("round_", range(8))
def test_a_replica_has_the_material_of_a_rotation_beside_it(server, round_):
    home, away = server.client("kms"), server.client("kms", region=AWAY)
    key = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    at_once(*[lambda: home.rotate_key_on_demand(KeyId=key)] * 4, lambda: home.replicate_key(KeyId=key, ReplicaRegion=AWAY),
            *[lambda: home.rotate_key_on_demand(KeyId=key)] * 4)
    text = home.encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]
    assert away.decrypt(CiphertextBlob=text)["Plaintext"] == b"plain"
    rotations = [client.list_key_rotations(KeyId=key)["Rotations"] for client in (home, away)]
    assert len(rotations[0]) == len(rotations[1]) == 8


@pytest.mark.parametrize("round_", range(6))
def test_a_replica_has_the_value_that_is_put_beside_it(server, round_):
    home, away = server.client("secretsmanager"), server.client("secretsmanager", region=AWAY)
    name = unique("raced")
    home.create_secret(Name=name, SecretString="first")
    answers = at_once(
        lambda: home.put_secret_value(SecretId=name, SecretString="a"),
        lambda: home.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": AWAY}]),
        lambda: home.put_secret_value(SecretId=name, SecretString="b"),
        lambda: home.put_secret_value(SecretId=name, SecretString="c"))
    assert all(isinstance(answer, dict) for answer in answers), answers
    status = home.describe_secret(SecretId=name)["ReplicationStatus"]
    assert [(each["Region"], each["Status"]) for each in status] == [(AWAY, "InSync")]
    value = home.get_secret_value(SecretId=name)["SecretString"]
    assert value in "abc" and away.get_secret_value(SecretId=name)["SecretString"] == value
    assert away.describe_secret(SecretId=name)["VersionIdsToStages"] == home.describe_secret(SecretId=name)["VersionIdsToStages"]


@pytest.mark.parametrize("round_", range(4))
def test_what_a_new_version_does_not_say_is_taken_from_the_one_before(server, round_):
    ssm = server.client("ssm")
    name = unique("raced")
    ssm.put_parameter(Name=name, Value="first", Type="SecureString", Description="old")
    puts = [lambda number=number: ssm.put_parameter(Name=name, Value=str(number), Overwrite=True) for number in range(6)]
    at_once(*puts[:3], lambda: ssm.put_parameter(Name=name, Value="told", Overwrite=True, Description="new"), *puts[3:])
    history = ssm.get_parameter_history(Name=name)["Parameters"]
    told = [parameter["Value"] != "" and parameter["Description"] for parameter in history]
    assert len(history) == 8 and told == sorted(told, reverse=True), "once it is told, it stays"
