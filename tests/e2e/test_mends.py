"""What `tidegate explain` and `tidegate check` offer against a failure: the printed lines are run as they are, the road is
green afterwards, the task runs again, and nothing that was there has changed."""

import json
import pathlib
import subprocess

import pytest
from conftest import allow
from support import BINARY, Image, busybox_layer, until


class Shell:
    """A person at a shell with the AWS CLI, who pastes what is printed."""

    def __init__(self, world, directory):
        self.world, self.directory = world, pathlib.Path(directory)

    def run(self, line):
        done = subprocess.run(
            ["bash", "-c", line], env={**self.world.server.environment(), "HOME": str(self.directory)}, cwd=self.directory,
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout


@pytest.fixture
def shell(world, tmp_path):
    return Shell(world, tmp_path)


def failed(world, definition, **options):
    task = world.run(definition, **options)
    ended = world.wait(task, "STOPPED")
    assert ended["stopCode"] == "TaskFailedToStart", ended.get("stoppedReason")
    return task


def explained(world, task):
    """The explanation as JSON, and the lines of it that are commands."""
    answer = world.server.command("explain", task, "--json")
    assert answer.returncode == 0, answer.stderr
    readable = world.server.command("explain", task)
    assert readable.returncode == 0, readable.stderr
    lines = [line.strip() for line in readable.stdout.splitlines()]
    return json.loads(answer.stdout), [line for line in lines if line.startswith(("aws ", "[ "))]


def offered(explanation):
    """The mends of the links that are broken now."""
    links = [link for road in explanation["now"]["roads"] for link in road["links"] if link["outcome"] == "broken"]
    return [mend for link in links for mend in link.get("mends", [])]


def checked(world, task):
    answer = world.server.command("check", "--task", task, "--json")
    assert answer.returncode in (0, 1), answer.stderr
    return json.loads(answer.stdout)["outcome"], answer.stdout


def runs_again(world, shell, line):
    """The line that runs the task again; the second task runs."""
    assert line.startswith("aws ecs run-task "), line
    again = json.loads(shell.run(line))["tasks"][0]["taskArn"]
    world.wait(again, "RUNNING")
    return again


def stop(world, *tasks):
    for task in tasks:
        world.stop(task)


def inline(world, role):
    name = role.rsplit("/", 1)[1]
    names = world.iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {policy: world.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in names}


def test_the_right_to_one_secret_is_added_beside_that_to_another(world, shell):
    own = json.loads(allow("secretsmanager:DescribeSecret", "*"))
    role = world.create_role("bare", {"secretsmanager-GetSecretValue": json.dumps(own)})
    other = world.create_secret("other", world.registry.secret_string())
    network = world.network()["awsvpcConfiguration"]
    overrides = {"containerOverrides": [{"name": "space", "environment": [{"name": "GREETING", "value": "it's \"me\" $HOME"}]}]}
    tags = [{"key": "team", "value": "a b"}]
    before = inline(world, role)
    for secret in (world.secret, other):
        definition = world.define(secret=secret, role=role)
        first = failed(world, definition, overrides=overrides, tags=tags)
        explanation, lines = explained(world, first)
        mend, = offered(explanation)
        step, = mend["steps"]
        assert (step["service"], step["operation"]) == ("iam", "PutRolePolicy")
        assert step["command"] == lines[0]
        assert checked(world, first)[0] == "broken"
        shell.run(lines[0])
        after = inline(world, role)
        # What was there is there as it was, and one policy more.
        assert {name: after[name] for name in before} == before
        added, = set(after) - set(before)
        assert after[added]["Statement"][0]["Resource"] == secret
        before = after
        outcome, text = checked(world, first)
        assert outcome == "good", text
        explanation, lines = explained(world, first)
        assert offered(explanation) == []
        again, third = runs_again(world, shell, lines[-1]), runs_again(world, shell, lines[-1])
        ran = world.ecs.describe_tasks(cluster=world.cluster, tasks=[again], include=["TAGS"])["tasks"][0]
        assert ran["taskDefinitionArn"] == definition and ran["launchType"] == "FARGATE"
        assert ran["tags"] == tags
        assert ran["overrides"]["containerOverrides"] == overrides["containerOverrides"]
        details = {detail["name"]: detail["value"] for detail in ran["attachments"][0]["details"]}
        assert details["subnetId"] == world.subnet
        interface = world.ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])["NetworkInterfaces"][0]
        assert [group["GroupId"] for group in interface["Groups"]] == network["securityGroups"]
        assert "PublicIp" in interface["Association"]
        stop(world, again, third)
    assert own in inline(world, role).values()


