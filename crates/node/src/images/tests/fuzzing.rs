//! The fuzz targets' seeds, run once each, so that the doors stay open and the seeds stay good.

use std::fs;
use std::path::PathBuf;

use crate::images::fuzzing::{read_manifest, read_token, token_address, unpack_layer, words_of_refusal};

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(target);
    let files = fs::read_dir(folder).expect("there").map(|file| file.expect("readable").path());
    files.map(|file| (file.file_name().expect("named").display().to_string(), fs::read(&file).expect("read"))).collect()
}

#[test]
fn layer_seeds_are_what_they_are_called() {
    for (name, bytes) in seeds("layer") {
        let root = tempfile::tempdir().expect("temporary");
        let outcome = unpack_layer(&bytes, root.path()).err().unwrap_or_default();
        let expected = match name.as_str() {
            // Their links end inside the root, where there is nothing, or what the layer itself put there.
            "climbs.tar" => "hard link to nothing",
            "absolute.tar" => "hard link to what is no file",
            "plain.tar.gz" | "plain.tar.zst" => "diff id",
            _ => "",
        };
        assert!(outcome.contains(expected) && outcome.is_empty() == expected.is_empty(), "{name}: {outcome}");
    }
}

#[test]
fn answer_seeds_reach_every_door() {
    let (mut addresses, mut tokens, mut words) = (0, 0, 0);
    for (_, bytes) in seeds("registry_answer") {
        let line = bytes.iter().position(|byte| *byte == b'\n').expect("two parts");
        let (header, body) = (&bytes[..line], &bytes[line + 1..]);
        addresses += usize::from(token_address(header).is_some());
        tokens += usize::from(read_token(body).is_some());
        words += usize::from(words_of_refusal(body, "hunter 2").is_some_and(|words| words.contains("***")));
        read_manifest(&String::from_utf8_lossy(header), body);
    }
    assert_eq!((addresses, tokens, words), (1, 1, 2));
}
