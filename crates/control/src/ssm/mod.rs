//! SSM Parameter Store: parameters, their versions and labels, and who may read them.
//!
//! - `put`, `reading`, `history`, `labels`, `describe`, `deletion`, `tags`: the operations
//! - `lookup`: which parameter a name or ARN means, and the access a call on it needs
//! - `envelope`: a `SecureString` under KMS, with the caller's own identity
//! - `secret_reference`: secrets of Secrets Manager under `/aws/reference/secretsmanager/`
//!
//! Not served: the rest of Systems Manager, AWS's public parameters (`/aws/service/…`), parameters shared by other
//! accounts, and the events of the two notification policies.

mod deletion;
mod describe;
mod envelope;
mod error;
mod history;
mod labels;
mod lookup;
mod page;
pub(crate) mod put;
pub mod reading;
pub mod record;
mod secret_reference;
mod tags;
#[cfg(test)]
mod tests;

use api::ssm::op;

pub use deletion::sweep;

use crate::front::Router;

/// All operations of SSM that are served.
pub fn routes(router: &mut Router) {
    router.add::<op::PutParameter, _, _>(put::run);
    router.add::<op::GetParameter, _, _>(reading::get);
    router.add::<op::GetParameters, _, _>(reading::get_many);
    router.add::<op::GetParametersByPath, _, _>(reading::by_path);
    router.add::<op::GetParameterHistory, _, _>(history::run);
    router.add::<op::DescribeParameters, _, _>(describe::run);
    router.add::<op::LabelParameterVersion, _, _>(labels::label);
    router.add::<op::UnlabelParameterVersion, _, _>(labels::unlabel);
    router.add::<op::DeleteParameter, _, _>(deletion::delete);
    router.add::<op::DeleteParameters, _, _>(deletion::delete_many);
    router.add::<op::AddTagsToResource, _, _>(tags::add);
    router.add::<op::RemoveTagsFromResource, _, _>(tags::remove);
    router.add::<op::ListTagsForResource, _, _>(tags::list);
}
