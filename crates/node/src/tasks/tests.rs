//! The whole node on the real kernel, as root: a namespace stands for the host, a small registry serves an image of
//! busybox, containers run, and this process dies and comes back.

mod world;

use std::time::Duration;

use domain::compute::{ContainerPhase, TaskAction};
use domain::failure::FailureName;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use self::world::{World, script, until};
use super::*;
use crate::wait;

#[test]
fn a_task_runs_logs_answers_metadata_stops_and_leaves_nothing() {
    let world = World::new();
    let mut spec = world.task(vec![script(
        "c",
        "trap 'echo got TERM; exit 0' TERM; echo \"role $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI\"; \
         wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task; echo; wget -q -O - 169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; \
         echo; cat /etc/hosts; echo \"$PASSWORD\" | tr a-z A-Z; while :; do sleep 0.1; done",
    )]);
    spec.containers[0].log = Some(world::log());
    spec.containers[0].secret_names = vec!["PASSWORD".into()];
    spec.task_role_arn = Some("arn:aws:iam::123456789012:role/app".into());
    let spec = Arc::new(spec);
    world.run(async |node, services| {
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        let running = until(&node, &spec, TaskObservation::all_started).await;
        assert!(running.network_ready && running.pull_started_at <= running.pull_stopped_at);
        assert!(running.pull_stopped_at <= running.containers[0].started_at);
        assert!(running.containers[0].image_digest.as_ref().is_some_and(|digest| digest.starts_with("sha256:")));
        services.until_logged("XYZZY-PLUGH").await;
        services.until_logged(&format!("\"TaskARN\":\"{}\"", spec.task_arn)).await;
        services.until_logged("\"SecretAccessKey\":\"key-of-the-role\"").await;
        let hosts = format!("{} ip-172-31-0-5", spec.interface.address);
        services.until_logged(&hosts).await;
        assert_eq!(world.grep("xyzzy-plugh"), "", "no secret on disk");
        assert_eq!(world.grep("key-of-the-role"), world.output_file(&spec), "but for what the program itself said");
        node.apply(&spec, TaskAction::Stop).await.expect("begins");
        let stopped = until(&node, &spec, TaskObservation::all_stopped).await;
        assert_eq!(stopped.containers[0].exit_code, Some(0));
        assert_eq!(
            services.logged().last().map(String::as_str),
            Some("got TERM"),
            "the last words are safe before the end"
        );
        assert!(stopped.failure.is_none() && stopped.containers[0].failure.is_none());
        world.remove(&node, &spec).await;
    });
}

#[test]
fn what_runs_is_adopted_and_no_line_is_lost_or_doubled() {
    let world = World::new();
    let mut spec = world.task(vec![script("c", "for i in $(seq 300); do echo line $i; sleep 0.01; done; exit 3")]);
    spec.containers[0].log = Some(world::log());
    let spec = Arc::new(spec);
    world.run(async |node, services| {
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, TaskObservation::all_started).await;
        services.until_logged("line 20").await;
    });
    // Between the two, this "server" does not exist; the task goes on.
    world.run(async |node, services| {
        let adopted = node.observe(&spec.task_id).expect("adopted at once");
        assert!(adopted.containers[0].image_digest.is_some() && adopted.pull_started_at.is_some());
        node.apply(&spec, TaskAction::Start).await.expect("nothing to do");
        let ended = until(&node, &spec, TaskObservation::all_stopped).await;
        assert_eq!(ended.containers[0].exit_code, Some(3));
        let expected: Vec<String> = (1..=300).map(|number| format!("line {number}")).collect();
        assert_eq!(services.logged(), expected);
    });
    // What ended while nobody was there, or long before, is known as well.
    world.run(async |node, _| {
        let seen = node.observe(&spec.task_id).expect("adopted");
        assert!(seen.all_stopped());
        assert_eq!(seen.containers[0].exit_code, Some(3));
        world.remove(&node, &spec).await;
    });
}

#[test]
fn a_killed_shim_is_told_of_and_cleaned_up() {
    let world = World::new();
    let spec = Arc::new(world.task(vec![script("c", "sleep 600 & exec sleep 600")]));
    world.run(async |node, _| {
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, TaskObservation::all_started).await;
        let directory = TaskDirectory::new(&world.tasks(), &spec.task_id);
        let shim = directory.living_shim().expect("a shim");
        kill(Pid::from_raw(shim), Signal::SIGKILL).expect("killed");
        let seen = until(&node, &spec, TaskObservation::all_stopped).await;
        let failure = seen.containers[0].failure.clone().expect("a failure");
        assert_eq!((failure.name, seen.containers[0].exit_code), (FailureName::ContainerRuntimeError, None));
        world.remove(&node, &spec).await;
    });
}

#[test]
fn a_shim_killed_at_any_moment_of_a_start_leaves_nothing() {
    let world = World::new();
    world.run(async |node, _| {
        for round in 0..12 {
            let spec = Arc::new(world.task(vec![script("a", "exec sleep 600"), script("b", "exec sleep 600")]));
            world.network(&node, &spec).await;
            node.apply(&spec, TaskAction::Start).await.expect("begins");
            let directory = TaskDirectory::new(&world.tasks(), &spec.task_id);
            let look =
                tokio::task::spawn_blocking(move || wait::until(Duration::from_secs(20), || directory.living_shim()));
            let shim = look.await.expect("a look").expect("a shim");
            // Each round a little later in the start.
            tokio::time::sleep(Duration::from_millis(round * 5)).await;
            kill(Pid::from_raw(shim), Signal::SIGKILL).expect("killed");
            until(&node, &spec, TaskObservation::all_stopped).await;
            world.remove(&node, &spec).await;
        }
    });
}

