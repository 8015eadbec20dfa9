//! The tar reader against the `tar` crate's writer and GNU tar, and against noise.

use std::io::Read;
use std::process::Command;

use proptest::prelude::*;

use crate::images::tar::{Archive, Entry, Kind, TarError};

fn read_all(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut archive = Archive::new(bytes);
    let mut entries = Vec::new();
    while let Some(entry) = archive.next()? {
        let mut data = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            let count = archive.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            data.extend_from_slice(&buffer[..count]);
        }
        entries.push((entry, data));
    }
    archive.drain()?;
    Ok(entries)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_the_tar_crate_writes_is_read() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("{}/file", "d".repeat(200));
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o4755);
    header.set_uid(70_000);
    header.set_gid(3_000_000_000);
    header.set_mtime(1_700_000_000);
    builder.append_data(&mut header, &long, b"hello".as_slice()).expect("in memory");
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "link", "t".repeat(150)).expect("in memory");
    let value = [0_u8, 1, 2, 255];
    let pax = [("SCHILY.xattr.user.note", value.as_slice()), ("mtime", b"-1.5"), ("size", b"3")];
    builder.append_pax_extensions(pax).expect("in memory");
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    builder.append_data(&mut header, "pax", b"abc".as_slice()).expect("in memory");
    let entries = read_all(&builder.into_inner().expect("in memory")).expect("valid");
    let (first, data) = &entries[0];
    assert_eq!((text(&first.path), data.as_slice()), (long, b"hello".as_slice()));
    assert_eq!((first.kind, first.mode, first.user, first.group), (Kind::File, 0o4755, 70_000, 3_000_000_000));
    assert_eq!(first.modified, (1_700_000_000, 0));
    assert_eq!((entries[1].0.kind, text(&entries[1].0.target)), (Kind::Symlink, "t".repeat(150)));
    assert_eq!(entries[2].0.attributes, [(String::from("user.note"), value.to_vec())]);
    assert_eq!(entries[2].0.modified, (-2, 500_000_000));
    assert_eq!(entries[2].1, b"abc");
}

#[test]
fn a_header_for_all_entries_says_little() {
    let mut builder = tar::Builder::new(Vec::new());
    let records = b"9 uid=77\n25 SCHILY.xattr.user.a=b\n12 comment=\n";
    let mut global = tar::Header::new_ustar();
    global.set_entry_type(tar::EntryType::XGlobalHeader);
    global.set_size(records.len() as u64);
    builder.append_data(&mut global, "global", records.as_slice()).expect("in memory");
    for name in ["a", "b"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        builder.append_data(&mut header, name, [].as_slice()).expect("in memory");
    }
    let entries = read_all(&builder.into_inner().expect("in memory")).expect("valid");
    let found: Vec<_> = entries.iter().map(|(entry, _)| (entry.user, entry.attributes.len())).collect();
    assert_eq!(found, [(77, 0), (77, 0)]);
}

#[test]
fn what_gnu_tar_writes_is_read_in_all_its_formats() {
    let directory = tempfile::tempdir().expect("temporary");
    let sparse = directory.path().join("sparse");
    let file = std::fs::File::create(&sparse).expect("made");
    file.set_len(3_000_000).expect("sized");
    for (index, offset) in [0_u64, 700_000, 1_400_000, 2_100_000, 2_999_990].into_iter().enumerate() {
        let data = [u8::try_from(index + 65).expect("small"); 10];
        std::os::unix::fs::FileExt::write_all_at(&file, &data, offset).expect("written");
    }
    let wanted = std::fs::read(&sparse).expect("there");
    for format in
        [&["--format=gnu"][..], &["--format=pax", "--sparse-version=0.1"], &["--format=pax", "--sparse-version=1.0"]]
    {
        let output = Command::new("tar")
            .arg("-C")
            .arg(directory.path())
            .args(format)
            .args(["--sparse", "-cf", "-", "sparse"])
            .output();
        let entries = read_all(&output.expect("tar runs").stdout).expect("valid");
        let (entry, data) = &entries[0];
        assert_eq!((text(&entry.path).as_str(), entry.size), ("sparse", 3_000_000), "{format:?}");
        let mut whole = vec![0; 3_000_000];
        let mut rest = data.as_slice();
        for (offset, length) in entry.pieces.as_ref().expect("sparse") {
            let (offset, length) = (usize::try_from(*offset).expect("small"), usize::try_from(*length).expect("small"));
            rest.read_exact(&mut whole[offset..offset + length]).expect("enough data");
        }
        assert!(whole == wanted && rest.is_empty(), "{format:?}");
        assert!(data.len() < 100_000, "the holes are not stored");
    }
    for format in ["v7", "ustar", "gnu", "pax", "oldgnu"] {
        let output = Command::new("tar")
            .arg("-C")
            .arg(directory.path())
            .arg(format!("--format={format}"))
            .args(["-cf", "-", "."])
            .output();
        let entries = read_all(&output.expect("tar runs").stdout).expect("valid");
        assert_eq!(entries[0].0.kind, Kind::Directory, "{format}");
        assert_eq!(entries[1].1.len(), 3_000_000, "{format}");
    }
}

#[test]
fn extended_headers_have_a_limit() {
    for kind in [b'x', b'g', b'L', b'K'] {
        let mut header = tar::Header::new_ustar();
        header.set_size(1 << 40);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_cksum();
        let error = read_all(header.as_bytes()).expect_err("too large");
        assert!(matches!(error, TarError::Limit("extended header")), "{error}");
    }
}

#[test]
fn what_is_cut_short_or_damaged_is_invalid() {
    let whole = super::fixture::tar_of(&[("file", &[7; 1000])]);
    for length in [1, 511, 513, 1000, 1600] {
        assert!(read_all(&whole[..length]).is_err(), "{length}");
    }
    let mut damaged = whole.clone();
    damaged[0] ^= 1;
    assert!(matches!(read_all(&damaged), Err(TarError::Invalid("a header's checksum is wrong"))));
    assert_eq!(read_all(&[]).expect("an empty layer").len(), 0);
    assert_eq!(read_all(&[0; 1024]).expect("an empty layer").len(), 0);
}

proptest! {
    #[test]
    fn noise_does_not_break_it(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = read_all(&bytes);
    }

    #[test]
    fn headers_with_a_right_checksum_do_not_break_it(
        mut block in prop::collection::vec(prop_oneof![Just(0_u8), 48_u8..56, any::<u8>()], 512),
        kind in prop::sample::select(b"0127345SxgLKV\0".to_vec()),
        rest in prop::collection::vec(prop_oneof![Just(0_u8), Just(b'\n'), Just(b' '), Just(b'='), 48_u8..58, any::<u8>()], 0..2048),
    ) {
        block[156] = kind;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.extend(rest);
        let _ = read_all(&block);
    }

    #[test]
    fn pax_records_do_not_break_it(records in prop::collection::vec(("(path|size|mtime|uid|linkpath|GNU.sparse.(map|major|minor|realsize|name)|SCHILY.xattr.user.x)", "[ -~\n]{0,30}"), 0..6)) {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_pax_extensions(records.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))).expect("in memory");
        let mut header = tar::Header::new_ustar();
        header.set_size(3);
        builder.append_data(&mut header, "file", b"abc".as_slice()).expect("in memory");
        let _ = read_all(&builder.into_inner().expect("in memory"));
    }
}
