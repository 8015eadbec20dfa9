"""AssumeRoleWithWebIdentity against an identity provider of the test's own: its keys, its tokens, and what is refused."""

import base64
import http.server
import json
import threading
import time

import botocore
import boto3
import pytest
import rsa
from conftest import allow
from support import PROVED, REGION
from test_iam import iam, refused, unique  # noqa: F401


def encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Issuer:
    """An OpenID Connect provider on loopback with one RSA key."""

    def __init__(self):
        self.public, self.private = rsa.newkeys(2048)
        number = lambda value: encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))  # noqa: E731
        keys = {"keys": [{"kty": "RSA", "kid": "one", "alg": "RS256", "n": number(self.public.n), "e": number(self.public.e)}]}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                documents = {
                    "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": self.url + "/keys"}, "/keys": keys}
                document = documents.get(handler.path)
                handler.send_response(200 if document else 404)
                handler.end_headers()
                handler.wfile.write(json.dumps(document).encode())

            def log_message(handler, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, private=None, key="one", **claims):
        claims = {"iss": self.url, "sub": "repo:alice", "aud": "tests", "exp": int(time.time()) + 300, **claims}
        text = encoded(json.dumps({"alg": "RS256", "kid": key}).encode()) + "." + encoded(json.dumps(claims).encode())
        return text + "." + encoded(rsa.sign(text.encode(), private or self.private, "SHA-256"))


@pytest.fixture(scope="module")
def issuer():
    running = Issuer()
    yield running
    running.server.shutdown()


@pytest.fixture
def anybody(server):
    """A client without any key."""
    config = botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"total_max_attempts": 1})
    client = boto3.client("sts", endpoint_url=server.endpoint, region_name="us-east-1", config=config)
    client.meta.events.register(
        "after-call.*", lambda http_response, model, **_: http_response.status_code < 300
        and PROVED.setdefault(("sts", model.name), (REGION, {})))
    return client


def test_a_token_of_a_known_issuer_opens_the_role_that_trusts_it(server, iam, issuer, anybody):  # noqa: F811
    name = unique("web")
    provider = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["tests"])["OpenIDConnectProviderArn"]
    key = issuer.url.removeprefix("http://")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{key}:aud": "tests"}, "StringLike": {f"{key}:sub": "repo:al*"}}}]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("logs:DescribeLogGroups", "*"))

    def assume(token, **more):
        return anybody.assume_role_with_web_identity(RoleArn=role, RoleSessionName="me", WebIdentityToken=token, **more)

    answer = assume(issuer.token(), DurationSeconds=900)
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"], answer["Provider"]) == ("repo:alice", "tests", provider)
    credentials = answer["Credentials"]
    session = lambda service: server.client(  # noqa: E731
        service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    assert session("sts").get_caller_identity()["Arn"].endswith(f":assumed-role/{name}/me")
    session("logs").describe_log_groups()
    refused("AccessDeniedException", session("ecs").list_clusters)

    _, stranger = rsa.newkeys(2048)
    refused("InvalidIdentityToken", assume, token="no.token")
    refused("InvalidIdentityToken", assume, token=issuer.token(private=stranger))
    refused("InvalidIdentityToken", assume, token=issuer.token(key="two"))
    refused("InvalidIdentityToken", assume, token=issuer.token(aud="others"))
    refused("InvalidIdentityToken", assume, token=issuer.token(iss="https://nobody.example"))
    refused("ExpiredTokenException", assume, token=issuer.token(exp=int(time.time()) - 1))
    refused("AccessDenied", assume, token=issuer.token(sub="repo:bob"))
    refused("AccessDenied", anybody.assume_role_with_web_identity, RoleArn=role + "-none", RoleSessionName="me",
            WebIdentityToken=issuer.token())
    body, _, signature = issuer.token().rpartition(".")
    refused("InvalidIdentityToken", assume, token=body + "." + signature[:-4] + "AAAA")
    refused("ValidationError", assume, token=issuer.token(), DurationSeconds=7200)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    refused("InvalidIdentityToken", assume, token=issuer.token())
