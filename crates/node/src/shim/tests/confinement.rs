//! What keeps a container in, and what ends it, where the runtime or the container works against it.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::runtime::limits::may_raise_limits;

const RUNTIMES: [&str; 2] = ["libcontainer", "runc"];

fn runtime(name: &str) -> RuntimeChoice {
    name.parse().expect("a runtime")
}

#[test]
fn what_a_runtime_leaves_open_does_not_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let lax = directory.path().join("lax-runc");
    let script = "#!/bin/sh\nfor word; do\n\
        test \"$before\" = --bundle && sed -i 's/\"maskedPaths\"/\"ignoredPaths\"/' \"$word/config.json\"\n\
        before=$word\ndone\nexec runc \"$@\"\n";
    fs::write(&lax, script).expect("a script");
    fs::set_permissions(&lax, fs::Permissions::from_mode(0o755)).expect("a mode");
    let options = Options { runtime: runtime(&lax.to_string_lossy()), ..Options::default() };
    let mut rig = Rig::start_with(vec![script_that_sleeps()], &options);
    let Event::NotStarted { failure: Some(failure), .. } = rig.until(failed) else { panic!("a failure") };
    assert_eq!(failure.name, FailureName::CannotCreateContainerError);
    assert!(failure.message.contains("/proc/keys is not masked"), "{failure}");
    rig.until_finished();
    rig.cgroups.remove_task(&rig.id).expect("nothing is left of it");
}

fn script_that_sleeps() -> ContainerSpec {
    let mut spec = script("c", "echo began; exec sleep 600");
    spec.stop_timeout_seconds = 1;
    spec
}

/// Version 2's control groups beside a host's own of version 1: without controllers, so without limits, but with the mount,
/// the device filter, the freezer and the kill.
#[test]
fn control_groups_of_version_2_are_read_only_and_end_with_their_container() {
    for name in RUNTIMES {
        let options = Options { runtime: runtime(name), control_groups: ControlGroups::Version2, ..Options::default() };
        let look = "grep ' /sys/fs/cgroup' /proc/self/mounts; test -e /sys/fs/cgroup/cgroup.freeze && echo there\n\
            (echo 1 > /sys/fs/cgroup/cgroup.freeze) 2>/dev/null && echo wrote\n\
            mknod /tmp/disk b 254 0; cat /tmp/disk; cat /dev/null && echo null works\n\
            trap '' TERM; echo looked; while :; do sleep 0.1; done";
        let mut spec = script("c", look);
        spec.stop_timeout_seconds = 1;
        let mut rig = Rig::start_with(vec![spec], &options);
        if options.runtime == RuntimeChoice::Linked && !may_raise_limits() {
            // Its device filter wants more locked memory than such a host gives; without the filter nothing runs.
            let Event::NotStarted { failure: Some(failure), .. } = rig.until(failed) else { panic!("a failure") };
            assert!(failure.message.contains("Failed to increase rlimit"), "{failure}");
            continue;
        }
        rig.until_started("c");
        rig.until_printed("c", "looked");
        let output = rig.output("c");
        let mount =
            output.lines().find(|line| line.contains(" cgroup2 ")).unwrap_or_else(|| panic!("{name}: {output}"));
        assert!(mount.contains(" ro,nosuid,nodev,noexec"), "{name}: {mount}");
        assert!(output.contains("there\n") && !output.contains("wrote"), "{name}: {output}");
        assert!(output.contains("Operation not permitted") && output.contains("null works"), "{name}: {output}");
        let frozen = rig.unified_group().join("c/cgroup.freeze");
        fs::write(&frozen, "1").unwrap_or_else(|error| panic!("{name}: {}: {error}", frozen.display()));
        rig.stop();
        assert_eq!(rig.until_exited("c"), (137, None), "{name}");
        rig.until_finished();
    }
}

#[test]
fn the_quota_holds_again_when_one_container_has_ended() {
    let mut side = script("side", "trap '' TERM; echo began; while :; do sleep 0.1; done");
    side.stop_timeout_seconds = 0;
    side.depends_on = vec![Dependency { container: "main".into(), condition: DependencyCondition::Start }];
    let mut main = script("main", "trap '' TERM; echo began; while :; do sleep 0.1; done");
    main.stop_timeout_seconds = 3;
    let mut rig = Rig::start_with(vec![main, side], &Options { cpu_units: 256, ..Options::default() });
    rig.until_started("side");
    rig.until_printed("side", "began");
    let id = rig.id.clone();
    let quota = || {
        let found = ["cpu/tidegate", "cpu,cpuacct/tidegate", "tidegate"].iter().find_map(|parent| {
            let group = Path::new("/sys/fs/cgroup").join(parent).join(&id);
            let read = |name| fs::read_to_string(group.join(name)).ok();
            read("cpu.cfs_quota_us").or_else(|| read("cpu.max"))
        });
        found.expect("a quota").split_whitespace().next().expect("a number").to_owned()
    };
    assert_eq!(quota(), "25000");
    rig.stop();
    let mut line = String::new();
    while !line.contains("Exited") {
        line.clear();
        rig.lines.read_line(&mut line).expect("a notice");
    }
    assert!(line.contains("\"side\""), "{line}");
    assert_eq!(quota(), "25000", "main still has its time, and the task its quota");
}
