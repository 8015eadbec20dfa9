//! The keeper of a process namespace that the task's containers share (`pidMode` `task`): its process 1, which does
//! nothing but reap.
//!
//! Containers see this process, and one with CAP_SYS_PTRACE may even enter it. So there must be nothing in it: it is made
//! before the shim knows any secret, has an empty root, no capability, no network, no descriptor, and dies with the shim.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, pipe, pivot_root, setgroups, setresgid, setresuid};

use crate::runtime::execute::exit_now;

/// The name of the namespace in the task's directory.
pub(crate) const NAMESPACE_NAME: &str = "process-namespace";
/// Nobody.
const NOBODY: u32 = 65_534;

/// The namespace's process 1.
pub(super) struct Keeper {
    pid: Pid,
}

/// Makes the namespace and its keeper.
pub(super) fn start() -> io::Result<Keeper> {
    let (reader, writer) = pipe()?;
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => {
            drop(reader);
            exit_now(i32::from(make_namespace(writer.as_fd()).is_err()))
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut number = [0_u8; 4];
            let read = io::Read::read_exact(&mut File::from(reader), &mut number);
            waitpid(child, None)?;
            read.map_err(|_| io::Error::other("cannot make a shared process namespace"))?;
            Ok(Keeper { pid: Pid::from_raw(i32::from_ne_bytes(number)) })
        }
    }
}

impl Keeper {
    /// Gives the namespace a name in the task's directory, for the containers' configurations.
    pub(super) fn hold_namespace(&self, directory: &Path) -> io::Result<()> {
        let path = directory.join(NAMESPACE_NAME);
        File::create(&path)?;
        let namespace = format!("/proc/{}/ns/pid", self.pid);
        mount(Some(namespace.as_str()), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        Ok(())
    }
}

/// In a child: unshares, and clones the keeper as a child of the shim.
fn make_namespace(writer: BorrowedFd<'_>) -> nix::Result<()> {
    unshare(
        CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS,
    )?;
    // SAFETY: without a new stack this behaves as fork does; the process has one thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(libc::CLONE_PARENT), 0, 0, 0, 0) };
    match pid {
        0 => exit_now(keep()),
        pid if pid > 0 => {
            let number = i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?;
            nix::unistd::write(writer, &number.to_ne_bytes()).map(drop)
        }
        _ => Err(Errno::last()),
    }
}

/// The keeper itself.
fn keep() -> i32 {
    if leave_everything().is_err() {
        return 1;
    }
    let all = SigSet::all();
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None);
    loop {
        if let Ok(Signal::SIGCHLD) = all.wait() {
            while matches!(
                waitpid(None, Some(WaitPidFlag::WNOHANG)),
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
            ) {}
        }
    }
}

fn leave_everything() -> nix::Result<()> {
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    mount(Some("tmpfs"), "/proc", Some("tmpfs"), flags, Some("size=4k"))?;
    nix::unistd::chdir("/proc")?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    nix::unistd::chdir("/")?;
    nix::sys::prctl::set_name(c"pause")?;
    setgroups(&[])?;
    setresgid(Gid::from_raw(NOBODY), Gid::from_raw(NOBODY), Gid::from_raw(NOBODY))?;
    setresuid(Uid::from_raw(NOBODY), Uid::from_raw(NOBODY), Uid::from_raw(NOBODY))?;
    // After the change of user, which would take both back.
    nix::sys::prctl::set_dumpable(false)?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // SAFETY: this process only waits for signals from here on.
    unsafe { libc::close_range(0, libc::c_uint::MAX, 0) };
    Ok(())
}
