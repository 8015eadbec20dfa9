"""Ephemeral storage: a task writes as much as it may, sees how much that is, and leaves nothing."""

import pathlib
import time

import pytest
from conftest import World, remove_all_tasks
from support import Registry, Server, shell_image, until


@pytest.fixture
def world(directory):
    server = Server(directory / "storage")
    registry = Registry(directory / "storage-registry")
    yield World(server, registry)
    remove_all_tasks(server)
    server.stop()
    registry.stop()


def run(world, script, **options):
    image = world.registry.push(shell_image(script), "alice/writer")
    container = {
        "name": "space", "image": image, "repositoryCredentials": {"credentialsParameter": world.secret},
        "mountPoints": [{"sourceVolume": "shared", "containerPath": "/shared"}]}
    return world.run(world.define_containers([container], volumes=[{"name": "shared"}], **options))


def mounts(world):
    return [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(world.server.data) in line]


def devices(world):
    """The loop devices behind which files of this server's data directory lie."""
    files = pathlib.Path("/sys/block").glob("loop*/loop/backing_file")
    return [found for file in files if str(world.server.data) in (found := file.read_text())]


# Gives room to a file without writing it: what does not fit is refused at once.
CLAIM = "busybox fallocate -l"


def test_root_file_systems_and_volumes_have_one_limit(world):
    task = run(world, f"""
        {CLAIM} 22G /large && exit 10; busybox rm /large
        {CLAIM} 15G /first || exit 11
        {CLAIM} 15G /shared/second && exit 12; busybox rm /shared/second
        {CLAIM} 3G /shared/third || exit 13
        busybox df -m / | busybox awk 'NR == 2 && $2 > 19000 && $2 < 20481 {{ found = 1 }} END {{ exit !found }}' || exit 14
        busybox df -m /shared | busybox awk 'NR == 2 && $4 < 2500 {{ found = 1 }} END {{ exit !found }}' || exit 15
        wget -qO /told $ECS_CONTAINER_METADATA_URI_V4/task || exit 16
        grep '"EphemeralStorageMetrics":{{"Reserved":20480,"Utilized":184' /told || exit 17
        exit 7""")
    assert world.wait(task, "STOPPED")["containers"][0].get("exitCode") == 7
    until(lambda: not mounts(world) and not devices(world), 30, lambda: f"the end of {mounts(world)} {devices(world)}")


def test_the_definition_says_how_much(world):
    task = run(world, f"{CLAIM} 22G /first || exit 11; {CLAIM} 3G /second && exit 12; exit 7", ephemeralStorage={"sizeInGiB": 24})
    described = world.wait(task, "STOPPED")
    assert described["containers"][0].get("exitCode") == 7 and described["ephemeralStorage"] == {"sizeInGiB": 24}


def test_the_limit_outlives_the_server_and_goes_with_the_task(world):
    task = run(world, f"trap 'exit 3' TERM; until test -e /shared/go; do sleep 0.1; done; {CLAIM} 22G /large && exit 10; exit 7")
    world.wait(task, "RUNNING")
    other = run(world, "while :; do sleep 1; done")
    world.wait(other, "RUNNING")
    assert len(devices(world)) >= 2
    world.server.kill()
    directory = world.server.data / "tasks" / task.rsplit("/", 1)[1]
    (directory / "storage/volumes/shared/go").touch()
    world.server.start()
    assert world.wait(task, "STOPPED")["containers"][0].get("exitCode") == 7
    # What was killed while it was stopped is taken away by the next server.
    world.ecs.stop_task(cluster=world.cluster, task=other)
    world.server.kill()
    world.server.start()
    world.wait(other, "STOPPED", 60)
    until(lambda: not mounts(world) and not devices(world), 30, lambda: f"the end of {mounts(world)} {devices(world)}")


def test_the_end_of_a_task_does_not_wait_for_its_files(world):
    task = run(world, """
        trap 'exit 3' TERM
        busybox awk 'BEGIN { for (i = 0; i < 20000; i++) { name = "/shared/f" i; print i > name; close(name) } }'
        busybox dd if=/dev/zero of=/large bs=1M count=300 2>/dev/null
        touch /shared/done
        while :; do sleep 0.1; done""")
    done = world.server.data / "tasks" / task.rsplit("/", 1)[1] / "storage/volumes/shared/done"
    until(done.exists, 120, "the files")
    world.ecs.stop_task(cluster=world.cluster, task=task)
    until(lambda: world.describe(task)["lastStatus"] == "DEPROVISIONING" or world.describe(task)["lastStatus"] == "STOPPED", 40)
    begun = time.monotonic()
    world.wait(task, "STOPPED")
    assert time.monotonic() - begun < 10
    until(lambda: not (world.server.data / "tasks").joinpath(task.rsplit("/", 1)[1]).exists(), 10, "the directory's end")
