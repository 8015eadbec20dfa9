//! The shim on the real kernel, as root: a real process, real containers, a root file system made of busybox.

mod trouble;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use domain::compute::{ContainerSpec, Dependency, DependencyCondition, Health, HealthCheck, RestartPolicy};
use domain::failure::FailureName;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::journal;
use super::plan::{ContainerPlan, OutputKeeping, ShimPlan};
use super::protocol::{AfterExit, Event, Notice, Record, Request};
use crate::runtime::cgroup::{Cgroups, TaskLimits};
use crate::runtime::limits::{effective_capabilities, least_oom_score};
use crate::runtime::process::{self, ImageDefaults};
use crate::runtime::{RuntimeChoice, ground, spec, user};
use crate::test_support::{container, shim_executable, task};
use crate::wait;

mod confinement;

const PATIENCE: Duration = Duration::from_secs(30);

/// A task with a shim, taken away when dropped.
struct Rig {
    id: String,
    directory: PathBuf,
    _root: tempfile::TempDir,
    cgroups: Cgroups,
    child: Child,
    lines: BufReader<UnixStream>,
    stream: UnixStream,
    records: Vec<Record>,
}

/// How a rig differs from the usual.
struct Options {
    runtime: RuntimeChoice,
    cpu_units: u32,
    memory_mib: Option<u32>,
    shared_processes: bool,
    secrets: Vec<(String, String)>,
    control_groups: ControlGroups,
    /// Where the task's directory is made.
    place: PathBuf,
    output: OutputKeeping,
}

/// The control groups that a shim sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ControlGroups {
    /// This host's, with its limits.
    Hosts,
    /// Version 2's, mounted for it, with whatever controllers the host's version 1 leaves to them.
    Version2,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runtime: RuntimeChoice::Linked,
            cpu_units: 1024,
            memory_mib: None,
            shared_processes: false,
            secrets: Vec::new(),
            control_groups: ControlGroups::Hosts,
            place: std::env::temp_dir(),
            output: OutputKeeping::NonBlocking(256 << 20),
        }
    }
}

impl Rig {
    fn start(containers: Vec<ContainerSpec>) -> Self {
        Self::start_with(containers, &Options::default())
    }

    fn start_with(containers: Vec<ContainerSpec>, options: &Options) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = format!("test{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = tempfile::tempdir_in(&options.place).expect("a directory");
        let directory = fs::canonicalize(root.path()).expect("a path");
        let cgroups = Cgroups::detect().expect("control groups");
        let mut spec = task(&id, containers);
        spec.shared_processes = options.shared_processes;
        spec.volumes = vec!["shared".to_owned()];
        fs::create_dir_all(directory.join("volumes/shared")).expect("a volume");
        spec.cpu_units = Some(options.cpu_units);
        spec.memory_mib = options.memory_mib;
        cgroups.prepare(&id, &TaskLimits::of(&spec)).expect("a group");
        let plans = spec.containers.iter().map(|container| bundle(&directory, &spec, container, options)).collect();
        let plan = ShimPlan {
            task_id: id.clone(),
            task_arn: spec.task_arn.clone(),
            directory: directory.clone(),
            runtime: options.runtime.clone(),
            containers: plans,
        };
        let (stream, theirs) = UnixStream::pair().expect("a pair");
        let log = fs::File::create(directory.join("shim.log")).expect("a log");
        let mut command = match options.control_groups {
            ControlGroups::Hosts => Command::new(shim_executable()),
            ControlGroups::Version2 => {
                let mut command = Command::new("unshare");
                let mount = "mount -t cgroup2 none /sys/fs/cgroup && exec \"$0\" \"$@\"";
                command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", mount]).arg(shim_executable());
                command
            }
        };
        command
            .arg("shim")
            .arg(&id)
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(log);
        if options.shared_processes {
            command.arg(super::SHARED_PROCESSES);
        }
        let child = command.spawn().expect("the shim example; cargo test builds it");
        drop(command);
        let text = serde_json::to_vec(&plan).expect("a plan");
        (&stream).write_all(&(text.len() as u64).to_be_bytes()).expect("write");
        (&stream).write_all(&text).expect("write");
        let lines = BufReader::new(stream.try_clone().expect("a clone"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { id, directory, _root: root, cgroups, child, lines, stream, records: Vec::new() }
    }

    /// Reads facts until one is as wanted.
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + PATIENCE;
        if let Some(record) = self.records.iter().find(|record| wanted(&record.event)) {
            return record.event.clone();
        }
        while Instant::now() < deadline {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).unwrap_or(0);
            let log = fs::read_to_string(self.directory.join("shim.log")).unwrap_or_default();
            assert!(count > 0, "the shim hung up; it said: {log}; facts: {:?}", self.records);
            if let Notice::Record(record) = serde_json::from_str(&line).expect("a notice") {
                self.records.push(record.clone());
                if wanted(&record.event) {
                    return record.event;
                }
            }
        }
        panic!("it never happened; facts: {:?}", self.records);
    }

