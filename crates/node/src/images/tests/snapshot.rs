//! Root file systems on the real kernel. Needs root, as Tidegate does.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::fixture::{Content, open_registry, room, tar_of};
use crate::images::{check_overlay, unmount};

/// Unmounts also when the test fails.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = unmount(&self.0);
    }
}

fn layer(entries: &[(tar::EntryType, &str, u32, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, mode, data) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_size(data.len() as u64);
        builder.append_data(&mut header, name, *data).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

#[tokio::test]
async fn layers_whiteouts_and_own_changes() {
    use tar::EntryType::{Directory, Regular};
    let lower = layer(&[
        (Directory, "tmp", 0o1777, b""),
        (Directory, "etc", 0o755, b""),
        (Regular, "etc/gone", 0o644, b"x"),
        (Regular, "etc/kept", 0o644, b"lower"),
        (Directory, "var", 0o711, b""),
        (Directory, "var/cache", 0o700, b""),
        (Regular, "var/cache/old", 0o644, b"x"),
    ]);
    // `tmp` and `var` are not described here, and must keep what the lower layer says of them.
    let upper = layer(&[
        (Regular, "etc/.wh.gone", 0o644, b""),
        (Regular, "etc/kept", 0o644, b"upper"),
        (Regular, "tmp/cache", 0o644, b"x"),
        (Regular, "var/cache/.wh..wh..opq", 0o644, b""),
        (Regular, "var/cache/new", 0o644, b"x"),
    ]);
    let server = open_registry(Content::image("v1", &[lower, upper])).await;
    let here = room();
    let image = here.pull(&format!("{}/alice/space:v1", server.host), None).await.expect("pulled");
    let container = here.directory.path().join("tasks/with, odd: name");
    fs::create_dir_all(&container).expect("made");
    let guard = Mounted(container.clone());
    let root = here.images.mount_rootfs(&image, &container, &container).expect("mounted");
    assert_eq!(here.images.mount_rootfs(&image, &container, &container).expect("mounted already"), root);

    assert!(!root.join("etc/gone").exists() && !root.join("var/cache/old").exists());
    assert_eq!(fs::read(root.join("etc/kept")).expect("there"), b"upper");
    assert!(root.join("var/cache/new").exists() && root.join("tmp/cache").exists());
    let mode = |name: &str| fs::metadata(root.join(name)).expect("there").mode() & 0o7777;
    assert_eq!(
        [mode("tmp"), mode("etc"), mode("var"), mode("var/cache"), mode("")],
        [0o1777, 0o755, 0o711, 0o700, 0o755]
    );

    fs::write(root.join("etc/kept"), "the container's").expect("writable");
    assert_eq!(fs::read(image.layers[1].join("etc/kept")).expect("there"), b"upper", "layers are shared");

    // The directory alone keeps the layers, as after a restart of the server.
    let layers = image.layers.clone();
    drop(image);
    assert_eq!(here.images.collect(0).expect("collected"), 0);
    assert!(layers.iter().all(|layer| layer.exists()));

    unmount(&container).expect("unmounted");
    unmount(&container).expect("already unmounted");
    here.images.release(&container).expect("released");
    here.images.release(&container).expect("already released");
    drop(guard);
    assert_eq!(fs::read_dir(&container).expect("there").count(), 0);
    assert!(here.images.collect(0).expect("collected") > 0);
    assert!(!layers.iter().any(|layer| layer.exists()));
}

#[tokio::test]
async fn images_with_no_layers_and_with_many() {
    let many: Vec<_> = (0..120)
        .map(|number: u32| tar_of(&[(&format!("file{number}"), b"x"), ("top", number.to_string().as_bytes())]))
        .collect();
    let mut content = Content::image("many", &many);
    content.add_image("none", &[]);
    let server = open_registry(content).await;
    let here = room();
    for (tag, top) in [("none", None), ("many", Some("119"))] {
        let image = here.pull(&format!("{}/alice/space:{tag}", server.host), None).await.expect("pulled");
        let container = here.directory.path().join("container").join(tag);
        fs::create_dir_all(&container).expect("made");
        let _guard = Mounted(container.clone());
        let root = here.images.mount_rootfs(&image, &container, &container).expect("mounted");
        assert_eq!(fs::read_to_string(root.join("top")).ok().as_deref(), top);
        assert_eq!(root.join("file0").exists(), tag == "many");
    }
}

#[test]
fn a_host_is_checked() {
    let directory = tempfile::tempdir().expect("temporary");
    check_overlay(directory.path()).expect("this host has overlay file systems");
    assert_eq!(fs::read_dir(directory.path()).expect("there").count(), 0);
    let error = check_overlay(Path::new("/proc")).expect_err("nothing can be made there");
    assert!(error.to_string().starts_with("cannot make /proc/overlay-probe"), "{error}");
}

/// What a root file system shows: of each path its mode, and the content of a file.
fn shown(root: &Path) -> std::collections::BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let mut found = std::collections::BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("readable") {
            let path = entry.expect("readable").path();
            let metadata = path.symlink_metadata().expect("there");
            let content = metadata.is_file().then(|| fs::read(&path).expect("readable"));
            found.insert(path.strip_prefix(root).expect("below").to_owned(), (metadata.mode() & 0o7777, content));
            if metadata.is_dir() {
                waiting.push(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn a_layer_may_be_there_several_times() {
    use tar::EntryType::{Directory, Regular};
    let empty = vec![0; 1024];
    let a = layer(&[(Directory, "d", 0o700, b""), (Regular, "d/one", 0o644, b"1"), (Regular, "top", 0o600, b"a")]);
    let b = layer(&[(Directory, "d", 0o755, b""), (Regular, "d/two", 0o644, b"2"), (Regular, "top", 0o644, b"b")]);
    let gone = layer(&[(Regular, ".wh.d", 0o644, b""), (Regular, ".wh.top", 0o644, b"")]);
    let opaque = layer(&[(Directory, "d", 0o711, b""), (Regular, "d/.wh..wh..opq", 0o644, b"")]);
    let inside = layer(&[(Regular, "d/.wh.one", 0o644, b""), (Regular, "d/three", 0o644, b"3")]);
    let all = [&empty, &a, &b, &gone, &opaque, &inside];
    let stacks: [(&str, &[usize], &[&str]); 10] = [
        ("e-e", &[0, 0], &[]),
        ("e-a-e", &[0, 1, 0], &["d 700", "d/one 644 1", "top 600 a"]),
        ("a-b-a", &[1, 2, 1], &["d 700", "d/one 644 1", "d/two 644 2", "top 600 a"]),
        ("a-gone-a", &[1, 3, 1], &["d 700", "d/one 644 1", "top 600 a"]),
        ("gone-a-gone", &[3, 1, 3], &[]),
        ("a-gone-b-gone-a", &[1, 3, 2, 3, 1], &["d 700", "d/one 644 1", "top 600 a"]),
        ("a-opaque-b-opaque", &[1, 4, 2, 4], &["d 711", "top 644 b"]),
        ("a-opaque-a", &[1, 4, 1], &["d 700", "d/one 644 1", "top 600 a"]),
        ("inside-a-inside", &[5, 1, 5], &["d 700", "d/three 644 3", "top 600 a"]),
        ("a-inside-b-a", &[1, 5, 2, 1], &["d 700", "d/one 644 1", "d/three 644 3", "d/two 644 2", "top 600 a"]),
    ];
    let mut content = Content::default();
    for (tag, stack, _) in stacks {
        content.add_image(tag, &stack.iter().map(|index| all[*index].clone()).collect::<Vec<_>>());
    }
    let server = open_registry(content).await;
    let here = room();
    for (tag, _, expected) in stacks {
        let image = here.pull(&format!("{}/alice/space:{tag}", server.host), None).await.expect("pulled");
        let container = here.directory.path().join("container").join(tag);
        fs::create_dir_all(&container).expect("made");
        let _guard = Mounted(container.clone());
        let root = here.images.mount_rootfs(&image, &container, &container).expect("mounted");
        let lines = shown(&root).into_iter().map(|(path, (mode, content))| {
            let content = content.map_or_else(String::new, |content| format!(" {}", String::from_utf8_lossy(&content)));
            format!("{} {mode:o}{content}", path.display())
        });
        assert_eq!(lines.collect::<Vec<_>>(), expected, "{tag}");
    }
}
