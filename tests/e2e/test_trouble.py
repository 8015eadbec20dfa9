"""A machine in trouble: a full disk, a directory that cannot be used, a log group that is gone. Tasks go on, what is told of
them is true, and what is lost is counted."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from conftest import World, allow, remove_all_tasks
from support import REGION, Registry, Server, shell_image, until

COUNT = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.05; done"


class SmallDisk:
    """A file system of 160 MiB that goes away with this process, also when that is killed."""

    def __init__(self, path):
        self.path = path
        path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", path], check=True)
        self.guard = subprocess.Popen(["sh", "-c", 'cat; umount -l "$0"; rmdir "$0"', path], stdin=subprocess.PIPE)

    def fill(self):
        with open(self.path / "fill", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass
        with open(self.path / "fill", "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass

    def make_room(self):
        (self.path / "fill").unlink()

    def close(self):
        self.guard.stdin.close()
        self.guard.wait(20)


class Trouble(World):
    def __init__(self, server, registry):
        super().__init__(server, registry)
        self.log_group = f"/trouble/{self.suffix}"
        self.logs.create_log_group(logGroupName=self.log_group)
        self.role = self.create_role("logs", {
            "secret": allow("secretsmanager:GetSecretValue", self.secret),
            "logs": allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*")})

    def prints(self, script, **options):
        image = self.registry.push(shell_image(script), f"alice/{len(script)}-{time.monotonic_ns()}")
        options = {"awslogs-group": self.log_group, "awslogs-region": REGION, "awslogs-stream-prefix": "x", **options}
        return self.run(self.define(image=image, role=self.role, logConfiguration={"logDriver": "awslogs", "options": options}))

    def lines(self, task):
        found, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            answer = self.logs.get_log_events(
                logGroupName=self.log_group, logStreamName=f"x/space/{task.rsplit('/', 1)[1]}", startFromHead=True, **more)
            found += [event["message"] for event in answer["events"]]
            if answer["nextForwardToken"] == token:
                return found
            token = answer["nextForwardToken"]

    def server_log(self):
        return self.server.output.read_text(errors="replace")

    def process(self, task):
        """The container's process, from the task's journal."""
        events = (self.server.data / "tasks" / task.rsplit("/", 1)[1] / "events").read_text()
        return int(re.search(r'"pid":(\d+)', events)[1])


def make(directory, name, data=None):
    server = Server(directory / name, data=data)
    registry = Registry(directory / f"{name}-registry")
    return server, registry, Trouble(server, registry)


@pytest.fixture(scope="module")
def world(directory):
    server, registry, world = make(directory, "trouble")
    yield world
    remove_all_tasks(server)
    server.stop()
    registry.stop()


@pytest.fixture
def on_small_disk(directory):
    disk = SmallDisk(directory / "small")
    server, registry, world = make(directory, "full", disk.path / "data")
    yield disk, world
    remove_all_tasks(server)
    server.stop()
    registry.stop()
    disk.close()


def counted(lines):
    """The numbers of the lines that are there, and how many the log says are not."""
    numbers = [int(line.split()[1]) for line in lines if line.startswith("line ")]
    lost = sum(int(re.match(r"tidegate: (\d+) lines? ", line)[1]) for line in lines if line.startswith("tidegate: "))
    return numbers, lost


def test_a_full_disk_ends_no_task(on_small_disk):
    disk, world = on_small_disk
    quiet = world.prints("trap 'exit 5' TERM; while :; do sleep 0.1; done")
    chatty = world.prints(f"trap 'exit 6' TERM; {COUNT}")
    flood = world.prints("i=0; while [ $i -lt 100000 ]; do echo line $i of many, each one long enough to fill a small disk; i=$((i+1)); done; "
                         "while :; do sleep 0.1; done")
    doomed = world.prints("while :; do sleep 0.1; done")
    tasks = [quiet, chatty, flood, doomed]
    for task in tasks:
        world.wait(task, "RUNNING")
    processes = {task: world.process(task) for task in tasks}
    until(lambda: world.lines(chatty), 30, "a first line")
    disk.fill()
    # Long enough for a hundred lines, and for a shim that cannot bear it to end.
    time.sleep(5)
    for task in tasks:
        os.kill(processes[task], 0)
        assert world.describe(task)["lastStatus"] == "RUNNING"
    os.kill(processes[doomed], signal.SIGKILL)
    time.sleep(1)
    disk.make_room()
    world.server.kill()
    world.server.start()
    ended = world.wait(doomed, "STOPPED")
    assert ended["containers"][0]["exitCode"] == 137, ended
    for task in (quiet, chatty, flood):
        os.kill(processes[task], 0)
        assert world.describe(task)["lastStatus"] == "RUNNING"
    number = counted(world.lines(chatty))[0][-1]
    until(lambda: counted(world.lines(chatty))[0][-1] > number + 20, 30, "the task logs on")
    numbers, lost = counted(world.lines(chatty))
    assert (numbers, lost) == (list(range(len(numbers))), 0), "so few lines wait in memory"

    def account():
        numbers, lost = counted(world.lines(flood))
        gaps = [(one, two) for one, two in zip(numbers, numbers[1:]) if two != one + 1]
        return len(numbers) + lost, len(numbers), lost, gaps[:5], numbers[-1:], [line for line in world.lines(flood) if "tidegate" in line]

    until(lambda: account()[0] == 100_000, 60, lambda: f"every line is there or counted, but {account()},")
    assert world.stop(quiet)["containers"][0]["exitCode"] == 5
    assert world.stop(chatty)["containers"][0]["exitCode"] == 6


def test_a_start_that_cannot_begin_is_begun_again_and_can_be_stopped(world):
    directory = world.server.data / "tasks"
    definition = world.define()
    directory.rename(directory.with_name("kept"))
    directory.touch()
    try:
        begun_again, stopped = world.run(definition), world.run(definition)
        until(lambda: world.server_log().count("could not be brought forward") > 2, 30, "it was tried")
        assert world.describe(begun_again)["lastStatus"] == "PROVISIONING"
        assert world.stop(stopped)["stopCode"] == "UserInitiated"
    finally:
        directory.unlink()
        directory.with_name("kept").rename(directory)
    world.wait(begun_again, "RUNNING", 60)
    world.stop(begun_again)


def test_lines_beyond_the_buffer_are_counted(world):
    script = "while ! [ -e /go ]; do sleep 0.05; done; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 7"
    task = world.prints(script, mode="non-blocking", **{"max-buffer-size": "64k"})
    world.wait(task, "RUNNING")
    root = pathlib.Path(f"/proc/{world.process(task)}/root")
    world.server.kill()
    # Nobody reads now.
    (root / "go").touch()
    until(lambda: not root.exists(), 60, "the end of the container")
    world.server.start()
    assert world.wait(task, "STOPPED")["containers"][0]["exitCode"] == 7
    numbers, lost = counted(world.lines(task))
    assert numbers == list(range(len(numbers))) and 0 < len(numbers) < 20_000
    assert len(numbers) + lost == 20_000
    assert "max-buffer-size" in world.lines(task)[-1]


def test_a_blocking_log_loses_nothing(world):
    script = "i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done"
    task = world.prints(script, mode="blocking", **{"max-buffer-size": "64k"})
    world.wait(task, "STOPPED", 120)
    assert counted(world.lines(task)) == (list(range(100_000)), 0)


def test_a_task_goes_on_without_its_log_group(world):
    task = world.prints(COUNT)
    world.wait(task, "RUNNING")
    until(lambda: world.lines(task), 30, "a first line")
    world.logs.delete_log_group(logGroupName=world.log_group)

    def complaints():
        return [line for line in world.server_log().splitlines() if "output cannot be taken over" in line and task.rsplit("/", 1)[1] in line]

    until(complaints, 30, "a complaint")
    # It is tried again several times.
    time.sleep(3)
    assert len(complaints()) <= 2, complaints()
    assert world.describe(task)["lastStatus"] == "RUNNING"
    world.logs.create_log_group(logGroupName=world.log_group)
    until(lambda: world.logs.describe_log_streams(logGroupName=world.log_group)["logStreams"], 60, "the stream is made anew")
    until(lambda: len(world.lines(task)) > 20, 30, "lines arrive again")
    numbers = counted(world.lines(task))[0]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    world.stop(task)


def test_no_short_task_is_told_to_have_died(world):
    definition = world.define(image=world.registry.push(shell_image("exit 0"), "alice/short"))
    tasks = [world.run(definition) for _ in range(40)]
    for task in tasks:
        ended = world.wait(task, "STOPPED", 90)
        assert (ended["containers"][0]["exitCode"], ended["stopCode"]) == (0, "EssentialContainerExited")
        assert "reason" not in ended["containers"][0]
    assert "shim died" not in world.server_log()


def test_a_shim_that_dies_is_told_of(world):
    task = world.run(world.define())
    world.wait(task, "RUNNING")
    group = next(pathlib.Path("/sys/fs/cgroup").glob(f"**/tidegate/{task.rsplit('/', 1)[1]}.shim"))
    os.kill(int((group / "cgroup.procs").read_text().split()[0]), signal.SIGKILL)
    ended = world.wait(task, "STOPPED")
    assert ended["stopCode"] == "EssentialContainerExited"
    assert "watched over the task ended unexpectedly" in ended["containers"][0]["reason"]
    assert "shim died" in world.server_log()
