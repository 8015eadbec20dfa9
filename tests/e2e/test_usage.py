"""What a task uses, from DescribeTaskUsage: the pull while it waits for its registry, processor and memory while it runs.

The service `tidegate` has no model in boto3: its calls are signed by botocore and sent as they are.
"""

import contextlib
import http.client
import http.server
import json
import os
import secrets
import threading

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from conftest import allow
from support import REGION, Image, busybox_layer, layer, until

MIB = 1 << 20


def call(server, operation, parameters, access_key_id=None, secret_access_key=None):
    """Calls one of Tidegate's own operations; answers status and body."""
    keys = botocore.credentials.Credentials(access_key_id or server.access_key_id, secret_access_key or server.secret_access_key)
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Tidegate.{operation}"}
    request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", data=json.dumps(parameters), headers=headers)
    botocore.auth.SigV4Auth(keys, "tidegate", REGION).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/", request.body, dict(request.headers))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def usage(world, task):
    status, told = call(world.server, "DescribeTaskUsage", {"cluster": world.cluster, "task": task})
    assert status == 200, told
    return told


@contextlib.contextmanager
def halting_registry(image):
    """An open registry that sends half of the largest layer and keeps the rest until it is told to go on."""
    manifest = image.blobs[image.digest]
    largest = max(json.loads(manifest)["layers"], key=lambda blob: blob["size"])["digest"]
    go_on = threading.Event()

    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            digest = self.path.rsplit("/", 1)[1] if "/blobs/" in self.path else image.digest
            body = b"" if self.path == "/v2/" else image.blobs[digest]
            self.send_response(200)
            self.send_header("Content-Type", image.manifest["mediaType"] if "/manifests/" in self.path else "application/octet-stream")
            self.send_header("Docker-Content-Digest", digest)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            half = len(body) // 2 if digest == largest else len(body)
            self.wfile.write(body[:half])
            self.wfile.flush()
            if digest == largest:
                go_on.wait(50)
            self.wfile.write(body[half:])

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.server_port}", go_on
    finally:
        go_on.set()
        listener.shutdown()
        listener.server_close()


def test_a_pull_is_seen_while_it_is_on_its_way(world):
    # Noise is not compressed, so half of the layer is half of its bytes; and no other test has it in the cache.
    noise = layer(("noise", os.urandom(4 * MIB)), ("start", "#!/bin/sh\nexec sleep 1000\n"))
    image = Image([busybox_layer(), noise], ["/start"])
    sizes = [blob["size"] for blob in json.loads(image.blobs[image.digest])["layers"]]
    with halting_registry(image) as (host, go_on):
        task = world.run(world.define(image=f"{host}/noise:1", secret="", stopTimeout=2))

        def half():
            containers = usage(world, task)["containers"]
            pull = containers[0]["pull"] if containers else {}
            return pull if pull.get("layersDone") == 1 and pull["bytesDone"] >= sizes[0] + sizes[1] // 2 else None

        pull = until(half, 30, lambda: f"half a pull of {usage(world, task)}")
        assert pull == {
            "state": "pulling", "bytesDone": sizes[0] + sizes[1] // 2, "bytesTotal": sum(sizes), "layersDone": 1, "layersTotal": 2}
        told = usage(world, task)
        assert told["lastStatus"] == "PENDING" and "process" not in told["containers"][0] and "network" not in told
        assert told["containers"][0]["image"] == f"{host}/noise:1"
        go_on.set()
        world.wait(task, "RUNNING")
    pull = usage(world, task)["containers"][0]["pull"]
    assert pull == {"state": "pulled", "bytesDone": sum(sizes), "bytesTotal": sum(sizes), "layersDone": 2, "layersTotal": 2}
    world.stop(task)


def test_processor_and_memory_of_a_running_task(world):
    # One container holds 40 MiB and then counts for ever; the other sleeps.
    busy = {"name": "busy", "image": world.image, "memory": 256, "stopTimeout": 2,
            "command": ["sh", "-c", "dd if=/dev/zero of=/dev/shm/held bs=1048576 count=40; while :; do :; done"]}
    idle = {"name": "idle", "image": world.image, "command": ["sleep", "1000"], "stopTimeout": 2}
    credentials = {"repositoryCredentials": {"credentialsParameter": world.secret}}
    task = world.run(world.define_containers([{**busy, **credentials}, {**idle, **credentials}]))
    world.wait(task, "RUNNING")

    def measured():
        told = usage(world, task)
        return told, {container["name"]: container.get("process", {}) for container in told["containers"]}

    first, begin = measured()
    assert (first["cpuUnits"], first["memoryLimitBytes"], first["lastStatus"]) == (256, 512 * MIB, "RUNNING")
    later, end = until(
        lambda: (now := measured())[1]["busy"]["cpuNanoseconds"] >= begin["busy"]["cpuNanoseconds"] + 300_000_000
        and now[1]["busy"]["memoryBytes"] >= 40 * MIB and now,
        60, lambda: f"work since {begin} in {measured()}")
    seconds = later["sampledAt"] - first["sampledAt"]
    spent = (end["busy"]["cpuNanoseconds"] - begin["busy"]["cpuNanoseconds"]) / 1e9
    # A quarter of a processor is reserved, and its quota is given out in tenths of a second.
    assert 0 < spent <= 0.25 * seconds + 0.2, (spent, seconds)
    assert end["idle"]["cpuNanoseconds"] - begin["idle"]["cpuNanoseconds"] < 100_000_000
    assert 40 * MIB <= end["busy"]["memoryBytes"] <= end["busy"]["memoryLimitBytes"] == 256 * MIB
    assert 0 < end["idle"]["memoryBytes"] < 40 * MIB and end["idle"]["memoryLimitBytes"] == 512 * MIB
    assert end["busy"]["processes"] >= 1 and end["idle"]["processes"] == 1
    assert later["network"]["bytesReceived"] >= 0 and later["network"]["bytesSent"] >= 0
    world.stop(task)
    after = usage(world, task)
    assert after["lastStatus"] == "STOPPED"
    assert not any("process" in container for container in after["containers"])


def test_the_right_is_one_of_its_own(world):
    task = world.run(world.define(stopTimeout=2, command=["sleep", "1000"]))
    world.wait(task, "RUNNING")
    name = "meter-" + secrets.token_hex(4)
    arn = world.iam.create_user(UserName=name)["User"]["Arn"]
    key = world.iam.create_access_key(UserName=name)["AccessKey"]
    keys = key["AccessKeyId"], key["SecretAccessKey"]
    asked = {"cluster": world.cluster, "task": task}
    world.iam.put_user_policy(UserName=name, PolicyName="ecs", PolicyDocument=allow("ecs:*", "*"))
    status, refused = call(world.server, "DescribeTaskUsage", asked, *keys)
    assert status == 400 and refused["__type"].endswith("AccessDeniedException"), refused
    assert f"{arn} is not authorized to perform: tidegate:DescribeTaskUsage on resource: {task}" in refused["message"]
    world.iam.put_user_policy(UserName=name, PolicyName="usage", PolicyDocument=allow("tidegate:DescribeTaskUsage", task))
    status, told = call(world.server, "DescribeTaskUsage", asked, *keys)
    assert status == 200 and told["taskArn"] == task
    status, missing = call(world.server, "DescribeTaskUsage", {**asked, "task": "0" * 32})
    assert status == 400 and missing["__type"].endswith("ResourceNotFoundException"), missing
    world.stop(task)
