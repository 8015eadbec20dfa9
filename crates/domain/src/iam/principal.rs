//! Principals as policies name them, and how closely they name a caller.

use super::caller::{Caller, Identity};

/// One principal of a resource policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// `*`: everyone.
    Anyone,
    /// An account, by its number or its root ARN.
    Account(String),
    /// A user, role or role session by ARN.
    Arn(String),
    /// A user or role by unique id (what is left of one that was deleted).
    Id(String),
    /// An AWS service.
    Service(String),
    /// An identity provider, by its ARN.
    Federated(String),
    /// A canonical user id of S3. Never matches here.
    CanonicalUser(String),
}

/// How closely a principal names the caller; a closer one grants more by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    /// Only its account: the account's identity policies decide.
    Account,
    /// The role of which it is a session: boundaries and session policies still limit.
    Role,
    /// The caller itself (user, session, service, or everyone): grants by itself.
    Itself,
}

impl Principal {
    /// Reads a value under `AWS`; `None` if it names no principal.
    pub(super) fn aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Anyone);
        }
        if is_account(text) {
            return Some(Self::Account(text.to_owned()));
        }
        if text.len() >= 16
            && (text.starts_with("AIDA") || text.starts_with("AROA"))
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        {
            return Some(Self::Id(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else { return None };
        if !partition.starts_with("aws") || !is_account(account) || resource.contains(['*', '?']) {
            return None;
        }
        match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Some(Self::Account(account.to_owned())),
            ("iam", Some(("user" | "role", name))) if !name.is_empty() => Some(Self::Arn(text.to_owned())),
            ("sts", Some(("assumed-role", name))) if name.contains('/') => Some(Self::Arn(text.to_owned())),
            ("sts", Some(("federated-user", name))) if !name.is_empty() => Some(Self::Arn(text.to_owned())),
            _ => None,
        }
    }

    /// Reads a value under `Service`; `None` if it is no service's name.
    pub(super) fn service(text: &str) -> Option<Self> {
        let name = text.strip_suffix(".cn").unwrap_or(text).strip_suffix(".amazonaws.com")?;
        let valid = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        valid.then(|| Self::Service(text.to_owned()))
    }

    /// How closely it names the caller; `None` if it does not.
    pub fn names(&self, caller: &Caller) -> Option<Closeness> {
        match (self, &caller.identity) {
            (Self::Anyone, _) => Some(Closeness::Itself),
            (Self::Service(service), Identity::Service { name }) => (service == name).then_some(Closeness::Itself),
            (Self::Federated(named), Identity::WebIdentity { provider, .. }) => {
                (named == provider).then_some(Closeness::Itself)
            }
            (_, Identity::Service { .. } | Identity::WebIdentity { .. } | Identity::Anonymous) => None,
            (Self::Account(account), Identity::Root) => (*account == caller.account).then_some(Closeness::Itself),
            (Self::Account(account), _) => (*account == caller.account).then_some(Closeness::Account),
            (Self::Arn(arn), Identity::User { arn: user, .. }) => (arn == user).then_some(Closeness::Itself),
            (Self::Arn(arn), Identity::Role { role_arn, .. }) if arn == role_arn => Some(Closeness::Role),
            (Self::Arn(arn), Identity::Role { .. } | Identity::FederatedUser { .. }) => {
                (*arn == caller.arn()).then_some(Closeness::Itself)
            }
            (Self::Id(id), Identity::User { id: user, .. }) => (id == user).then_some(Closeness::Itself),
            (Self::Id(id), Identity::Role { role_id, .. }) => (id == role_id).then_some(Closeness::Role),
            _ => None,
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `NotPrincipal` leaves the caller alone: a deny spares only a caller of whom the account, the role and the
/// session are all named, as AWS asks for; an allow is withheld from everyone who is named in any way.
pub(super) fn all_of_caller_named(principals: &[Principal], caller: &Caller) -> bool {
    let named = |wanted: Closeness| principals.iter().any(|principal| principal.names(caller) == Some(wanted));
    if principals.contains(&Principal::Anyone) {
        return true;
    }
    match caller.identity {
        Identity::Root | Identity::Service { .. } | Identity::WebIdentity { .. } | Identity::Anonymous => {
            named(Closeness::Itself)
        }
        Identity::User { .. } | Identity::FederatedUser { .. } => named(Closeness::Itself) && named(Closeness::Account),
        Identity::Role { .. } => named(Closeness::Itself) && named(Closeness::Role) && named(Closeness::Account),
    }
}
