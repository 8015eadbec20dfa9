//! Limited storage on the real kernel. Needs root and loop devices, as the limit does.

use std::io::Write as _;

use super::*;
use crate::wait::until;

/// Unmounts also when the test fails.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.root.path().join("storage")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = release(&self.path());
    }
}

fn attached(directory: &Path) -> usize {
    let directory = directory.display().to_string();
    let devices = fs::read_dir("/sys/block").expect("there").flatten();
    let files = devices.filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    files.filter(|file| file.starts_with(&directory)).count()
}

#[test]
fn storage_has_a_size_and_leaves_nothing() {
    look().expect("this host can limit storage");
    let place = Place { root: tempfile::tempdir().expect("a directory") };
    let storage = Storage::open(place.root.path());
    storage.prepare(&place.path(), Some(1)).expect("mounted");
    let device = place.path().metadata().expect("there").dev();
    storage.prepare(&place.path(), Some(1)).expect("already mounted");
    assert_eq!(place.path().metadata().expect("there").dev(), device);
    assert_eq!(place.path().metadata().expect("there").mode() & 0o7777, 0o711);
    let known = rustix::fs::statvfs(place.path()).expect("there");
    assert!((900..=1024).contains(&((known.f_blocks * known.f_frsize) >> 20)));
    let before = utilization(&place.path()).expect("limited").used_bytes;
    let mut file = File::create(place.path().join("file")).expect("made");
    let mebibyte = vec![7; 1 << 20];
    let mut written = 0;
    let full = loop {
        match file.write_all(&mebibyte) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1100, "it has no end");
    };
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert!(written > 900 && utilization(&place.path()).expect("limited").used_bytes - before > 900 << 20);
    drop(file);
    release(&place.path()).expect("released");
    release(&place.path()).expect("already released");
    assert!(utilization(&place.path()).is_none());
    assert_eq!(fs::read_dir(place.path()).expect("there").count(), 0);
}

#[test]
fn many_are_made_at_once_and_all_devices_are_given_back() {
    let root = tempfile::tempdir().expect("a directory");
    let storage = Storage::open(root.path());
    let places: Vec<_> = (0..12).map(|number| root.path().join(number.to_string()).join("storage")).collect();
    std::thread::scope(|scope| {
        for place in &places {
            let storage = &storage;
            scope.spawn(move || storage.prepare(place, Some(21)).expect("mounted"));
        }
    });
    let limited = places.iter().filter(|place| is_limited(place)).count();
    for place in &places {
        release(place).expect("released");
    }
    assert_eq!(limited, places.len());
    let given_back = until(std::time::Duration::from_secs(20), || (attached(root.path()) == 0).then_some(()));
    given_back.expect("no device is left");
    let names: Vec<_> = fs::read_dir(root.path()).expect("there").flatten().map(|entry| entry.file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("storage")), "{names:?}");
}

#[test]
fn a_place_without_a_size_is_a_plain_directory() {
    let root = tempfile::tempdir().expect("a directory");
    let place = root.path().join("storage");
    Storage::open(root.path()).prepare(&place, None).expect("made");
    assert!(place.is_dir() && !is_limited(&place) && utilization(&place).is_none());
    release(&place).expect("nothing is mounted");
    assert!(place.is_dir());
}
