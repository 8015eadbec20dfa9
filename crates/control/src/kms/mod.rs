//! KMS: keys whose material never leaves the server, and what is encrypted under them.
//!
//! - `keys`, `states`, `aliases`, `policies`, `rotation`, `grants`, `tags`: what a key is and may
//! - `encryption`, `data_keys`: what a key does
//! - `lookup`: which key an argument names, and the access a call on it needs
//! - `material`: the cryptography; the only place that opens key material
//! - `managed`: the keys of AWS services (`alias/aws/…`)
//!
//! Other services call the same handlers with a caller whose `via_service` is set, so the key's policy and the caller's
//! own policies count there as they do from outside.

mod aliases;
pub mod data_keys;
pub mod encryption;
mod error;
mod grants;
pub mod keys;
pub(crate) mod lookup;
pub mod managed;
mod material;
mod page;
mod policies;
pub mod record;
mod rotation;
mod states;
mod sweep;
mod tags;
#[cfg(test)]
mod tests;

use api::kms::op;

pub(crate) use page::{page, page_in};
pub use sweep::sweep;

use crate::front::Router;
use crate::store::State;
use crate::{App, ServiceError};

/// All operations of KMS that are served.
pub fn routes(router: &mut Router) {
    router.add::<op::CreateKey, _, _>(keys::create);
    router.add::<op::DescribeKey, _, _>(keys::describe);
    router.add::<op::ListKeys, _, _>(keys::list);
    router.add::<op::UpdateKeyDescription, _, _>(keys::update_description);
    router.add::<op::EnableKey, _, _>(states::enable);
    router.add::<op::DisableKey, _, _>(states::disable);
    router.add::<op::ScheduleKeyDeletion, _, _>(states::schedule_deletion);
    router.add::<op::CancelKeyDeletion, _, _>(states::cancel_deletion);
    router.add::<op::CreateAlias, _, _>(aliases::create);
    router.add::<op::UpdateAlias, _, _>(aliases::update);
    router.add::<op::DeleteAlias, _, _>(aliases::delete);
    router.add::<op::ListAliases, _, _>(aliases::list);
    router.add::<op::Encrypt, _, _>(encryption::encrypt);
    router.add::<op::Decrypt, _, _>(encryption::decrypt);
    router.add::<op::ReEncrypt, _, _>(encryption::re_encrypt);
    router.add::<op::GenerateDataKey, _, _>(data_keys::generate);
    router.add::<op::GenerateDataKeyWithoutPlaintext, _, _>(data_keys::generate_without_plaintext);
    router.add::<op::GenerateRandom, _, _>(data_keys::generate_random);
    router.add::<op::GetKeyPolicy, _, _>(policies::get);
    router.add::<op::PutKeyPolicy, _, _>(policies::put);
    router.add::<op::ListKeyPolicies, _, _>(policies::list);
    router.add::<op::EnableKeyRotation, _, _>(rotation::enable);
    router.add::<op::DisableKeyRotation, _, _>(rotation::disable);
    router.add::<op::GetKeyRotationStatus, _, _>(rotation::status);
    router.add::<op::TagResource, _, _>(tags::tag);
    router.add::<op::UntagResource, _, _>(tags::untag);
    router.add::<op::ListResourceTags, _, _>(tags::list);
    router.add::<op::CreateGrant, _, _>(grants::create);
    router.add::<op::ListGrants, _, _>(grants::list);
    router.add::<op::RevokeGrant, _, _>(grants::revoke);
    router.add::<op::RetireGrant, _, _>(grants::retire);
}

/// Makes `alias/aws/secretsmanager` for the server's account, if it is not there.
pub fn first_start(app: &App, state: &mut State) -> Result<(), ServiceError> {
    managed::ensure(app, state, "secretsmanager", &app.settings.region, &app.settings.account).map(drop)
}
