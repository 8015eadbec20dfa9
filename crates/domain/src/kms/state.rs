//! The states of a key, and what may be done in each. Follows the key state table of the KMS developer guide.

use serde::{Deserialize, Serialize};

/// The state of a key (`KeyState`), as far as keys with our own material have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Usable.
    Enabled,
    /// Not usable until it is enabled.
    Disabled,
    /// Not usable, and gone when its window ends.
    PendingDeletion,
}

/// An operation that the key's state forbids, in KMS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// `DisabledException`.
    #[error("{0} is disabled.")]
    Disabled(String),
    /// `KMSInvalidStateException`.
    #[error("{0} is pending deletion.")]
    PendingDeletion(String),
    /// `KMSInvalidStateException`, of CancelKeyDeletion.
    #[error("{0} is not pending deletion.")]
    NotPendingDeletion(String),
}

impl KeyState {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
        }
    }

    /// Whether the key may encrypt, decrypt, be granted, have its rotation changed.
    ///
    /// # Errors
    /// [`StateError`] with the key's ARN.
    pub fn usable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::Enabled => Ok(()),
            Self::Disabled => Err(StateError::Disabled(arn.to_owned())),
            Self::PendingDeletion => Err(StateError::PendingDeletion(arn.to_owned())),
        }
    }

    /// Whether the key's description, tags, aliases and state may be changed.
    ///
    /// # Errors
    /// [`StateError::PendingDeletion`] with the key's ARN.
    pub fn changeable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::Enabled | Self::Disabled => Ok(()),
            Self::PendingDeletion => Err(StateError::PendingDeletion(arn.to_owned())),
        }
    }

    /// Whether its deletion can be cancelled.
    ///
    /// # Errors
    /// [`StateError::NotPendingDeletion`] with the key's ARN.
    pub fn cancellable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::PendingDeletion => Ok(()),
            Self::Enabled | Self::Disabled => Err(StateError::NotPendingDeletion(arn.to_owned())),
        }
    }
}

/// The waiting time before a key is deleted, in days: 7 to 30, 30 when not said. `None` when it is out of bounds.
pub fn deletion_window_days(asked: Option<i64>) -> Option<i64> {
    let days = asked.unwrap_or(30);
    (7..=30).contains(&days).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusals_are_kms_own_words() {
        let refusal = |result: Result<(), StateError>| result.expect_err("refused").to_string();
        assert_eq!(KeyState::Enabled.usable("k"), Ok(()));
        assert_eq!(refusal(KeyState::Disabled.usable("k")), "k is disabled.");
        assert_eq!(refusal(KeyState::PendingDeletion.usable("k")), "k is pending deletion.");
        assert_eq!(KeyState::Disabled.changeable("k"), Ok(()));
        assert_eq!(refusal(KeyState::PendingDeletion.changeable("k")), "k is pending deletion.");
        assert_eq!(refusal(KeyState::Enabled.cancellable("k")), "k is not pending deletion.");
    }

    #[test]
    fn the_window_is_seven_to_thirty_days() {
        let windows = [None, Some(6), Some(7), Some(30), Some(31)].map(deletion_window_days);
        assert_eq!(windows, [Some(30), None, Some(7), Some(30), None]);
    }
}
