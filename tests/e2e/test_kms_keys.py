"""KMS keys of every kind: codes, signatures and shared secrets that OpenSSL checks, imported material, several regions."""

import datetime
import hashlib
import hmac
import os
import subprocess

import botocore.exceptions
import pytest
from conftest import allow
from support import until

ECC = {"ECC_NIST_P256": "sha256", "ECC_NIST_P384": "sha384", "ECC_NIST_P521": "sha512", "ECC_SECG_P256K1": "sha256"}


@pytest.fixture(scope="module")
def kms(server):
    return server.client("kms")


def openssl(directory, *arguments, data=b"", **files):
    """Runs OpenSSL; `files` are written first, under their names."""
    for name, content in files.items():
        (directory / name).write_bytes(content)
    done = subprocess.run(["openssl", *arguments], cwd=directory, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def new_key(kms, spec, usage, **more):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]


def refused(code, call, **parameters):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**parameters)
    answer = error.value.response["Error"]
    assert answer["Code"] == code, answer
    return answer["Message"]


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_message_authentication_codes(kms, bits):
    key = new_key(kms, f"HMAC_{bits}", "GENERATE_VERIFY_MAC")
    algorithm = f"HMAC_SHA_{bits}"
    assert key["MacAlgorithms"] == [algorithm] and "CurrentKeyMaterialId" not in key
    known = {"KeyId": key["KeyId"], "MacAlgorithm": algorithm}
    mac = kms.generate_mac(Message=b"message", **known)["Mac"]
    assert len(mac) * 8 == bits
    assert kms.verify_mac(Message=b"message", Mac=mac, **known)["MacValid"] is True
    refused("KMSInvalidMacException", kms.verify_mac, Message=b"another", Mac=mac, **known)
    message = refused("InvalidKeyUsageException", kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
    assert message == f"{key['Arn']} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt."


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072"])
def test_rsa_signatures_are_those_of_openssl(kms, tmp_path, spec):
    key = new_key(kms, spec, "SIGN_VERIFY")
    public = kms.get_public_key(KeyId=key["KeyId"])
    assert public["SigningAlgorithms"] == key["SigningAlgorithms"] and public["KeySpec"] == spec
    assert len(key["SigningAlgorithms"]) == 6
    for algorithm in key["SigningAlgorithms"]:
        hashed = "sha" + algorithm[-3:]
        digest = hashlib.new(hashed, b"message").digest()
        known = {"KeyId": key["KeyId"], "SigningAlgorithm": algorithm}
        for kind, message in [("RAW", b"message"), ("DIGEST", digest)]:
            signature = kms.sign(Message=message, MessageType=kind, **known)["Signature"]
            padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if "PSS" in algorithm else []
            openssl(tmp_path, "dgst", f"-{hashed}", "-verify", "public", "-keyform", "DER", "-signature", "signature", *padding, "message",
                    public=public["PublicKey"], signature=signature, message=b"message")
            assert kms.verify(Message=message, MessageType=kind, Signature=signature, **known)["SignatureValid"] is True
        refused("KMSInvalidSignatureException", kms.verify, Message=b"another", Signature=signature, **known)
        message = refused("ValidationException", kms.sign, Message=b"short", MessageType="DIGEST", **known)
        assert message == f"Digest is invalid length for algorithm {algorithm}."
    message = refused("InvalidKeyUsageException", kms.sign, KeyId=key["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    assert message == f"Algorithm ECDSA_SHA_256 is incompatible with key spec {spec}."


@pytest.mark.parametrize("spec", ECC)
def test_ecdsa_signatures_are_those_of_openssl(kms, tmp_path, spec):
    key = new_key(kms, spec, "SIGN_VERIFY")
    known = {"KeyId": key["KeyId"], "SigningAlgorithm": key["SigningAlgorithms"][0]}
    signature = kms.sign(Message=hashlib.new(ECC[spec], b"message").digest(), MessageType="DIGEST", **known)["Signature"]
    public = kms.get_public_key(KeyId=key["KeyId"])["PublicKey"]
    openssl(tmp_path, "dgst", f"-{ECC[spec]}", "-verify", "public", "-keyform", "DER", "-signature", "signature", "message",
            public=public, signature=signature, message=b"message")
    assert kms.verify(Message=b"message", Signature=signature, **known)["SignatureValid"] is True


def test_signatures_of_whole_messages(kms, tmp_path):
    key = new_key(kms, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    known = {"KeyId": key["KeyId"], "SigningAlgorithm": "ED25519_SHA_512"}
    signature = kms.sign(Message=b"message", **known)["Signature"]
    openssl(tmp_path, "pkeyutl", "-verify", "-pubin", "-inkey", "public", "-keyform", "DER", "-rawin", "-in", "message", "-sigfile", "signature",
            public=kms.get_public_key(KeyId=key["KeyId"])["PublicKey"], signature=signature, message=b"message")
    refused("UnsupportedOperationException", kms.sign, Message=b"x" * 64, MessageType="DIGEST", **known)
    key = new_key(kms, "ML_DSA_65", "SIGN_VERIFY")
    known = {"KeyId": key["KeyId"], "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    signature = kms.sign(Message=b"message", **known)["Signature"]
    assert len(signature) == 3309 and kms.verify(Message=b"message", Signature=signature, **known)["SignatureValid"] is True
    refused("KMSInvalidSignatureException", kms.verify, Message=b"another", Signature=signature, **known)


@pytest.mark.parametrize(("algorithm", "digest", "limit"), [("RSAES_OAEP_SHA_1", "sha1", 214), ("RSAES_OAEP_SHA_256", "sha256", 190)])
def test_rsa_decrypts_what_openssl_encrypts(kms, tmp_path, algorithm, digest, limit):
    key = new_key(kms, "RSA_2048", "ENCRYPT_DECRYPT")
    known = {"KeyId": key["KeyId"], "EncryptionAlgorithm": algorithm}
    public = kms.get_public_key(KeyId=key["KeyId"])["PublicKey"]
    text = wrapped(tmp_path, public, b"plain", digest)
    assert kms.decrypt(CiphertextBlob=text, **known)["Plaintext"] == b"plain"
    assert kms.decrypt(CiphertextBlob=kms.encrypt(Plaintext=b"x" * limit, **known)["CiphertextBlob"], **known)["Plaintext"] == b"x" * limit
    message = refused("ValidationException", kms.encrypt, Plaintext=b"x" * (limit + 1), **known)
    assert message == f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {limit} bytes."
    refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=b"x" * 256, **known)
    again = kms.re_encrypt(
        CiphertextBlob=text, SourceKeyId=key["KeyId"], SourceEncryptionAlgorithm=algorithm, DestinationKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"])["Plaintext"] == b"plain"


def wrapped(directory, public, plain, digest):
    padding = ["rsa_padding_mode:oaep", f"rsa_oaep_md:{digest}", f"rsa_mgf1_md:{digest}"]
    options = [option for value in padding for option in ("-pkeyopt", value)]
    return openssl(directory, "pkeyutl", "-encrypt", "-pubin", "-inkey", "public", "-keyform", "DER", *options, data=plain, public=public)


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_a_shared_secret_is_that_of_openssl(kms, tmp_path, curve):
    key = new_key(kms, "ECC_NIST_" + curve.replace("-", ""), "KEY_AGREEMENT")
    assert key["KeyAgreementAlgorithms"] == ["ECDH"]
    openssl(tmp_path, "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", "own")
    other = openssl(tmp_path, "pkey", "-in", "own", "-pubout", "-outform", "DER")
    answer = kms.derive_shared_secret(KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=other)
    expected = openssl(tmp_path, "pkeyutl", "-derive", "-inkey", "own", "-peerkey", "peer", "-peerform", "DER",
                       peer=kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    assert answer["SharedSecret"] == expected and answer["KeyOrigin"] == "AWS_KMS"
    refused("ValidationException", kms.derive_shared_secret, KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=b"none")


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1"])
def test_data_key_pairs(kms, tmp_path, spec):
    key = kms.create_key()["KeyMetadata"]
    known = {"KeyId": key["KeyId"], "KeyPairSpec": spec, "EncryptionContext": {"a": "1"}}
    pair = kms.generate_data_key_pair(**known)
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "1"})
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"] and pair["KeyMaterialId"] == key["CurrentKeyMaterialId"]
    public = openssl(tmp_path, "pkey", "-inform", "DER", "-pubout", "-outform", "DER", data=pair["PrivateKeyPlaintext"])
    assert public == pair["PublicKey"]
    assert "PrivateKeyPlaintext" not in kms.generate_data_key_pair_without_plaintext(**known)
    refused("DryRunOperationException", kms.generate_data_key_pair, DryRun=True, **known)


def test_kinds_of_keys_that_cannot_be(kms):
    cases = [
        ({"KeySpec": "HMAC_256"}, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."),
        ({"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"}, "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048"),
    ]
    for parameters, expected in cases:
        assert refused("ValidationException", kms.create_key, **parameters) == expected
    assert "SM2" in refused("UnsupportedOperationException", kms.create_key, KeySpec="SM2", KeyUsage="SIGN_VERIFY")
    assert "custom key store" in refused("UnsupportedOperationException", kms.create_key, CustomKeyStoreId="cks-1").lower()


def test_rotation_on_demand(kms):
    key = kms.create_key()["KeyMetadata"]
    key_id = key["KeyId"]
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    assert kms.list_key_rotations(KeyId=key_id)["Rotations"] == []
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=100)
    before = kms.get_key_rotation_status(KeyId=key_id)
    assert kms.rotate_key_on_demand(KeyId=key_id)["KeyId"] == key["Arn"]
    after = kms.get_key_rotation_status(KeyId=key_id)
    assert after["NextRotationDate"] == before["NextRotationDate"] and after["RotationPeriodInDays"] == 100
    current = kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert current != key["CurrentKeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=sealed)["KeyMaterialId"] == key["CurrentKeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key_id)
    pages = kms.get_paginator("list_key_rotations").paginate(KeyId=key_id, PaginationConfig={"PageSize": 1})
    rotations = [rotation for page in pages for rotation in page["Rotations"]]
    assert [(one["RotationType"], one["KeyMaterialState"]) for one in rotations] == [("ON_DEMAND", "NON_CURRENT"), ("ON_DEMAND", "CURRENT")]
    assert len(kms.list_key_rotations(KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]) == 3
    other = new_key(kms, "HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"]
    refused("UnsupportedOperationException", kms.rotate_key_on_demand, KeyId=other)
    refused("UnsupportedOperationException", kms.enable_key_rotation, KeyId=other)


def test_imported_material(kms, tmp_path):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    key_id = key["KeyId"]
    assert (key["KeyState"], key["Origin"]) == ("PendingImport", "EXTERNAL")
    assert refused("KMSInvalidStateException", kms.encrypt, KeyId=key_id, Plaintext=b"x") == f"{key['Arn']} is pending import."
    material = os.urandom(32)

    def imported(plain, **more):
        parameters = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        return kms.import_key_material(
            KeyId=key_id, ImportToken=parameters["ImportToken"],
            EncryptedKeyMaterial=wrapped(tmp_path, parameters["PublicKey"], plain, "sha256"), **more)

    forever = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    message = refused("ValidationException", imported, plain=material)
    assert message == "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
    refused("IncorrectKeyMaterialException", imported, plain=b"short", **forever)
    first = imported(material, **forever)["KeyMaterialId"]
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key_id)
    refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=sealed)
    refused("IncorrectKeyMaterialException", imported, plain=os.urandom(32), **forever)
    valid_to = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    assert imported(material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=valid_to)["KeyMaterialId"] == first
    described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert described["ExpirationModel"] == "KEY_MATERIAL_EXPIRES" and abs(described["ValidTo"] - valid_to).total_seconds() < 2
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"old"
    refused("KMSInvalidStateException", kms.rotate_key_on_demand, KeyId=key_id)
    imported(os.urandom(32), ImportType="NEW_KEY_MATERIAL", **forever)
    refused("KMSInvalidStateException", imported, plain=os.urandom(32), ImportType="NEW_KEY_MATERIAL", **forever)
    kms.rotate_key_on_demand(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"] != first
    assert kms.decrypt(CiphertextBlob=sealed)["KeyMaterialId"] == first
    own = kms.create_key()["KeyMetadata"]
    message = refused("UnsupportedOperationException", kms.get_parameters_for_import,
                      KeyId=own["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    assert message == f"{own['Arn']} origin is AWS_KMS which is not valid for this operation."


def test_imported_material_expires(kms, tmp_path):
    key_id = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    parameters = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    material = wrapped(tmp_path, parameters["PublicKey"], os.urandom(32), "sha256")

    def imported(**more):
        kms.import_key_material(KeyId=key_id, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=material, **more)

    def described():
        return kms.describe_key(KeyId=key_id)["KeyMetadata"]

    imported(ValidTo=datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2))
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    until(lambda: described()["KeyState"] == "PendingImport", 15, "the end of the material")
    assert "ValidTo" not in described()
    refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=sealed)
    imported(ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"old"


def test_an_imported_private_key_is_wrapped_in_aes(kms, tmp_path):
    key = new_key(kms, "RSA_2048", "SIGN_VERIFY", Origin="EXTERNAL")
    openssl(tmp_path, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER", "-out", "private")
    openssl(tmp_path, "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-in", "private", "-outform", "DER", "-out", "pkcs8")
    parameters = kms.get_parameters_for_import(KeyId=key["KeyId"], WrappingAlgorithm="RSA_AES_KEY_WRAP_SHA_256", WrappingKeySpec="RSA_3072")
    aes = os.urandom(32)
    inner = openssl(tmp_path, "enc", "-id-aes256-wrap-pad", "-K", aes.hex(), "-iv", "a65959a6", "-in", "pkcs8")
    outer = wrapped(tmp_path, parameters["PublicKey"], aes, "sha256")
    kms.import_key_material(KeyId=key["KeyId"], ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=outer + inner,
                            ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    expected = openssl(tmp_path, "pkey", "-inform", "DER", "-in", "private", "-pubout", "-outform", "DER")
    assert kms.get_public_key(KeyId=key["KeyId"])["PublicKey"] == expected
    other = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    refused("InvalidImportTokenException", kms.import_key_material, KeyId=other, ImportToken=parameters["ImportToken"],
            EncryptedKeyMaterial=outer, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")


def test_a_key_in_several_regions(server, kms):
    there = server.client("kms", region="eu-west-1")
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]
    key_id = key["KeyId"]
    assert key_id.startswith("mrk-") and key["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"here")["CiphertextBlob"]
    refused("NotFoundException", there.describe_key, KeyId=key_id)
    replica = kms.replicate_key(KeyId=key_id, ReplicaRegion="eu-west-1", Description="there")["ReplicaKeyMetadata"]
    assert replica["Arn"] == key["Arn"].replace("us-east-1", "eu-west-1") and replica["Description"] == "there"
    refused("AlreadyExistsException", kms.replicate_key, KeyId=key_id, ReplicaRegion="eu-west-1")
    assert there.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"here"
    kms.rotate_key_on_demand(KeyId=key_id)
    newer = kms.encrypt(KeyId=key_id, Plaintext=b"newer")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=newer, KeyId=replica["Arn"])["KeyId"] == replica["Arn"]
    message = refused("UnsupportedOperationException", there.replicate_key, KeyId=key_id, ReplicaRegion="us-west-2")
    assert message == f"{replica['Arn']} is not a multi-region primary key."
    kms.update_primary_region(KeyId=key_id, PrimaryRegion="eu-west-1")
    configuration = kms.describe_key(KeyId=key_id)["KeyMetadata"]["MultiRegionConfiguration"]
    assert configuration["MultiRegionKeyType"] == "REPLICA" and configuration["PrimaryKey"]["Region"] == "eu-west-1"
    refused("UnsupportedOperationException", kms.rotate_key_on_demand, KeyId=key_id)
    there.rotate_key_on_demand(KeyId=key_id)
    sealed = there.encrypt(KeyId=key_id, Plaintext=b"there")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"there"
    assert there.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)["KeyState"] == "PendingReplicaDeletion"
    assert kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)["KeyState"] == "PendingDeletion"
    assert kms.cancel_key_deletion(KeyId=key_id)["KeyId"] == key["Arn"]


def test_a_key_policy_names_who_exists(kms):
    account = kms.create_key()["KeyMetadata"]["AWSAccountId"]
    statement = allow("kms:*", "*").replace('"Effect"', f'"Principal": {{"AWS": "arn:aws:iam::{account}:user/nobody-here"}}, "Effect"')
    message = refused("MalformedPolicyDocumentException", kms.create_key, Policy=statement, BypassPolicyLockoutSafetyCheck=True)
    assert message == "Policy contains a statement with one or more invalid principals."


def test_grants_are_about_what_the_key_can_do(server, kms):
    iam = server.client("iam")
    arn = iam.create_user(UserName="grants-of-kms")["User"]["Arn"]
    access = iam.create_access_key(UserName="grants-of-kms")["AccessKey"]
    mine = server.client("kms", access["AccessKeyId"], access["SecretAccessKey"])
    signing, plain = new_key(kms, "ECC_NIST_P256", "SIGN_VERIFY")["KeyId"], kms.create_key()["KeyMetadata"]["KeyId"]
    refused("ValidationException", kms.create_grant, KeyId=plain, GranteePrincipal=arn, Operations=["Sign"])
    refused("InvalidArnException", kms.create_grant, KeyId=plain, GranteePrincipal=arn + "-none", Operations=["Decrypt"])
    grant = kms.create_grant(KeyId=signing, GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Sign"])
    assert mine.sign(KeyId=kms.describe_key(KeyId=signing)["KeyMetadata"]["Arn"], Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    refused("AccessDeniedException", mine.get_public_key, KeyId=signing)
    retirable = kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"]
    assert [one["GrantId"] for one in retirable] == [grant["GrantId"]]
    mine.retire_grant(GrantToken=grant["GrantToken"])
    assert kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"] == []
    # A grantee gives away no more than it has.
    kms.create_grant(KeyId=plain, GranteePrincipal=arn, Operations=["Decrypt", "CreateGrant"])
    mine.create_grant(KeyId=plain, GranteePrincipal=arn, Operations=["Decrypt"])
    refused("AccessDeniedException", mine.create_grant, KeyId=plain, GranteePrincipal=arn, Operations=["Encrypt"])
