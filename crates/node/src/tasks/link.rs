//! The line to a task's shim: facts come in, wishes go out. When it breaks, the journal on disk is the truth.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream as BlockingStream;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Inner;
use super::directory::TaskDirectory;
use super::life::pauses;
use super::task::{Task, Wanted};
use crate::shim::journal;
use crate::shim::protocol::{Event, Notice, Record, Request};
use crate::shim::socket_address;
use crate::wait;

/// How long a shim that holds its lock may take to answer its socket.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// How long a shim whose containers have all ended may take to write that down, when the task is taken away.
const FINISH_PATIENCE: Duration = Duration::from_secs(5);
/// How long a shim may take for a stop beyond the stop timeouts of its containers.
const STOP_PATIENCE: Duration = Duration::from_mins(1);
/// How long the last words of a shim that has ended may take to arrive: they are in the socket already.
const LAST_WORDS_PATIENCE: Duration = Duration::from_millis(100);
/// How often a journal that cannot be read is tried before the task is told of without it.
const READ_ATTEMPTS: usize = 4;

/// A connection to a living shim.
pub(super) struct Line {
    stream: BlockingStream,
    shim: Shim,
}

/// The shim's process.
struct Shim {
    pid: i32,
    /// When it is this process's child, to be reaped.
    child: Option<Child>,
}

impl Drop for Shim {
    fn drop(&mut self) {
        if let (Some(mut child), Ok(runtime)) = (self.child.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || child.wait());
        }
    }
}

impl Line {
    /// The line to a shim that was just begun.
    pub(super) fn to_child(stream: BlockingStream, child: Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        Ok(Self { stream, shim: Shim { pid, child: Some(child) } })
    }
}

/// Follows a shim until it has ended and its task is told of, or until the task shall vanish.
pub(super) async fn follow(node: &Arc<Inner>, task: &Arc<Task>, line: Line) {
    let Line { mut stream, shim } = line;
    for pause in pauses() {
        if let Err(error) = converse(task, stream, shim.pid).await {
            tracing::error!(task = task.spec.task_id, "cannot follow the task's shim: {error}");
        }
        if *task.wanted.borrow() == Wanted::Remove {
            // Who takes the task away ends it.
            return;
        }
        // The end of the stream is not the shim's end: who does not read in time is cut off, and comes back.
        match find(&task.directory).await {
            Found::Alive(again) => stream = again.stream,
            Found::Gone | Found::Never => break,
        }
        tokio::time::sleep(pause).await;
    }
    drop(shim);
    after(node, task).await;
}

/// Until the shim hangs up or ends, or the task shall vanish.
async fn converse(task: &Task, stream: BlockingStream, shim: i32) -> io::Result<()> {
    let end = match process_end(shim) {
        Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => return Ok(()),
        other => other?,
    };
    stream.set_nonblocking(true)?;
    let (reader, writer) = UnixStream::from_std(stream)?.into_split();
    tokio::select! {
        () = hear(task, reader, &end) => {}
        () = say(task, writer) => {}
        () = vanishes(task) => {}
        () = is_overdue(task) => {
            tracing::error!(task = task.spec.task_id, "the task's shim does not stop the task and is killed");
            kill(Pid::from_raw(shim), Signal::SIGKILL)?;
        }
    }
    Ok(())
}

async fn hear(task: &Task, reader: OwnedReadHalf, end: &AsyncFd<OwnedFd>) {
    let mut lines = BufReader::new(reader).lines();
    let mut seen = 0;
    loop {
        let line = tokio::select! {
            biased;
            line = lines.next_line() => line,
            // What the shim was just making of a container may hold the stream open.
            _ = end.readable() => {
                tokio::time::timeout(LAST_WORDS_PATIENCE, lines.next_line()).await.unwrap_or(Ok(None))
            }
        };
        let Ok(Some(line)) = line else { return };
        match serde_json::from_str(&line) {
            Ok(Notice::Record(record)) => {
                task.take_in(seen, &[record]).await;
                seen += 1;
            }
            Ok(Notice::Output(container)) => task.printed(&container),
            Ok(Notice::Trouble(trouble)) => task.in_trouble(&trouble),
            Err(error) => tracing::error!(task = task.spec.task_id, "a shim said what nobody understands: {error}"),
        }
    }
}

