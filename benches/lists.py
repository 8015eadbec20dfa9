"""What a page of a long list costs, at its beginning and at its end, among few records and among many.

    benches/lists.py [RECORDS]       50000 unless said otherwise

The records are written into the database of a server that has ended, as copies of one that it made. Every page is asked
for over one kept connection; the figures are medians in milliseconds. A page should cost the same everywhere.
"""

import contextlib
import json
import os
import pathlib
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
os.environ.setdefault("TIDEGATE", str(ROOT / "target/release/tidegate"))

from support import Server  # noqa: E402

FEW, TURNS, REVISIONS = 100, 30, 100


def fill(data, count):
    """Copies the one secret and the one task definition that there is."""
    with contextlib.closing(sqlite3.connect(data / "tidegate.db")) as database, database:
        rows = {name: (key, json.loads(value)) for name, key, value in database.execute(
            "SELECT name, key, value FROM record WHERE name IN ('secrets', 'task_definitions', 'task_definition_families')")}
        put = lambda name, key, record: database.execute(  # noqa: E731
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (name, key, json.dumps(record)))
        arn, secret = rows["secrets"]
        base = arn.rsplit(":", 1)[0]
        for number in range(count):
            name = f"copy-{secrets.token_hex(8)}"
            own = f"{base}:{name}-{secrets.token_hex(3)}"
            put("secrets", own, {**secret, "arn": own, "name": name, "created_at": secret["created_at"] + number})
        arn, definition = rows["task_definitions"]
        base = arn.rsplit("/", 1)[0]
        for number in range(count):
            family, revision = f"copy-{number // REVISIONS:05}", number % REVISIONS + 1
            own = f"{base}/{family}:{revision}"
            inner = {**definition["definition"], "taskDefinitionArn": own, "family": family, "revision": revision}
            put("task_definitions", own, {**definition, "definition": inner})
            put("task_definition_families", f"{base}/{family}", {**rows["task_definition_families"][1], "latest_revision": revision})


def medians(server):
    """The first and the last page of each list."""
    manager, ecs = server.client("secretsmanager"), server.client("ecs")
    lists = {
        "ListSecrets": lambda token: manager.list_secrets(MaxResults=100, **({"NextToken": token} if token else {})),
        "ListSecrets by name, falling": lambda token: manager.list_secrets(
            MaxResults=100, SortBy="name", SortOrder="desc", **({"NextToken": token} if token else {})),
        "ListTaskDefinitions": lambda token: ecs.list_task_definitions(maxResults=100, **({"nextToken": token} if token else {})),
    }
    measured = {}
    for name, call in lists.items():
        token = last = None
        while True:
            answer = call(token)
            last, token = token, answer.get("NextToken") or answer.get("nextToken")
            if not token:
                break
        for place, at in (("first", None), ("last", last)):
            times = []
            for _ in range(TURNS):
                began = time.perf_counter()
                call(at)
                times.append((time.perf_counter() - began) * 1000)
            measured[f"{name}, {place} page"] = statistics.median(times)
    return measured


def main():
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    results = {}
    for count in (FEW, many):
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as directory:
            server = Server(directory)
            server.client("secretsmanager").create_secret(Name="one", SecretString="x")
            server.client("ecs").register_task_definition(family="one", containerDefinitions=[{"name": "a", "image": "a", "memory": 64}])
            server.stop()
            fill(server.data, count)
            server.start()
            try:
                results[count] = medians(server)
            finally:
                server.stop()
    for name in results[FEW]:
        print(f"{name:44} {results[FEW][name]:8.2f} ms of {FEW}   {results[many][name]:8.2f} ms of {many}")


if __name__ == "__main__":
    main()
