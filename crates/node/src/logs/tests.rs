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
    offset_unknown: Mutex<u32>,
    opened: Mutex<u32>,
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
        Box::pin(async {
            *self.opened.lock().expect("lock") += 1;
            Ok(())
        })
    }
    fn log_offset(&self, _: &str, _: &str) -> Result<u64, Failure> {
        let mut unknown = self.offset_unknown.lock().expect("lock");
        if *unknown > 0 {
            *unknown -= 1;
            return Err(Failure::new(FailureName::ResourceInitializationError, "nobody knows"));
        }
        Ok(self.taken.lock().expect("lock").1)
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

fn follower(service: &Arc<Service>, path: &Path) -> Follower {
    let source = Source { task_id: "t".into(), container: "c".into(), path: path.to_owned() };
    Follower::start(Arc::<Service>::clone(service), source, watch::Sender::default())
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
        *service.offset_unknown.lock().expect("lock") = 1;
        let follower = follower(&service, &path);
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
    let follower = follower(&service, &path);
    follower.drain(Duration::from_secs(20)).await;
    assert_eq!(service.taken.lock().expect("lock").0.len(), 5000);
    let metadata = std::fs::metadata(&path).expect("metadata");
    assert!(metadata.blocks() * 512 < 2 * HOLE_UNIT, "{} bytes are still on disk", metadata.blocks() * 512);
    assert_eq!(metadata.len(), 5000 * line.len() as u64);
}

#[tokio::test]
async fn who_takes_nothing_is_waited_for_once_and_the_stream_is_opened_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("output");
    std::fs::write(&path, "1 o one\n").expect("write");
    let service = Arc::new(Service::default());
    *service.failures.lock().expect("lock") = u32::MAX;
    let follower = follower(&service, &path);
    let patience = Duration::from_secs(1);
    let began = Instant::now();
    follower.drain(patience).await;
    assert!(began.elapsed() >= patience / 2, "it is waited for");
    assert_eq!(follower.unread_bytes(), 8);
    let began = Instant::now();
    follower.drain(patience).await;
    assert!(began.elapsed() < patience / 2, "but not again, after {:?}", began.elapsed());
    *service.failures.lock().expect("lock") = 0;
    follower.drain(Duration::from_secs(20)).await;
    let mut done = follower.progress.clone();
    let taken = tokio::time::timeout(Duration::from_secs(20), done.wait_for(|progress| progress.offset == 8)).await;
    taken.expect("in time").expect("it follows");
    assert!(*service.opened.lock().expect("lock") > 0, "the stream may have been deleted");
    assert_eq!(service.taken.lock().expect("lock").0, ["one"]);
    assert_eq!(follower.unread_bytes(), 0);
}
