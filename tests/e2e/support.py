"""What the end-to-end tests stand on: a real server, a real private registry, real images, real AWS clients.

Everything is started on loopback, on free ports, in a directory of its own, and ended by process id.
"""

import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import tarfile
import time

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TIDEGATE", ROOT / "target/debug/tidegate"))
REGION = "us-east-1"


def claim_slot():
    """The lowest number that no other run of the tests on this machine has, held as a name that goes with this process."""
    for slot in range(50):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0tidegate-tests-{slot}")
        except OSError:
            claim.close()
            continue
        return slot, claim
    raise AssertionError("fifty runs of these tests are under way on this machine")


# A network of this run's own, beside those of other runs and of a server that this machine may have.
SLOT, SLOT_CLAIM = claim_slot()
NETWORK = f"tgtest{SLOT}"
NETWORK_OPTIONS = ["--network-name", NETWORK, "--network-link", f"169.254.{110 + SLOT}.0/30", "--public-pool", f"198.19.{SLOT}.0/26"]
APPLETS = "sh httpd ls cat echo sleep id env wget nc ip ping nslookup hostname date ps kill true false grep head dd tr mount touch".split()

# Of each (service, operation) that a client of this run called with success: the region and parameters of the first such
# call; `test_zz_compatibility.py` holds the table against it.
PROVED = {}


def until(condition, seconds=30, what="the condition"):
    """Waits for `condition` to answer something true, and answers it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what() if callable(what) else what} did not come true in {seconds} s"
        time.sleep(0.02)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """`tidegate serve` on a data directory of its own."""

    def __init__(self, directory, *options, before=(), data=None):
        """`before` is a command that ends by executing the one behind it."""
        self.before = before
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = data or self.directory / "data"
        self.options = options
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access_key_id = "AKIA" + secrets.token_hex(8).upper()
        self.secret_access_key = secrets.token_hex(20)
        self.output = self.directory / "server.log"
        self.process = None
        # Where clients of this server were: what is started there must be stopped there.
        self.regions = {REGION}
        self.start()

    def start(self):
        self.spawn()
        until(self.healthy, 20, "the server's health")

    def spawn(self):
        environment = {
            **os.environ,
            "TIDEGATE_ROOT_ACCESS_KEY_ID": self.access_key_id,
            "TIDEGATE_ROOT_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        command = [*self.before, BINARY, "serve", "--data-dir", self.data, "--listen", f"127.0.0.1:{self.port}", *NETWORK_OPTIONS, *self.options]
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def healthy(self):
        assert self.process.poll() is None, f"the server ended:\n{self.output.read_text()}"
        return self.health()[0] == 200

    def health(self):
        """The health's status and document; nothing while nobody answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/_tidegate/health")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except OSError:
            return None, None

    def kill(self):
        """Ends the server as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends the server as an operator would; tasks run on."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def client(self, service, access_key_id=None, secret_access_key=None, session_token=None, region=REGION):
        self.regions.add(region)
        client = boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=access_key_id or self.access_key_id,
            aws_secret_access_key=secret_access_key or self.secret_access_key,
            aws_session_token=session_token,
            config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )

        def asked(params, context, **_):
            context["asked"] = params

        def remember(http_response, model, context, **_):
            if http_response.status_code < 300:
                PROVED.setdefault((service, model.name), (region, context.get("asked", {})))

        client.meta.events.register("before-parameter-build.*", asked)
        client.meta.events.register("after-call.*", remember)
        return client

    def environment(self):
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def command(self, *arguments, **options):
        """Runs a tidegate command against this server."""
        return subprocess.run(
            [BINARY, arguments[0], "--data-dir", self.data, *arguments[1:]],
            env=self.environment(), capture_output=True, text=True, timeout=60, **options)


class Registry:
    """Debian's docker-registry on loopback, with a password (`basic`), tokens (`token`) or open (`open`)."""

    def __init__(self, directory, kind="basic", user="alice", password=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.kind, self.user = kind, user
        self.password = password or "pw-" + secrets.token_hex(12)
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.processes = []
        authentication = getattr(self, f"_{kind}")()
        configuration = self.directory / "config.yml"
        configuration.write_text(
            "version: 0.1\nlog: { level: info, accesslog: { disabled: false } }\n"
            f"storage: {{ filesystem: {{ rootdirectory: {self.directory}/data }}, delete: {{ enabled: true }} }}\n"
            f"http: {{ addr: '{self.host}', secret: x }}\n{authentication}\n")
        self.log = self.directory / "registry.log"
        self._spawn(["docker-registry", "serve", configuration])
        until(lambda: self._listens(self.port), 20, "the registry")

    def _spawn(self, command):
        with open(self.directory / "registry.log", "ab") as output:
            self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output))

    @staticmethod
    def _listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _open(self):
        return ""

    def _basic(self):
        passwords = subprocess.run(["htpasswd", "-Bbin", self.user], input=self.password, capture_output=True, text=True, check=True)
        (self.directory / "htpasswd").write_text(passwords.stdout)
        return f"auth: {{ htpasswd: {{ realm: private, path: {self.directory}/htpasswd }} }}"

    def _token(self):
        key, certificate = self.directory / "token.key", self.directory / "token.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=token"],
            check=True, capture_output=True)
        port = free_port()
        environment = {"TOKEN_USER": self.user, "TOKEN_PASSWORD": self.password}
        with open(self.directory / "token.log", "ab") as output:
            self.processes.append(subprocess.Popen(
                ["python3", ROOT / "tests/e2e/token_server.py", str(port), key, certificate],
                env={**os.environ, **environment}, stdout=output, stderr=output))
        until(lambda: self._listens(port), 20, "the token server")
        return (f"auth: {{ token: {{ realm: 'http://127.0.0.1:{port}/token', service: tests, issuer: tests, "
                f"rootcertbundle: {certificate} }} }}")

    def push(self, image, repository="alice/space", tag="latest"):
        """Pushes an image made by `make_image` and answers its reference."""
        layout = self.directory / f"layout-{secrets.token_hex(4)}"
        image.write(layout)
        command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:latest", f"docker://{self.host}/{repository}:{tag}"]
        if self.kind != "open":
            command[2:2] = ["--dest-creds", f"{self.user}:{self.password}"]
        subprocess.run(command, check=True, capture_output=True)
        return f"{self.host}/{repository}:{tag}"

    def secret_string(self):
        return json.dumps({"username": self.user, "password": self.password})

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)


