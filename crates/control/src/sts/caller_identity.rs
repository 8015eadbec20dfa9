//! Who the caller is, and whose an access key is.

use std::sync::Arc;

use api::sts::{GetAccessKeyInfoInput, GetAccessKeyInfoOutput, GetCallerIdentityInput, GetCallerIdentityOutput};

use crate::iam::{account_of_access_key, validation};
use crate::{Access, App, Authorized, Request, ServiceError};

/// `GetCallerIdentity`. Everyone may ask who they are.
pub(super) async fn run(
    _app: Arc<App>,
    request: Request<GetCallerIdentityInput>,
) -> Result<GetCallerIdentityOutput, ServiceError> {
    let caller = request.without_permission().caller;
    Ok(GetCallerIdentityOutput {
        user_id: Some(caller.user_id()),
        account: Some(caller.account.clone()),
        arn: Some(caller.arn()),
    })
}

/// `GetAccessKeyInfo`. A key's id carries its account; keys whose id the operator chose are looked up.
pub(super) async fn of_access_key(
    app: Arc<App>,
    request: Request<GetAccessKeyInfoInput>,
) -> Result<GetAccessKeyInfoOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("sts:GetAccessKeyInfo")))?;
    let known = app.store.read().iam_access_keys.get(&input.access_key_id).map(|key| key.account.clone());
    match known.or_else(|| account_of_access_key(&input.access_key_id)) {
        Some(account) => Ok(GetAccessKeyInfoOutput { account: Some(account) }),
        None => Err(validation(format!("Invalid Access Key ID: {}", input.access_key_id))),
    }
}
