//! Hostile and odd layers, on the real file system. Needs root, as Tidegate does.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use proptest::prelude::*;
use tar::EntryType;

use crate::images::tar::Archive;
use crate::images::unpack::{UnpackError, Unpacked, unpack};

/// Writes layers, also such as no honest writer makes.
struct Layer(tar::Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn entry(mut self, kind: EntryType, name: &str, target: &str, mode: u32, data: &[u8]) -> Self {
        let mut header = tar::Header::new_ustar();
        // `set_path` would refuse what is tested here.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(1_000_000);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).expect("in memory");
        self
    }

    fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", 0o644, data)
    }

    fn directory(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, "", 0o755, b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, 0o777, b"")
    }

    fn hardlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, 0o644, b"")
    }

    fn attributes(mut self, attributes: &[(&str, &[u8])]) -> Self {
        let names: Vec<_> = attributes.iter().map(|(name, value)| (format!("SCHILY.xattr.{name}"), *value)).collect();
        self.0.append_pax_extensions(names.iter().map(|(name, value)| (name.as_str(), *value))).expect("in memory");
        self
    }

    fn unpack(self, root: &Path) -> Result<Unpacked, UnpackError> {
        let bytes = self.0.into_inner().expect("in memory");
        unpack(&mut Archive::new(bytes.as_slice()), root)
    }
}

/// A root with a neighbour that must never change.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("temporary");
        fs::create_dir(directory.path().join("root")).expect("made");
        fs::create_dir(directory.path().join("outside")).expect("made");
        fs::write(directory.path().join("outside/file"), "untouched").expect("written");
        Self { directory }
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("root")
    }

    fn outside(&self) -> String {
        self.directory.path().join("outside").to_string_lossy().into_owned()
    }

    fn check_outside(&self) {
        let outside = self.directory.path().join("outside");
        assert_eq!(fs::read_to_string(outside.join("file")).expect("there"), "untouched");
        assert_eq!(fs::metadata(outside.join("file")).expect("there").nlink(), 1);
        assert_eq!(fs::read_dir(&outside).expect("there").count(), 1);
        assert_eq!(fs::read_dir(self.directory.path()).expect("there").count(), 2);
    }
}

#[test]
fn hostile_layers_are_refused_and_reach_nothing_outside() {
    type Make = fn(Layer, &str) -> Layer;
    let table: [(&str, Make); 10] = [
        ("hard link to nothing", |layer, outside| layer.symlink("evil", outside).hardlink("mine", "evil/file")),
        ("hard link to nothing", |layer, outside| layer.hardlink("mine", &format!("{outside}/file"))),
        ("hard link to nothing", |layer, _| layer.hardlink("mine", "../outside/file")),
        ("in a circle", |layer, _| layer.symlink("a", "b").symlink("b", "a").file("a/new", b"x")),
        ("is no directory", |layer, _| layer.file("a", b"").file("a/b", b"x")),
        ("hard link to what is no file", |layer, _| layer.directory("a").hardlink("b", "a")),
        ("hard link to what is no file", |layer, _| layer.file(".wh.gone", b"").hardlink("b", "gone")),
        ("hard link to nothing", |layer, _| layer.hardlink("b", "missing")),
        ("whiteout of an impossible name", |layer, _| layer.directory("a").file("a/.wh...", b"")),
        ("lies in a whiteout", |layer, _| layer.file("a/.wh.b/c", b"")),
    ];
    for (words, make) in table {
        let place = Place::new();
        let error = make(Layer::new(), &place.outside()).unpack(&place.root()).expect_err(words);
        assert!(error.to_string().contains(words), "{words}: {error}");
        place.check_outside();
    }
    let place = Place::new();
    let error =
        Layer::new().entry(EntryType::new(b'V'), "volume", "", 0, b"").unpack(&place.root()).expect_err("unknown");
    assert!(error.to_string().contains("unknown type"), "{error}");
    let error = Layer::new().symlink("", "/").unpack(&place.root()).expect_err("the root");
    assert!(error.to_string().contains("replaces the root"), "{error}");
}