    fn until_started(&mut self, name: &str) -> i32 {
        match self
            .until(|event| matches!(event, Event::Started { container, .. } if container == name) || failed(event))
        {
            Event::Started { pid, .. } => pid,
            other => panic!("{other:?}"),
        }
    }

    fn until_exited(&mut self, name: &str) -> (i32, Option<FailureName>) {
        match self.until(|event| matches!(event, Event::Exited { container, .. } if container == name) || failed(event))
        {
            Event::Exited { exit_code, failure, .. } => (exit_code, failure.map(|failure| failure.name)),
            other => panic!("{other:?}"),
        }
    }

    fn until_finished(&mut self) {
        self.until(|event| *event == Event::Finished);
        let status = self.child.wait().expect("the shim's end");
        assert!(status.success(), "{}", fs::read_to_string(self.directory.join("shim.log")).unwrap_or_default());
        assert_eq!(journal::read(&self.directory).expect("a journal"), self.records);
    }

    fn stop(&self) {
        let mut line = serde_json::to_vec(&Request::Stop).expect("a request");
        line.push(b'\n');
        (&self.stream).write_all(&line).expect("write");
    }

    fn until_printed(&self, name: &str, text: &str) {
        let printed = wait::until(PATIENCE, || self.output(name).contains(text).then_some(()));
        assert!(printed.is_some(), "{text} was never printed: {}", self.output(name));
    }

    /// The task's group in version 2's hierarchy.
    fn unified_group(&self) -> PathBuf {
        let parents = ["unified/tidegate", "tidegate"].map(|parent| Path::new("/sys/fs/cgroup").join(parent));
        let groups = parents.map(|parent| parent.join(&self.id));
        groups.into_iter().find(|group| group.join("cgroup.procs").exists()).expect("a group of version 2")
    }

    /// What a container printed, without times.
    fn output(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join("containers").join(name).join("output")).unwrap_or_default();
        text.lines().flat_map(|line| [line.splitn(3, ' ').nth(2).unwrap_or(""), "\n"]).collect()
    }
}

fn failed(event: &Event) -> bool {
    matches!(event, Event::NotStarted { failure: Some(_), .. })
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.cgroups.kill_task(&self.id);
        let _ = self.cgroups.remove_task(&self.id);
        let _ = umount2(&self.directory.join(super::NAMESPACE_NAME), MntFlags::MNT_DETACH);
    }
}

/// A root file system of busybox.
fn make_root(directory: &Path) {
    for name in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        fs::create_dir_all(directory.join(name)).expect("a directory");
    }
    fs::copy("/bin/busybox", directory.join("bin/busybox")).expect("busybox-static is installed");
    for applet in [
        "sh", "cat", "sleep", "echo", "grep", "mknod", "id", "ls", "dd", "kill", "ps", "env", "test", "touch", "true",
        "false", "head", "tr",
    ] {
        let _ = std::os::unix::fs::symlink("busybox", directory.join("bin").join(applet));
    }
    fs::write(directory.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv:/bin/sh\n")
        .expect("passwd");
    fs::write(directory.join("etc/group"), "root:x:0:\nweb:x:102:\nlogs:x:7:web\n").expect("group");
}