def mends_it(world, shell, task, operations):
    """Takes the first mend that is offered as it is printed; answers the line that runs the task again."""
    explanation, lines = explained(world, task)
    mend = offered(explanation)[0]
    assert [step["operation"] for step in mend["steps"]] == operations
    assert [step["command"].splitlines()[-1] for step in mend["steps"]] == lines[:len(operations)]
    for line in lines[:len(operations)]:
        shell.run(line)
    return mend["runAgain"]["command"]


def is_green_and_runs(world, shell, task, again):
    outcome, text = checked(world, task)
    assert outcome == "good", text
    stop(world, runs_again(world, shell, again), runs_again(world, shell, again))


def test_the_right_to_the_key(world, shell):
    key = world.kms.create_key(Description="customer key")["KeyMetadata"]["Arn"]
    secret = world.create_secret("sealed", world.registry.secret_string(), KmsKeyId=key)
    role = world.create_role("sealed", {"secret": allow("secretsmanager:GetSecretValue", secret)})
    task = failed(world, world.define(secret=secret, role=role))
    again = mends_it(world, shell, task, ["PutRolePolicy"])
    is_green_and_runs(world, shell, task, again)


def test_a_key_whose_policy_leaves_nothing_to_identity_policies_gets_a_grant(world, shell):
    root = f"arn:aws:iam::{world.account}:root"
    actions = ["kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:Decrypt"]
    condition = {"ArnEquals": {"aws:PrincipalArn": root}}
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": actions, "Resource": "*", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = world.kms.create_key(Policy=policy, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    secret = world.create_secret("granted", world.registry.secret_string(), KmsKeyId=key)
    role = world.create_role("granted", {"secret": allow(["secretsmanager:GetSecretValue", "kms:Decrypt"], "*")})
    task = failed(world, world.define(secret=secret, role=role))
    again = mends_it(world, shell, task, ["CreateGrant"])
    assert json.loads(world.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == json.loads(policy)
    is_green_and_runs(world, shell, task, again)


def test_a_key_that_is_disabled_or_to_be_deleted(world, shell):
    key = world.kms.create_key(Description="customer key")["KeyMetadata"]["Arn"]
    secret = world.create_secret("sealed", world.registry.secret_string(), KmsKeyId=key)
    role = world.create_role("sealed", {"all": allow(["secretsmanager:GetSecretValue", "kms:Decrypt"], "*")})
    definition = world.define(secret=secret, role=role)
    world.kms.disable_key(KeyId=key)
    task = failed(world, definition)
    is_green_and_runs(world, shell, task, mends_it(world, shell, task, ["EnableKey"]))
    world.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    task = failed(world, definition)
    is_green_and_runs(world, shell, task, mends_it(world, shell, task, ["CancelKeyDeletion", "EnableKey"]))


def test_a_secret_that_is_to_be_deleted(world, shell):
    secret = world.create_secret("marked", world.registry.secret_string())
    role = world.create_role("marked", {"secret": allow("secretsmanager:GetSecretValue", secret)})
    world.secretsmanager.delete_secret(SecretId=secret)
    task = failed(world, world.define(secret=secret, role=role))
    is_green_and_runs(world, shell, task, mends_it(world, shell, task, ["RestoreSecret"]))


@pytest.mark.parametrize("value", ["just a string", json.dumps({"username": "alice", "password": "wr0ng-password"})])
def test_a_password_is_put_by_who_knows_it(world, shell, value):
    secret = world.create_secret("login", value)
    role = world.create_role("login", {"secret": allow("secretsmanager:GetSecretValue", secret)})
    task = failed(world, world.define(secret=secret, role=role))
    (shell.directory / "login.json").write_text(world.registry.secret_string())
    again = mends_it(world, shell, task, ["PutSecretValue"])
    is_green_and_runs(world, shell, task, again)


def logged(world, group, role, **options):
    options = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x", **options}
    return world.define(role=role, logConfiguration={"logDriver": "awslogs", "options": options})


def test_the_right_to_write_logs_is_for_the_next_task_too(world, shell):
    group = f"/mends/{world.suffix}"
    world.logs.create_log_group(logGroupName=group)
    role = world.create_role("logs", {"secret": allow("secretsmanager:GetSecretValue", world.secret)})
    task = failed(world, logged(world, group, role))
    is_green_and_runs(world, shell, task, mends_it(world, shell, task, ["PutRolePolicy"]))
    added = [document for name, document in inline(world, role).items() if name != "secret"]
    assert [one["Statement"][0]["Resource"] for one in added] == [f"arn:aws:logs:us-east-1:{world.account}:log-group:{group}:*"]


def test_a_log_group_that_is_not_there(world, shell):
    rights = allow(["secretsmanager:GetSecretValue", "logs:*"], "*")
    role = world.create_role("logs", {"all": rights})
    made = failed(world, logged(world, f"/mends/{world.suffix}/made", role))
    is_green_and_runs(world, shell, made, mends_it(world, shell, made, ["CreateLogGroup"]))
    # The other way: a revision that lets the task make it, and carries everything else over.
    task = failed(world, logged(world, f"/mends/{world.suffix}/by-task", role))
    explanation, _ = explained(world, task)
    mend, = [mend for mend in offered(explanation) if mend["steps"][0]["operation"] == "RegisterTaskDefinition"]
    shell.run(mend["steps"][0]["command"])
    again = runs_again(world, shell, mend["runAgain"]["command"])
    before, after = (world.ecs.describe_task_definition(taskDefinition=world.describe(one)["taskDefinitionArn"])["taskDefinition"]
                     for one in (task, again))
    assert after["revision"] == before["revision"] + 1
    assert after["containerDefinitions"][0]["logConfiguration"]["options"].pop("awslogs-create-group") == "true"
    own = {"taskDefinitionArn", "revision", "registeredAt"}
    assert {name: value for name, value in after.items() if name not in own} == {name: value for name, value in before.items() if name not in own}
    stop(world, again)


def trusting(world, *services):
    statements = [{"Sid": f"S{at}", "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"} for at, service in enumerate(services)]
    return {"Version": "2012-10-17", "Statement": statements}


def test_the_trust_of_a_role_gets_one_statement_more(world, shell):
    role = world.create_role("mistrust", {"secret": allow("secretsmanager:GetSecretValue", world.secret)})
    name = role.rsplit("/", 1)[1]
    before = trusting(world, "ec2.amazonaws.com", "lambda.amazonaws.com")
    world.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))
    task = failed(world, world.define(role=role))
    _, lines = explained(world, task)
    # A document that somebody else has changed in between is left alone.
    changed = trusting(world, "ec2.amazonaws.com")
    world.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(changed))
    with pytest.raises(AssertionError):
        shell.run(lines[0])
    assert world.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == changed
    is_green_and_runs(world, shell, task, mends_it(world, shell, task, ["UpdateAssumeRolePolicy"]))
    after = world.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert after["Statement"][:1] == changed["Statement"] and len(after["Statement"]) == 2


