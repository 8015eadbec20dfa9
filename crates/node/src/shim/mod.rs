//! The shim: one small process beside each task, parent of its containers and owner of their output.
//!
//! It outlives the server. It has one thread and no async runtime, because libcontainer clones it. What it must know
//! comes over an inherited socket; what happened it writes to its journal before it tells anyone. When nothing is left to
//! do it ends; the journal then says all.
//!
//! | file | holds |
//! |---|---|
//! | `plan` | what a shim is told |
//! | `protocol` | the facts, notices and requests |
//! | `decide` | what to start or stop next, a pure function |
//! | `health` | what a health check's result means |
//! | `supervisor` | the loop |
//! | `output` | lines from two pipes into one file |
//! | `journal` | facts, durable |
//! | `stuck` | a file that cannot be written for now |
//! | `control` | the connections |
//! | `diagnosis` | what libcontainer says while it fails |
//! | `pause` | the keeper of a shared process namespace |

mod control;
mod decide;
mod diagnosis;
mod health;
pub(crate) mod journal;
pub(crate) mod output;
mod pause;
pub(crate) mod plan;
pub(crate) mod protocol;
mod stuck;
mod supervisor;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::ExitCode;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::libc;
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::stat::Mode;
use zeroize::Zeroizing;

pub(crate) use control::SOCKET_NAME;
pub(crate) use pause::NAMESPACE_NAME;
use plan::ShimPlan;

use crate::runtime::cgroup::Cgroups;

/// Locked by a living shim, in the task's directory.
const LOCK_NAME: &str = "lock";
/// The argument that asks for a process namespace shared by the task's containers.
pub(crate) const SHARED_PROCESSES: &str = "--shared-processes";
/// The largest plan, in bytes.
const PLAN_LIMIT: u64 = 64 << 20;

