"""Images as odd as builders and registries make them, and content that somebody damages under a running server."""

import io
import secrets
import shutil
import tarfile
import time

from support import Image, busybox_layer, layer, until
from test_usage import halting_registry


def run_to_end(world, image, *, seconds=60):
    """Runs an image's task to its end and answers the container's exit code and the reason, if there is one."""
    task = world.run(world.define(image=image))
    described = world.wait(task, "STOPPED", seconds)
    container = described["containers"][0]
    return container.get("exitCode"), container.get("reason") or described.get("stoppedReason")


def test_a_layer_may_be_there_several_times(world):
    empty = bytes(1024)
    one, two = layer(("one", "1"), ("both", "one")), layer(("two", "2"), ("both", "two"))
    removal = layer((".wh.one", ""))
    cases = {
        "an empty layer twice": ([empty, empty], "test ! -e /one"),
        "empty layers around another": ([empty, one, empty], "test -e /one"),
        "one, two, one": ([one, two, one], "test -e /one -a -e /two && grep one /both"),
        "one, its removal, one again": ([one, removal, one], "test -e /one"),
        "a removal, one, the removal again": ([removal, one, removal], "test ! -e /one && test -e /both"),
    }
    for name, (layers, check) in cases.items():
        script = layer(("check", f"#!/bin/sh\n{check.replace('test ', 'busybox test ')} && exit 7\n"))
        image = world.registry.push(Image([busybox_layer(), script, *layers], ["/check"]), f"alice/many-{secrets.token_hex(4)}")
        assert run_to_end(world, image)[0] == 7, name


def test_content_that_is_taken_away_or_damaged_is_fetched_again(world):
    script = layer(("check", "#!/bin/sh\ngrep kept /kept && exit 7\n"), ("kept", "kept\n"))
    image = world.registry.push(Image([busybox_layer(), script], ["/check"]), "alice/damaged")
    content = world.server.data / "content"
    assert run_to_end(world, image)[0] == 7

    shutil.rmtree(content)
    assert run_to_end(world, image)[0] == 7
    assert content.stat().st_mode & 0o777 == 0o700

    for kept in (content / "layers").iterdir():
        shutil.rmtree(kept / "root")
        (kept / "root").mkdir()
    assert run_to_end(world, image)[0] == 7

    shutil.rmtree(next((content / "layers").iterdir()))
    for document in (content / "documents").iterdir():
        document.write_bytes(b"garbage")
    for record in (content / "blobs").iterdir():
        record.write_bytes(b"")
    assert run_to_end(world, image)[0] == 7


def test_a_task_s_hold_on_its_layers_ends_with_it(world):
    leases = world.server.data / "content" / "leases"
    task = world.run(world.define())
    world.wait(task, "RUNNING")
    assert any(task.rsplit("/", 1)[1] in lease.read_text() for lease in leases.iterdir())
    world.stop(task)
    until(lambda: not list(leases.iterdir()), 30, lambda: f"the end of {list(leases.iterdir())}")


def test_a_layer_that_stands_still_is_given_up_and_says_what_came(world):
    image = Image([busybox_layer(), layer(("script", "#!/bin/sh\n"))], ["/script"])
    with halting_registry(image) as (host, _):
        definition = world.define(image=f"{host}/alice/space:latest", secret="")
        begun = time.monotonic()
        task = world.run(definition)
        stopped = world.wait(task, "STOPPED", 120)
        assert 20 < time.monotonic() - begun < 90
        reason = stopped["stoppedReason"]
        assert reason.startswith("CannotPullContainerError: ref pull has been retried 3 time(s): failed to copy: ")
        assert "inactivity time exceeded timeout while pulling image: " in reason and reason.endswith(" of them in the last 10 seconds"), reason
        told = world.server.command("explain", task.rsplit("/", 1)[1]).stdout
        assert "then sent nothing, or next to nothing" in told

        task = world.run(definition)
        until(lambda: world.describe(task).get("pullStartedAt"), 30, "the pull")
        begun = time.monotonic()
        world.stop(task)
        assert time.monotonic() - begun < 9


def test_devices_and_links_out_of_the_root_are_taken_as_other_clients_do(world):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        def add(name, kind, content=b"", **more):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.size = kind, 0o755, len(content)
            for key, value in more.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(content))

        add("dev2", tarfile.DIRTYPE)
        add("dev2/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add("dev2/disk", tarfile.BLKTYPE, devmajor=254, devminor=0)
        add("out", tarfile.SYMTYPE, linkname="../../../there")
        add("out/file", tarfile.REGTYPE, b"inside")
        add("/absolute", tarfile.REGTYPE, b"inside")
        add("check", tarfile.REGTYPE, b"""#!/bin/sh
            busybox test -c /dev2/null -a -b /dev2/disk || exit 1
            echo x > /dev2/null || exit 2
            cat /dev2/disk > /dev/null 2>&1 && exit 3
            grep inside /there/file && grep inside /out/file && grep inside /absolute && exit 7
        """)
    image = world.registry.push(Image([busybox_layer(), raw.getvalue()], ["/check"]), "alice/devices")
    assert run_to_end(world, image)[0] == 7
