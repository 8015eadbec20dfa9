//! The last steps inside a container, just before its program: undo what the shim's process had set, add the secret
//! environment, execute; or stay as a small init.
//!
//! This code runs in a cloned child of the single-threaded shim, inside the container, with its capabilities dropped and
//! its filter on.

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use wire::Sensitive;
use zeroize::Zeroizing;

/// The secret environment of all containers of the task, in the plan's order; wiped from a process that goes on living
/// inside a container.
pub(crate) type Secrets = Rc<RefCell<Vec<(String, Vec<(String, Sensitive)>)>>>;

/// What is executed.
#[derive(Clone)]
pub(super) struct Execution {
    pub(super) container: String,
    pub(super) arguments: Rc<Vec<String>>,
    pub(super) environment: Rc<Vec<(String, String)>>,
    pub(super) secrets: Secrets,
    /// Where a failure is written; it is closed by a successful exec.
    pub(super) failure: Rc<OwnedFd>,
    pub(super) role: Role,
}

/// What the process is in its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Process 1, the program itself.
    Program,
    /// Process 1 is a small init, the program's parent.
    ProgramUnderInit,
    /// A further process, which ends with the one that asked for it.
    Helper,
}

impl Execution {
    /// Executes the program. Returns only if that failed, with the error as a container runtime says it.
    pub(super) fn run(&self) -> String {
        reset_signals();
        if self.role == Role::Helper {
            let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
        }
        if self.role == Role::ProgramUnderInit {
            // SAFETY: this process has one thread.
            match unsafe { fork() } {
                Ok(ForkResult::Parent { child }) => {
                    self.forget_everything();
                    be_init(child)
                }
                Ok(ForkResult::Child) => {}
                Err(errno) => return format!("fork: {}", errno.desc()),
            }
        }
        let message = self.execute();
        let _ = nix::unistd::write(self.failure.as_ref(), message.as_bytes());
        message
    }

    /// What stays alive inside a container must hold nobody's secrets, and must not keep the failure pipe open.
    fn forget_everything(&self) {
        self.secrets.borrow_mut().clear();
        // SAFETY: the descriptors are not used again by this process, which from here on only waits for signals.
        unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    }

    fn execute(&self) -> String {
        let Some(name) = self.arguments.first() else { return "no command specified".to_owned() };
        let Ok(arguments) =
            self.arguments.iter().map(|text| CString::new(text.as_bytes())).collect::<Result<Vec<_>, _>>()
        else {
            return format!("exec: \"{name}\": an argument contains a NUL character");
        };
        let secrets = self.secrets.borrow();
        let secrets = secrets.iter().find(|(container, _)| *container == self.container).map(|(_, secrets)| secrets);
        let mut environment: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let plain = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let secret = secrets.into_iter().flatten().map(|(name, value)| (name.as_str(), value.expose()));
        for (name, value) in plain.chain(secret) {
            let mut entry = Zeroizing::new(Vec::with_capacity(name.len() + value.len() + 2));
            entry.extend_from_slice(name.as_bytes());
            entry.push(b'=');
            entry.extend(value.bytes().take_while(|byte| *byte != 0));
            entry.push(0);
            environment.push(entry);
        }
        let path = self.environment.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value.as_str());
        let errno = execute_first(name, path, &arguments, &environment);
        explain(name, errno)
    }
}

/// Tries the name as a path, or in each directory of `path`; the error is the most telling one.
fn execute_first(name: &str, path: &str, arguments: &[CString], environment: &[Zeroizing<Vec<u8>>]) -> Errno {
    let candidates: Vec<String> = if name.contains('/') {
        vec![name.to_owned()]
    } else {
        path.split(':')
            .map(|directory| format!("{}/{name}", if directory.is_empty() { "." } else { directory }))
            .collect()
    };
    let mut telling = Errno::ENOENT;
    for candidate in candidates {
        let Ok(candidate) = CString::new(candidate) else { continue };
        match execve(&candidate, arguments, environment) {
            Errno::ENOENT | Errno::ENOTDIR => {}
            errno => telling = errno,
        }
    }
    telling
}

fn execve(path: &CStr, arguments: &[CString], environment: &[Zeroizing<Vec<u8>>]) -> Errno {
    let mut argument_pointers: Vec<*const libc::c_char> = arguments.iter().map(|text| text.as_ptr()).collect();
    argument_pointers.push(std::ptr::null());
    let mut environment_pointers: Vec<*const libc::c_char> =
        environment.iter().map(|entry| entry.as_ptr().cast()).collect();
    environment_pointers.push(std::ptr::null());
    // SAFETY: both lists end with a null pointer, and all strings end with NUL and outlive the call.
    unsafe { libc::execve(path.as_ptr(), argument_pointers.as_ptr(), environment_pointers.as_ptr()) };
    Errno::last()
}

/// The error as container runtimes word it.
fn explain(name: &str, errno: Errno) -> String {
    match errno {
        Errno::ENOENT if name.contains('/') => format!("exec: \"{name}\": stat {name}: no such file or directory"),
        Errno::ENOENT => format!("exec: \"{name}\": executable file not found in $PATH"),
        Errno::EACCES => format!("exec: \"{name}\": permission denied"),
        Errno::ENOEXEC => format!("exec: \"{name}\": exec format error"),
        errno => format!("exec: \"{name}\": {}", errno.desc().to_lowercase()),
    }
}

/// Gives every signal its default action but SIGPIPE, which this program ignores. Whoever started the server may have ignored
/// some (a shell does so for what it runs in the background), and programs would inherit that.
pub(crate) fn forget_ignored_signals() {
    /// The kernel's structure: no handler, no flags, no mask.
    const DEFAULT: [u64; 4] = [0; 4];
    for signal in (1..=64).filter(|signal| *signal != libc::SIGPIPE) {
        // SAFETY: the structure is as large as the kernel reads, and the default action is no handler. glibc's own function
        // refuses the two signals that it keeps for itself.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), std::ptr::null::<u64>(), 8) };
    }
}

/// The shim blocks signals and Rust ignores SIGPIPE; a program expects neither.
fn reset_signals() {
    // SAFETY: the default action is not a handler.
    let _ = unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// Process 1: passes signals on to the program, reaps what is orphaned, and ends as the program ended.
fn be_init(child: Pid) -> ! {
    let all = SigSet::all();
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None);
    loop {
        let Ok(signal) = all.wait() else { continue };
        if signal != Signal::SIGCHLD {
            let _ = nix::sys::signal::kill(child, signal);
            continue;
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == child => exit_now(code),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => exit_now(128 + signal as i32),
                Ok(WaitStatus::StillAlive) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

/// Ends the process without running anything of the program it was cloned from.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Reads what a child wrote before its exec failed; empty when it succeeded. The writing end must be closed here.
pub(super) fn read_failure(reader: BorrowedFd<'_>) -> String {
    let mut text = Vec::new();
    let mut buffer = [0_u8; 512];
    loop {
        match nix::unistd::read(reader, &mut buffer) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&buffer[..count]),
            Err(Errno::EINTR) => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}
