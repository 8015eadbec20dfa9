"""A private registry with images for the browser tests, until standard input ends: one line of JSON says what it has."""

import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from support import Registry, shell_image, web_image  # noqa: E402  # the path comes first

IMAGES = {
    "web": web_image("Hello from the console's test"),
    "script": shell_image("trap 'exit 0' TERM; echo '<img src=x onerror=alert(1)>'; echo 'second line'; while sleep 0.2; do echo tick; done"),
    "fails": shell_image("echo 'going down' >&2; exit 3"),
}

with tempfile.TemporaryDirectory() as directory:
    registry = Registry(directory)
    try:
        images = {name: registry.push(image, f"alice/{name}") for name, image in IMAGES.items()}
        said = {"host": registry.host, "username": registry.user, "password": registry.password, "images": images}
        print(json.dumps(said), flush=True)
        sys.stdin.read()
    finally:
        registry.stop()
