"""Images as odd as builders and registries make them, and content that somebody damages under a running server."""

import secrets
import shutil

from support import Image, busybox_layer, layer, until


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