def test_a_role_that_is_not_there_is_made_and_then_gets_its_rights(world, shell):
    role = f"arn:aws:iam::{world.account}:role/service/made-{world.suffix}"
    task = failed(world, world.define(role=role))
    mends_it(world, shell, task, ["CreateRole"])
    assert world.iam.get_role(RoleName=f"made-{world.suffix}")["Role"]["Arn"] == role
    is_green_and_runs(world, shell, task, mends_it(world, shell, task, ["PutRolePolicy"]))


def test_nothing_is_offered_against_what_is_forbidden_on_purpose(world):
    deny = json.loads(allow("secretsmanager:*", "*"))
    deny["Statement"][0].update(Effect="Deny", Sid="NoSecrets")
    denied = world.create_role("denied", {"allow": allow("secretsmanager:*", "*"), "deny": json.dumps(deny)})
    bounded = world.create_role("bounded", {"allow": allow("secretsmanager:*", "*")})
    boundary = world.iam.create_policy(PolicyName=f"boundary-{world.suffix}", PolicyDocument=allow("logs:*", "*"))["Policy"]["Arn"]
    world.iam.put_role_permissions_boundary(RoleName=bounded.rsplit("/", 1)[1], PermissionsBoundary=boundary)
    for role, named in ((denied, "NoSecrets"), (bounded, boundary)):
        explanation, lines = explained(world, failed(world, world.define(role=role)))
        assert offered(explanation) == []
        assert named in json.dumps(explanation["now"])
        assert [line for line in lines if not line.startswith("aws ecs run-task")] == []


