"""`kill -9` of the server at random moments: no task lost, no false RUNNING, nothing left behind."""

import pathlib
import random
import subprocess
import threading
import time

import botocore.exceptions
import pytest
from conftest import World, allow, remove_all_tasks
from support import NETWORK, REGION, Registry, Server, shell_image, until


@pytest.fixture
def world(directory):
    server = Server(directory / "crash")
    registry = Registry(directory / "crash-registry")
    yield World(server, registry)
    remove_all_tasks(server)
    server.stop()
    registry.stop()


def leavings(data, ours=()):
    """What of the kernel and the file system still belongs to tasks of this data directory; control groups by task id."""
    tasks = [path.name for path in (pathlib.Path(data) / "tasks").glob("*")]
    mounts = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(data) in line]
    processes = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data) in command and " serve " not in command:
            processes.append(command)
    groups = {path.name.removesuffix(".shim") for path in pathlib.Path("/sys/fs/cgroup").glob("**/tidegate/*") if path.is_dir()}
    return tasks, mounts, processes, sorted(groups & set(ours))


def namespaces():
    """The namespaces of the tests' tasks; the router stays, as the network of the next server."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
    return {name for name in listed if name.startswith(f"{NETWORK}-") and name != f"{NETWORK}-router"}


def test_a_running_task_is_adopted_and_loses_no_line(world):
    group = f"/crash/{world.suffix}"
    world.logs.create_log_group(logGroupName=group)
    role = world.create_role("logs", {
        "secret": allow("secretsmanager:GetSecretValue", world.secret), "logs": allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*")})
    script = "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.01; done; trap 'exit 3' TERM; while :; do sleep 0.1; done"
    image = world.registry.push(shell_image(script), "alice/chatty")
    options = {"awslogs-group": group, "awslogs-region": REGION, "awslogs-stream-prefix": "x"}
    task = world.run(world.define(image=image, role=role, logConfiguration={"logDriver": "awslogs", "options": options}))
    world.wait(task, "RUNNING")
    for _ in range(3):
        time.sleep(random.uniform(0.1, 0.6))
        world.server.kill()
        world.server.start()
    described = world.wait(task, "RUNNING")
    assert described["desiredStatus"] == "RUNNING"

    def lines():
        found, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            answer = world.logs.get_log_events(
                logGroupName=group, logStreamName=f"x/space/{task.rsplit('/', 1)[1]}", startFromHead=True, **more)
            found += [event["message"] for event in answer["events"]]
            if answer["nextForwardToken"] == token:
                return found
            token = answer["nextForwardToken"]

    until(lambda: lines() == [f"line {number}" for number in range(400)], 30, "every line, once, in order")
    assert world.stop(task)["containers"][0]["exitCode"] == 3


def test_an_exit_while_the_server_is_dead_is_told_truly(world):
    image = world.registry.push(shell_image("sleep 1; exit 7"), "alice/short")
    task = world.run(world.define(image=image))
    world.wait(task, "RUNNING")
    world.server.kill()
    time.sleep(1.5)
    world.server.start()
    ended = world.wait(task, "STOPPED")
    assert ended["containers"][0]["exitCode"] == 7
    assert ended["stopCode"] == "EssentialContainerExited"


def test_kill_at_random_moments(world):
    definition = world.define()
    acknowledged, stop_asked, cut_off, over = [], set(), set(), threading.Event()

    def load(seed):
        choose = random.Random(seed)
        while not over.is_set():
            try:
                if acknowledged and choose.random() < 0.4:
                    task = choose.choice(acknowledged)
                    # Who got no answer does not know whether the task is stopped.
                    cut_off.add(task)
                    world.ecs.stop_task(cluster=world.cluster, task=task)
                    stop_asked.add(task)
                elif len(acknowledged) < 24:
                    acknowledged.append(world.run(definition))
                else:
                    over.wait(0.05)
            except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
                over.wait(0.02)

    workers = [threading.Thread(target=load, args=(seed,)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for _ in range(6):
        time.sleep(random.uniform(0.05, 0.8))
        world.server.kill()
        world.server.start()
    over.set()
    for worker in workers:
        worker.join()
    assert acknowledged and stop_asked, "tasks were started and stopped"
    for task in acknowledged:
        if task in stop_asked:
            ended = world.wait(task, "STOPPED", 60)
            assert ended["stopCode"] in ("UserInitiated", "TaskFailedToStart"), ended
        elif task in cut_off and world.describe(task)["desiredStatus"] == "STOPPED":
            stop_asked.add(task)
            assert world.wait(task, "STOPPED", 60)["stopCode"] in ("UserInitiated", "TaskFailedToStart")
        else:
            described = world.wait(task, "RUNNING", 60)
            assert described["containers"][0]["lastStatus"] == "RUNNING"
    tasks, *_ = leavings(world.server.data)
    running = {task.rsplit("/", 1)[1] for task in acknowledged if task not in stop_asked}
    assert running <= set(tasks), "every RUNNING task is really there"
    assert set(leavings(world.server.data, running)[3]) == running, "and has its control groups"
    remove_all_tasks(world.server)
    ids = [task.rsplit("/", 1)[1] for task in acknowledged]
    until(lambda: leavings(world.server.data, ids) == ([], [], [], []), 90, lambda: f"no rest of any task, but {leavings(world.server.data, ids)},")
    until(lambda: not namespaces(), 30, "no namespace left")
    used = world.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert used == [], "no address is leaked"
