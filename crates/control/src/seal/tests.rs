//! A blob opens with its key and its context, and with nothing else; the root key's file is made once and guarded.

use proptest::prelude::*;

use super::*;
use crate::testing::TestApp;

fn root_key() -> RootKey {
    RootKey::from_bytes([7; KEY_BYTES])
}

proptest! {
    #[test]
    fn what_was_sealed_opens(plain: Vec<u8>, context: String) {
        let sealed = root_key().seal(&plain, &context).expect("seals");
        prop_assert_eq!(&*root_key().open(&sealed, &context).expect("opens"), &plain);
    }

    #[test]
    fn no_altered_blob_opens(plain: Vec<u8>, context: String, at: prop::sample::Index, flip in 1u8..) {
        let mut sealed = root_key().seal(&plain, &context).expect("seals");
        let at = at.index(sealed.0.len());
        sealed.0[at] ^= flip;
        prop_assert!(root_key().open(&sealed, &context).is_err());
    }

    #[test]
    fn no_shortened_blob_opens(plain: Vec<u8>, length: prop::sample::Index) {
        let mut sealed = root_key().seal(&plain, "").expect("seals");
        sealed.0.truncate(length.index(sealed.0.len()));
        prop_assert!(root_key().open(&sealed, "").is_err());
    }

    #[test]
    fn no_other_context_opens(plain: Vec<u8>, context: String, other: String) {
        prop_assume!(context != other);
        let sealed = root_key().seal(&plain, &context).expect("seals");
        prop_assert!(matches!(root_key().open(&sealed, &other), Err(SealError::Open)));
    }
}

#[test]
fn another_key_does_not_open() {
    let sealed = root_key().seal(b"secret", "context").expect("seals");
    assert!(matches!(RootKey::from_bytes([8; KEY_BYTES]).open(&sealed, "context"), Err(SealError::Open)));
}

#[test]
fn two_blobs_of_one_text_differ() {
    let first = root_key().seal(b"secret", "context").expect("seals");
    assert_ne!(first, root_key().seal(b"secret", "context").expect("seals"));
}

#[test]
fn a_key_is_never_printed() {
    assert_eq!(format!("{:?}", root_key()), "RootKey(SealingKey(***))");
}

#[test]
fn the_file_is_made_once_and_for_its_owner_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = RootKey::of_directory(directory.path(), &State::default()).expect("made");
    let path = directory.path().join(RootKey::FILE);
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let sealed = first.seal(b"secret", "context").expect("seals");
    let second = RootKey::of_directory(directory.path(), &State::default()).expect("read");
    assert_eq!(&*second.open(&sealed, "context").expect("the same key"), b"secret");
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 1);
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    RootKey::of_directory(directory.path(), &State::default()).expect("made");
    let path = directory.path().join(RootKey::FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    let refused = RootKey::of_directory(directory.path(), &State::default());
    assert!(matches!(refused, Err(SealError::ReadableByOthers { mode: 0o644, .. })));
}

#[test]
fn a_database_without_its_key_is_not_given_a_new_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut sealed = State::default();
    sealed.server.put(CHECK_KEY, serde_json::Value::Null);
    assert!(matches!(RootKey::of_directory(directory.path(), &sealed), Err(SealError::Missing { .. })));
    assert!(!directory.path().join(RootKey::FILE).exists());
}

#[test]
fn a_key_from_elsewhere_is_32_bytes_in_one_of_two_forms() {
    let base64 = "Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8=";
    let sealed = RootKey::from_text(format!("{}\n", "0f".repeat(32)).as_bytes()).expect("a key").seal(b"secret", "");
    let same = RootKey::from_text(base64.as_bytes()).expect("a key");
    assert_eq!(&*same.open(&sealed.expect("seals"), "").expect("the same key"), b"secret");
    for text in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), "Dw8=", &base64.repeat(2)] {
        assert!(matches!(RootKey::from_text(text.as_bytes()), Err(SealError::Malformed)), "{text}");
    }
}

#[test]
fn a_fingerprint_is_the_same_for_the_same_secret_only() {
    let name = |key: u8, bytes: &[u8], context| RootKey::from_bytes([key; KEY_BYTES]).fingerprint(bytes, context);
    assert_eq!(name(7, b"secret", "a"), name(7, b"secret", "a"));
    for other in [name(8, b"secret", "a"), name(7, b"Secret", "a"), name(7, b"secret", "b"), name(7, b"ecret", "as")] {
        assert_ne!(name(7, b"secret", "a"), other);
    }
}

#[tokio::test]
async fn a_database_is_bound_to_its_root_key() {
    let test = TestApp::new();
    for _ in 0..2 {
        test.app.store.write(|state| first_start(&test.app, state)).await.expect("the same key");
    }
    let mut state = State::clone(&test.app.store.read());
    let other = TestApp::with_root_key(RootKey::from_bytes([8; KEY_BYTES]));
    let error = first_start(&other.app, &mut state).expect_err("another key");
    assert!(error.message.contains("not the one with which the data directory was sealed"), "{error}");
}