fn bundle(
    directory: &Path,
    spec: &domain::compute::TaskSpec,
    container: &ContainerSpec,
    options: &Options,
) -> ContainerPlan {
    let bundle = directory.join("containers").join(&container.name);
    let root = bundle.join("rootfs");
    make_root(&root);
    for name in ["hosts", "hostname", "resolv.conf"] {
        fs::write(bundle.join(name), format!("{name} of the test\n")).expect("a file");
    }
    let mut process = process::merge(spec, container, &ImageDefaults::default(), "host").expect("a process");
    let user = user::resolve(&root, &process.user).expect("a user");
    process.environment.push(("HOME".to_owned(), user.home.clone()));
    let volumes = directory.join("volumes");
    let ground = ground::prepare(&root, container, &process.working_directory, &volumes).expect("a ground");
    let config = spec::config(&spec::Bundle {
        task: spec,
        container,
        process: &process,
        user: &user,
        hostname: "host",
        directory: &bundle,
        root: &root,
        ground: &ground,
        volumes: &volumes,
        network_namespace: Path::new("/proc/self/ns/net"),
        process_namespace: spec.shared_processes.then(|| directory.join(super::NAMESPACE_NAME)),
        capabilities_of_host: effective_capabilities(),
        least_oom_score: least_oom_score(),
    });
    let mut config = config;
    // These tests stay in the host's network, whose parameters are not theirs to change.
    config["linux"]["sysctl"] = serde_json::json!({});
    config["linux"]["namespaces"].as_array_mut().expect("a list").retain(|namespace| namespace["type"] != "network");
    if options.control_groups == ControlGroups::Version2 {
        let resources = config["linux"]["resources"].as_object_mut().expect("resources");
        resources.retain(|name, _| name == "devices");
    }
    fs::write(bundle.join("config.json"), config.to_string()).expect("config.json");
    ContainerPlan {
        name: container.name.clone(),
        bundle,
        essential: container.essential,
        depends_on: container.depends_on.clone(),
        start_timeout_seconds: container.start_timeout_seconds,
        stop_timeout_seconds: container.stop_timeout_seconds,
        stop_signal: process.stop_signal,
        health_check: container.health_check.clone(),
        restart: container.restart.clone(),
        arguments: process.arguments,
        environment: process.environment,
        secret_environment: options.secrets.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
        init_process: container.init_process,
        pseudo_terminal: container.pseudo_terminal,
        output: options.output,
    }
}

/// A container that runs a shell script.
fn script(name: &str, text: &str) -> ContainerSpec {
    let mut spec = container(name);
    spec.command = Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()]);
    spec
}

#[test]
fn a_container_runs_and_its_exit_code_and_output_are_kept() {
    let mut rig = Rig::start(vec![script("c", "echo out; echo err >&2; printf partial; exit 7")]);
    assert_eq!(rig.until_exited("c"), (7, None));
    rig.until_finished();
    let mut lines: Vec<String> = rig.output("c").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["err", "out", "partial"]);
}

#[test]
fn the_container_is_shut_in() {
    let look = "grep -E '^(Seccomp|CapEff|CapBnd|NoNewPrivs):' /proc/self/status; \
        mknod /tmp/console c 4 64 2>&1; mknod /tmp/disk b 8 0 2>&1; \
        echo masked $(ls /sys/firmware) end; \
        echo x 2>&1 > /proc/sys/kernel/domainname || echo read-only; \
        ls /proc/self/fd; cat /etc/resolv.conf; cat /proc/mounts | grep -c /sys/fs/cgroup; id; pwd; env; ls -d /proc/[0-9]*";
    let mut spec = script("c", look);
    spec.user = Some("web".to_owned());
    spec.working_directory = Some("/made/for/it".to_owned());
    let mut rig = Rig::start(vec![spec]);
    rig.until_exited("c");
    let output = rig.output("c");
    let status = |name: &str| {
        output
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("{name} in {output}"))
            .trim()
            .to_owned()
    };
    assert_eq!(status("Seccomp:"), "2");
    assert_eq!(status("CapEff:"), "0000000000000000", "a user has no capabilities");
    assert_eq!(status("CapBnd:"), "00000000a80425fb", "Docker's default set");
    assert_eq!(output.matches("mknod: ").count(), 2, "a user makes no devices: {output}");
    assert!(output.contains("masked end\n"), "{output}");
    assert!(output.contains("Read-only file system") && output.contains("read-only"), "{output}");
    assert!(output.contains("uid=101(web) gid=102(web) groups=7(logs),102(web)"), "{output}");
    assert!(
        output.contains("/made/for/it") && output.contains("HOME=/srv") && output.contains("resolv.conf of the test")
    );
    assert!(!output.contains("/proc/2\n"), "only its own processes: {output}");
}