#[test]
fn a_shim_killed_while_no_server_lives_is_found_out() {
    let world = World::new();
    let spec = Arc::new(world.task(vec![script("c", "exec sleep 600")]));
    world.run(async |node, _| {
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, TaskObservation::all_started).await;
    });
    let shim = TaskDirectory::new(&world.tasks(), &spec.task_id).living_shim().expect("a shim outlives its server");
    kill(Pid::from_raw(shim), Signal::SIGKILL).expect("killed");
    world.run(async |node, _| {
        let seen = until(&node, &spec, TaskObservation::all_stopped).await;
        assert_eq!(
            seen.containers[0].failure.as_ref().map(|failure| failure.name),
            Some(FailureName::ContainerRuntimeError)
        );
        world.remove(&node, &spec).await;
    });
}

#[test]
fn a_failed_start_names_its_reason_and_drops_the_rest() {
    let world = World::new();
    let mut bad = script("bad", "true");
    bad.image = format!("{}/missing:1", world.registry());
    let mut secretless = script("secretless", "true");
    secretless.secret_names = vec!["FORBIDDEN".into()];
    let cases = [
        (vec![script("good", "true"), bad], FailureName::CannotPullContainerError, "bad"),
        (vec![secretless, script("good", "true")], FailureName::ResourceInitializationError, "secretless"),
        (
            vec![script("good", "sleep 5"), {
                let mut c = script("lost", "true");
                c.command = Some(vec!["/nope".into()]);
                c
            }],
            FailureName::CannotStartContainerError,
            "lost",
        ),
        (
            vec![{
                let mut c = script("who", "true");
                c.user = Some("nobody-at-all".into());
                c
            }],
            FailureName::CannotCreateContainerError,
            "who",
        ),
    ];
    for (containers, name, container) in cases {
        let spec = Arc::new(world.task(containers));
        world.run(async |node, _| {
            world.network(&node, &spec).await;
            node.apply(&spec, TaskAction::Start).await.expect("begins");
            let seen = until(&node, &spec, |seen| seen.failure.is_some() && seen.all_stopped()).await;
            let failure = seen.failure.clone().expect("a failure");
            assert_eq!((failure.name, failure.container.as_deref()), (name, Some(container)), "{failure}");
            let told = seen.containers.iter().find(|seen| seen.name == container).and_then(|seen| seen.failure.clone());
            assert_eq!(told, Some(failure));
            node.apply(&spec, TaskAction::Start).await.expect("stays as it is");
            assert!(node.observe(&spec.task_id).expect("there").failure.is_some());
            world.remove(&node, &spec).await;
        });
    }
}

#[test]
fn a_start_that_was_cut_off_is_done_again() {
    let world = World::new();
    let mut spec = world.task(vec![script("hangs", "true")]);
    spec.containers[0].secret_names = vec!["NEVER".into()];
    let spec = Arc::new(spec);
    world.run(async |node, _| {
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, |seen| seen.containers[0].phase == ContainerPhase::Pulled).await;
    });
    world.run(async |node, _| {
        let left = node.observe(&spec.task_id).expect("its directory is there, and must be taken away one day");
        assert!(!left.all_started() && !left.all_stopped(), "whoever wants it must start it again");
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, |seen| seen.containers[0].phase == ContainerPhase::Pulled).await;
        node.apply(&spec, TaskAction::Stop).await.expect("begins");
        until(&node, &spec, TaskObservation::all_stopped).await;
        world.remove(&node, &spec).await;
    });
}

#[test]
fn a_stop_drops_a_start_that_hangs() {
    let world = World::new();
    let mut spec = world.task(vec![script("hangs", "true")]);
    spec.containers[0].secret_names = vec!["NEVER".into()];
    let spec = Arc::new(spec);
    world.run(async |node, _| {
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, |seen| seen.containers[0].phase == ContainerPhase::Pulled).await;
        node.apply(&spec, TaskAction::Stop).await.expect("begins");
        let seen = until(&node, &spec, TaskObservation::all_stopped).await;
        assert!(seen.failure.is_none() && seen.containers[0].started_at.is_none());
        node.apply(&spec, TaskAction::Start).await.expect("too late");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(node.observe(&spec.task_id).expect("there").all_stopped());
        world.remove(&node, &spec).await;
    });
}

#[test]
fn what_has_no_specification_is_taken_away_and_a_discarded_task_too() {
    let world = World::new();
    std::fs::create_dir_all(world.tasks().join("0123456789abcdef0123456789abcdef/containers/c")).expect("half a task");
    let spec = Arc::new(world.task(vec![script("c", "exec sleep 600")]));
    world.run(async |node, _| {
        assert_eq!(std::fs::read_dir(world.tasks()).expect("tasks").count(), 0);
        world.network(&node, &spec).await;
        node.apply(&spec, TaskAction::Start).await.expect("begins");
        until(&node, &spec, TaskObservation::all_started).await;
        assert_eq!(node.task_ids(), vec![spec.task_id.clone()]);
        node.discard(&spec.task_id).await.expect("begins");
        world.until_gone(&node, &spec).await;
    });
}
