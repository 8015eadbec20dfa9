//! The states of a key, and what may be done in each. Follows the key state table of the KMS developer guide.

use serde::{Deserialize, Serialize};

/// The state of a key (`KeyState`). States that AWS passes through (`Creating`, `Updating`) are over here before
/// anybody can see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Usable.
    Enabled,
    /// Not usable until it is enabled.
    Disabled,
    /// Not usable until its material is imported.
    PendingImport,
    /// Not usable, and gone when its window ends.
    PendingDeletion,
    /// A primary key whose window begins when its last replica is gone.
    PendingReplicaDeletion,
}

/// An operation that the key's state forbids, in KMS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// `DisabledException`.
    #[error("{0} is disabled.")]
    Disabled(String),
    /// `KMSInvalidStateException`.
    #[error("{0} is pending import.")]
    PendingImport(String),
    /// `KMSInvalidStateException`.
    #[error("{0} is pending deletion.")]
    PendingDeletion(String),
    /// `KMSInvalidStateException`.
    #[error("{0} is pending replica deletion.")]
    PendingReplicaDeletion(String),
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
            Self::PendingImport => "PendingImport",
            Self::PendingDeletion => "PendingDeletion",
            Self::PendingReplicaDeletion => "PendingReplicaDeletion",
        }
    }

    /// Whether the key may encrypt, decrypt, sign, be granted, have its rotation changed.
    ///
    /// # Errors
    /// [`StateError`] with the key's ARN.
    pub fn usable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::Disabled => Err(StateError::Disabled(arn.to_owned())),
            other => other.switchable(arn),
        }
    }

    /// Whether the key may be enabled and disabled.
    ///
    /// # Errors
    /// [`StateError`] with the key's ARN.
    pub fn switchable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::PendingImport => Err(StateError::PendingImport(arn.to_owned())),
            other => other.changeable(arn),
        }
    }

    /// Whether the key's description, tags, aliases and material may be changed, and its deletion be scheduled.
    ///
    /// # Errors
    /// [`StateError`] with the key's ARN.
    pub fn changeable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::Enabled | Self::Disabled | Self::PendingImport => Ok(()),
            Self::PendingDeletion => Err(StateError::PendingDeletion(arn.to_owned())),
            Self::PendingReplicaDeletion => Err(StateError::PendingReplicaDeletion(arn.to_owned())),
        }
    }

    /// Whether its deletion can be cancelled.
    ///
    /// # Errors
    /// [`StateError::NotPendingDeletion`] with the key's ARN.
    pub fn cancellable(self, arn: &str) -> Result<(), StateError> {
        match self {
            Self::PendingDeletion | Self::PendingReplicaDeletion => Ok(()),
            _ => Err(StateError::NotPendingDeletion(arn.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusals_are_kms_own_words() {
        let refusal = |result: Result<(), StateError>| result.expect_err("refused").to_string();
        assert_eq!(KeyState::Enabled.usable("k"), Ok(()));
        assert_eq!(refusal(KeyState::Disabled.usable("k")), "k is disabled.");
        assert_eq!(refusal(KeyState::PendingImport.usable("k")), "k is pending import.");
        assert_eq!(refusal(KeyState::PendingImport.switchable("k")), "k is pending import.");
        assert_eq!(KeyState::PendingImport.changeable("k"), Ok(()));
        assert_eq!(refusal(KeyState::PendingDeletion.usable("k")), "k is pending deletion.");
        assert_eq!(KeyState::Disabled.changeable("k"), Ok(()));
        assert_eq!(refusal(KeyState::PendingDeletion.changeable("k")), "k is pending deletion.");
        assert_eq!(refusal(KeyState::PendingReplicaDeletion.usable("k")), "k is pending replica deletion.");
        assert_eq!(KeyState::PendingReplicaDeletion.cancellable("k"), Ok(()));
        assert_eq!(refusal(KeyState::Enabled.cancellable("k")), "k is not pending deletion.");
    }
}
