//! Changes that take longer to prepare than the store may wait: a value is sealed by asking KMS, for instance. They are
//! prepared from a snapshot. What the preparation depended on is looked at again inside the write; if it is not so any
//! more, nothing is written and the change is prepared anew.

use crate::ServiceError;
use crate::store::StoreError;

/// How often a change is prepared before the caller is told to try again.
pub(crate) const PREPARATIONS: usize = 8;

/// Why a prepared change was not made.
pub(crate) enum Unmade {
    /// What it was prepared for has changed meanwhile.
    Stale,
    /// It is refused.
    Refused(ServiceError),
}

impl From<ServiceError> for Unmade {
    fn from(error: ServiceError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Unmade {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// What a caller is told when others were faster each time.
pub(crate) fn too_busy(code: &'static str) -> ServiceError {
    ServiceError::new(code, "It was changed by other calls at the same time; nothing of this one was done. Try again.")
}