/// Runs the shim. Called by the binary before any thread or async runtime exists; `arguments` are those after the
/// hidden subcommand's name: the task's id, and whether its containers share their processes. Standard input is the
/// socket to the server, standard error goes where panics may go.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let task_id = arguments.next().unwrap_or_default();
    let processes =
        if arguments.any(|argument| argument == SHARED_PROCESSES) { Processes::Shared } else { Processes::Own };
    match run(&task_id.to_string_lossy(), processes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The server reads this file's end when a shim ends without finishing.
            let _ = io::Write::write_all(&mut io::stderr(), format!("shim: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// What the containers of a task see of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processes {
    /// Each its own.
    Own,
    /// One process namespace.
    Shared,
}

fn run(task_id: &str, processes: Processes) -> io::Result<()> {
    let stream = settle_in()?;
    let diagnosis = diagnosis::Diagnosis::install()?;
    // Before anything is cloned, so that nothing this process makes can get lost.
    if let Some(cgroups) = Cgroups::detect() {
        cgroups.enter_shim_group(task_id)?;
    }
    // Made before any secret is in this process, because it lives on inside the task.
    let keeper = if processes == Processes::Shared { Some(pause::start()?) } else { None };
    let mut plan = read_plan(&stream)?;
    nix::unistd::chdir(plan.directory.as_path())?;
    // From the lock on a restarted server finds this shim. One whose server died before may have been given up: the task
    // was started again, or taken away. So it looks before, not to be in the way, and after, to be sure.
    still_wanted(&stream)?;
    let _lock = take_lock(&plan.directory)?;
    let listener = bind_socket(&plan.directory.join(SOCKET_NAME))?;
    still_wanted(&stream)?;
    let journal = journal::Journal::create(&plan.directory)?;
    if let Some(keeper) = &keeper {
        keeper.hold_namespace(&plan.directory)?;
    }
    let control = control::Control::new(listener, stream)?;
    let secrets = plan
        .containers
        .iter_mut()
        .map(|container| (container.name.clone(), std::mem::take(&mut container.secret_environment)))
        .collect();
    supervisor::supervise(plan, secrets, journal, control, diagnosis)
}

/// Leaves the server's session, adopts orphans, shows its memory to nobody, and keeps only the socket.
fn settle_in() -> io::Result<UnixStream> {
    let _ = nix::unistd::setsid();
    crate::runtime::execute::forget_ignored_signals();
    nix::sys::prctl::set_child_subreaper(true)?;
    nix::sys::prctl::set_dumpable(false)?;
    let _ = nix::sys::prctl::set_name(c"tidegate-shim");
    // SAFETY: nothing in this process uses a descriptor above 2 yet.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    let stream = io::stdin().as_fd().try_clone_to_owned()?;
    let null: OwnedFd = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    for standard in [0, 1] {
        // SAFETY: both descriptors are open; the standard ones stay open for ever.
        if unsafe { libc::dup2(null.as_raw_fd(), standard) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(UnixStream::from(stream))
}

/// Reads the plan: eight bytes of length, then JSON.
fn read_plan(mut stream: &UnixStream) -> io::Result<ShimPlan> {
    let mut length = [0_u8; 8];
    stream.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > PLAN_LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the plan is too long"));
    }
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut text = Zeroizing::new(vec![0_u8; length]);
    stream.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn still_wanted(stream: &UnixStream) -> io::Result<()> {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    match recv(stream.as_raw_fd(), &mut [0], flags) {
        Ok(0) => Err(io::Error::other("the server was gone before the task began")),
        _ => Ok(()),
    }
}

/// Takes the task's lock until this process ends or closes the file. It is a lock of the process, which its children do
/// not share: they may live on when it is dead.
fn take_lock(directory: &Path) -> io::Result<File> {
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(directory.join(LOCK_NAME))?;
    fcntl(&file, FcntlArg::F_SETLK(&whole_file()))
        .map_err(|errno| io::Error::new(io::ErrorKind::AlreadyExists, format!("the task has a shim: {errno}")))?;
    Ok(file)
}

/// The living shim's process id, if one lives, from its lock in the task's directory.
pub(crate) fn living(directory: &Path) -> Option<i32> {
    let file = File::open(directory.join(LOCK_NAME)).ok()?;
    let mut lock = whole_file();
    fcntl(&file, FcntlArg::F_GETLK(&mut lock)).ok()?;
    (i32::from(lock.l_type) != libc::F_UNLCK && lock.l_pid > 1).then_some(lock.l_pid)
}

fn whole_file() -> libc::flock {
    let kind = |number: i32| libc::c_short::try_from(number).unwrap_or(0);
    libc::flock { l_type: kind(libc::F_WRLCK), l_whence: kind(libc::SEEK_SET), l_start: 0, l_len: 0, l_pid: 0 }
}

/// The address of a socket whose path may be longer than a socket address holds. The descriptor must live as long as the
/// address is used.
pub(crate) fn socket_address(path: &Path) -> io::Result<(OwnedFd, std::path::PathBuf)> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a socket's path"));
    };
    let directory: OwnedFd = open(directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let address = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
    Ok((directory, address))
}

/// Binds a unix socket; one that a dead process left is replaced.
pub(crate) fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    let _ = fs::remove_file(path);
    let (_directory, address) = socket_address(path)?;
    UnixListener::bind(address)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod test_support {
    use super::plan::{ContainerPlan, OutputKeeping};

    /// A container that runs `true`.
    pub(crate) fn container(name: &str) -> ContainerPlan {
        ContainerPlan {
            name: name.to_owned(),
            bundle: "/nonexistent".into(),
            essential: true,
            depends_on: Vec::new(),
            start_timeout_seconds: None,
            stop_timeout_seconds: 30,
            stop_signal: 15,
            health_check: None,
            restart: None,
            arguments: vec!["true".to_owned()],
            environment: Vec::new(),
            secret_environment: Vec::new(),
            init_process: false,
            pseudo_terminal: false,
            output: OutputKeeping::NewestOnly,
        }
    }
}
