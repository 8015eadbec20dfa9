"""Every served operation, called by a principal with exactly the right it asks for, is not refused; with the same right
on something else, or with every right but this one, it is.

It comes after the tests that call every operation with success: their calls are repeated on a fresh server. Rights are
decided before anything is looked up, so that an answer like "no such key" says that the right was enough.
"""

import json
import re
import secrets

import botocore.exceptions
from support import PROVED
from test_strangers import OWN_ANSWERS, WITHOUT_PERMISSION

ELSEWHERE = "arn:aws:none:us-east-1:000000000000:elsewhere"
# No call needs more rights than this.
RIGHTS = 6
# Where what the first server had decides too: a role's trust policy, a ciphertext's key.
ELSEWHERE_TOLD = {("sts", "AssumeRole"), ("sts", "AssumeRoleWithWebIdentity"), ("kms", "Decrypt"), ("kms", "ReEncrypt")}


class Principal:
    """A user, and the policy that is all it has."""

    def __init__(self, server):
        self.server, self.iam = server, server.client("iam")
        self.name = "one-right-" + secrets.token_hex(4)
        self.iam.create_user(UserName=self.name)
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.signed = (key["AccessKeyId"], key["SecretAccessKey"])

    def may(self, *statements):
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
        self.iam.put_user_policy(UserName=self.name, PolicyName="all", PolicyDocument=json.dumps(document))

    def call(self, service, operation, region, parameters):
        """The request's id, and the code of its error."""
        client = self.server.client(service, *self.signed, region=region)
        try:
            answer = client._make_api_call(operation, parameters)
            return answer["ResponseMetadata"]["RequestId"], None
        except botocore.exceptions.ClientError as error:
            return error.response["ResponseMetadata"]["RequestId"], error.response["Error"]["Code"]


def decisions(server, request_id):
    """What was asked for in a request, as the audit has it: pairs of action and resource."""
    for path in sorted((server.data / "audit").rglob("*.jsonl"), reverse=True):
        for line in reversed(path.read_text().splitlines()):
            event = json.loads(line)
            if event["requestID"] == request_id and "invokedBy" not in event["userIdentity"]:
                return [(one["action"], one["resource"]) for one in event["additionalEventData"].get("decisions", [])]
    raise AssertionError(f"the audit has no event of request {request_id}")


def right(action, resource):
    """A statement of exactly this right. What a bare name means that nothing has is not known, so it is asked for as it
    is written, which no policy can name; and the end of a new secret's ARN is another one each time."""
    resource = resource if resource.startswith("arn:") else "*"
    if ":secretsmanager:" in resource:
        resource = re.sub(r"-\w{6}$", "-??????", resource)
    return {"Action": action, "Resource": resource}


def what_is_wrong(principal, service, operation, region, parameters):
    """Gives one right after the other, always the one that was refused last, until the call is not refused."""
    rights = []
    while True:
        principal.may(*rights, {"Action": "none:None", "Resource": "*"})
        request_id, code = principal.call(service, operation, region, parameters)
        if code not in OWN_ANSWERS:
            break
        action, resource = decisions(principal.server, request_id)[-1]
        if right(action, resource) in rights or len(rights) == RIGHTS:
            return f"was refused with the rights {rights}: {code}"
        principal.may(*rights, {"NotAction": action, "Resource": "*"})
        if principal.call(service, operation, region, parameters)[1] not in OWN_ANSWERS:
            return f"was done with every right but {action}"
        if right(action, resource)["Resource"] != "*":
            principal.may(*rights, {"Action": action, "Resource": ELSEWHERE})
            if principal.call(service, operation, region, parameters)[1] not in OWN_ANSWERS:
                return f"was done with {action} on another resource"
        rights.append(right(action, resource))
    return None if rights else "asked for no right"


def test_exactly_the_right_that_is_asked_for_is_enough(server):
    principal = Principal(server)
    calls = {
        name: call for name, call in sorted(PROVED.items())
        if name not in WITHOUT_PERMISSION | ELSEWHERE_TOLD and name[0] != "tidegate"}
    wrong = {}
    for (service, operation), (region, parameters) in calls.items():
        if why := what_is_wrong(principal, service, operation, region, parameters):
            wrong[f"{service}:{operation}"] = why
    assert not wrong, "\n".join(f"{name} {why}" for name, why in wrong.items())
    assert calls, "no operation was called with success before; run this with the other tests"
