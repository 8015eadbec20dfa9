//! The request context: what conditions and policy variables are evaluated against.

use std::collections::BTreeMap;

/// Condition keys with their values. Keys are compared ignoring case, as IAM does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// A context without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a key one value, in place of what it had.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    /// Gives a key several values, in place of what it had. An empty list is as good as no key.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) {
        self.values.insert(key.to_ascii_lowercase(), values);
    }

    /// The values of a key in lower case; `None` when the key is absent or has no value.
    pub(super) fn get(&self, lower_case_key: &str) -> Option<&[String]> {
        self.values.get(lower_case_key).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// Every key in lower case, with its values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.values.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }

    /// Whether the key has a value.
    pub fn has(&self, key: &str) -> bool {
        self.get(&key.to_ascii_lowercase()).is_some()
    }
}