#[test]
fn root_in_the_container_reaches_no_device_of_the_host() {
    // A node may be made, as with Docker (package managers do); it opens nothing.
    let text = "mknod /tmp/console c 4 64; cat /tmp/console; mknod /tmp/disk b 254 0; cat /tmp/disk; cat /dev/null && echo null works";
    let mut rig = Rig::start(vec![script("c", text)]);
    rig.until_exited("c");
    let output = rig.output("c");
    assert_eq!(output.matches("Operation not permitted").count(), 2, "{output}");
    assert!(output.contains("null works"), "{output}");
}

#[test]
fn only_three_descriptors_and_the_declared_environment_reach_the_program() {
    let mut rig = Rig::start(vec![script("c", "ls /proc/1/fd; tr '\\0' '\\n' < /proc/1/environ; true")]);
    rig.until_exited("c");
    let output = rig.output("c");
    let descriptors: Vec<&str> = output.lines().take_while(|line| line.parse::<u32>().is_ok()).collect();
    assert_eq!(descriptors, ["0", "1", "2"], "{output}");
    let mut names: Vec<&str> = output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AWS_DEFAULT_REGION",
            "AWS_EXECUTION_ENV",
            "AWS_REGION",
            "ECS_AGENT_URI",
            "ECS_CONTAINER_METADATA_URI",
            "ECS_CONTAINER_METADATA_URI_V4",
            "HOME",
            "HOSTNAME",
            "PATH"
        ]
    );
}

#[test]
fn a_secret_reaches_the_program_and_no_file() {
    for runtime in [RuntimeChoice::Linked, RuntimeChoice::Command("runc".to_owned())] {
        let secrets = vec![("PASSWORD".to_owned(), "xyzzy-plugh-4711".to_owned())];
        let options = Options { runtime: runtime.clone(), secrets, ..Options::default() };
        let mut spec = script("c", "test $(echo $PASSWORD | tr -d -) = xyzzyplugh4711 && echo it is there; sleep 60");
        spec.stop_timeout_seconds = 1;
        let mut rig = Rig::start_with(vec![spec], &options);
        rig.until_started("c");
        rig.until_printed("c", "it is there");
        let found = Command::new("grep").args(["-rl", "xyzzy-plugh"]).arg(&rig.directory).output().expect("grep");
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{runtime:?}");
        rig.stop();
        rig.until_finished();
    }
}

#[test]
fn the_stop_signal_reaches_the_program_and_kill_comes_after_the_timeout() {
    let mut polite = script("polite", "trap 'echo got TERM; exit 0' TERM; echo ready; while :; do sleep 0.1; done");
    polite.essential = false;
    let mut stubborn = script("stubborn", "trap '' TERM; while :; do sleep 0.1; done");
    stubborn.stop_timeout_seconds = 1;
    let mut rig = Rig::start(vec![polite, stubborn]);
    rig.until_started("polite");
    rig.until_started("stubborn");
    rig.until_printed("polite", "ready");
    rig.stop();
    assert_eq!(rig.until_exited("polite"), (0, None));
    assert_eq!(rig.until_exited("stubborn"), (137, None));
    rig.until_finished();
    assert!(rig.output("polite").ends_with("got TERM\n"));
}

#[test]
fn memory_beyond_the_limit_ends_the_container_as_out_of_memory() {
    let mut spec = script("c", "x=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | tr '\\0' 'x'); echo ${#x}");
    spec.memory_mib = Some(16);
    let mut rig = Rig::start(vec![spec]);
    let (code, failure) = rig.until_exited("c");
    assert_eq!(failure, Some(FailureName::OutOfMemoryError), "exit code {code}: {}", rig.output("c"));
    let mut whole = script("c", "exec dd if=/dev/zero of=/dev/null bs=64M count=1");
    whole.memory_mib = None;
    let options = Options { memory_mib: Some(16), ..Options::default() };
    let mut rig = Rig::start_with(vec![whole], &options);
    assert_eq!(rig.until_exited("c"), (137, Some(FailureName::OutOfMemoryError)), "the task's limit holds as well");
}

