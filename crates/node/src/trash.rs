//! Whole trees are taken away in two steps: one rename, which is all that anybody waits for, and the emptying, by one
//! thread in the background.
//!
//! A tree of a million files takes a disk minutes to forget; the end of a task and the making of room for an image do not
//! wait for that. What a crash left in the directory is emptied when it is opened again.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A directory for what nobody wants any more. On the file system of what is thrown into it.
#[derive(Debug)]
pub(crate) struct Trash {
    directory: PathBuf,
    /// Makes this process's names differ from those of every process before.
    session: u128,
    counter: AtomicU64,
    work: Arc<Mutex<Work>>,
}

#[derive(Debug, Default)]
struct Work {
    waiting: VecDeque<PathBuf>,
    at_work: bool,
}

impl Trash {
    /// Opens or makes the directory, and begins to empty it of everything that is in it.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let trash = Self {
            directory: directory.to_owned(),
            session: since.map_or(0, |at| at.as_nanos()),
            counter: AtomicU64::new(0),
            work: Arc::default(),
        };
        for entry in fs::read_dir(directory)? {
            trash.empty(entry?.path());
        }
        Ok(trash)
    }

    /// A path in the directory that nothing has.
    pub(crate) fn unique(&self, kind: &str) -> PathBuf {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        self.directory.join(format!("{kind}-{}-{number}", self.session))
    }

    /// Takes a file or a tree away. Nothing may be mounted in it. What is already gone is no error.
    ///
    /// # Errors
    /// It cannot be moved; it is still where it was.
    pub(crate) fn throw(&self, path: &Path) -> io::Result<()> {
        let target = self.unique("trash");
        let moved = match fs::rename(path, &target) {
            // The directory itself may have been taken away.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_ok() => {
                fs::create_dir_all(&self.directory)?;
                fs::rename(path, &target)
            }
            other => other,
        };
        match moved {
            Ok(()) => self.empty(target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return delete(path),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn empty(&self, path: PathBuf) {
        let mut work = lock(&self.work);
        work.waiting.push_back(path);
        if !work.at_work {
            let queue = Arc::clone(&self.work);
            let started = std::thread::Builder::new().name(String::from("trash")).spawn(move || work_off(&queue));
            // Without a thread it waits for the next thing that is thrown away, or for the next start.
            work.at_work = started.is_ok();
        }
    }
}

fn work_off(queue: &Mutex<Work>) {
    loop {
        let path = {
            let mut work = lock(queue);
            let Some(path) = work.waiting.pop_front() else {
                work.at_work = false;
                return;
            };
            path
        };
        if let Err(error) = delete(&path) {
            tracing::warn!(path = %path.display(), %error, "cannot delete what was thrown away; trying again at the next start");
        }
    }
}

fn delete(path: &Path) -> io::Result<()> {
    let is_directory = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    let deleted = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match deleted {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_empty_soon(directory: &Path) -> bool {
        let is_empty = || fs::read_dir(directory).ok()?.next().is_none().then_some(());
        crate::wait::until(Duration::from_secs(20), is_empty).is_some()
    }

    #[test]
    fn trees_go_at_once_and_are_emptied_later_also_after_a_restart() {
        let root = tempfile::tempdir().expect("a directory");
        let place = root.path().join("trash");
        fs::create_dir_all(place.join("left/by/a/crash")).expect("made");
        let trash = Trash::open(&place).expect("opened");
        assert!(is_empty_soon(&place));
        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).expect("made");
        fs::write(root.path().join("file"), "x").expect("written");
        for path in [&tree, &root.path().join("file"), &root.path().join("nothing")] {
            trash.throw(path).expect("thrown away");
            assert!(!path.exists());
        }
        assert!(is_empty_soon(&place));
        fs::remove_dir(&place).expect("taken away");
        fs::create_dir_all(&tree).expect("made");
        trash.throw(&tree).expect("thrown away");
        assert!(!tree.exists() && is_empty_soon(&place));
    }
}
