//! A shim's birth: a process with nothing of this one but a socket, begun while images are still pulled, told later what to
//! do.
//!
//! It begins early because settling into its control group takes the kernel a while. A shim that is never told ends when
//! its socket closes.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use tokio::sync::OwnedSemaphorePermit;
use zeroize::Zeroizing;

use super::Inner;
use super::link::Line;
use super::task::Task;
use crate::shim::SHARED_PROCESSES;
use crate::shim::plan::ShimPlan;

/// A new shim; a child of this process, to be reaped.
pub(super) struct Shim {
    stream: UnixStream,
    child: Option<Child>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Shim {
    /// Begins a task's shim. The permit is given back when it has its plan, or is gone.
    pub(super) fn begin(node: &Inner, task: &Task, permit: OwnedSemaphorePermit) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(task.directory.shim_log())?;
        let mut command = Command::new(node.shim_executable.path());
        command.arg("shim").arg(&task.spec.task_id).env_clear().current_dir(task.directory.path());
        if task.spec.shared_processes {
            command.arg(SHARED_PROCESSES);
        }
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(log);
        Ok(Self { stream: ours, child: Some(command.spawn()?), permit: Some(permit) })
    }

    /// Tells it its plan. From here on it is on its own.
    pub(super) fn tell(&self, plan: &ShimPlan) -> io::Result<()> {
        let text = Zeroizing::new(serde_json::to_vec(plan)?);
        (&self.stream).write_all(&(text.len() as u64).to_be_bytes())?;
        (&self.stream).write_all(&text)
    }

    /// The line to it.
    pub(super) fn into_line(mut self) -> io::Result<Line> {
        let stream = self.stream.try_clone()?;
        let child = self.child.take().ok_or_else(|| io::Error::other("the shim has no process"))?;
        Line::to_child(stream, child)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        // It ends by itself now; without a runtime this process ends too and leaves it to process 1.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let permit = self.permit.take();
            runtime.spawn_blocking(move || {
                let _ = child.wait();
                drop(permit);
            });
        }
    }
}
