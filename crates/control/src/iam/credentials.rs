//! Who a key belongs to: access keys from the store, temporary credentials from their own session token.
//!
//! Nothing is stored of a session. Its token is a box that only this server's root key opens; inside are the secret key,
//! who the session is and when it ends. A session ends before its time when its user or role is deleted, because the
//! unique id inside no longer fits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::iam::{Caller, FederatedBy, Identity, SessionContext};
use serde::{Deserialize, Serialize};
use wire::{Blob, Sensitive, Timestamp};
use zeroize::Zeroize as _;

use super::error::unsealable;
use super::name::{access_key_id, role_by_arn, secret_access_key, user_by_arn};
use crate::seal::SealError;
use crate::store::State;
use crate::{App, ServiceError, console};

/// Why nobody can be told to be the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// There is no such access key, or it is not active.
    #[error("The security token included in the request is invalid.")]
    Unknown,
    /// The session is over.
    #[error("The security token included in the request is expired")]
    Expired,
    /// The session token does not belong to the key, was changed, or its role is gone.
    #[error("The security token included in the request is invalid")]
    InvalidToken,
}

/// Temporary credentials, to be handed out once.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The signing key.
    pub secret_access_key: Sensitive,
    /// The session token.
    pub session_token: Sensitive,
    /// When they end.
    pub expiration: Timestamp,
}

/// What a session token holds.
#[derive(Serialize, Deserialize)]
struct Session {
    secret: Sensitive,
    expiration: Timestamp,
    account: String,
    who: Who,
    /// A session of the console is over when its record is gone.
    #[serde(default)]
    of_console: bool,
}

#[derive(Serialize, Deserialize)]
enum Who {
    Root,
    User {
        arn: String,
        id: String,
        #[serde(default)]
        context: SessionContext,
    },
    Federated {
        name: String,
        by: FederatedBy,
        context: SessionContext,
    },
    Role {
        arn: String,
        id: String,
        session_name: String,
        context: SessionContext,
    },
}

/// The caller that signs with this key, and its secret key. The front door adds where the call came from
/// and the region it is made in; here that is the server's own.
///
/// # Errors
/// [`CredentialError`], which the front door words as its protocol does.
pub fn resolve(
    app: &App,
    state: &State,
    access_key_id: &str,
    session_token: Option<&str>,
    now: Timestamp,
) -> Result<(Caller, Sensitive), CredentialError> {
    if let Some(token) = session_token {
        return of_session(app, state, access_key_id, token, now);
    }
    let record = state.iam_access_keys.get(access_key_id).filter(|key| key.active).ok_or(CredentialError::Unknown)?;
    let identity = match &record.user {
        None => Identity::Root,
        Some(user) => {
            let user = state.iam_users.get(user).ok_or(CredentialError::Unknown)?;
            Identity::User {
                arn: user.entity.arn.clone(),
                id: user.entity.id.clone(),
                context: SessionContext::default(),
            }
        }
    };
    let secret = open_secret(app, access_key_id, &record.sealed_secret).map_err(|error| {
        tracing::error!(%error, access_key_id, "the secret of an access key cannot be opened");
        CredentialError::Unknown
    })?;
    Ok((caller(app, record.account.clone(), identity, access_key_id), secret))
}

fn of_session(
    app: &App,
    state: &State,
    access_key_id: &str,
    token: &str,
    now: Timestamp,
) -> Result<(Caller, Sensitive), CredentialError> {
    let sealed = STANDARD.decode(token).map_err(|_| CredentialError::InvalidToken)?;
    let plain =
        app.root_key.open(&Blob(sealed), &token_context(access_key_id)).map_err(|_| CredentialError::InvalidToken)?;
    let session: Session = serde_json::from_slice(&plain).map_err(|_| CredentialError::InvalidToken)?;
    if session.expiration <= now {
        return Err(CredentialError::Expired);
    }
    if session.of_console && !console::is_open(state, access_key_id) {
        return Err(CredentialError::InvalidToken);
    }
    let identity = match session.who {
        Who::Root => Identity::Root,
        Who::User { arn, id, context } => {
            check_user(state, &arn, &id)?;
            Identity::User { arn, id, context }
        }
        Who::Federated { name, by, context } => {
            if let FederatedBy::User { arn, id } = &by {
                check_user(state, arn, id)?;
            }
            Identity::FederatedUser { name, by, context }
        }
        Who::Role { arn, id, session_name, context } => {
            role_by_arn(state, &arn).filter(|role| role.entity.id == id).ok_or(CredentialError::InvalidToken)?;
            Identity::Role { role_arn: arn, role_id: id, session_name, context }
        }
    };
    Ok((caller(app, session.account, identity, access_key_id), session.secret))
}

