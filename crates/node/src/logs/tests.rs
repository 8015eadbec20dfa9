//! The follower against a service that fails: every line once, in order, and disk given back.

use std::io::Write;
use std::sync::Mutex;

use domain::compute::{BoxFuture, LogLine, RegistryCredentials, RoleCredentials};
use domain::failure::{Failure, FailureName};
use wire::Sensitive;

use super::*;

/// Takes lines over, and fails as often as it is told.
#[derive(Default)]
struct Service {
    taken: Mutex<(Vec<String>, u64)>,
    failures: Mutex<u32>,
}

impl TaskServices for Service {
    fn registry_auth<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<RegistryCredentials>, Failure>> {
        Box::pin(async { Ok(None) })
    }
    fn secret_environment<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Sensitive)>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn task_role_credentials<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<RoleCredentials>, Failure>> {
        Box::pin(async { Ok(None) })
    }
    fn open_log<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
    fn log_offset(&self, _: &str, _: &str) -> u64 {
        self.taken.lock().expect("lock").1
    }
    fn put_log<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        lines: Vec<LogLine>,
        next_offset: u64,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut failures = self.failures.lock().expect("lock");
            if *failures > 0 {
                *failures -= 1;
                return Err(Failure::new(FailureName::ResourceInitializationError, "not now"));
            }
            let mut taken = self.taken.lock().expect("lock");
            taken.0.extend(lines.into_iter().map(|line| line.message));
            taken.1 = next_offset;
            Ok(())
        })
    }
}

#[tokio::test]
async fn lines_arrive_once_over_failures_and_restarts() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("output");
    let service = Arc::new(Service::default());
    *service.failures.lock().expect("lock") = 2;
    let mut expected = Vec::new();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path).expect("a file");
    for round in 0..3 {
        // Each round is a new process that knows only the remembered offset.
        let follower = Follower::start(service.clone(), "t", "c", path.clone());
        for number in 0..500 {
            let message = format!("round {round} line {number}");
            writeln!(file, "{number} o {message}").expect("write");
            expected.push(message);
        }
        follower.drain(Duration::from_secs(10)).await;
    }
    assert_eq!(service.taken.lock().expect("lock").0, expected);
}

#[tokio::test]
async fn what_was_taken_over_leaves_the_disk() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("output");
    let line = format!("1 o {}\n", "x".repeat(1000));
    std::fs::write(&path, line.repeat(5000)).expect("write");
    let service = Arc::new(Service::default());
    let follower = Follower::start(service.clone(), "t", "c", path.clone());
    follower.drain(Duration::from_secs(20)).await;
    assert_eq!(service.taken.lock().expect("lock").0.len(), 5000);
    let metadata = std::fs::metadata(&path).expect("metadata");
    assert!(metadata.blocks() * 512 < 2 * HOLE_UNIT, "{} bytes are still on disk", metadata.blocks() * 512);
    assert_eq!(metadata.len(), 5000 * line.len() as u64);
}
