"""The registry's password is nowhere but in memory: not on disk, not in a log, not in a process list, not in an answer."""

import pathlib
import subprocess

from support import web_image
from conftest import allow

ENVIRONMENT_SECRET = "enviro-s3cret-9b1f"


def holding(directory, needles):
    """Files below the directory that hold one of the needles."""
    found = []
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file() and not path.is_symlink():
            try:
                content = path.read_bytes()
            except OSError:
                continue
            found += [(str(path), needle) for needle in needles if needle.encode() in content]
    return found


def test_the_password_is_nowhere(world):
    other = world.create_secret("environment", ENVIRONMENT_SECRET)
    role = world.create_role("both", {"secrets": allow("secretsmanager:GetSecretValue", [world.secret, other])})
    # The container ends with an error unless it has the value; the script, which is in the definition, has a part of it.
    script = f'case "$TOKEN" in "{ENVIRONMENT_SECRET[:8]}"?*) exec /start ;; esac; exit 9'
    definition = world.define(role=role, secrets=[{"name": "TOKEN", "valueFrom": other}], command=["/bin/sh", "-c", script])
    task = world.run(definition)
    described = world.wait(task, "RUNNING")
    password = world.registry.password
    needles = [password, ENVIRONMENT_SECRET]
    assert holding(world.server.data, needles) == []
    processes = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert password not in processes and ENVIRONMENT_SECRET not in processes
    seen = set()
    for entry in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            command = (entry.parent / "cmdline").read_bytes()
            environment = entry.read_bytes()
        except OSError:
            continue
        seen.add(int(entry.parent.name))
        assert password.encode() not in environment, command
        assert ENVIRONMENT_SECRET.encode() not in environment or b"tidegate" not in command, command
    assert world.server.process.pid in seen, "the environment of the server was looked at"
    assert password not in str(described)
    assert password not in world.server.command("explain", task).stdout
    trail = world.server.client("cloudtrail").get_paginator("lookup_events").paginate()
    told = [event["CloudTrailEvent"] for page in trail for event in page["Events"]]
    readings = [event for event in told if '"GetSecretValue"' in event and task in event]
    assert len(readings) >= 2, "the audit, searched above on disk, has the readings of both secrets"
    assert not any(needle in event for needle in needles for event in told)
    world.stop(task)
    assert holding(world.server.data, needles) == []
    assert password not in world.server.output.read_text()


def test_the_container_gets_its_secret_environment_and_nothing_else(world):
    other = world.create_secret("environment", '{"inner": "from-json"}')
    role = world.create_role("environment", {"secrets": allow("secretsmanager:GetSecretValue", [world.secret, other])})
    image = world.registry.push(web_image("environment"), "alice/environment")
    definition = world.define(image=image, role=role, secrets=[{"name": "INNER", "valueFrom": f"{other}:inner::"}])
    task = world.run(definition)
    address = world.interface(world.wait(task, "RUNNING")).public
    seen = subprocess.run(["curl", "-sf", "-m", "5", f"http://{address}/cgi-bin/env"], capture_output=True, text=True, check=True).stdout
    assert "INNER=from-json" in seen
    assert world.registry.password not in seen
    world.stop(task)
