"""Terraform's AWS provider against a server: apply, an empty plan, a change, an empty plan, destroy.

The provider is found where Terraform itself looks (its configuration file, the implied local mirrors, the registry), or in
the directory that TIDEGATE_TERRAFORM_PLUGINS names, laid out like a filesystem mirror. Without it the test is skipped.
"""

import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from support import NETWORK, Server  # noqa: E402  (the path above leads to it)

INIT_SECONDS = 120
STEP_SECONDS = 300


class Terraform:
    """A copy of the configuration with a state of its own."""

    def __init__(self, directory, server):
        self.directory = pathlib.Path(directory)
        shutil.copy(HERE / "main.tf", self.directory)
        self.environment = {
            **server.environment(), "AWS_REGION": "us-east-1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1",
            "TF_VAR_name": f"tf-{secrets.token_hex(4)}",
        }
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            self.environment.pop(name, None)
        self.name = self.environment["TF_VAR_name"]

    def run(self, *arguments, seconds=STEP_SECONDS, expected=0):
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"], cwd=self.directory, env=self.environment, capture_output=True, text=True,
            timeout=seconds)
        assert done.returncode == expected, f"terraform {' '.join(arguments)}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def init(self):
        plugins = os.environ.get("TIDEGATE_TERRAFORM_PLUGINS")
        try:
            self.run("init", *([f"-plugin-dir={plugins}"] if plugins else []), seconds=INIT_SECONDS)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            # A directory that was named must hold the provider.
            if plugins:
                raise
            pytest.skip(
                "terraform init found no AWS provider, neither in a local mirror nor at the registry; name a mirror with "
                f"TIDEGATE_TERRAFORM_PLUGINS ({str(error)[-300:]})")

    def plan_is_empty(self, *options):
        """-detailed-exitcode: 0 is no change, 2 is changes."""
        self.run("plan", "-detailed-exitcode", *options)


@pytest.fixture
def server(tmp_path):
    if not shutil.which("terraform"):
        pytest.skip("terraform is not installed")
    running = Server(tmp_path / "server")
    yield running
    running.stop()
    # The router outlives a server, as tasks do; the test takes its own away.
    subprocess.run(["ip", "netns", "del", f"{NETWORK}-router"], check=False, capture_output=True)


def test_apply_change_and_destroy(tmp_path, server):
    directory = tmp_path / "configuration"
    directory.mkdir()
    terraform = Terraform(directory, server)
    terraform.init()
    try:
        terraform.run("apply", "-auto-approve")
        terraform.plan_is_empty()
        first = outputs(terraform)
        manager, ecs = server.client("secretsmanager"), server.client("ecs")
        assert json.loads(manager.get_secret_value(SecretId=first["secret"])["SecretString"])["password"] == "s3cret-1"

        terraform.run("apply", "-auto-approve", "-var", "stage=2")
        terraform.plan_is_empty("-var", "stage=2")
        second = outputs(terraform)
        assert json.loads(manager.get_secret_value(SecretId=first["secret"])["SecretString"])["password"] == "s3cret-2"
        definition = ecs.describe_task_definition(taskDefinition=second["task_definition"])["taskDefinition"]
        assert (definition["revision"], definition["cpu"], definition["memory"]) == (2, "512", "1024")
        assert definition["containerDefinitions"][0]["image"].endswith(":v2")
        hidden = server.client("ssm").get_parameter(Name=f"/{terraform.name}/secure", WithDecryption=True)["Parameter"]
        assert (hidden["Value"], hidden["Version"]) == ("hidden-2", 2)
    finally:
        terraform.run("destroy", "-auto-approve", "-var", "stage=2")
    nothing_is_left(server, terraform.name)


def outputs(terraform):
    return {name: output["value"] for name, output in json.loads(terraform.run("output", "-json")).items()}


def nothing_is_left(server, name):
    iam, kms = server.client("iam"), server.client("kms")
    assert not [role for role in iam.list_roles()["Roles"] if role["RoleName"].startswith(name)]
    assert not [user for user in iam.list_users()["Users"] if user["UserName"].startswith(name)]
    assert not [group for group in iam.list_groups()["Groups"] if group["GroupName"].startswith(name)]
    assert not [policy for policy in iam.list_policies(Scope="Local")["Policies"] if policy["PolicyName"].startswith(name)]
    assert not iam.list_instance_profiles()["InstanceProfiles"]
    assert f"alias/{name}" not in [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]]
    assert not server.client("secretsmanager").list_secrets()["SecretList"]
    assert not server.client("ssm").describe_parameters()["Parameters"]
    assert not server.client("logs").describe_log_groups(logGroupNamePrefix=f"/ecs/{name}")["logGroups"]
    assert not server.client("ecs").list_clusters()["clusterArns"]
    states = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    assert {key["KeyState"] for key in states if key["KeyManager"] == "CUSTOMER"} == {"PendingDeletion"}