class Image:
    """An OCI image in memory: busybox and what the test adds."""

    def __init__(self, layers, command, environment=(), **configuration):
        self.blobs, layer_descriptors, diff_ids = {}, [], []
        for layer in layers:
            diff_ids.append("sha256:" + hashlib.sha256(layer).hexdigest())
            layer_descriptors.append(self._blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(layer, 1, mtime=0)))
        image = {
            "architecture": "amd64", "os": "linux",
            "config": {"Cmd": command, "Env": ["PATH=/bin", *environment], "WorkingDir": "/", **configuration},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        configuration_descriptor = self._blob("application/vnd.oci.image.config.v1+json", json.dumps(image).encode())
        manifest_type = "application/vnd.oci.image.manifest.v1+json"
        self.manifest = self._blob(manifest_type, json.dumps({
            "schemaVersion": 2, "mediaType": manifest_type, "config": configuration_descriptor, "layers": layer_descriptors,
        }).encode())
        self.digest = self.manifest["digest"]

    def _blob(self, media_type, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def write(self, directory):
        blobs = directory / "blobs/sha256"
        blobs.mkdir(parents=True)
        for digest, content in self.blobs.items():
            (blobs / digest.removeprefix("sha256:")).write_bytes(content)
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        entry = {**self.manifest, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
        (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def layer(*entries, modes=()):
    """A tar of `(name, content)`: bytes or text for a file, None for a directory, a `-> target` text for a link. `modes` are
    those that are not 755, by name."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.mode = dict(modes).get(name, 0o755)
            if content is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            elif isinstance(content, str) and content.startswith("-> "):
                entry.type, entry.linkname = tarfile.SYMTYPE, content[3:]
                archive.addfile(entry)
            else:
                content = content if isinstance(content, bytes) else content.encode()
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def busybox_layer():
    directories = [(name, None) for name in ("bin", "tmp", "etc", "proc", "sys", "dev", "var")]
    files = [
        ("bin/busybox", pathlib.Path("/bin/busybox").read_bytes()),
        ("etc/passwd", "root:x:0:0:root:/:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n"),
        ("etc/group", "root:x:0:\nweb:x:1000:\n"),
    ]
    return layer(*directories, *files, *[(f"bin/{applet}", "-> busybox") for applet in APPLETS])


def web_image(text):
    """The article's image: a page on port 80, two log lines, a last word on SIGTERM, and a look inside."""
    start = (
        "#!/bin/sh\necho 'space starting'\necho 'to stderr' >&2\ntrap 'echo got TERM; exit 0' TERM\n"
        "httpd -f -p 80 -h /www &\necho 'listening on 80'\nwait\n")
    cgi = "#!/bin/sh\necho 'Content-Type: text/plain'\necho\n"
    page = layer(
        ("www", None), ("www/index.html", f"<h1>{text}</h1>\n"), ("www/cgi-bin", None),
        ("www/cgi-bin/env", cgi + "env\ncat /proc/1/environ | tr '\\0' '\\n'\n"),
        ("www/cgi-bin/run", cgi + "busybox httpd -d \"$QUERY_STRING\" | sh 2>&1\n"),
        ("start", start))
    return Image([busybox_layer(), page], ["/start"], ["FROM_IMAGE=yes"])


def shell_image(script):
    """An image that runs a shell script."""
    return Image([busybox_layer(), layer(("script", "#!/bin/sh\n" + script + "\n"))], ["/script"])


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
