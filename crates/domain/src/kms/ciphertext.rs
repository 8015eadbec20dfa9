//! The ciphertext blob: a header that names the key and the version of its material, then the sealed text.
//!
//! `1 ‖ length of the ARN (2 bytes) ‖ key ARN ‖ material id (32 bytes) ‖ sealed`. The header and the canonical
//! encryption context are the authenticated data, so a blob opens for no other key, material or context.

use super::EncryptionContext;

/// The length of a material's id, in bytes.
pub const MATERIAL_ID_BYTES: usize = 32;

const VERSION: u8 = 1;

/// Which key and which of its materials made a ciphertext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiphertextHeader {
    /// The key's ARN.
    pub key_arn: String,
    /// The material's id.
    pub material_id: [u8; MATERIAL_ID_BYTES],
}

impl CiphertextHeader {
    /// Splits a blob into its header and the sealed text; `None` if it is no blob of ours.
    pub fn split(blob: &[u8]) -> Option<(Self, &[u8])> {
        let rest = blob.strip_prefix(&[VERSION])?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (key_arn, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (material_id, sealed) = rest.split_first_chunk::<MATERIAL_ID_BYTES>()?;
        let key_arn = std::str::from_utf8(key_arn).ok()?.to_owned();
        Some((Self { key_arn, material_id: *material_id }, sealed))
    }

    /// The whole blob.
    pub fn join(&self, sealed: &[u8]) -> Vec<u8> {
        let mut blob = self.bytes();
        blob.extend_from_slice(sealed);
        blob
    }

    /// What the sealing must authenticate.
    pub fn authenticated_data(&self, context: &EncryptionContext) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.extend(context.canonical());
        bytes
    }

    fn bytes(&self) -> Vec<u8> {
        // An ARN is at most 2048 characters (the API's limit), so its length fits.
        let length = u16::try_from(self.key_arn.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.key_arn.as_bytes());
        bytes.extend_from_slice(&self.material_id);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_joined_is_split_again(key_arn in ".{0,100}", material_id: [u8; MATERIAL_ID_BYTES], sealed: Vec<u8>) {
            let header = CiphertextHeader { key_arn, material_id };
            let blob = header.join(&sealed);
            prop_assert_eq!(CiphertextHeader::split(&blob), Some((header, &sealed[..])));
        }

        #[test]
        fn any_bytes_are_split_or_refused(blob: Vec<u8>) {
            let _ = CiphertextHeader::split(&blob);
        }
    }
}
