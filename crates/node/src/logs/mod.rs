//! From a container's output file to the log service, while it runs: no line lost, none twice.
//!
//! A follower knows only an offset, and the service stores the next offset together with the lines it takes. So it does
//! not matter when this process dies. It waits for a word from the shim, and for time only while the service takes nothing.
//! What was taken over is given back to the disk as a hole at the file's beginning, and the shim is told, which may have kept
//! the container waiting.

mod lines;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::compute::TaskServices;
use domain::failure::Failure;
use nix::unistd::Whence;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::shim::output::{HOLE_UNIT, LINE_LIMIT, free_until};

/// How much is read and put at once, in bytes; with what the service counts per line it stays below its limit of 1 MiB.
const BATCH_BYTES: usize = 700_000;
/// How many lines are put at once (the service's limit).
const BATCH_LINES: usize = 10_000;
/// The first and the longest pause after a failed put.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const RETRY_PAUSE_LIMIT: Duration = Duration::from_secs(5);

/// Whose output, and where it lies.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) task_id: String,
    pub(crate) container: String,
    pub(crate) path: PathBuf,
}

/// Follows one container's output. Ends when dropped.
pub(crate) struct Follower {
    path: PathBuf,
    asked: watch::Sender<u64>,
    progress: watch::Receiver<Progress>,
    /// Ends what is in it when it is dropped.
    _work: JoinSet<()>,
}

/// How far a follower is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The newest question that has been answered.
    answered: u64,
    /// Up to where the file has been taken over.
    offset: u64,
    /// Since when the log service takes nothing.
    failing_since: Option<Instant>,
}

impl Follower {
    /// Starts following the file, which need not exist yet; says in `taken` how far it is. Must be called inside a tokio
    /// runtime.
    pub(crate) fn start(
        services: Arc<dyn TaskServices>,
        source: Source,
        taken: watch::Sender<BTreeMap<String, u64>>,
    ) -> Self {
        let (asked, questions) = watch::channel(1);
        let (sender, progress) = watch::channel(Progress::default());
        let path = source.path.clone();
        let mut work = JoinSet::new();
        work.spawn(async move {
            loop {
                let follow = Follow {
                    services: Arc::clone(&services),
                    source: source.clone(),
                    progress: sender.clone(),
                    taken: taken.clone(),
                    file: None,
                    offset: 0,
                    freed: 0,
                    said: None,
                };
                let mut inner = JoinSet::new();
                inner.spawn(follow.run(questions.clone()));
                let Some(Err(error)) = inner.join_next().await else { return };
                tracing::error!(
                    task = source.task_id,
                    container = source.container,
                    "following output broke off: {error}"
                );
                tokio::time::sleep(RETRY_PAUSE_LIMIT).await;
            }
        });
        Self { path, asked, progress, _work: work }
    }

    /// There is more in the file.
    pub(crate) fn nudge(&self) {
        self.asked.send_modify(|count| *count += 1);
    }

    /// Resolves when everything that is in the file now has been taken over, or when nothing has been for so long.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.nudge();
        let target = *self.asked.borrow();
        let mut progress = self.progress.clone();
        loop {
            let seen = *progress.borrow_and_update();
            if seen.answered >= target {
                return;
            }
            let deadline = seen.failing_since.unwrap_or_else(Instant::now) + patience;
            match tokio::time::timeout_at(deadline, progress.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    tracing::warn!("the log service has not taken over a container's last lines in {patience:?}");
                    return;
                }
            }
        }
    }

    /// How much of the file has not been taken over, in bytes.
    pub(crate) fn unread_bytes(&self) -> u64 {
        let length = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        length.saturating_sub(self.progress.borrow().offset)
    }
}

struct Follow {
    services: Arc<dyn TaskServices>,
    source: Source,
    progress: watch::Sender<Progress>,
    taken: watch::Sender<BTreeMap<String, u64>>,
    file: Option<File>,
    offset: u64,
    freed: u64,
    /// What was said last of what does not work.
    said: Option<String>,
}

impl Follow {
    async fn run(mut self, mut questions: watch::Receiver<u64>) {
        self.find_offset().await;
        loop {
            let question = *questions.borrow_and_update();
            while self.take_over().await {}
            self.progress.send_modify(|progress| progress.answered = question);
            if questions.changed().await.is_err() {
                return;
            }
        }
    }

    /// Asks where to go on, until somebody knows.
    async fn find_offset(&mut self) {
        for pause in pauses() {
            match self.services.log_offset(&self.source.task_id, &self.source.container) {
                Ok(offset) => return self.is_at(offset),
                Err(failure) => self.say_once(&failure),
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn is_at(&mut self, offset: u64) {
        self.offset = offset;
        self.progress.send_modify(|progress| {
            progress.offset = offset;
            progress.failing_since = None;
        });
        self.taken.send_modify(|taken| {
            taken.insert(self.source.container.clone(), offset);
        });
    }

    /// Takes one batch over; answers whether there was one.
    async fn take_over(&mut self) -> bool {
        let batch = match self.read() {
            Ok(Some(batch)) => batch,
            Ok(None) => return false,
            Err(error) => {
                self.say_once(&error);
                return false;
            }
        };
        let mut put = self.put(&batch).await;
        for pause in pauses() {
            let Err(failure) = put else { break };
            self.fails(&failure);
            tokio::time::sleep(pause).await;
            put = self.put_again(&batch).await;
        }
        if let Some(said) = self.said.take() {
            tracing::info!(
                task = self.source.task_id,
                container = self.source.container,
                "output is taken over again after: {said}"
            );
        }
        self.is_at(batch.next_offset);
        self.free();
        true
    }

    /// Asked with nothing in it when only empty lines or a hole were passed: the offset must still be remembered.
    async fn put(&self, batch: &lines::Batch) -> Result<(), Failure> {
        let (task, container) = (&self.source.task_id, &self.source.container);
        self.services.put_log(task, container, batch.lines.clone(), batch.next_offset).await
    }

    /// The stream may have been deleted; it is made anew as soon as that is possible.
    async fn put_again(&self, batch: &lines::Batch) -> Result<(), Failure> {
        self.services.open_log(&self.source.task_id, &self.source.container).await?;
        self.put(batch).await
    }

    fn fails(&mut self, failure: &Failure) {
        self.say_once(failure);
        self.progress.send_if_modified(|progress| {
            let is_news = progress.failing_since.is_none();
            progress.failing_since.get_or_insert_with(Instant::now);
            is_news
        });
    }

    /// Says what does not work, once until it works again or something else is wrong.
    fn say_once(&mut self, error: &dyn std::fmt::Display) {
        let text = error.to_string();
        if self.said.as_ref() != Some(&text) {
            let (task, container) = (&self.source.task_id, &self.source.container);
            tracing::warn!(task, container, "output cannot be taken over, which is tried again and again: {text}");
            self.said = Some(text);
        }
    }

    fn read(&mut self) -> io::Result<Option<lines::Batch>> {
        if self.file.is_none() {
            self.file = open(&self.source.path)?;
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
            && let Ok(file) = std::fs::OpenOptions::new().write(true).open(&self.source.path)
            && free_until(&file, until).is_ok()
        {
            self.freed = until;
        }
    }
}

fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(RETRY_PAUSE), |pause| Some((*pause * 2).min(RETRY_PAUSE_LIMIT)))
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
