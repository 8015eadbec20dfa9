"""What SPECIFICATION.md promises about speed, measured beside what a user would run instead, as ratios of one run.

    make bench                       everything
    benches/run.py start task pull   some of: start, idle, api, task, pull

Peers are used where they are installed and named as missing where not: podman with runc and containerd by its own `ctr`
(tasks, pulls), moto's server (the API). All sides take turns, so that a busy machine is busy for all.
"""

import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
os.environ.setdefault("TIDEGATE", str(ROOT / "target/release/tidegate"))

import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.credentials  # noqa: E402
import http.client  # noqa: E402
from conftest import World, remove_all_tasks  # noqa: E402
import support  # noqa: E402
from support import REGION, Image, Registry, busybox_layer, free_port, layer, until, web_image  # noqa: E402

# "host" makes podman's work smaller than ours, for machines where its bridge does not come up.
PODMAN_NETWORK = os.environ.get("PODMAN_NETWORK", "bridge")
TURNS = int(os.environ.get("TURNS", "20"))
RESULTS = []
STARTED = []


class Server(support.Server):
    """A server that does not outlive a bench that fails."""

    def start(self):
        super().start()
        STARTED.append(self.process)


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def show(name, unit, ours, **peers):
    """Prints a line: ours p50 and p99, and each peer's with the ratio of the medians (below 1: Tidegate needs less)."""
    line = f"{name:44} p50 {percentile(ours, .5):9.2f} {unit}  p99 {percentile(ours, .99):9.2f} {unit}"
    for peer, theirs in peers.items():
        if theirs:
            line += f"   {peer} p50 {percentile(theirs, .5):9.2f} {unit}   ratio {percentile(ours, .5) / percentile(theirs, .5):.2f}"
        else:
            line += f"   {peer}: not installed, not measured"
    print(line, flush=True)
    RESULTS.append({"name": name, "unit": unit, "ours": ours, "peers": peers})


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Moto:
    """moto's server, the API that people test against today."""

    def __init__(self, executable):
        self.port = free_port()
        self.process = subprocess.Popen(
            [executable, "-H", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.listens, 60, "moto")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def moto_executable():
    return shutil.which("moto_server")


def temporary():
    return pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/_tidegate/health")
        return connection.getresponse().status > 0
    except OSError:
        return False
    finally:
        connection.close()


def milliseconds_until_answering(command, port, environment):
    start = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers(port):
        assert process.poll() is None and time.monotonic() - start < 60, command
    took = (time.monotonic() - start) * 1000
    process.terminate()
    process.wait(20)
    return took


def bench_start():
    ours, theirs = [], []
    for _ in range(min(TURNS, 10)):
        directory, port = temporary(), free_port()
        command = [os.environ["TIDEGATE"], "serve", "--data-dir", directory, "--listen", f"127.0.0.1:{port}"]
        ours.append(milliseconds_until_answering(command, port, os.environ))
        shutil.rmtree(directory)
        if moto_executable() and len(theirs) < 3:
            port = free_port()
            theirs.append(milliseconds_until_answering([moto_executable(), "-H", "127.0.0.1", "-p", str(port)], port, os.environ))
    show("server answers, empty data directory", "ms", ours, moto=theirs)


def bench_idle():
    directory = temporary()
    server = Server(directory)
    time.sleep(3)
    ours, theirs = [resident_mib(server.process.pid)], []
    if moto_executable():
        moto = Moto(moto_executable())
        time.sleep(1)
        theirs = [resident_mib(moto.process.pid)]
        moto.stop()
    server.stop()
    shutil.rmtree(directory)
    show("memory when idle", "MiB", ours, moto=theirs)


class Caller:
    """One keep-alive connection that sends ready-signed requests, so that the client costs next to nothing."""

    def __init__(self, port, key, secret):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port, self.credentials = port, botocore.credentials.Credentials(key, secret)

    def times(self, service, target, body, count):
        request = botocore.awsrequest.AWSRequest("POST", f"http://127.0.0.1:{self.port}/", data=json.dumps(body).encode(), headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, "Host": f"127.0.0.1:{self.port}"})
        botocore.auth.SigV4Auth(self.credentials, service, REGION).add_auth(request)
        prepared = request.prepare()
        took = []
        for _ in range(count):
            start = time.perf_counter()
            self.connection.request("POST", "/", prepared.body, dict(prepared.headers))
            answer = self.connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - start) * 1000)
            assert answer.status == 200, answer.status
        return took


