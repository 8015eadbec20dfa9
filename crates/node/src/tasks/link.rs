//! The line to a task's shim: facts come in, a stop goes out. When it breaks, the journal on disk is the truth.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream as BlockingStream;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::Inner;
use super::directory::TaskDirectory;
use super::task::Task;
use crate::shim::journal;
use crate::shim::protocol::{Notice, Request};
use crate::shim::socket_address;
use crate::wait;

/// How long a shim that holds its lock may take to answer its socket.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Follows a shim in the background. `child` is given when it is this process's child, to be reaped.
pub(super) fn attach(
    node: &Arc<Inner>,
    task: &Arc<Task>,
    stream: BlockingStream,
    child: Option<Child>,
) -> io::Result<()> {
    // The end of the stream is not the shim's end: what it was just making of a container may hold its descriptors.
    let shim = match &child {
        Some(child) => i32::try_from(child.id()).map_err(io::Error::other)?,
        None => task.directory.living_shim().ok_or_else(|| io::Error::other("the shim has just ended"))?,
    };
    let end = process_end(shim)?;
    stream.set_nonblocking(true)?;
    let (reader, writer) = UnixStream::from_std(stream)?.into_split();
    let (node, task) = (Arc::clone(node), Arc::clone(task));
    let handle = tokio::spawn({
        let task = Arc::clone(&task);
        async move {
            tokio::select! {
                () = follow(&task, reader, writer) => {}
                _ = end.readable() => {}
            }
            after(&node, &task, child).await;
        }
    });
    task.in_background(handle.abort_handle());
    Ok(())
}

/// Reads until the shim hangs up; passes a stop on as soon as it is wanted.
async fn follow(task: &Task, reader: OwnedReadHalf, mut writer: OwnedWriteHalf) {
    let stop = async {
        task.wanted_down().await;
        let mut line = serde_json::to_vec(&Request::Stop).unwrap_or_default();
        line.push(b'\n');
        if writer.write_all(&line).await.is_err() {
            tracing::debug!(task = task.spec.task_id, "the shim hung up before it was asked to stop");
        }
        // Closing the line would be understood as leaving.
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut lines = BufReader::new(reader).lines();
        let mut seen = 0;
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Notice::Record(record)) => {
                    task.take_in(seen, &[record]).await;
                    seen += 1;
                }
                Ok(Notice::Output(container)) => task.printed(&container),
                Err(error) => tracing::error!(task = task.spec.task_id, "a shim said what nobody understands: {error}"),
            }
        }
    };
    tokio::select! { () = stop => {}, () = read => {} }
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

/// After the shim hung up: it finished, or it died.
pub(super) async fn after(node: &Arc<Inner>, task: &Arc<Task>, child: Option<Child>) {
    let (id, directory, cgroups) = (task.spec.task_id.clone(), task.directory.clone(), node.cgroups.clone());
    let read = tokio::task::spawn_blocking(move || {
        if let Some(mut child) = child {
            let _ = child.wait();
        }
        wait_for_end(&directory);
        let records = journal::read(directory.path()).unwrap_or_default();
        let finished = records.iter().any(|record| record.event == crate::shim::protocol::Event::Finished);
        let killed = if finished { Ok(()) } else { cgroups.kill_task(&id) };
        (records, killed, last_words(&directory))
    });
    let Ok((records, killed, last_words)) = read.await else { return };
    task.take_in(0, &records).await;
    if let Err(error) = killed {
        tracing::error!(task = task.spec.task_id, "cannot kill what a dead shim left: {error}");
    }
    if !task.finished() {
        tracing::error!(task = task.spec.task_id, "the task's shim died: {last_words}");
        task.shim_died(&last_words);
    }
}

/// A shim that was killed may hold its lock for a moment longer than its socket.
fn wait_for_end(directory: &TaskDirectory) {
    wait::until(CONNECT_PATIENCE, || directory.living_shim().is_none().then_some(()));
}

/// The last line of the shim's error output, shortened.
fn last_words(directory: &TaskDirectory) -> String {
    let text = std::fs::read_to_string(directory.shim_log()).unwrap_or_default();
    text.lines().next_back().unwrap_or("").chars().take(300).collect()
}

/// What a restarted server finds beside a task's directory.
pub(super) enum Found {
    /// A living shim, connected.
    Alive(BlockingStream),
    /// A shim was there and is no more.
    Gone,
    /// No shim ever began.
    Never,
}

/// Looks for a task's shim; blocks for a moment.
pub(super) fn find(directory: &TaskDirectory) -> Found {
    let found = wait::until(CONNECT_PATIENCE, || {
        if directory.living_shim().is_some() {
            return connect(directory).ok().map(Found::Alive);
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
