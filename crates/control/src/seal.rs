//! Sealing: AES-256-GCM with the context as authenticated data, and the root key under which everything else is sealed.
//!
//! What the store holds of a secret is always a sealed blob: key material under the root key, secrets under data keys.
//! A blob is `version (1 byte) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`; the nonce is random, which is safe for the first
//! 2³² blobs of one key, so data keys are used once and the root key only for few and small things.
//! The root key lies in its own file outside the database (or comes from the operator), so that a copy of the database
//! alone opens nothing. Deliberately not here: KMS keys, their policies and their states.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::Blob;
use zeroize::{Zeroize as _, Zeroizing};

use crate::store::State;
use crate::{App, ServiceError};

/// The length of every key here, in bytes.
pub const KEY_BYTES: usize = 32;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const CHECK_KEY: &str = "root-key-check";
const CHECK_CONTEXT: &[u8] = b"tidegate root key check";

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The library refused; there is no random source, or the text is absurdly long.
    #[error("the value could not be sealed")]
    Seal,
    /// The key, the context or the blob is not the one that belongs to the others.
    #[error("the sealed value does not open: its key or context is another one, or it was altered")]
    Open,
    /// A later version of Tidegate wrote it.
    #[error("the sealed value has the unknown format {0}")]
    Format(u8),
    /// The root key's file could not be read or made.
    #[error("the root key file {path} could not be read or made")]
    File {
        /// Where it should be.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file's permissions give the key away.
    #[error("the root key file {path} has the mode {mode:o}, so others could read it; run: chmod 600 {path}")]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key in one of the forms it may have.
    #[error("the root key must be 32 bytes, as 64 hexadecimal digits or in base64")]
    Malformed,
    /// The database is there, its root key is not.
    #[error(
        "the data directory has a database but no root key file {path}; put the file back, or give the key as at the first start (TIDEGATE_ROOT_KEY, --root-key-command): without it nothing sealed can be opened"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The database was sealed with another root key.
    #[error(
        "this root key is not the one with which the data directory was sealed; give the right one (file root.key of the data directory, or as it was given at the first start)"
    )]
    WrongRootKey,
}

impl From<SealError> for ServiceError {
    fn from(error: SealError) -> Self {
        tracing::error!(%error, "sealing failed");
        Self::new("InternalFailure", error.to_string()).with_status(500)
    }
}

/// A 256-bit key that seals. Wiped when dropped, never printed.
pub struct SealingKey(Zeroizing<[u8; KEY_BYTES]>);

impl SealingKey {
    /// Takes the key over; the caller wipes what it still holds.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key of these bytes.
    ///
    /// # Errors
    /// [`SealError::Malformed`] when there are not 32 of them.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, SealError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err(SealError::Malformed);
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// Seals `plain` so that it opens only with this key and the same `context`.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Blob, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, self.0.as_slice()).map_err(|_| SealError::Seal)?;
        // The plain text grows into the ciphertext in one buffer that has its full size from the start: nothing of it
        // is left behind in a moved allocation.
        let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + TAG_BYTES));
        text.extend_from_slice(plain);
        let nonce = key.seal_in_place_append_tag(Aad::from(context), &mut *text).map_err(|_| SealError::Seal)?;
        let mut blob = Vec::with_capacity(1 + NONCE_BYTES + text.len());
        blob.push(VERSION);
        blob.extend_from_slice(nonce.as_ref());
        blob.extend_from_slice(&text);
        Ok(Blob(blob))
    }

    /// Opens what [`SealingKey::seal`] made with the same context.
    ///
    /// # Errors
    /// [`SealError::Format`] for a blob of another version, [`SealError::Open`] for anything that does not fit.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Open)?;
        if *version != VERSION {
            return Err(SealError::Format(*version));
        }
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, self.0.as_slice()).map_err(|_| SealError::Open)?;
        let mut plain = Zeroizing::new(text.to_vec());
        let length = key.open_in_place(nonce, Aad::from(context), &mut plain).map_err(|_| SealError::Open)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealingKey(***)")
    }
}

/// The key above all others.
#[derive(Debug)]
pub struct RootKey(SealingKey);

impl RootKey {
    /// The file's name in the data directory.
    pub const FILE: &'static str = "root.key";

