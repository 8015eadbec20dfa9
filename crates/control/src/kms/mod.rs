//! KMS: keys whose material never leaves the server, and what is encrypted under them.
//!
//! - `keys`, `states`, `aliases`, `policies`, `rotation`, `grants`, `tags`: what a key is and may
//! - `imports`, `replicas`: material from outside, keys in several regions
//! - `encryption`, `data_keys`, `data_key_pairs`, `macs`, `signing`: what a key does
//! - `lookup`: which key an argument names, and the access a call on it needs
//! - `material`: the only place that opens key material; `asymmetric`: the cryptography of keys with two halves
//! - `managed`: the keys of AWS services (`alias/aws/…`)
//!
//! Other services call the same handlers with a caller whose `via_service` is set, so the key's policy and the caller's
//! own policies count there as they do from outside.

mod aliases;
mod asymmetric;
mod data_key_pairs;
pub mod data_keys;
pub mod encryption;
mod error;
mod grants;
mod imports;
pub mod keys;
pub(crate) mod lookup;
mod macs;
pub mod managed;
mod material;
mod page;
mod policies;
pub mod record;
mod replicas;
mod rotation;
mod signing;
mod states;
mod sweep;
mod tags;
#[cfg(test)]
mod tests;

use api::kms::op;

pub use sweep::sweep;

use crate::front::Router;

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
    router.add::<op::GenerateDataKeyPair, _, _>(data_key_pairs::generate);
    router.add::<op::GenerateDataKeyPairWithoutPlaintext, _, _>(data_key_pairs::generate_without_plaintext);
    router.add::<op::GenerateMac, _, _>(macs::generate);
    router.add::<op::VerifyMac, _, _>(macs::verify);
    router.add::<op::Sign, _, _>(signing::sign);
    router.add::<op::Verify, _, _>(signing::verify);
    router.add::<op::GetPublicKey, _, _>(signing::public_key);
    router.add::<op::DeriveSharedSecret, _, _>(signing::derive_shared_secret);
    router.add::<op::GetParametersForImport, _, _>(imports::parameters);
    router.add::<op::ImportKeyMaterial, _, _>(imports::import);
    router.add::<op::DeleteImportedKeyMaterial, _, _>(imports::delete);
    router.add::<op::ReplicateKey, _, _>(replicas::replicate);
    router.add::<op::UpdatePrimaryRegion, _, _>(replicas::update_primary);
    router.add::<op::GetKeyPolicy, _, _>(policies::get);
    router.add::<op::PutKeyPolicy, _, _>(policies::put);
    router.add::<op::ListKeyPolicies, _, _>(policies::list);
    router.add::<op::EnableKeyRotation, _, _>(rotation::enable);
    router.add::<op::DisableKeyRotation, _, _>(rotation::disable);
    router.add::<op::GetKeyRotationStatus, _, _>(rotation::status);
    router.add::<op::RotateKeyOnDemand, _, _>(rotation::rotate);
    router.add::<op::ListKeyRotations, _, _>(rotation::list);
    router.add::<op::TagResource, _, _>(tags::tag);
    router.add::<op::UntagResource, _, _>(tags::untag);
    router.add::<op::ListResourceTags, _, _>(tags::list);
    router.add::<op::CreateGrant, _, _>(grants::create);
    router.add::<op::ListGrants, _, _>(grants::list);
    router.add::<op::ListRetirableGrants, _, _>(grants::list_retirable);
    router.add::<op::RevokeGrant, _, _>(grants::revoke);
    router.add::<op::RetireGrant, _, _>(grants::retire);
}
