//! STS: sessions of roles and users, and who the caller is.

mod assume_role;
pub(crate) mod authorization_message;
mod caller_identity;
mod federation_token;
mod issuer;
mod session;
mod session_token;
#[cfg(test)]
mod tests;
mod web_identity;

use api::sts::{Credentials, op};

use crate::front::Router;
use crate::iam::credentials::TemporaryCredentials;

/// Serves STS.
pub fn routes(router: &mut Router) {
    router.add::<op::AssumeRole, _, _>(assume_role::run);
    router.add::<op::AssumeRoleWithWebIdentity, _, _>(web_identity::run);
    router.add::<op::GetFederationToken, _, _>(federation_token::run);
    router.add::<op::GetSessionToken, _, _>(session_token::run);
    router.add::<op::GetCallerIdentity, _, _>(caller_identity::run);
    router.add::<op::GetAccessKeyInfo, _, _>(caller_identity::of_access_key);
    router.add::<op::DecodeAuthorizationMessage, _, _>(authorization_message::decode);
}

/// Credentials as answers carry them.
pub(crate) fn described(issued: TemporaryCredentials) -> Credentials {
    Credentials {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key,
        session_token: issued.session_token.expose().to_owned(),
        expiration: issued.expiration,
    }
}
