//! Links that begin a session without a key: `tidegate serve` and `tidegate console` print them.
//!
//! The token is in the part of the address that no browser sends (`#token=…`), is good once and for a few minutes, and is
//! stored only as its hash.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::iam::Caller;
use sha2::{Digest as _, Sha256};
use wire::Sensitive;

use super::record::ConsoleLinkRecord;
use super::sessions::{self, SignedIn};
use crate::iam::credentials;
use crate::limits::CONSOLE_SESSIONS;
use crate::{App, ServiceError};

/// How long a link is good, in seconds.
pub const LINK_SECONDS: i64 = 5 * 60;

/// The token of a new link for the owner of an access key.
///
/// # Errors
/// `AccessDenied` for a caller who is a session.
pub async fn link(app: &App, caller: &Caller) -> Result<Sensitive, ServiceError> {
    sessions::refuse_sessions(caller)?;
    let token = Sensitive::from(URL_SAFE_NO_PAD.encode(app.random_bytes::<32>()));
    let record =
        ConsoleLinkRecord { access_key_id: caller.access_key_id.clone(), ends: app.now().plus_seconds(LINK_SECONDS) };
    app.store
        .write(|state| {
            if state.console_links.iter().count() >= CONSOLE_SESSIONS {
                return Err(ServiceError::new("LimitExceeded", "Too many sign-in links are open; wait five minutes."));
            }
            state.console_links.put(&hash(token.expose()), record);
            Ok(())
        })
        .await?;
    Ok(token)
}

/// Begins the session that a link promises; the link is used up.
///
/// # Errors
/// `InvalidToken` when there is no such link any more.
pub async fn sign_in_by_link(app: &App, token: &str, peer: IpAddr) -> Result<SignedIn, ServiceError> {
    let over = || {
        let message =
            "This sign-in link was used already or is older than five minutes. `tidegate console` prints a new one.";
        ServiceError::new("InvalidToken", message).with_status(403)
    };
    let hash = hash(token);
    app.store
        .write(|state| {
            let now = app.now();
            let link = state.console_links.remove(&hash).filter(|link| link.ends > now).ok_or_else(over)?;
            let (mut caller, _) =
                credentials::resolve(app, state, &link.access_key_id, None, now).map_err(|_| over())?;
            caller.source_ip = Some(peer);
            sessions::begin(app, state, &caller)
        })
        .await
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}