#[test]
fn what_cannot_be_executed_says_so() {
    let cases = [
        (vec!["nothing-like-it"], "exec: \"nothing-like-it\": executable file not found in $PATH"),
        (vec!["/no/such"], "exec: \"/no/such\": stat /no/such: no such file or directory"),
        (vec!["/etc/passwd"], "exec: \"/etc/passwd\": permission denied"),
    ];
    for (command, expected) in cases {
        let mut spec = container("c");
        spec.command = Some(command.into_iter().map(str::to_owned).collect());
        let mut rig = Rig::start(vec![spec]);
        let Event::NotStarted { failure: Some(failure), .. } = rig.until(failed) else { panic!("a failure") };
        assert_eq!(failure.name, FailureName::CannotStartContainerError);
        assert!(failure.message.ends_with(expected), "{failure}");
        rig.until_finished();
    }
}

#[test]
fn containers_start_in_order_and_an_essential_end_stops_the_rest() {
    let mut first = script("first", "echo done > /shared/mark");
    first.essential = false;
    first.mounts =
        vec![domain::compute::VolumeMount { volume: "shared".into(), path: "/shared".into(), read_only: false }];
    let mut second = script("second", "cat /shared/mark; touch /shared/x || echo cannot write; sleep 1");
    second.mounts =
        vec![domain::compute::VolumeMount { volume: "shared".into(), path: "/shared".into(), read_only: true }];
    second.depends_on = vec![Dependency { container: "first".into(), condition: DependencyCondition::Success }];
    let mut third = script("third", "exec sleep 600");
    third.stop_timeout_seconds = 1;
    let mut rig = Rig::start(vec![second, first, third]);
    rig.until_finished();
    let position = |wanted: &dyn Fn(&Event) -> bool| rig.records.iter().position(|record| wanted(&record.event));
    let ended = position(&|event| matches!(event, Event::Exited { container, .. } if container == "first"));
    let started = position(&|event| matches!(event, Event::Started { container, .. } if container == "second"));
    assert!(ended < started, "{:?}", rig.records);
    assert!(rig.output("second").starts_with("done\n"));
    assert!(rig.output("second").contains("cannot write"));
    assert!(rig.records.iter().any(
        |record| matches!(&record.event, Event::Exited { container, exit_code: 137 | 143, .. } if container == "third")
    ));
}

#[test]
fn a_container_is_restarted_by_its_policy() {
    let mut spec = script("c", "echo run; sleep 1.2; exit 3");
    spec.restart = Some(RestartPolicy { ignored_exit_codes: vec![0], attempt_period_seconds: 1 });
    let mut rig = Rig::start(vec![spec]);
    rig.until(|event| matches!(event, Event::Exited { next: AfterExit::Restarted, exit_code: 3, .. }));
    rig.stop();
    rig.until_finished();
    assert!(rig.output("c").matches("run").count() >= 2);
}

#[test]
fn health_checks_run_inside() {
    let mut spec = script("c", "sleep 3; touch /tmp/well; sleep 60");
    spec.stop_timeout_seconds = 1;
    let command = vec!["CMD-SHELL".to_owned(), "test -e /tmp/well && test \"$TOKEN\" = abc".to_owned()];
    spec.health_check =
        Some(HealthCheck { command, interval_seconds: 1, timeout_seconds: 2, retries: 1, start_period_seconds: 0 });
    let options = Options { secrets: vec![("TOKEN".into(), "abc".into())], ..Options::default() };
    let mut rig = Rig::start_with(vec![spec], &options);
    rig.until(|event| matches!(event, Event::Health { health: Health::Unhealthy, .. }));
    rig.until(|event| matches!(event, Event::Health { health: Health::Healthy, .. }));
    rig.stop();
    rig.until_finished();
}