/// Passes wishes on, and how far the output has been taken over; never resolves, because closing the line would be
/// understood as leaving.
async fn say(task: &Task, mut writer: OwnedWriteHalf) {
    let (mut wanted, mut taken) = (task.wanted.subscribe(), task.taken.subscribe());
    let mut stop = None;
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    loop {
        let mut requests = Vec::new();
        if *wanted.borrow_and_update() >= Wanted::Stop && stop.is_none() {
            requests.push(stop.insert(Request::Stop).clone());
        }
        for (container, offset) in taken.borrow_and_update().iter() {
            if told.insert(container.clone(), *offset) != Some(*offset) {
                requests.push(Request::TakenOver { container: container.clone(), offset: *offset });
            }
        }
        for request in requests {
            let mut line = serde_json::to_vec(&request).unwrap_or_default();
            line.push(b'\n');
            if writer.write_all(&line).await.is_err() {
                // It hung up, which whoever hears finds out.
                std::future::pending::<()>().await;
            }
        }
        // The senders live as long as the task does.
        tokio::select! { _ = wanted.changed() => {}, _ = taken.changed() => {} }
    }
}

/// Resolves when the task shall vanish. A shim that has nothing to do any more is given time to say so and to end.
async fn vanishes(task: &Task) {
    task.wanted_to(Wanted::Remove).await;
    let _ = tokio::time::timeout(FINISH_PATIENCE, task.finishes()).await;
}

/// Resolves when a stop takes longer than a shim may take for it.
async fn is_overdue(task: &Task) {
    task.wanted_to(Wanted::Stop).await;
    // One after the other at the worst.
    let seconds = task.spec.containers.iter().map(|container| u64::from(container.stop_timeout_seconds)).sum();
    tokio::time::sleep(Duration::from_secs(seconds) + STOP_PATIENCE).await;
}

/// A descriptor that becomes readable when a process ends.
fn process_end(pid: i32) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: a plain system call that makes a descriptor or fails.
    let descriptor = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_open, pid, 0) };
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // SAFETY: the AsyncFd owns the descriptor, which is nobody else's and stays open as long as the AsyncFd.
    unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }.map_err(io::Error::from)
}

/// After the shim has ended: it finished, or it died.
pub(super) async fn after(node: &Arc<Inner>, task: &Arc<Task>) {
    let records = records(task).await;
    let finished = |records: &[Record]| records.iter().any(|record| record.event == Event::Finished);
    if task.finished() || finished(&records) {
        return task.take_in(0, &records).await;
    }
    let (id, directory, cgroups) = (task.spec.task_id.clone(), task.directory.clone(), node.cgroups.clone());
    let ended = tokio::task::spawn_blocking(move || (cgroups.kill_task(&id), last_words(&directory)));
    let last_words = match ended.await {
        Ok((killed, last_words)) => {
            if let Err(error) = killed {
                tracing::error!(task = task.spec.task_id, "cannot kill what a dead shim left: {error}");
            }
            last_words
        }
        Err(error) => error.to_string(),
    };
    task.take_in(0, &records).await;
    tracing::error!(task = task.spec.task_id, "the task's shim died: {last_words}");
    task.shim_died(&last_words);
}

/// What the journal says; nothing when it cannot be read.
async fn records(task: &Task) -> Vec<Record> {
    for pause in pauses().take(READ_ATTEMPTS) {
        let directory = task.directory.clone();
        match tokio::task::spawn_blocking(move || journal::read(directory.path())).await {
            Ok(Ok(records)) => return records,
            Ok(Err(error)) => tracing::error!(task = task.spec.task_id, "cannot read the task's journal: {error}"),
            Err(error) => tracing::error!(task = task.spec.task_id, "cannot read the task's journal: {error}"),
        }
        tokio::time::sleep(pause).await;
    }
    Vec::new()
}

/// The last line of the shim's error output, shortened.
fn last_words(directory: &TaskDirectory) -> String {
    let text = std::fs::read_to_string(directory.shim_log()).unwrap_or_default();
    text.lines().next_back().unwrap_or("").chars().take(300).collect()
}

/// What is found beside a task's directory.
pub(super) enum Found {
    /// A living shim, connected.
    Alive(Line),
    /// A shim was there and is no more.
    Gone,
    /// No shim ever began.
    Never,
}

/// Looks for a task's shim.
pub(super) async fn find(directory: &TaskDirectory) -> Found {
    let directory = directory.clone();
    match tokio::task::spawn_blocking(move || find_blocking(&directory)).await {
        Ok(found) => found,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn find_blocking(directory: &TaskDirectory) -> Found {
    let found = wait::until(CONNECT_PATIENCE, || {
        if let Some(pid) = directory.living_shim() {
            let stream = connect(directory).ok()?;
            return Some(Found::Alive(Line { stream, shim: Shim { pid, child: None } }));
        }
        let began = directory.path().join(journal::FILE_NAME).exists();
        Some(if began { Found::Gone } else { Found::Never })
    });
    found.unwrap_or_else(|| {
        tracing::error!(directory = %directory.path().display(), "a shim does not answer");
        Found::Gone
    })
}

fn connect(directory: &TaskDirectory) -> io::Result<BlockingStream> {
    let (_directory, address) = socket_address(&directory.control())?;
    BlockingStream::connect(address)
}
