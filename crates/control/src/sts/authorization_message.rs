//! `DecodeAuthorizationMessage`, and the encoded messages that EC2's refusals carry.
//!
//! A message is the reason of a refusal under the root key: who was refused cannot read it, and nobody can make one up.

use std::sync::Arc;

use api::sts::{DecodeAuthorizationMessageInput, DecodeAuthorizationMessageOutput};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::iam::{Caller, Context, Ruling, authorization_message};
use wire::Blob;

use crate::{Access, App, Authorized, Request, ServiceError};

/// The longest message that the operation takes, in characters.
const MESSAGE_CHARACTERS: usize = 10_240;

/// The reason of a refusal, for the account of who was refused. Without the condition keys if there are too many of them.
///
/// # Errors
/// `InternalFailure` when it cannot be sealed.
pub(crate) fn encoded(app: &App, caller: &Caller, ruling: &Ruling, context: &Context) -> Result<String, ServiceError> {
    let seal = |context: &Context| {
        let message = authorization_message(caller, ruling, context).to_string();
        let sealed = app.root_key.seal(message.as_bytes(), &purpose(&caller.account))?;
        Ok::<_, ServiceError>(URL_SAFE_NO_PAD.encode(sealed.0))
    };
    let message = seal(context)?;
    if message.len() <= MESSAGE_CHARACTERS { Ok(message) } else { seal(&Context::new()) }
}

/// `DecodeAuthorizationMessage`
pub(super) async fn decode(
    app: Arc<App>,
    request: Request<DecodeAuthorizationMessageInput>,
) -> Result<DecodeAuthorizationMessageOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("sts:DecodeAuthorizationMessage")))?;
    let invalid = || ServiceError::new("InvalidAuthorizationMessageException", "Message is not valid");
    let sealed = URL_SAFE_NO_PAD.decode(&input.encoded_message).map_err(|_| invalid())?;
    let message = app.root_key.open(&Blob(sealed), &purpose(&caller.account)).map_err(|_| invalid())?;
    let message = String::from_utf8(message.to_vec()).map_err(|_| invalid())?;
    Ok(DecodeAuthorizationMessageOutput { decoded_message: Some(message) })
}

fn purpose(account: &str) -> String {
    format!("sts authorization message {account}")
}