fn check_user(state: &State, arn: &str, id: &str) -> Result<(), CredentialError> {
    let user = user_by_arn(state, arn).filter(|user| user.entity.id == id);
    user.map(|_| ()).ok_or(CredentialError::InvalidToken)
}

fn caller(app: &App, account: String, identity: Identity, access_key_id: &str) -> Caller {
    let (region, access_key_id) = (app.settings.region.clone(), access_key_id.to_owned());
    Caller {
        account,
        region,
        identity,
        access_key_id,
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    }
}

/// Temporary credentials with which this caller can sign until `expiration`.
///
/// # Errors
/// `ServiceFailure` when they cannot be sealed.
pub fn issue(app: &App, caller: &Caller, expiration: Timestamp) -> Result<TemporaryCredentials, ServiceError> {
    seal_session(app, caller, |secret, who| Session {
        secret,
        expiration,
        account: caller.account.clone(),
        who,
        of_console: false,
    })
}

/// The same for a session of the console, which is good only while it is recorded.
///
/// # Errors
/// As [`issue`].
pub(crate) fn issue_for_console(
    app: &App,
    caller: &Caller,
    expiration: Timestamp,
) -> Result<TemporaryCredentials, ServiceError> {
    seal_session(app, caller, |secret, who| Session {
        secret,
        expiration,
        account: caller.account.clone(),
        who,
        of_console: true,
    })
}

fn seal_session(
    app: &App,
    caller: &Caller,
    session: impl FnOnce(Sensitive, Who) -> Session,
) -> Result<TemporaryCredentials, ServiceError> {
    let who = match &caller.identity {
        Identity::Root => Who::Root,
        Identity::User { arn, id, context } => Who::User { arn: arn.clone(), id: id.clone(), context: context.clone() },
        Identity::FederatedUser { name, by, context } => {
            Who::Federated { name: name.clone(), by: by.clone(), context: context.clone() }
        }
        Identity::Role { role_arn, role_id, session_name, context } => Who::Role {
            arn: role_arn.clone(),
            id: role_id.clone(),
            session_name: session_name.clone(),
            context: context.clone(),
        },
        Identity::Service { .. } | Identity::WebIdentity { .. } | Identity::Anonymous => {
            return Err(ServiceError::new("AccessDenied", "Only users and roles have sessions.").with_status(403));
        }
    };
    let access_key_id = access_key_id(app, "ASIA", &caller.account);
    let secret = secret_access_key(app);
    let session = session(secret.clone(), who);
    let expiration = session.expiration;
    let mut plain = serde_json::to_vec(&session)
        .map_err(|error| ServiceError::new("ServiceFailure", error.to_string()).with_status(500))?;
    let sealed = app.root_key.seal(&plain, &token_context(&access_key_id));
    plain.zeroize();
    let session_token = STANDARD.encode(sealed.map_err(|error| unsealable(&error))?.0).into();
    Ok(TemporaryCredentials { access_key_id, secret_access_key: secret, session_token, expiration })
}

/// The secret of an access key as the store may hold it.
pub(super) fn seal_secret(app: &App, access_key_id: &str, secret: &Sensitive) -> Result<Blob, ServiceError> {
    app.root_key.seal(secret.expose().as_bytes(), &key_context(access_key_id)).map_err(|error| unsealable(&error))
}

/// The secret of an access key in plain.
pub(super) fn open_secret(app: &App, access_key_id: &str, sealed: &Blob) -> Result<Sensitive, SealError> {
    let plain = app.root_key.open(sealed, &key_context(access_key_id))?;
    Ok(Sensitive::from(String::from_utf8_lossy(&plain).as_ref()))
}

fn key_context(access_key_id: &str) -> String {
    format!("iam access key {access_key_id}")
}

fn token_context(access_key_id: &str) -> String {
    format!("sts session token {access_key_id}")
}
