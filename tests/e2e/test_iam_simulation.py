"""Simulations through boto3: what matched and where it stands, per resource, and what each side says by itself."""

import json

from conftest import allow
from test_iam import account, iam, refused, unique  # noqa: F401

PRETTY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "logs:*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}}},
    {"Effect": "Deny", "Action": "logs:Delete*", "Resource": "*"}
  ]
}"""


def test_a_matched_statement_is_told_with_its_place(iam):  # noqa: F811
    team = {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyType": "string", "ContextKeyValues": ["web"]}
    results = iam.simulate_custom_policy(
        PolicyInputList=[PRETTY], ActionNames=["logs:GetLogEvents", "logs:DeleteLogGroup"], ContextEntries=[team])["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "explicitDeny"]
    lines = PRETTY.splitlines()
    for result, line in zip(results, (4, 5), strict=True):
        matched = result["MatchedStatements"][0]
        assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("PolicyInputList.1", "IAM Policy")
        assert matched["StartPosition"] == {"Line": line, "Column": 6}
        assert matched["EndPosition"] == {"Line": line, "Column": len(lines[line - 1].rstrip(",")) + 1}
        assert "ResourceSpecificResults" not in result and "EvalDecisionDetails" not in result
    missing = iam.simulate_custom_policy(PolicyInputList=[PRETTY], ActionNames=["logs:GetLogEvents"])["EvaluationResults"][0]
    assert (missing["EvalDecision"], missing["MissingContextValues"]) == ("implicitDeny", ["aws:PrincipalTag/team"])


def test_resources_and_boundaries_are_told_one_by_one(iam):  # noqa: F811
    name = unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=allow("ecs:*", "arn:aws:ecs:*:*:cluster/a"))
    clusters = [f"arn:aws:ecs:us-east-1:{arn.split(':')[4]}:cluster/{name}" for name in "ab"]
    results = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["ecs:DeleteCluster"], ResourceArns=clusters,
        PermissionsBoundaryPolicyInputList=[allow("logs:*", "*")])["EvaluationResults"]
    for result, cluster in zip(results, clusters, strict=True):
        assert (result["EvalResourceName"], result["EvalDecision"], result["EvalDecisionDetails"]) == (cluster, "implicitDeny", {})
        assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
        assert result["ResourceSpecificResults"][0]["EvalResourceName"] == cluster
    results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ecs:DeleteCluster"], ResourceArns=clusters)
    assert [result["EvalDecision"] for result in results["EvaluationResults"]] == ["allowed", "implicitDeny"]
    assert results["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == f"user_{name}_inline"


def test_the_policy_of_another_accounts_resource_counts_beside_the_callers(iam, account):  # noqa: F811
    caller = f"arn:aws:iam::{account}:user/alice"
    cluster = "arn:aws:ecs:us-east-1:999999999999:cluster/c"

    def decided(principal, **more):
        policy = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "ecs:DeleteCluster", "Resource": cluster}]})
        result = iam.simulate_custom_policy(
            PolicyInputList=[allow("ecs:*", "*")], ActionNames=["ecs:DeleteCluster"], ResourceArns=[cluster], CallerArn=caller,
            ResourcePolicy=policy, **more)["EvaluationResults"][0]
        return result["EvalDecision"], result["EvalDecisionDetails"]

    assert decided(caller) == ("allowed", {"IAM Policy": "allowed", "Resource Policy": "allowed"})
    assert decided("999999999999") == ("implicitDeny", {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"})
    s3 = {"PolicyInputList": [allow("s3:*", "*")], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::bucket/key"]}
    nobody = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "s3:GetObject", "Resource": "*"}]})
    for owner, decision in (("999999999999", "implicitDeny"), (account, "allowed")):
        result = iam.simulate_custom_policy(
            **s3, CallerArn=caller, ResourcePolicy=nobody, ResourceOwner=f"arn:aws:iam::{owner}:root")["EvaluationResults"][0]
        assert result["EvalDecision"] == decision, owner
    refused("InvalidInput", decided, principal=caller, ResourceHandlingOption="EC2-on-the-moon")
    refused("InvalidInput", iam.simulate_custom_policy, PolicyInputList=[allow("ecs:*", "*")], ActionNames=["ecs:DeleteCluster"],
            ResourcePolicy=PRETTY.replace('"Effect"', '"Principal": "*", "Effect"'))