def bench_api():
    directory = temporary()
    server = Server(directory)
    moto = Moto(moto_executable()) if moto_executable() else None
    callers = [Caller(server.port, server.access_key_id, server.secret_access_key)]
    if moto:
        callers.append(Caller(moto.port, "test", "test"))
    for caller in callers:
        caller.times("secretsmanager", "secretsmanager.CreateSecret", {"Name": "bench", "SecretString": "x", "ClientRequestToken": "0" * 32}, 1)
        caller.times("ecs", "AmazonEC2ContainerServiceV20141113.CreateCluster", {"clusterName": "bench"}, 1)
    calls = [
        ("GetSecretValue", "secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": "bench"}),
        ("DescribeClusters", "ecs", "AmazonEC2ContainerServiceV20141113.DescribeClusters", {"clusters": ["bench"]}),
        ("TagResource (a durable write)", "secretsmanager", "secretsmanager.TagResource", {"SecretId": "bench", "Tags": [{"Key": "a", "Value": "b"}]}),
    ]
    for name, service, target, body in calls:
        taken = [[] for _ in callers]
        for _ in range(10):
            for mine, caller in zip(taken, callers):
                mine += caller.times(service, target, body, 50)
        show(f"API: {name}", "ms", taken[0], moto=taken[1] if moto else [])
    if moto:
        moto.stop()
    server.stop()
    shutil.rmtree(directory)


