//! The beginning and the end of a console session.

use std::net::IpAddr;

use domain::iam::{Caller, Identity};
use wire::Timestamp;

use super::record::ConsoleSessionRecord;
use crate::iam::credentials::{TemporaryCredentials, issue_for_console};
use crate::limits::CONSOLE_SESSIONS;
use crate::store::State;
use crate::{App, ServiceError};

/// How long a session is good, in seconds.
const SESSION_SECONDS: i64 = 12 * 3600;

/// What a browser needs to know of itself.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// With what it signs from now on.
    pub credentials: TemporaryCredentials,
    /// Who it is.
    pub caller: Caller,
}

/// Begins a session of the caller, who signed with an access key.
///
/// # Errors
/// `AccessDenied` for a caller who is a session already: sessions would live for ever otherwise.
pub async fn sign_in(app: &App, caller: &Caller) -> Result<SignedIn, ServiceError> {
    app.store.write(|state| begin(app, state, caller)).await
}

/// Ends the session of the caller, who signed with it.
///
/// # Errors
/// `ValidationError` when the caller is no console session.
pub async fn sign_out(app: &App, caller: &Caller) -> Result<(), ServiceError> {
    let ended =
        app.store.write(|state| Ok::<_, ServiceError>(state.console_sessions.remove(&caller.access_key_id))).await?;
    if ended.is_none() {
        return Err(ServiceError::new("ValidationError", "This is not a session of the console."));
    }
    tracing::info!(principal = caller.arn(), "signed out of the console");
    Ok(())
}

/// Whether a session has not been ended, by itself or with its access key.
pub(crate) fn is_open(state: &State, session_key_id: &str) -> bool {
    let session = state.console_sessions.get(session_key_id);
    let key = session.and_then(|session| state.iam_access_keys.get(&session.access_key_id));
    key.is_some_and(|key| key.active)
}

/// Takes away what is over.
pub(crate) fn sweep(state: &mut State, now: Timestamp) {
    let over = |ends: Timestamp| ends <= now;
    let sessions: Vec<String> = keys(state.console_sessions.iter().filter(|(_, session)| over(session.ends)));
    for key in sessions {
        state.console_sessions.remove(&key);
    }
    let links: Vec<String> = keys(state.console_links.iter().filter(|(_, link)| over(link.ends)));
    for key in links {
        state.console_links.remove(&key);
    }
}

fn keys<'a, R: 'a>(records: impl Iterator<Item = (&'a str, R)>) -> Vec<String> {
    records.map(|(key, _)| key.to_owned()).collect()
}

pub(super) fn begin(app: &App, state: &mut State, caller: &Caller) -> Result<SignedIn, ServiceError> {
    refuse_sessions(caller)?;
    if state.console_sessions.iter().count() >= CONSOLE_SESSIONS {
        return Err(ServiceError::new(
            "LimitExceeded",
            format!("{CONSOLE_SESSIONS} console sessions are open; sign out of some."),
        ));
    }
    let began = app.now();
    let ends = began.plus_seconds(SESSION_SECONDS);
    let credentials = issue_for_console(app, caller, ends)?;
    let session = ConsoleSessionRecord {
        account: caller.account.clone(),
        principal: caller.arn(),
        access_key_id: caller.access_key_id.clone(),
        source_ip: caller.source_ip.as_ref().map(IpAddr::to_string),
        began,
        ends,
    };
    tracing::info!(principal = session.principal, source_ip = session.source_ip, "signed in to the console");
    state.console_sessions.put(&credentials.access_key_id, session);
    Ok(SignedIn { credentials, caller: caller.clone() })
}

/// Only a key that IAM manages may begin sessions.
pub(super) fn refuse_sessions(caller: &Caller) -> Result<(), ServiceError> {
    let is_session =
        !matches!(caller.identity, Identity::Root | Identity::User { .. }) || caller.access_key_id.starts_with("ASIA");
    if !is_session {
        return Ok(());
    }
    let message = "Sign in with the access key of a user or of the root user; these are credentials of a session.";
    Err(ServiceError::new("AccessDenied", message).with_status(403))
}