#[test]
fn a_small_init_forwards_signals_and_ends_as_the_program_ends() {
    let mut spec = script("c", "trap 'exit 9' TERM; (sleep 0.1 &) ; echo pid $$; while :; do sleep 0.1; done");
    spec.init_process = true;
    let options = Options { secrets: vec![("S".into(), "hidden".into())], ..Options::default() };
    let mut rig = Rig::start_with(vec![spec], &options);
    rig.until_started("c");
    rig.until_printed("c", "pid");
    assert!(!rig.output("c").contains("pid 1\n"), "{}", rig.output("c"));
    rig.stop();
    assert_eq!(rig.until_exited("c"), (9, None));
}

#[test]
fn containers_may_share_their_processes() {
    let mut first = script("first", "exec sleep 987");
    first.stop_timeout_seconds = 1;
    let mut second = script("second", "ps; cat /proc/1/environ; ls /proc/1/root/ 2>&1; exit 0");
    second.depends_on = vec![Dependency { container: "first".into(), condition: DependencyCondition::Start }];
    let mut rig = Rig::start_with(vec![first, second], &Options { shared_processes: true, ..Options::default() });
    rig.until_finished();
    let output = rig.output("second");
    assert!(output.contains("sleep 987") && output.contains("pause"), "{output}");
    assert!(output.contains("Permission denied"), "nobody may look into the keeper: {output}");
}

#[test]
fn a_terminal_is_given_when_asked_for() {
    let mut spec = script("c", "test -t 1 && echo a terminal");
    spec.pseudo_terminal = true;
    let mut rig = Rig::start(vec![spec]);
    rig.until_exited("c");
    assert_eq!(rig.output("c"), "a terminal\n");
}

#[test]
fn the_shim_outlives_its_server_and_tells_the_next_one_everything() {
    let mut rig = Rig::start(vec![script("c", "while ! test -e /tmp/go; do sleep 0.05; done; exit 5")]);
    rig.until_started("c");
    rig.stream.shutdown(std::net::Shutdown::Both).expect("hang up");
    let (_directory, address) = super::socket_address(&rig.directory.join(super::SOCKET_NAME)).expect("an address");
    let second = UnixStream::connect(address).expect("connect");
    second.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    rig.lines = BufReader::new(second.try_clone().expect("a clone"));
    rig.stream = second;
    rig.records.clear();
    rig.until_started("c");
    fs::write(rig.directory.join("containers/c/rootfs/tmp/go"), "").expect("go");
    assert_eq!(rig.until_exited("c"), (5, None));
    rig.until_finished();
}

#[test]
fn a_killed_shim_leaves_what_its_groups_can_end() {
    let mut rig = Rig::start(vec![script("c", "sleep 600 & sleep 600")]);
    let pid = rig.until_started("c");
    rig.child.kill().expect("kill");
    rig.child.wait().expect("wait");
    assert!(kill(Pid::from_raw(pid), None).is_ok(), "the container lives on");
    rig.cgroups.kill_task(&rig.id).expect("kill");
    wait::until(PATIENCE, || kill(Pid::from_raw(pid), None).is_err().then_some(())).expect("it is gone");
    rig.cgroups.remove_task(&rig.id).expect("remove");
    let left = Command::new("find").args(["/sys/fs/cgroup", "-name", &format!("{}*", rig.id)]).output().expect("find");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    assert!(journal::read(&rig.directory).expect("a journal").iter().all(|record| record.event != Event::Finished));
}

#[test]
fn sigterm_to_the_shim_stops_the_task() {
    let mut spec = script("c", "exec sleep 600");
    spec.stop_timeout_seconds = 1;
    let mut rig = Rig::start(vec![spec]);
    rig.until_started("c");
    kill(Pid::from_raw(i32::try_from(rig.child.id()).expect("a pid")), Signal::SIGTERM).expect("signal");
    rig.until_finished();
}

#[test]
fn a_command_runtime_runs_containers_too() {
    let options = Options { runtime: RuntimeChoice::Command("runc".to_owned()), ..Options::default() };
    let mut rig = Rig::start_with(vec![script("c", "grep Seccomp: /proc/self/status; exit 4")], &options);
    assert_eq!(rig.until_exited("c"), (4, None));
    rig.until_finished();
    assert!(rig.output("c").starts_with("Seccomp:\t2"), "{}", rig.output("c"));
}
