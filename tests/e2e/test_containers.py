"""What shuts a container in, what ends it, and images that are odd where things are mounted: for both runtimes, from inside
and from outside."""

import pathlib

import pytest
from conftest import World, allow, remove_all_tasks
from support import REGION, Image, Registry, Server, busybox_layer, layer, until

GROUP = "/containers"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
# Docker's capabilities: what the kernel shows of them.
DOCKERS = "00000000a80425fb"
# More processes than a container's process 1 can end within a small quota.
A_BOMB = "b() { b | b & }; b; sleep 1000"


@pytest.fixture(scope="module", params=["libcontainer", "runc"])
def world(request, directory):
    registry = Registry(directory / f"registry-{request.param}")
    server = Server(directory / request.param, "--runtime", request.param)
    made = World(server, registry)
    made.logs.create_log_group(logGroupName=GROUP)
    made.logging = made.create_role("logging", {
        "secret": allow("secretsmanager:GetSecretValue", made.secret),
        "logs": allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*")})
    yield made
    remove_all_tasks(server)
    server.stop()
    registry.stop()


def image(world, *entries, modes=None):
    """Pushes an image of busybox and these entries."""
    made = Image([busybox_layer(), layer(*entries, modes=modes or {})], ["/bin/sh"])
    return world.registry.push(made, "alice/odd", made.digest[7:19])


def container(world, name, script, **options):
    logs = {"awslogs-group": GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "c"}
    return {
        "name": name, "image": world.image, "entryPoint": ["/bin/sh", "-c"], "command": [script], "stopTimeout": 2,
        "repositoryCredentials": {"credentialsParameter": world.secret},
        "logConfiguration": {"logDriver": "awslogs", "options": logs}, **options}


def start(world, *containers, **options):
    return world.run(world.define_containers(list(containers), world.logging, **options))


def printed(world, task, name="c"):
    stream = f"c/{name}/{task.rsplit('/', 1)[1]}"
    events = world.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
    return [event["message"] for event in events]


def says(world, script, *, volumes=(), **options):
    """Runs a script to its end and answers what it printed."""
    task = start(world, container(world, "c", script, **options), volumes=list(volumes))
    ended = world.wait(task, "STOPPED", 60)
    assert ended["stopCode"] == "EssentialContainerExited", ended
    return printed(world, task)


def refused(world, **options):
    """Runs what cannot start, and answers the container's reason."""
    task = start(world, container(world, "c", "true", **options))
    ended = world.wait(task, "STOPPED", 60)
    assert ended["stopCode"] == "TaskFailedToStart", ended
    assert ended["stoppedReason"] == ended["containers"][0]["reason"]
    return ended["stoppedReason"]


def groups(task):
    """The task's own control groups on this host."""
    found = {group for depth in ("tidegate", "*/tidegate") for group in CGROUPS.glob(f"{depth}/{task.rsplit('/', 1)[1]}")}
    assert found, "the task has control groups"
    return found


def in_groups(task, *names):
    """The text of the first of these files that the task's own groups have."""
    return next((group / name).read_text().strip() for name in names for group in groups(task) if (group / name).exists())


LOOK = """
cat /proc/self/mountinfo | while read line; do echo "mount $line"; done
grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|SigBlk):' /proc/1/status
grep SigIgn: /proc/self/status # the shell itself ignores SIGQUIT
grep 'open files' /proc/1/limits
echo "oom $(cat /proc/1/oom_score_adj)"; echo "umask $(umask)"; echo "cwd $(pwd)"; echo "host $(hostname)"
echo "port $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"; echo "keepalive $(cat /proc/sys/net/ipv4/tcp_keepalive_time)"
ls /proc/1/fd | while read fd; do echo "descriptor $fd"; done
for name in mnt pid net ipc uts cgroup user; do echo "namespace $name $(busybox readlink /proc/1/ns/$name)"; done
for name in /dev/* /dev/pts/*; do echo "device $name"; done
for path in /proc/kcore /proc/keys /proc/timer_list; do echo "masked $(cat $path 2>/dev/null | head -c 1 | busybox wc -c)"; done
echo "masked $(ls /sys/firmware | busybox wc -l)"
for path in /proc/sys/kernel/domainname /proc/sysrq-trigger; do (echo x > $path) 2>/dev/null && echo "wrote $path"; done
touch /new 2>/dev/null && echo "wrote /new"
touch /read/new 2>/dev/null && echo "wrote /read/new"
touch /write/new && echo "volume written"
for file in memory/memory.limit_in_bytes pids/pids.max freezer/freezer.state cpu/cpu.shares memory.max pids.max cgroup.freeze; do
  test -e /sys/fs/cgroup/$file && echo "group file $file"
  (echo 1 > /sys/fs/cgroup/$file) 2>/dev/null && echo "wrote $file"
done
(busybox mkdir /sys/fs/cgroup/new || busybox mkdir /sys/fs/cgroup/pids/new) 2>/dev/null && echo "made a group"
(busybox mount -o remount,rw /sys/fs/cgroup) 2>/dev/null && echo "remounted"
true
"""


def test_everything_that_the_specification_asks_is_so_inside(world):
    lines = says(
        world, LOOK, volumes=[{"name": "data"}], user="web", workingDirectory="/made/for/it", readonlyRootFilesystem=True,
        memory=64, ulimits=[{"name": "nofile", "softLimit": 100, "hardLimit": 200}],
        systemControls=[{"namespace": "net.ipv4.tcp_keepalive_time", "value": "500"}],
        linuxParameters={"capabilities": {"drop": ["NET_RAW"]}},
        mountPoints=[{"sourceVolume": "data", "containerPath": "/write"},
                     {"sourceVolume": "data", "containerPath": "/read", "readOnly": True}])
    all_of = lambda word: [line.removeprefix(word).strip() for line in lines if line.startswith(word)]
    mounts = {fields[4]: set(fields[5].split(",")) for fields in (line.split() for line in all_of("mount "))}
    closed = {"nosuid", "nodev", "noexec"}
    expected = {
        "/": {"ro"}, "/proc": closed, "/dev": {"nosuid"}, "/dev/pts": {"nosuid", "noexec"}, "/dev/shm": closed,
        "/dev/mqueue": closed, "/sys": closed | {"ro"}, "/sys/fs/cgroup": closed | {"ro"}, "/write": {"rw"}, "/read": {"ro"},
        "/etc/hosts": {"rw"}, "/etc/hostname": {"rw"}, "/etc/resolv.conf": {"rw"}, "/proc/sys": {"ro"}, "/proc/bus": {"ro"},
        "/proc/irq": {"ro"}, "/proc/fs": {"ro"}, "/proc/sysrq-trigger": {"ro"}, "/proc/kcore": set(), "/sys/firmware": {"ro"}}
    for path, options in expected.items():
        # Not every kernel has all of these files.
        if path.startswith(("/proc/", "/sys/")) and not pathlib.Path(path).exists():
            continue
        assert options <= mounts.get(path, set()), (path, mounts.get(path))
    for path, options in mounts.items():
        assert not path.startswith("/sys/fs/cgroup") or closed | {"ro"} <= options, (path, options)
    assert [line for line in lines if line.startswith(("wrote", "made", "remounted"))] == []
    assert all_of("group file"), "the control groups can be read"
    assert "volume written" in lines
    assert all_of("masked") == ["0"] * 4
    without_net_raw = f"{int(DOCKERS, 16) & ~(1 << 13):016x}"
    status = {name: all_of(f"{name}:") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    nothing = ["0" * 16]
    assert status == {"CapInh": nothing, "CapPrm": nothing, "CapEff": nothing, "CapBnd": [without_net_raw], "CapAmb": nothing}
    assert (all_of("NoNewPrivs:"), all_of("Seccomp:"), all_of("SigBlk:"), all_of("SigIgn:")) == (["0"], ["2"], nothing, nothing)
    assert (all_of("Uid:")[0].split(), all_of("Gid:")[0].split()) == (["1000"] * 4, ["1000"] * 4)
    assert all_of("Groups:")[0].split() == ["1000"]
    assert all_of("Max open files")[0].split()[:2] == ["100", "200"]
    assert (all_of("oom"), all_of("umask"), all_of("cwd")) == (["0"], ["0022"], ["/made/for/it"])
    assert (all_of("port"), all_of("keepalive")) == (["0"], ["500"])
    assert all_of("host ")[0].startswith("ip-")
    assert all_of("descriptor") == ["0", "1", "2"]
    own = dict(line.split() for line in all_of("namespace"))
    outside = {name: str(pathlib.Path(f"/proc/self/ns/{name}").readlink()) for name in own}
    assert [name for name in own if own[name] == outside[name]] == ["user"]
    devices = set(all_of("device"))
    known = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()
    assert devices - {"/dev/pts/ptmx", "/dev/console", "/dev/core"} == {f"/dev/{name}" for name in known}


def test_root_inside_lifts_no_limit_and_the_task_s_group_holds_them_too(world):
    script = LOOK + "\nsleep 1000"
    task = start(world, container(world, "c", script, memory=64), container(world, "side", "sleep 1000", essential=False))
    world.wait(task, "RUNNING")
    until(lambda: "group file" in " ".join(printed(world, task)), 30, "what the script printed")
    assert in_groups(task, "pids.max") == str(2 * 16384)
    assert in_groups(task, "memory.max", "memory.limit_in_bytes") == str(512 << 20)
    assert in_groups(task, "cpu.max", "cpu.cfs_quota_us").split()[0] == "25000"
    assert in_groups(task, "c/memory.max", "c/memory.limit_in_bytes") == str(64 << 20)
    assert in_groups(task, "c/pids.max") == "16384"
    wrote = [line for line in printed(world, task) if line.startswith(("wrote", "made", "remounted"))]
    assert wrote == ["wrote /new", "wrote /read/new"] or wrote == ["wrote /new"], wrote
    world.stop(task)


@pytest.mark.parametrize("bomb", ["essential", "side"])
def test_a_fork_bomb_in_a_small_task_ends(world, bomb):
    containers = [container(world, "main", A_BOMB if bomb == "essential" else "sleep 1000")]
    if bomb == "side":
        containers.append(container(world, "side", A_BOMB, essential=False))
    task = start(world, *containers)
    world.wait(task, "RUNNING")
    until(lambda: int(in_groups(task, "pids.current")) > 1500, 120, "a thousand processes")
    world.ecs.stop_task(cluster=world.cluster, task=task)
    ended = world.wait(task, "STOPPED", 45)
    assert {each["exitCode"] for each in ended["containers"]} <= {137, 143}
    until(lambda: not any(CGROUPS.glob(f"**/tidegate/{task.rsplit('/', 1)[1]}")), 30, "the end of its groups")


def test_a_frozen_container_ends(world):
    task = start(world, container(world, "c", "sleep 1000"))
    world.wait(task, "RUNNING")
    group = next(group / "c" for group in groups(task) if any((group / "c").glob("*freez*")))
    if (group / "freezer.state").exists():
        (group / "freezer.state").write_text("FROZEN")
    else:
        (group / "cgroup.freeze").write_text("1")
    world.ecs.stop_task(cluster=world.cluster, task=task)
    assert world.wait(task, "STOPPED", 30)["containers"][0]["exitCode"] == 137


def test_mount_places_that_are_links_are_found_inside_the_root(world):
    odd = image(
        world, ("etc/resolv.conf", "-> ../run/systemd/resolve/stub-resolv.conf"), ("etc/hosts", "-> /../../../etc/real-hosts"),
        ("etc/hostname", "-> /nowhere/at/all"), ("data", "-> /srv/away"), ("app", "-> /opt/missing"))
    assert not pathlib.Path("/etc/real-hosts").exists()
    script = (
        "cat /run/systemd/resolve/stub-resolv.conf; cat /etc/real-hosts; cat /nowhere/at/all; hostname; pwd; touch /data/mine; ls /srv/away")
    lines = says(
        world, script, image=odd, workingDirectory="/app/inner", volumes=[{"name": "v"}],
        mountPoints=[{"sourceVolume": "v", "containerPath": "/data/"}])
    text = "\n".join(lines)
    assert "nameserver" in text and "localhost" in text and "/opt/missing/inner" in lines and "mine" in lines
    assert [line for line in lines if line.startswith("ip-")], text
    assert not pathlib.Path("/etc/real-hosts").exists() and not pathlib.Path("/nowhere").exists()


def test_a_volume_at_etc_hides_no_file_of_the_network(world):
    lines = says(
        world, "cat /etc/hosts; pwd", workingDirectory="/etc/deep/er", volumes=[{"name": "v"}],
        mountPoints=[{"sourceVolume": "v", "containerPath": "/etc"}])
    assert "localhost" in " ".join(lines) and "/etc/deep/er" in lines


STARTING = "CannotStartContainerError: failed to create task: unable to start container process: "


def test_places_that_cannot_be_used_say_which_and_why(world):
    assert refused(world, workingDirectory="/etc/passwd") == (
        STARTING + "cannot use the working directory /etc/passwd: /etc/passwd is a file, not a directory")
    odd = image(world, ("app", "-> /app"), ("run", "-> /etc/group"))
    assert refused(world, image=odd, workingDirectory="/app") == (
        STARTING + "cannot use the working directory /app: /app leads through more than 40 symbolic links")
    assert refused(world, image=odd, workingDirectory="/run/x") == (
        STARTING + "cannot use the working directory /run/x: /run/x leads to /etc/group, which is a file, not a directory")
    blocked = image(world, ("etc/hosts", None))
    assert refused(world, image=blocked) == STARTING + "cannot mount the task's /etc/hosts: /etc/hosts is a directory, not a file"


def test_a_working_directory_that_the_user_may_not_enter_is_entered_for_it(world):
    """As with Docker: whoever starts the container enters it."""
    closed = image(world, ("closed", None), modes={"closed": 0o700})
    assert says(world, "pwd; id -u; ls /closed 2>&1", image=closed, user="web", workingDirectory="/closed") == [
        "/closed", "1000", "ls: can't open '/closed': Permission denied"]
