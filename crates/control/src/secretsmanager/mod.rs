//! Secrets Manager: secrets, their versions, and who may read them.
//!
//! - `create`, `update`, `values`, `batch`, `describe`, `versions`, `deletion`, `policies`, `tags`, `password`: the
//!   operations
//! - `replication`, `rotation`: secrets in several regions, and secrets that change by themselves
//! - `last_access`: when values were last read
//! - `lookup`: which secret an argument names, and the access a call on it needs
//! - `envelope`: a value under a data key of KMS, asked for with the caller's own identity
//!
//! Not served: rotation by a Lambda function (a command of the operator's stands for it), and by a partner.

mod batch;
pub(crate) mod create;
pub(crate) mod deletion;
mod describe;
mod envelope;
mod error;
pub(crate) mod last_access;
mod lookup;
mod page;
mod password;
mod policies;
pub mod record;
mod replication;
pub(crate) mod rotation;
mod tags;
#[cfg(test)]
mod tests;
mod update;
pub mod values;
mod versions;

use api::secretsmanager::op;

pub use deletion::sweep;

use crate::front::Router;

/// All operations of Secrets Manager that are served.
pub fn routes(router: &mut Router) {
    router.add::<op::CreateSecret, _, _>(create::run);
    router.add::<op::GetSecretValue, _, _>(values::get);
    router.add::<op::BatchGetSecretValue, _, _>(batch::run);
    router.add::<op::PutSecretValue, _, _>(values::put);
    router.add::<op::UpdateSecret, _, _>(update::run);
    router.add::<op::UpdateSecretVersionStage, _, _>(versions::update_stage);
    router.add::<op::DescribeSecret, _, _>(describe::run);
    router.add::<op::ListSecrets, _, _>(describe::list);
    router.add::<op::ListSecretVersionIds, _, _>(versions::list);
    router.add::<op::DeleteSecret, _, _>(deletion::delete);
    router.add::<op::RestoreSecret, _, _>(deletion::restore);
    router.add::<op::TagResource, _, _>(tags::tag);
    router.add::<op::UntagResource, _, _>(tags::untag);
    router.add::<op::PutResourcePolicy, _, _>(policies::put);
    router.add::<op::GetResourcePolicy, _, _>(policies::get);
    router.add::<op::DeleteResourcePolicy, _, _>(policies::delete);
    router.add::<op::ValidateResourcePolicy, _, _>(policies::validate);
    router.add::<op::GetRandomPassword, _, _>(password::run);
    router.add::<op::RotateSecret, _, _>(rotation::rotate);
    router.add::<op::CancelRotateSecret, _, _>(rotation::cancel);
    router.add::<op::ReplicateSecretToRegions, _, _>(replication::replicate);
    router.add::<op::RemoveRegionsFromReplication, _, _>(replication::remove);
    router.add::<op::StopReplicationToReplica, _, _>(replication::stop);
}
