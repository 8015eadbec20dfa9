//! Keeps plain secrets in memory out of core dumps and from other processes of the same user.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

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
