"""The root key comes from a file, the environment or a command; the wrong one opens nothing, and none is ever shown."""

import base64
import os
import pathlib
import subprocess

import pytest
from support import BINARY, NETWORK_OPTIONS, Server, free_port

VARIABLE = "TIDEGATE_ROOT_KEY"


@pytest.fixture
def sealed(tmp_path):
    """A server that has ended, its root key's text, and a ciphertext of a key in its data directory."""
    server = Server(tmp_path / "server")
    key = server.client("kms").create_key()["KeyMetadata"]["KeyId"]
    text = server.client("kms").encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]
    server.stop()
    yield server, (server.data / "root.key").read_text().strip(), text
    server.stop()


def opens(server, text):
    server.start()
    assert server.client("kms").decrypt(CiphertextBlob=text)["Plaintext"] == b"plain"
    server.stop()


def refused(data, *options, key=None):
    """What a server says that must not start."""
    environment = {**os.environ, **({VARIABLE: key} if key is not None else {})}
    command = [BINARY, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{free_port()}", *NETWORK_OPTIONS, *options]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    return done.stdout + done.stderr


def test_the_key_moves_from_the_file_to_the_environment_and_to_a_command(sealed, tmp_path, monkeypatch):
    server, key, text = sealed
    (server.data / "root.key").rename(tmp_path / "elsewhere")
    assert "no root key file" in refused(server.data)
    monkeypatch.setenv(VARIABLE, key)
    server.start()
    assert server.client("kms").decrypt(CiphertextBlob=text)["Plaintext"] == b"plain"
    shown = pathlib.Path(f"/proc/{server.process.pid}/environ").read_bytes()
    assert b"TIDEGATE_ROOT_ACCESS_KEY_ID" in shown and key.encode() not in shown
    server.stop()
    assert not (server.data / "root.key").exists() and key not in server.output.read_text()
    monkeypatch.setenv(VARIABLE, base64.b64encode(bytes.fromhex(key)).decode())
    opens(server, text)
    monkeypatch.delenv(VARIABLE)
    server.options = ("--root-key-command", f"cat {tmp_path / 'elsewhere'}")
    opens(server, text)
    assert key not in server.output.read_text()


def test_another_key_is_refused(sealed):
    server, key, text = sealed
    said = refused(server.data, key="00" * 32)
    assert "not the one with which the data directory was sealed" in said and "00" * 32 not in said
    opens(server, text)
    assert "must be 32 bytes" in refused(server.data, key=key[:-1])
    assert "not by both" in refused(server.data, "--root-key-command", "true", key=key)


@pytest.mark.parametrize(("command", "expected"), [
    ("echo s3cret; exit 3", "exit status: 3"),
    ("echo s3cret", "printed no key"),
    ("none-such-command", "exit status: 127"),
    ("cat /dev/zero", "the command failed"),
])
def test_a_command_that_prints_no_key_is_refused(tmp_path, command, expected):
    said = refused(tmp_path, "--root-key-command", command)
    assert expected in said and "--root-key-command" in said and "s3cret" not in said


def test_doctor_says_where_the_key_comes_from(sealed):
    server, key, _ = sealed

    def said(**more):
        command = [BINARY, "doctor", "--data-dir", server.data]
        lines = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, timeout=60, check=False).stdout.splitlines()
        return next(line for line in lines if "root key" in line)

    assert f"from the file {server.data / 'root.key'}" in said()
    assert VARIABLE in said(**{VARIABLE: key}) and key not in said(**{VARIABLE: key})
    (server.data / "root.key").unlink()
    assert "--root-key-command" in said()