def podman(storage, *arguments):
    command = ["podman", "--runtime", "runc", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "overlay", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"podman {arguments[0]}: {done.stderr}"
    return done


class Containerd:
    """containerd with a directory of its own, called as its own client does: no network is joined to what it runs."""

    def __init__(self, directory, registry):
        directory.mkdir(parents=True)
        self.address = directory / "containerd.sock"
        self.credentials = f"{registry.user}:{registry.password}"
        configuration = directory / "config.toml"
        configuration.write_text(
            f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{self.address}"\n')
        self.process = subprocess.Popen(["containerd", "--config", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        STARTED.append(self.process)
        until(lambda: subprocess.run(["ctr", "-a", self.address, "version"], capture_output=True).returncode == 0, 20, "containerd")

    @staticmethod
    def is_installed():
        return all(shutil.which(program) for program in ("containerd", "ctr", "runc"))

    def ctr(self, *arguments):
        done = subprocess.run(["ctr", "-a", self.address, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, f"ctr {' '.join(arguments[:2])}: {done.stderr}"

    def pull(self, image):
        self.ctr("images", "pull", "--plain-http", "--user", self.credentials, image)

    def run(self, image, name):
        """Asks the registry anew, as Tidegate does, and starts."""
        self.pull(image)
        self.ctr("run", "--detach", image, name)

    def remove(self, name):
        self.ctr("tasks", "rm", "--force", name)
        self.ctr("containers", "rm", name)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def milliseconds(work, *arguments):
    start = time.perf_counter()
    work(*arguments)
    return (time.perf_counter() - start) * 1000


def bench_task():
    directory = temporary()
    registry = Registry(directory / "registry")
    server = Server(directory / "server")
    world = World(server, registry)
    definition = world.define()
    with_podman = shutil.which("podman") is not None
    if with_podman:
        podman(directory / "podman", "login", "--tls-verify=false", "-u", registry.user, "-p", registry.password, registry.host)
    containerd = Containerd(directory / "containerd", registry) if Containerd.is_installed() else None
    ours, server_side, theirs, containerds = [], [], [], []
    for turn in range(TURNS + 2):
        start = time.perf_counter()
        task = world.run(definition)
        while (described := world.describe(task))["lastStatus"] != "RUNNING":
            assert described["lastStatus"] != "STOPPED", described
            time.sleep(0.002)
        took = (time.perf_counter() - start) * 1000
        inside = (described["startedAt"] - described["createdAt"]).total_seconds() * 1000
        world.stop(task)
        if with_podman:
            name = f"bench-{secrets.token_hex(4)}"
            start = time.perf_counter()
            podman(directory / "podman", "run", "--detach", "--pull=always", "--network", PODMAN_NETWORK, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--tls-verify=false", "--name", name, world.image)
            peer = (time.perf_counter() - start) * 1000
            podman(directory / "podman", "rm", "--force", "--time", "0", name)
        if containerd:
            name = f"bench-{secrets.token_hex(4)}"
            third = milliseconds(containerd.run, world.image, name)
            containerd.remove(name)
        if turn >= 2:
            ours.append(took)
            server_side.append(inside)
            if with_podman:
                theirs.append(peer)
            if containerd:
                containerds.append(third)
    peers = {"podman run --pull=always": theirs, "ctr images pull and run, no network": containerds}
    show("RunTask call to RUNNING seen, image cached", "ms", ours, **peers)
    show("  of it createdAt to startedAt", "ms", server_side)
    if with_podman:
        podman(directory / "podman", "system", "reset", "--force")
    if containerd:
        containerd.stop()
    remove_all_tasks(server)
    server.stop()
    registry.stop()
    shutil.rmtree(directory, ignore_errors=True)


def large_image():
    """Four layers of 50 MB, half of it random, so that they compress to about half as real software does."""
    layers = []
    for number in range(4):
        block = b"".join(os.urandom(4096) + bytes(4096) for _ in range(512))
        files = [(f"data/{number}/{index}", os.urandom(16) + block[16:] ) for index in range(12)]
        layers.append(layer(("data", None), (f"data/{number}", None), *files))
    return Image([busybox_layer(), *layers], ["/bin/sleep", "1000"])


def bench_pull():
    directory = temporary()
    registry = Registry(directory / "registry")
    image = registry.push(large_image(), "alice/large")
    ours, theirs, containerds = [], [], []
    for turn in range(max(3, TURNS // 4)):
        server = Server(directory / f"server-{turn}")
        world = World(server, registry)
        described = world.wait(world.run(world.define(image=image)), "RUNNING", 120)
        ours.append((described["pullStoppedAt"] - described["pullStartedAt"]).total_seconds() * 1000)
        remove_all_tasks(server)
        server.stop()
        shutil.rmtree(directory / f"server-{turn}")
        if shutil.which("podman"):
            storage = directory / f"podman-{turn}"
            pull = ("pull", "--quiet", "--tls-verify=false", "--creds", f"{registry.user}:{registry.password}", image)
            theirs.append(milliseconds(podman, storage, *pull))
            podman(storage, "system", "reset", "--force")
        if Containerd.is_installed():
            containerd = Containerd(directory / f"containerd-{turn}", registry)
            containerds.append(milliseconds(containerd.pull, image))
            containerd.stop()
            shutil.rmtree(directory / f"containerd-{turn}")
    show("cold pull of a 200 MB image", "ms", ours, **{"podman pull": theirs, "ctr images pull": containerds})
    registry.stop()
    shutil.rmtree(directory, ignore_errors=True)


BENCHES = {"start": bench_start, "idle": bench_idle, "api": bench_api, "task": bench_task, "pull": bench_pull}

if __name__ == "__main__":
    for bench in sys.argv[1:] or BENCHES:
        try:
            BENCHES[bench]()
        finally:
            for process in STARTED:
                if process.poll() is None:
                    process.terminate()
                    process.wait(20)
    output = ROOT / "target/bench.json"
    output.write_text(json.dumps(RESULTS, indent=1))
    print(f"load average {os.getloadavg()[0]:.1f}; raw figures in {output}")
