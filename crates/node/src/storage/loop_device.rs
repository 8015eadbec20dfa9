//! A loop device: a file as a block device (loop(4)).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;

use super::{StorageError, host, limits};

/// The major number of loop devices.
pub(super) const MAJOR: u32 = 7;

/// `LOOP_CTL_GET_FREE`
const GET_FREE: libc::c_ulong = 0x4c82;
/// `LOOP_CONFIGURE`, Linux 5.8
const CONFIGURE: libc::c_ulong = 0x4c0a;
/// `LO_FLAGS_AUTOCLEAR`: let go of the file when nobody has the device open or mounted.
const AUTOCLEAR: u32 = 4;
/// The block size of the file systems on it, in bytes.
const BLOCK_BYTES: u32 = 4096;

/// The kernel's `struct loop_config`, with its `loop_info64` spread out.
#[repr(C)]
struct Config {
    descriptor: u32,
    block_size: u32,
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
    reserved: [u64; 8],
}

/// A device with a file behind it, as long as it is open here or mounted.
pub(super) struct LoopDevice {
    pub(super) path: PathBuf,
    _open: File,
}

/// Finds a free device, or makes one, and puts the file behind it.
pub(super) fn attach(file: &File) -> Result<LoopDevice, StorageError> {
    let control = Path::new("/dev/loop-control");
    let control = File::options().read(true).write(true).open(control).map_err(StorageError::NoLoop)?;
    let mut name = [0; 64];
    name[..b"tidegate".len()].copy_from_slice(b"tidegate");
    let config = Config {
        descriptor: u32::try_from(file.as_raw_fd()).unwrap_or_default(),
        block_size: BLOCK_BYTES,
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: AUTOCLEAR,
        file_name: name,
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
        reserved: [0; 8],
    };
    for _ in 0..limits::ATTEMPTS {
        // SAFETY: the request takes no argument.
        let number = Errno::result(unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE) })
            .map_err(|errno| StorageError::NoLoop(errno.into()))?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = match File::options().read(true).write(true).open(&path) {
            Ok(device) => device,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StorageError::NoLoop(error)),
            Err(error) => return Err(host("open", &path, error)),
        };
        // SAFETY: the request reads a `struct loop_config` behind the pointer, which lives until the call returns.
        match Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, &raw const config) }) {
            Ok(_) => return Ok(LoopDevice { path, _open: device }),
            // Somebody else found the same one free.
            Err(Errno::EBUSY) => {}
            Err(errno) => return Err(host("put a file behind", &path, errno.into())),
        }
    }
    Err(StorageError::Busy)
}
