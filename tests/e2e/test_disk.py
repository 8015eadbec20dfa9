"""What the disk does to a server: it is full, it fails, or what was on it is gone."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
import pytest
from conftest import World, remove_all_tasks
from support import BINARY, NETWORK_OPTIONS, Registry, Server, free_port, shell_image, until

NO_ROOM = "no room on the disk of the data directory"
# The mount goes with its standard input, so also when the test is killed.
MOUNT = 'mount -t tmpfs -o size=48m tmpfs "$1" && echo mounted; cat > /dev/null; umount -l "$1"'


class Disk:
    """A small disk of a server's own."""

    def __init__(self, path):
        path.mkdir(parents=True)
        self.fill_path = path / "fill"
        self.keeper = subprocess.Popen(
            ["sh", "-c", MOUNT, "sh", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self.keeper.stdout.readline() == b"mounted\n"

    def fill(self):
        with open(self.fill_path, "ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def make_room(self):
        self.fill_path.unlink(missing_ok=True)

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait(20)
        self.keeper.stdout.close()


@pytest.fixture
def disk(tmp_path):
    made = Disk(tmp_path / "server/data")
    yield made
    made.close()


@pytest.fixture
def server(tmp_path, disk):
    running = Server(tmp_path / "server")
    yield running
    disk.make_room()
    running.stop()


def refused(call):
    """The status and message of a call that must fail."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"].get("Message") or response["message"]


def fill_until_unwell(server, disk):
    """A disk is full when the journal says so: what it has written over does not count."""
    secret = server.client("secretsmanager")

    def unwell():
        disk.fill()
        try:
            secret.create_secret(Name=f"filling-{secrets.token_hex(8)}", SecretString="x" * 20_000)
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
            return True
        return False

    until(unwell, 30, "the full disk")


def value_is_withheld(manager, arn):
    """Whether a value is withheld because the audit cannot record its reading."""
    try:
        return manager.get_secret_value(SecretId=arn)["SecretString"] != "value"
    except botocore.exceptions.ClientError as error:
        assert "The value is withheld, because the audit cannot record that it was read" in str(error)
        return True


def test_a_full_disk_is_told_and_with_room_everything_goes_on(server, disk):
    manager, iam = server.client("secretsmanager"), server.client("iam")
    arn = manager.create_secret(Name="kept", SecretString="value")["ARN"]
    fill_until_unwell(server, disk)
    status, said = refused(lambda: manager.put_secret_value(SecretId=arn, SecretString="lost"))
    assert status == 503 and NO_ROOM in said
    assert refused(lambda: iam.create_user(UserName="lost"))[0] == 503
    assert refused(lambda: server.client("kms").create_key())[0] == 503
    status, document = server.health()
    assert status == 503 and NO_ROOM in document["reason"]
    # Reading goes on, but for values whose reading the audit could not record.
    assert manager.describe_secret(SecretId=arn)["Name"] == "kept"
    assert iam.list_users()["Users"] == []
    # The file of the day may still have room in its last block.
    until(lambda: value_is_withheld(manager, arn), 20, "a value that is withheld")
    disk.make_room()
    # Nobody calls: it gets well by itself.
    until(server.healthy, 20, "the server's health")
    assert manager.get_secret_value(SecretId=arn)["SecretString"] == "value"
    assert "LastAccessedDate" in manager.describe_secret(SecretId=arn)
    lost = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AuditEventsLost"}])["Events"]
    assert lost, "what was lost is told"
    manager.put_secret_value(SecretId=arn, SecretString="found")
    iam.create_user(UserName="found")
    server.kill()
    server.start()
    assert manager.get_secret_value(SecretId=arn)["SecretString"] == "found"
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["found"]
    assert "there is no room on the disk" in server.output.read_text()


def test_calls_that_meet_the_full_disk_are_done_or_not_done(server, disk):
    manager = server.client("secretsmanager")
    disk.fill()
    # Some room, so that the disk is full in the midst of them.
    with open(disk.fill_path, "r+b") as file:
        file.truncate(max(0, disk.fill_path.stat().st_size - 400_000))

    def create(number):
        try:
            manager.create_secret(Name=f"s{number}", SecretString="x" * 10_000)
            return True
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
            return False

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(create, range(200)))
    assert True in done and False in done

    def there():
        pages = manager.get_paginator("list_secrets").paginate()
        return {secret["Name"] for page in pages for secret in page["SecretList"]}

    answered = {f"s{number}" for number, ok in enumerate(done) if ok}
    assert there() == answered
    server.kill()
    # It starts over a full disk, too.
    server.spawn()
    until(lambda: server.health()[0], 20, "an answer")
    assert there() == answered


def test_tasks_are_adopted_and_stopped_over_a_full_disk(tmp_path, server, disk):
    registry = Registry(tmp_path / "registry")
    try:
        world = World(server, registry)
        image = registry.push(shell_image("trap 'exit 3' TERM; while :; do sleep 0.1; done"), "alice/waits")
        task = world.run(world.define(image=image))
        world.wait(task, "RUNNING")
        fill_until_unwell(server, disk)
        server.kill()
        disk.fill()
        server.spawn()
        until(lambda: server.health()[0], 30, "an answer")
        assert world.describe(task)["lastStatus"] == "RUNNING"
        fill_until_unwell(server, disk)
        assert refused(lambda: world.ecs.stop_task(cluster=world.cluster, task=task))[0] == 503
        time.sleep(2)
        assert world.describe(task)["lastStatus"] == world.describe(task)["desiredStatus"] == "RUNNING"
        disk.make_room()
        until(server.healthy, 20, "the server's health")
        assert world.stop(task)["containers"][0]["exitCode"] == 3
        again = world.run(world.define(image=image))
        world.wait(again, "RUNNING")
        remove_all_tasks(server)
    finally:
        disk.make_room()
        registry.stop()


def test_a_disk_that_fails_otherwise_ends_the_server(tmp_path):
    # Writing beyond a limit of the process is an error that says nothing about what is on disk.
    server = Server(tmp_path / "server", before=("env", "--ignore-signal=XFSZ"))
    iam = server.client("iam")
    iam.create_user(UserName="before")
    size = (server.data / "tidegate.db-wal").stat().st_size
    subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--fsize={size}"], check=True)

    def ended():
        try:
            iam.create_user(UserName=secrets.token_hex(8))
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        except botocore.exceptions.BotoCoreError:
            pass
        return server.process.poll() is not None

    until(ended, 30, "the server's end")
    said = server.output.read_text()
    assert server.process.returncode == 1 and "could not be made durable" in said and "Tasks run on" in said
    server.start()
    assert "before" in [user["UserName"] for user in iam.list_users()["Users"]]
    server.stop()


def refusal(data):
    """What a server says that must not start."""
    command = [BINARY, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{free_port()}", *NETWORK_OPTIONS]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    return done.stderr


def test_lost_records_are_not_taken_for_a_new_account(tmp_path):
    server = Server(tmp_path / "server")
    server.client("iam").create_user(UserName="kept")
    server.stop()
    kept = tmp_path / "kept"
    shutil.copytree(server.data, kept)
    database = server.data / "tidegate.db"
    database.unlink()
    (server.data / "tidegate.db-wal").unlink(missing_ok=True)
    said = refusal(server.data)
    assert "has no records" in said and "root.key" in said and "backup" in said and "--data-dir" in said
    assert not database.exists(), "nothing is made"
    database.touch()
    assert "has no records" in refusal(server.data)
    (server.data / "root.key").rename(tmp_path / "root.key")
    assert "credentials" in refusal(server.data)
    (tmp_path / "root.key").rename(server.data / "root.key")
    # Every way to damage it is told.
    whole = (kept / "tidegate.db").read_bytes()
    for damaged in (whole[:len(whole) // 2], os.urandom(len(whole)), whole[:100] + os.urandom(len(whole) - 100)):
        database.write_bytes(damaged)
        # What is left of half a file may be a whole database without a record.
        said = refusal(server.data)
        assert "cannot be read" in said or "has no records (tidegate.db is missing, empty or cut off)" in said
    # A server that ended may have left records in the second file.
    for file in kept.glob("tidegate.db*"):
        shutil.copy(file, server.data)
    server.start()
    assert [user["UserName"] for user in server.client("iam").list_users()["Users"]] == ["kept"]
    server.stop()


def test_a_first_start_that_is_killed_begins_again(tmp_path):
    steps = ["lock", "tidegate.db", "root.key", "credentials"]
    for step in steps:
        data = tmp_path / step / "data"
        command = [BINARY, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{free_port()}", *NETWORK_OPTIONS]
        first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda data=data, step=step: (data / step).exists(), 20, f"the file {step}")
        first.send_signal(signal.SIGKILL)
        first.wait()
        again = Server(tmp_path / step)
        assert again.client("sts").get_caller_identity()["Account"]
        again.stop()