def test_what_the_caller_may_not_do_is_not_offered(world):
    role = world.create_role("bare", {})
    task = failed(world, world.define(role=role))
    user = f"looker-{world.suffix}"
    world.iam.create_user(UserName=user)
    actions = ["ecs:Describe*", "ecs:List*", "tidegate:CheckTaskDefinition", "iam:PassRole"]
    world.iam.put_user_policy(UserName=user, PolicyName="look", PolicyDocument=allow(actions, "*"))
    key = world.iam.create_access_key(UserName=user)["AccessKey"]
    environment = {**world.server.environment(), "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    answer = subprocess.run([BINARY, "explain", task, "--json"], env=environment, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert "secretsmanager:GetSecretValue" in answer.stdout
    assert offered(json.loads(answer.stdout)) == []


def test_a_try_leaves_no_evidence(world):
    role = world.create_role("tried", {})
    task = failed(world, world.define(role=role))
    explanation, _ = explained(world, task)
    assert offered(explanation)
    events = world.server.command("audit", "--event", "GetSecretValue", "--caller", role.rsplit("/", 1)[1], "--json", "--limit", "100")
    outcomes = [json.loads(line).get("errorCode") for line in events.stdout.splitlines()]
    assert outcomes and set(outcomes) == {"AccessDeniedException"}
    policies = world.server.command("audit", "--event", "PutRolePolicy", "--resource", role, "--json")
    assert policies.stdout == ""


def test_a_tag_that_is_not_there_is_chosen_among_those_that_are(world, shell):
    image = Image([busybox_layer()], ["/bin/sleep", "600"])
    repository = world.registry.push(image, "alice/tagged", "v1.2.3").rsplit(":", 1)[0]
    for tag in ("v1.1", "latest", "zzz"):
        world.registry.push(image, "alice/tagged", tag)
    task = failed(world, world.define(image=f"{repository}:v1.2.4"), overrides={"cpu": "512", "memory": "1024"})
    explanation, _ = explained(world, task)
    images = [json.loads(mend["steps"][0]["input"])["containerDefinitions"][0]["image"] for mend in offered(explanation)]
    assert images[0] == f"{repository}:v1.2.3" and len(images) == 3
    again = mends_it(world, shell, task, ["RegisterTaskDefinition"])
    second = runs_again(world, shell, again)
    ran = world.describe(second)
    assert (ran["containers"][0]["image"], ran["cpu"]) == (images[0], "512")
    stop(world, second)


def test_a_registry_that_asks_for_a_login(world, shell):
    role = world.create_role("nameless", {})
    task = failed(world, world.define(secret="", role=role))
    # What another definition has for the same registry is offered; a login that nobody has stored yet is the last way.
    world.define()
    explanation, _ = explained(world, task)
    mends = offered(explanation)
    assert len(mends) >= 2 and "Register a revision with the registry's login" in mends[0]["title"]
    new = mends[-1]
    assert [step["operation"] for step in new["steps"]] == ["CreateSecret", "PutRolePolicy", "RegisterTaskDefinition"]
    assert new["asks"] == ["<user name>", "<password>"]
    (shell.directory / "login.json").write_text(world.registry.secret_string())
    for step in new["steps"]:
        shell.run(step["command"])
    stop(world, runs_again(world, shell, new["runAgain"]["command"]))


def test_a_task_that_runs_is_let_out_into_the_world(world, shell):
    closed = world.security_group("closed")
    first = world.run(world.define(), groups=[closed], public="DISABLED")
    world.wait(first, "RUNNING")
    explanation, lines = explained(world, first)
    links = [link for link in explanation["now"]["roads"][0]["links"] if link["kind"] == "network"]
    assert explanation["now"]["outcome"] == "good" and [len(link["mends"]) for link in links] == [1, 1], links
    address, port = (link["mends"][0] for link in links)
    assert address["steps"] == [] and [step["operation"] for step in port["steps"]] == ["AuthorizeSecurityGroupIngress"]
    before = world.ec2.describe_security_groups(GroupIds=[closed])["SecurityGroups"][0]
    shell.run(port["steps"][0]["command"])
    after = world.ec2.describe_security_groups(GroupIds=[closed])["SecurityGroups"][0]
    assert after["IpPermissionsEgress"] == before["IpPermissionsEgress"] and len(after["IpPermissions"]) == 1
    second = runs_again(world, shell, address["runAgain"]["command"])
    public = world.interface(world.describe(second)).public
    until(lambda: shell.run(f"curl --silent --max-time 5 http://{public}/ || true"), 20, "the page of the task")
    explanation, lines = explained(world, second)
    assert not [link for link in explanation["now"]["roads"][0]["links"] if link["kind"] == "network"]
    stop(world, first, second)
