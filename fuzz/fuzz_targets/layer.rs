#![no_main]
//! Layers: bytes of a stranger, decompressed and unpacked as a pull does it. Needs root, as Tidegate does.
//!
//! Nothing outside the layer's root may change, and inside there may be nothing that acts: no device but overlay's own
//! whiteout. Hostile seeds aim at `/run/tidegate-fuzz/outside`, by name and by climbing.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

const PLACE: &str = "/run/tidegate-fuzz";
const BLOCK: usize = 512;

/// Beside the root: what must stay as it is.
static OUTSIDE: LazyLock<PathBuf> = LazyLock::new(|| {
    let outside = Path::new(PLACE).join("outside");
    fs::create_dir_all(&outside).expect("root may write to /run");
    fs::write(outside.join("file"), "untouched").expect("written");
    outside
});
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| Path::new(PLACE).join(format!("root-{}", std::process::id())));

fuzz_target!(|data: &[u8]| {
    let outside = OUTSIDE.as_path();
    let _ = fs::remove_dir_all(&*ROOT);
    fs::create_dir(&*ROOT).expect("made");
    let _ = node::images::fuzzing::unpack_layer(&with_checksums(data), &ROOT);
    check_inside(&ROOT);
    let file = fs::symlink_metadata(outside.join("file")).expect("a file outside is gone");
    assert!(file.is_file() && file.nlink() == 1 && file.mode() == 0o100_644, "a file outside has changed");
    assert_eq!(fs::read(outside.join("file")).expect("there"), b"untouched", "a file outside was written");
    assert_eq!(fs::read_dir(outside).expect("there").count(), 1, "something new outside");
    let others = fs::read_dir(PLACE).expect("there").flatten().map(|entry| entry.file_name());
    let strange = others.filter(|name| name != "outside" && !name.to_string_lossy().starts_with("root-")).count();
    assert_eq!(strange, 0, "something new beside the root");
});

fn check_inside(directory: &Path) {
    for entry in fs::read_dir(directory).expect("readable").flatten() {
        let metadata = fs::symlink_metadata(entry.path()).expect("there");
        let kind = metadata.file_type();
        assert!(!kind.is_block_device() && (!kind.is_char_device() || metadata.rdev() == 0), "a device");
        if kind.is_dir() {
            check_inside(&entry.path());
        }
    }
}

/// No mutation hits on a checksum, so each block that looks like a header gets the right one.
fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    for block in data.chunks_exact_mut(BLOCK).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    data
}
