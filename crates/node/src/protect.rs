//! Keeps plain secrets in memory out of core dumps and from other processes of the same user.

use std::ffi::CString;
use std::{fs, io, ptr, slice};

use nix::libc;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use zeroize::Zeroizing;

/// Forbids core dumps of this process, and reading its memory through `/proc` or `ptrace` for who is not root.
/// What this process executes is readable again, but inherits the limit on core dumps.
///
/// # Errors
/// What the kernel says; it refuses neither to an ordinary process.
pub fn protect_secrets() -> std::io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    set_dumpable(false)?;
    Ok(())
}

/// Takes a variable out of this process's environment and wipes it where it lay: no child process inherits it, and
/// `/proc/<pid>/environ` does not show it. To be called before a second thread exists.
///
/// # Errors
/// A second thread exists, or that cannot be known.
pub fn take_variable(name: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("the environment is changed only while there is one thread"));
    }
    let key = CString::new(name)?;
    // SAFETY: this is the only thread, so nobody else reads or changes the environment; what getenv answers stays valid
    // and writable (it lies in this process's own stack or heap) until the variable is removed, after its last use.
    unsafe {
        let value = libc::getenv(key.as_ptr());
        if value.is_null() {
            return Ok(None);
        }
        let length = libc::strlen(value);
        let taken = Zeroizing::new(slice::from_raw_parts(value.cast::<u8>(), length).to_vec());
        ptr::write_bytes(value, 0, length);
        std::env::remove_var(name);
        Ok(Some(taken))
    }
}
