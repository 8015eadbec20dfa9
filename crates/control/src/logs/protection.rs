//! PutLogGroupDeletionProtection: a protected group cannot be deleted.

use std::sync::Arc;

use api::logs::{PutLogGroupDeletionProtectionInput, PutLogGroupDeletionProtectionOutput};

use super::no_group;
use super::record::{named_group, stream_arn};
use crate::{Access, App, Authorized, Request, ServiceError};

/// PutLogGroupDeletionProtection.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<PutLogGroupDeletionProtectionInput>,
) -> Result<PutLogGroupDeletionProtectionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = named_group(caller, None, Some(&input.log_group_identifier))?;
        Ok(Access::to("logs:PutLogGroupDeletionProtection", stream_arn(&arn, "")))
    })?;
    let arn = named_group(&caller, None, Some(&input.log_group_identifier))?;
    let is_protected = input.deletion_protection_enabled;
    app.store
        .write(|state| {
            let changed = state.log_groups.update(&arn, |group| group.deletion_protected = is_protected);
            changed.map(|()| PutLogGroupDeletionProtectionOutput {}).ok_or_else(no_group)
        })
        .await
}

/// The refusal to delete a protected group.
pub(super) fn protected() -> ServiceError {
    let message = "The log group has deletion protection enabled. Disable it with PutLogGroupDeletionProtection first.";
    ServiceError::new("ValidationException", message)
}