#[test]
fn what_leads_out_of_the_root_lands_inside() {
    type Make = fn(Layer, &str) -> Layer;
    // `OUTSIDE` stands for the whole path of the directory beside the root.
    let table: [(&str, Make); 14] = [
        ("OUTSIDE/new", |layer, outside| layer.file(&format!("{outside}/new"), b"x")),
        ("outside/new", |layer, _| layer.file("../outside/new", b"x")),
        ("outside/new", |layer, _| layer.directory("a").file("a/../../outside/new", b"x")),
        ("OUTSIDE/file", |layer, outside| layer.symlink("evil", outside).file("evil/file", b"x")),
        ("outside/new", |layer, _| layer.symlink("evil", "../outside").file("evil/new", b"x")),
        ("outside/new", |layer, _| layer.symlink("evil", "../outside").directory("outside").file("evil/new", b"x")),
        ("outside/new", |layer, _| layer.symlink("a", "..").symlink("b", "a/outside").file("b/new", b"x")),
        ("OUTSIDE/b/file", |layer, outside| layer.symlink("a", outside).symlink("c", "a/b").file("c/file", b"x")),
        ("OUTSIDE/new", |layer, outside| layer.symlink("evil", outside).directory("evil/d").file("evil/new", b"x")),
        ("proc/self/root/new", |layer, _| layer.symlink("p", "/proc/self/root").file("p/new", b"x")),
        ("nowhere/new", |layer, _| layer.symlink("evil", "nowhere").file("evil/new", b"x")),
        ("etc/deep/new", |layer, _| layer.symlink("usr", "x/../y/../etc").file("usr/deep/new", b"x")),
        ("mine", |layer, outside| layer.symlink("evil", outside).file("evil/f", b"x").hardlink("mine", "evil/f")),
        ("mine", |layer, _| layer.file("f", b"x").hardlink("/mine", "/../f")),
    ];
    for (expected, make) in table {
        let place = Place::new();
        make(Layer::new(), &place.outside()).unpack(&place.root()).expect(expected);
        let expected = expected.replace("OUTSIDE", place.outside().trim_start_matches('/'));
        assert_eq!(fs::read(place.root().join(&expected)).ok().as_deref(), Some(&b"x"[..]), "{expected}");
        place.check_outside();
    }
    let place = Place::new();
    let hidden =
        Layer::new().symlink("evil", &place.outside()).file("evil/.wh.file", b"").file("evil/.wh..wh..opq", b"");
    let implied = hidden.unpack(&place.root()).expect("inside").implied;
    let outside = place.root().join(place.outside().trim_start_matches('/'));
    assert!(fs::symlink_metadata(outside.join("file")).expect("there").file_type().is_char_device());
    assert_eq!(implied.last().map(String::as_str), Some(place.outside().trim_start_matches('/')), "without links");
    place.check_outside();
}

#[test]
fn devices_are_made_as_they_are_named() {
    let place = Place::new();
    let device = |kind, name: &str, major, minor| {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).expect("short");
        header.set_entry_type(kind);
        header.set_mode(0o640);
        header.set_size(0);
        header.set_device_major(major).expect("ustar");
        header.set_device_minor(minor).expect("ustar");
        header.set_cksum();
        header
    };
    let mut layer = Layer::new().file("disk", b"not for long");
    for header in [device(EntryType::Char, "null", 1, 3), device(EntryType::Block, "disk", 7, 300)] {
        layer.0.append(&header, [].as_slice()).expect("in memory");
    }
    layer.unpack(&place.root()).expect("fine");
    let look = |name: &str| fs::symlink_metadata(place.root().join(name)).expect("there");
    assert!(look("null").file_type().is_char_device() && look("disk").file_type().is_block_device());
    assert_eq!([look("null").rdev(), look("disk").rdev()], [rustix::fs::makedev(1, 3), rustix::fs::makedev(7, 300)]);
    assert_eq!([look("null").mode() & 0o7777, look("disk").mode() & 0o7777], [0o640, 0o640]);
}

#[test]
fn modes_owners_times_and_attributes_are_kept() {
    let place = Place::new();
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    Layer::new()
        .entry(EntryType::Directory, "./", "", 0o755, b"")
        .entry(EntryType::Directory, "tmp", "", 0o1777, b"")
        .entry(EntryType::Regular, "su", "", 0o4755, b"#!")
        .attributes(&[
            ("user.note", b"kept"),
            ("security.capability", &capability),
            ("trusted.overlay.redirect", b"/etc"),
            ("trusted.overlay.opaque", b"y"),
            ("user.overlay.opaque", b"y"),
            ("security.selinux", b"x"),
        ])
        .file("ping", b"x")
        .file("tmp/late", b"x")
        .entry(EntryType::Fifo, "pipe", "", 0o620, b"")
        .symlink("absolute", "/etc/passwd")
        .symlink("climbing", "../../../etc/passwd")
        .unpack(&place.root())
        .expect("fine");
    let root = place.root();
    let mode = |name: &str| fs::symlink_metadata(root.join(name)).expect("there").mode() & 0o7777;
    assert_eq!([mode("tmp"), mode("su"), mode("pipe"), mode("")], [0o1777, 0o4755, 0o620, 0o755]);
    assert_eq!(fs::metadata(root.join("tmp")).expect("there").mtime(), 1_000_000, "set after its contents");
    assert!(fs::symlink_metadata(root.join("pipe")).expect("there").file_type().is_fifo());
    assert_eq!(fs::read_link(root.join("climbing")).expect("there"), Path::new("../../../etc/passwd"));
    let mut buffer = [0; 256];
    let count = rustix::fs::listxattr(root.join("ping"), &mut buffer).expect("listed");
    let mut names: Vec<_> = buffer[..count].split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    assert_eq!(names, [b"security.capability".as_slice(), b"user.note"]);
}

