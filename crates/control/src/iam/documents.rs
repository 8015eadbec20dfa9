//! Parsed policy documents, by their text: authorisation runs on every call, parsing once per document.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::iam::{MalformedPolicy, Policy, PolicyKind};

use super::limits::CACHED_DOCUMENTS;

/// The cache. It holds no decision, only what a text says, so nothing ever goes stale in it.
#[derive(Default)]
pub struct Documents {
    parsed: RwLock<Parsed>,
}

type Parsed = HashMap<(Scope, Arc<str>), Arc<Policy>>;

/// Which grammar a cached document was read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    Identity,
    Trust,
    Resource,
}

impl From<PolicyKind> for Scope {
    fn from(kind: PolicyKind) -> Self {
        match kind {
            PolicyKind::Managed | PolicyKind::Inline => Self::Identity,
            PolicyKind::Trust => Self::Trust,
            PolicyKind::Resource => Self::Resource,
        }
    }
}

impl Documents {
    /// The policy that a stored document says.
    ///
    /// # Errors
    /// [`MalformedPolicy`] for a document that was never checked; nothing must be decided without it.
    pub fn policy(&self, document: &str, kind: PolicyKind) -> Result<Arc<Policy>, MalformedPolicy> {
        let key = (Scope::from(kind), Arc::<str>::from(document));
        let known = self.parsed.read().unwrap_or_else(PoisonError::into_inner).get(&key).map(Arc::clone);
        if let Some(policy) = known {
            return Ok(policy);
        }
        let policy = Arc::new(Policy::parse(document, kind)?);
        let mut parsed = self.parsed.write().unwrap_or_else(PoisonError::into_inner);
        if parsed.len() >= CACHED_DOCUMENTS {
            parsed.clear();
        }
        parsed.insert(key, Arc::clone(&policy));
        Ok(policy)
    }
}
