//! The encryption context: names and values that are not secret, but without which a ciphertext does not open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An encryption context in its one order (by name, as bytes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// The canonical form: the same for the same pairs, different for different ones. Every name and value is preceded
    /// by its length, so that no two contexts run together.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// Whether every pair of `part` is a pair of this context.
    pub fn contains(&self, part: &Self) -> bool {
        part.0.iter().all(|(name, value)| self.0.get(name) == Some(value))
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The pairs as a map.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EncryptionContext {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_do_not_run_together() {
        let one = EncryptionContext::from_iter([("ab", "c")]);
        let other = EncryptionContext::from_iter([("a", "bc")]);
        assert_ne!(one.canonical(), other.canonical());
    }

    proptest! {
        #[test]
        fn the_order_of_writing_does_not_matter(mut pairs: Vec<(String, String)>) {
            pairs.sort();
            pairs.dedup_by(|one, other| one.0 == other.0);
            let forward = EncryptionContext::from_iter(pairs.clone());
            pairs.reverse();
            prop_assert_eq!(forward.canonical(), EncryptionContext::from_iter(pairs).canonical());
        }

        #[test]
        fn different_contexts_have_different_forms(
            one: std::collections::BTreeMap<String, String>, other: std::collections::BTreeMap<String, String>
        ) {
            let same = one == other;
            let one = EncryptionContext::from_iter(one).canonical();
            prop_assert_eq!(same, one == EncryptionContext::from_iter(other).canonical());
        }
    }
}