    /// A root key that the operator holds elsewhere: 64 hexadecimal digits, or 32 bytes in base64; white space around
    /// them is ignored.
    ///
    /// # Errors
    /// [`SealError::Malformed`].
    pub fn from_text(text: &[u8]) -> Result<Self, SealError> {
        let text = text.trim_ascii();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if hex::decode_to_slice(text, bytes.as_mut_slice()).is_ok() {
            return SealingKey::from_slice(bytes.as_slice()).map(Self);
        }
        // The decoder wants room for what the padding stands for.
        let mut room = Zeroizing::new([0; 2 * KEY_BYTES]);
        let length = STANDARD.decode_slice(text, room.as_mut_slice()).map_err(|_| SealError::Malformed)?;
        SealingKey::from_slice(&room[..length]).map(Self)
    }

    /// A root key of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(SealingKey::new(bytes))
    }

    /// Reads the key of a data directory, or makes one while nothing was sealed with one, which its `records` tell.
    ///
    /// # Errors
    /// All of [`SealError`] that name a file.
    pub fn of_directory(directory: &Path, records: &State) -> Result<Self, SealError> {
        let path = directory.join(Self::FILE);
        match read(&path)? {
            Some(key) => Ok(key),
            None if records.server.contains(CHECK_KEY) => Err(SealError::Missing { path }),
            None => {
                create(directory, &path)?;
                read(&path)?.ok_or(SealError::Missing { path })
            }
        }
    }

    /// Seals a small value of the server (key material, signing keys); `context` says what it is and whose.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, plain: &[u8], context: &str) -> Result<Blob, SealError> {
        self.0.seal(plain, context.as_bytes())
    }

    /// A name for a secret that tells nothing of it to who has not the root key (HMAC-SHA-256): the same for the same
    /// bytes and context.
    pub fn fingerprint(&self, bytes: &[u8], context: &str) -> [u8; KEY_BYTES] {
        // A key of its own, so that the root key itself is used in one algorithm only.
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.0.as_slice()), b"tidegate fingerprints");
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()));
        signing.update(&(context.len() as u64).to_be_bytes());
        signing.update(context.as_bytes());
        signing.update(bytes);
        let mut name = [0; KEY_BYTES];
        name.copy_from_slice(signing.sign().as_ref());
        name
    }

    /// Opens what [`RootKey::seal`] made with the same context.
    ///
    /// # Errors
    /// [`SealError::Open`], [`SealError::Format`].
    pub fn open(&self, sealed: &Blob, context: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.open(&sealed.0, context.as_bytes())
    }
}

/// Binds a new database to the root key, or makes sure that an older one was sealed with it. To be called at every
/// start before anything is served.
///
/// # Errors
/// [`SealError::WrongRootKey`] in the words of a service error.
pub fn first_start(app: &App, state: &mut State) -> Result<(), ServiceError> {
    let Some(check) = state.server.get(CHECK_KEY) else {
        let check = app.root_key.0.seal(&[], CHECK_CONTEXT)?;
        let value = serde_json::to_value(&check).map_err(|_| SealError::Seal)?;
        state.server.put(CHECK_KEY, value);
        return Ok(());
    };
    let check: Blob = serde_json::from_value(serde_json::Value::clone(check)).map_err(|_| SealError::Open)?;
    match app.root_key.0.open(&check.0, CHECK_CONTEXT) {
        Ok(_) => Ok(()),
        Err(SealError::Open) => {
            Err(ServiceError::new("WrongRootKey", SealError::WrongRootKey.to_string()).with_status(500))
        }
        Err(error) => Err(error.into()),
    }
}

/// The key in this file; `None` when there is no file.
fn read(path: &Path) -> Result<Option<RootKey>, SealError> {
    let failed = |source| SealError::File { path: path.to_owned(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SealError::ReadableByOthers { path: path.to_owned(), mode });
    }
    RootKey::from_text(text.as_bytes()).map(Some)
}

/// Makes the file whole or not at all: written aside, then linked to its name, which fails if somebody was faster.
fn create(directory: &Path, path: &Path) -> Result<(), SealError> {
    let failed = |source| SealError::File { path: path.to_owned(), source };
    fs::create_dir_all(directory).map_err(failed)?;
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    SystemRandom::new().fill(bytes.as_mut_slice()).map_err(|_| SealError::Seal)?;
    let mut text = hex::encode(bytes.as_slice());
    text.push('\n');
    let aside = directory.join(format!("{}.{}", RootKey::FILE, std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    text.zeroize();
    let linked = written.and_then(|()| match fs::hard_link(&aside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&aside);
    linked.and(removed).and_then(|()| File::open(directory)?.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests;
