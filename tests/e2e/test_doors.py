"""Who says nothing shuts nobody out: silent connections, half heads and bodies that do not come, by the thousand."""

import resource
import socket
import statistics
import time

import pytest
from support import until

HALF_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Half: "
HALF_BODY = (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n"
             b"X-Amz-Target: secretsmanager.GetSecretValue\r\nContent-Length: 1000000\r\n\r\nabc")
CALLS = 15


@pytest.fixture(scope="module")
def descriptors():
    """Room for the sockets of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def crowd(server, descriptors):
    """Opens connections that begin like this and then say nothing."""
    opened = []

    def gather(count, begin):
        if descriptors < count + 200:
            pytest.skip(f"this process may only have {descriptors} file descriptors")
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port), 10)
            opened.append(connection)
            if begin:
                try:
                    connection.sendall(begin)
                except ConnectionError:
                    pass
        return opened

    yield gather
    for connection in opened:
        connection.close()


def resident_mib(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def seconds_of_new_clients(server, calls=CALLS):
    """How long a call takes that makes a client and a connection of its own, one by one."""
    taken = []
    for _ in range(calls):
        client = server.client("sts")
        began = time.monotonic()
        client.get_caller_identity()
        taken.append(time.monotonic() - began)
    return taken


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("begin", [b"", HALF_HEAD, HALF_BODY], ids=["silent", "half heads", "half bodies"])
@pytest.mark.parametrize("count", [2_000, 10_000])
def test_a_new_client_is_served_while_thousands_say_nothing(server, crowd, count, begin):
    before = resident_mib(server)
    known = server.client("sts")
    known.get_caller_identity()
    crowd(count, begin)
    taken = seconds_of_new_clients(server)
    # Milliseconds on an idle machine; what it must not be is the time after which silence ends.
    assert statistics.median(taken) < 1, taken
    assert max(taken) < 4, taken
    known.get_caller_identity()
    assert resident_mib(server) - before < 100
    assert "panicked" not in server.output.read_text()


def test_silence_ends(server, crowd):
    opened = crowd(30, b"") + crowd(30, HALF_HEAD) + crowd(30, HALF_BODY)
    until(lambda: all(is_closed(connection) for connection in set(opened)), 40, "the end of all that say nothing")


def test_a_body_that_trickles_is_ended(server):
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(HALF_BODY)

        def answered():
            connection.setblocking(False)
            try:
                connection.send(b"a")
                return connection.recv(4096)
            except BlockingIOError:
                return None

        assert b"408" in until(answered, 30, "the answer to a body that trickles")


def test_descriptors_are_left_for_the_server_itself(server):
    """With few descriptors there are fewer places, and calls that need files and sockets still work."""
    server.stop()
    server.before = ["prlimit", "--nofile=400:400"]
    server.start()
    connections = []
    try:
        for _ in range(350):
            connections.append(socket.create_connection(("127.0.0.1", server.port), 10))
        assert statistics.median(seconds_of_new_clients(server, 5)) < 1
        server.client("logs").create_log_group(logGroupName="room-for-files")
        assert "could not be accepted" not in server.output.read_text()
    finally:
        for connection in connections:
            connection.close()
        server.stop()
        server.before = ()
        server.start()
