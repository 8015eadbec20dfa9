//! The account's password policy.

use std::sync::Arc;

use api::iam::{
    DeleteAccountPasswordPolicyInput, DeleteAccountPasswordPolicyOutput, GetAccountPasswordPolicyInput,
    GetAccountPasswordPolicyOutput, PasswordPolicy, UpdateAccountPasswordPolicyInput,
    UpdateAccountPasswordPolicyOutput,
};
use domain::iam::{Kinds, PasswordRules};

use super::account::{change, of_account};
use super::error::no_such_entity;
use super::record::PasswordPolicyRecord;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const DEFAULT_MINIMUM_LENGTH: i32 = 6;

/// `UpdateAccountPasswordPolicy`; what is left out goes back to IAM's default.
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateAccountPasswordPolicyInput>,
) -> Result<UpdateAccountPasswordPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:UpdateAccountPasswordPolicy")))?;
    let policy = PasswordPolicyRecord {
        minimum_length: input.minimum_password_length.unwrap_or(DEFAULT_MINIMUM_LENGTH),
        require_symbols: input.require_symbols.unwrap_or(false),
        require_numbers: input.require_numbers.unwrap_or(false),
        require_uppercase: input.require_uppercase_characters.unwrap_or(false),
        require_lowercase: input.require_lowercase_characters.unwrap_or(false),
        users_may_change: input.allow_users_to_change_password.unwrap_or(false),
        maximum_age_days: input.max_password_age.filter(|days| *days > 0),
        reuse_prevention: input.password_reuse_prevention.filter(|count| *count > 0),
        hard_expiry: input.hard_expiry,
    };
    app.store
        .write(|state| {
            change(state, &caller.account, |account| account.password_policy = Some(policy));
            Ok(UpdateAccountPasswordPolicyOutput {})
        })
        .await
}

/// `GetAccountPasswordPolicy`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetAccountPasswordPolicyInput>,
) -> Result<GetAccountPasswordPolicyOutput, ServiceError> {
    let Authorized { caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetAccountPasswordPolicy")))?;
    let policy = of_account(&app.store.read(), &caller.account).password_policy.ok_or_else(|| {
        no_such_entity(format!("The Password Policy with domain name {} cannot be found.", caller.account))
    })?;
    Ok(GetAccountPasswordPolicyOutput { password_policy: described(&policy) })
}

/// `DeleteAccountPasswordPolicy`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteAccountPasswordPolicyInput>,
) -> Result<DeleteAccountPasswordPolicyOutput, ServiceError> {
    let Authorized { caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:DeleteAccountPasswordPolicy")))?;
    app.store
        .write(|state| {
            if of_account(state, &caller.account).password_policy.is_none() {
                return Err(no_such_entity("The account policy with name PasswordPolicy cannot be found."));
            }
            change(state, &caller.account, |account| account.password_policy = None);
            Ok(DeleteAccountPasswordPolicyOutput {})
        })
        .await
}

/// What a new password in this account must be like.
pub(super) fn rules(state: &State, account: &str) -> PasswordRules {
    match of_account(state, account).password_policy {
        None => PasswordRules::Default,
        Some(policy) => PasswordRules::Own {
            minimum_length: usize::try_from(policy.minimum_length).unwrap_or(0),
            required: Kinds {
                uppercase: policy.require_uppercase,
                lowercase: policy.require_lowercase,
                numbers: policy.require_numbers,
                symbols: policy.require_symbols,
            },
        },
    }
}

fn described(policy: &PasswordPolicyRecord) -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: Some(policy.minimum_length),
        require_symbols: Some(policy.require_symbols),
        require_numbers: Some(policy.require_numbers),
        require_uppercase_characters: Some(policy.require_uppercase),
        require_lowercase_characters: Some(policy.require_lowercase),
        allow_users_to_change_password: Some(policy.users_may_change),
        expire_passwords: Some(policy.maximum_age_days.is_some()),
        max_password_age: policy.maximum_age_days,
        password_reuse_prevention: policy.reuse_prevention,
        hard_expiry: Some(policy.hard_expiry.unwrap_or(false)),
    }
}
