//! From a container's output file to the log service, while it runs: no line lost, none twice.
//!
//! A follower knows only an offset, and the service stores the next offset together with the lines it takes. So it does
//! not matter when this process dies. It waits for a word from the shim, never for time. What was taken over is given back
//! to the disk as a hole at the file's beginning.

mod lines;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::compute::TaskServices;
use nix::unistd::Whence;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::shim::output::{HOLE_UNIT, LINE_LIMIT, free_until};

/// How much is read and put at once, in bytes; with what the service counts per line it stays below its limit of 1 MiB.
const BATCH_BYTES: usize = 700_000;
/// How many lines are put at once (the service's limit).
const BATCH_LINES: usize = 10_000;
/// The first and the longest pause after a failed put.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const RETRY_PAUSE_LIMIT: Duration = Duration::from_secs(5);

/// Follows one container's output. Ends when dropped.
pub(crate) struct Follower {
    asked: watch::Sender<u64>,
    done: watch::Receiver<u64>,
    task: AbortHandle,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    /// Starts following the file, which need not exist yet. Must be called inside a tokio runtime.
    pub(crate) fn start(services: Arc<dyn TaskServices>, task_id: &str, container: &str, path: PathBuf) -> Self {
        let (asked, questions) = watch::channel(1);
        let (answers, done) = watch::channel(0);
        let follow = Follow {
            offset: services.log_offset(task_id, container),
            services,
            task_id: task_id.to_owned(),
            container: container.to_owned(),
            path,
            file: None,
            freed: 0,
        };
        let task = tokio::spawn(follow.run(questions, answers)).abort_handle();
        Self { asked, done, task }
    }

    /// There is more in the file.
    pub(crate) fn nudge(&self) {
        self.asked.send_modify(|count| *count += 1);
    }

    /// Resolves when everything that is in the file now has been taken over, or when `patience` has run out.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.nudge();
        let target = *self.asked.borrow();
        let mut done = self.done.clone();
        let drained = done.wait_for(|count| *count >= target);
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::warn!("the log service has not taken over a container's last lines in {patience:?}");
        }
    }
}

struct Follow {
    services: Arc<dyn TaskServices>,
    task_id: String,
    container: String,
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    freed: u64,
}

impl Follow {
    async fn run(mut self, mut questions: watch::Receiver<u64>, answers: watch::Sender<u64>) {
        loop {
            let question = *questions.borrow_and_update();
            while self.take_over().await {}
            answers.send_replace(question);
            if questions.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes one batch over; answers whether there was one.
    async fn take_over(&mut self) -> bool {
        let batch = match self.read() {
            Ok(Some(batch)) => batch,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(task = self.task_id, container = self.container, "cannot read output: {error}");
                return false;
            }
        };
        let mut pause = RETRY_PAUSE;
        loop {
            // Asked with nothing in it when only empty lines or a hole were passed: the offset must still be remembered.
            let put = self.services.put_log(&self.task_id, &self.container, batch.lines.clone(), batch.next_offset);
            match put.await {
                Ok(()) => break,
                Err(failure) => {
                    tracing::warn!(task = self.task_id, container = self.container, "cannot put log lines: {failure}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_PAUSE_LIMIT);
                }
            }
        }
        self.offset = batch.next_offset;
        self.free();
        true
    }

    fn read(&mut self) -> io::Result<Option<lines::Batch>> {
        if self.file.is_none() {
            self.file = open(&self.path)?;
        }
        let Some(file) = &self.file else { return Ok(None) };
        let data = match nix::unistd::lseek(file, self.offset.cast_signed(), Whence::SeekData) {
            Ok(data) => data.cast_unsigned(),
            // Past the end: nothing new.
            Err(nix::errno::Errno::ENXIO) => return Ok(None),
            Err(_) => self.offset,
        };
        let mut buffer = vec![0; BATCH_BYTES.max(LINE_LIMIT + 64)];
        let count = file.read_at(&mut buffer, data)?;
        let start = if data > self.offset { lines::Start::AfterHole } else { lines::Start::AtLine };
        Ok(lines::cut(&buffer[..count], data, start, BATCH_LINES))
    }

    /// Gives back to the disk what was taken over.
    fn free(&mut self) {
        let until = self.offset / HOLE_UNIT * HOLE_UNIT;
        if until > self.freed
            && let Ok(file) = std::fs::OpenOptions::new().write(true).open(&self.path)
            && free_until(&file, until).is_ok()
        {
            self.freed = until;
        }
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
