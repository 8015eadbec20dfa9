//! EC2's resource ids: a prefix and 17 hexadecimal digits.

use crate::App;

/// A new id: `vpc-0` and 16 random digits.
pub(super) fn new(app: &App, prefix: &str) -> String {
    format!("{prefix}-0{:016x}", u64::from_be_bytes(app.random_bytes()))
}

/// Whether `id` is written as an id of this prefix (8 or 17 hexadecimal digits).
pub(super) fn is_well_formed(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}
