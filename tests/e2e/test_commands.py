"""Commands of the operator's: nothing that they start outlives what it was started for."""

import pathlib

from support import Server, until


def test_nothing_of_a_rotation_outlives_the_server(tmp_path):
    file = tmp_path / "child"
    command = f"sleep 3600 & echo $! > {file}.new; mv {file}.new {file}; wait"
    server = Server(tmp_path / "outlived", "--rotation-command", command)
    manager = server.client("secretsmanager")
    manager.create_secret(Name="slow", SecretString="one")
    manager.rotate_secret(SecretId="slow", RotationRules={"AutomaticallyAfterDays": 30}, RotationLambdaARN="arn:aws:lambda:us-east-1:123456789012:function:f")
    until(file.exists, 20, "the command")
    child = pathlib.Path("/proc", file.read_text().strip(), "status")

    def runs():
        try:
            return "\nState:\tZ" not in child.read_text()
        except OSError:
            return False

    assert runs()
    server.stop()
    until(lambda: not runs(), 10, "the end of what the command started")