#[test]
fn whiteouts_become_overlays() {
    let place = Place::new();
    Layer::new()
        .file(".wh.gone", b"")
        .directory("hides")
        .file("hides/.wh..wh..opq", b"")
        .file("hides/new", b"x")
        .file("kept", b"x")
        .file(".wh.kept", b"")
        .directory("both")
        .file(".wh.both", b"")
        .file(".wh.reborn", b"")
        .directory("reborn")
        .file(".wh.implied", b"")
        .file("implied/file", b"x")
        .file(".wh..wh.aufs", b"")
        .file(".wh..wh.plnk/1.2", b"x")
        .file(".wh..wh..opq", b"")
        .unpack(&place.root())
        .expect("fine");
    let root = place.root();
    let gone = fs::symlink_metadata(root.join("gone")).expect("there");
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    assert_eq!(fs::read(root.join("kept")).expect("the layer's own"), b"x");
    for name in ["hides", "both", "reborn", "implied", ""] {
        let mut value = [0; 8];
        let count = rustix::fs::getxattr(root.join(name), "trusted.overlay.opaque", &mut value);
        assert_eq!(count.map(|count| value[..count].to_vec()), Ok(b"y".to_vec()), "{name}");
    }
    assert!(!root.join(".wh..wh.aufs").exists() && !root.join(".wh..wh.plnk").exists());
}

#[test]
fn later_entries_replace_earlier_ones() {
    let place = Place::new();
    let unpacked = Layer::new()
        .file("a", b"1")
        .file("a", b"22")
        .directory("d")
        .file("d/inside", b"x")
        .file("d", b"now a file")
        .file("f", b"x")
        .directory("f")
        .file("f/inside", b"y")
        .directory("kept")
        .file("kept/inside", b"z")
        .directory("kept")
        .hardlink("h", "a")
        .hardlink("h", "a")
        .hardlink("a", "a")
        .symlink("s", "a")
        .hardlink("hs", "s")
        .directory("real")
        .symlink("via", "real")
        .file("via/through", b"in real")
        .directory("other")
        .file("via", b"no link any more")
        .file("deep/er/file", b"x")
        .unpack(&place.root())
        .expect("fine");
    let root = place.root();
    let read = |name: &str| String::from_utf8(fs::read(root.join(name)).expect("there")).expect("text");
    assert_eq!(
        [read("a"), read("d"), read("f/inside"), read("kept/inside"), read("h")],
        ["22", "now a file", "y", "z", "22"]
    );
    assert_eq!(fs::metadata(root.join("a")).expect("there").nlink(), 2);
    assert!(fs::symlink_metadata(root.join("hs")).expect("there").is_symlink());
    assert_eq!([read("real/through"), read("via")], ["in real", "no link any more"]);
    assert_eq!(unpacked.implied, ["deep", "deep/er"]);
    place.check_outside();
}

#[test]
fn long_names_have_limits() {
    let place = Place::new();
    for name in ["n".repeat(256), vec!["d".repeat(200); 30].join("/")] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        builder.append_data(&mut header, name, [].as_slice()).expect("in memory");
        let bytes = builder.into_inner().expect("in memory");
        unpack(&mut Archive::new(bytes.as_slice()), &place.root()).expect_err("too long");
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abc](/[abc]){0,2}",
        "(\\.\\.|[abc])(/(\\.\\.|\\.|[abc])){0,3}",
        "/?[abc]/\\.wh\\.(\\.wh\\.\\.opq|[abc]|\\.)?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever links and names a layer combines, nothing outside its root changes.
    #[test]
    fn no_layer_reaches_outside(entries in prop::collection::vec((0_u8..6, name(), prop_oneof![name(), Just(String::from("../outside")), Just(String::from("../outside/file")), Just(String::from("/"))]), 1..12)) {
        let place = Place::new();
        let mut layer = Layer::new();
        for (kind, name, target) in entries {
            let target = if target == "/" { place.outside() } else { target };
            layer = match kind {
                0 => layer.file(&name, b"data"),
                1 => layer.directory(&name),
                2 | 3 => layer.symlink(&name, &target),
                4 => layer.hardlink(&name, &target),
                _ => layer.entry(EntryType::Fifo, &name, "", 0o600, b""),
            };
        }
        let _ = layer.unpack(&place.root());
        place.check_outside();
    }
}
