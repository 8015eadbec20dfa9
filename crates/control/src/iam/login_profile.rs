//! Passwords of users. Only a hash is kept; nothing here signs a user in with one.

use std::num::NonZeroU32;
use std::sync::Arc;

use api::iam::{
    ChangePasswordInput, ChangePasswordOutput, CreateLoginProfileInput, CreateLoginProfileOutput,
    DeleteLoginProfileInput, DeleteLoginProfileOutput, GetLoginProfileInput, GetLoginProfileOutput, LoginProfile,
    UpdateLoginProfileInput, UpdateLoginProfileOutput,
};
use aws_lc_rs::pbkdf2;
use domain::iam::Identity;
use wire::{Blob, Sensitive};

use super::account::of_account;
use super::error::{already_exists, no_such_entity, validation};
use super::limits::{EARLIER_PASSWORDS, PASSWORD_ITERATIONS};
use super::name::now;
use super::owner::Owner;
use super::password_policy::rules;
use super::record::{LoginRecord, PasswordHash, UserRecord};
use super::user::name_or_caller;
use crate::store::State;
use crate::{App, Authorized, Request, ServiceError};

/// `CreateLoginProfile`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateLoginProfileInput>,
) -> Result<CreateLoginProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let name = name_or_caller(input.user_name.as_deref(), caller)?;
        Ok(Owner::user(caller, &name).access("iam:CreateLoginProfile", state))
    })?;
    let owner = Owner::user(&caller, &name_or_caller(input.user_name.as_deref(), &caller)?);
    let exists = || already_exists(format!("Login Profile for user {} already exists.", owner.name));
    if user(&app.store.read(), &owner)?.login.is_some() {
        return Err(exists());
    }
    let password = input.password.ok_or_else(|| validation("A password is required."))?;
    let hash = checked(&app, &owner, password).await?;
    let created = now(&app);
    let reset_required = input.password_reset_required.unwrap_or(false);
    app.store
        .write(|state| {
            let login = LoginRecord { hash, created, changed: created, reset_required, earlier: Vec::new() };
            owner.change_user(state, |user| {
                if user.login.is_some() {
                    return Err(exists());
                }
                user.login = Some(login);
                Ok(CreateLoginProfileOutput { login_profile: described(user)? })
            })
        })
        .await
}

/// `GetLoginProfile`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetLoginProfileInput>,
) -> Result<GetLoginProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let name = name_or_caller(input.user_name.as_deref(), caller)?;
        Ok(Owner::user(caller, &name).access("iam:GetLoginProfile", state))
    })?;
    let owner = Owner::user(&caller, &name_or_caller(input.user_name.as_deref(), &caller)?);
    let state = app.store.read();
    Ok(GetLoginProfileOutput { login_profile: described(user(&state, &owner)?)? })
}

/// `UpdateLoginProfile`
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateLoginProfileInput>,
) -> Result<UpdateLoginProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:UpdateLoginProfile", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    described(user(&app.store.read(), &owner)?)?;
    let hash = match input.password {
        Some(password) => Some(checked(&app, &owner, password).await?),
        None => None,
    };
    let changed = now(&app);
    app.store
        .write(|state| {
            owner.change_user(state, |user| {
                let login = user.login.as_mut().ok_or_else(|| missing(&user.entity.name))?;
                login.reset_required = input.password_reset_required.unwrap_or(login.reset_required);
                if let Some(hash) = hash {
                    replace(login, hash);
                    login.changed = changed;
                }
                Ok(UpdateLoginProfileOutput {})
            })
        })
        .await
}

/// `DeleteLoginProfile`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteLoginProfileInput>,
) -> Result<DeleteLoginProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let name = name_or_caller(input.user_name.as_deref(), caller)?;
        Ok(Owner::user(caller, &name).access("iam:DeleteLoginProfile", state))
    })?;
    let owner = Owner::user(&caller, &name_or_caller(input.user_name.as_deref(), &caller)?);
    app.store
        .write(|state| {
            owner.change_user(state, |user| match user.login.take() {
                Some(_) => Ok(DeleteLoginProfileOutput {}),
                None => Err(missing(&user.entity.name)),
            })
        })
        .await
}

/// `ChangePassword`: a user's own. The account's password policy may give every user the right to it.
pub(super) async fn change_own(
    app: Arc<App>,
    request: Request<ChangePasswordInput>,
) -> Result<ChangePasswordOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, state, caller| {
        let access = Owner::user(caller, &own_name(caller)?).access("iam:ChangePassword", state);
        let policy = of_account(state, &caller.account).password_policy;
        let granted = policy.is_some_and(|policy| policy.users_may_change).then(|| {
            serde_json::json!({"Version": "2012-10-17", "Statement": [{
                "Sid": "PasswordPolicyAllowUsersToChangePassword", "Effect": "Allow",
                "Principal": {"AWS": caller.arn()}, "Action": "iam:ChangePassword",
            }]})
            .to_string()
        });
        Ok(access.with_resource_policy(granted))
    })?;
    let owner = Owner::user(&caller, &own_name(&caller)?);
    let known = {
        let state = app.store.read();
        let user = user(&state, &owner)?;
        user.login.as_ref().ok_or_else(|| missing(&owner.name))?.hash.clone()
    };
    if !any_is(vec![known.clone()], input.old_password).await? {
        return Err(ServiceError::new("AccessDenied", "The old password was incorrect.").with_status(403));
    }
    let hash = checked(&app, &owner, input.new_password).await?;
    let changed = now(&app);
    app.store
        .write(|state| {
            owner.change_user(state, |user| {
                let login = user.login.as_mut().ok_or_else(|| missing(&owner.name))?;
                if login.hash != known {
                    return Err(ServiceError::new(
                        "EntityTemporarilyUnmodifiable",
                        "The password was changed at the same time.",
                    )
                    .with_status(409));
                }
                replace(login, hash);
                login.changed = changed;
                login.reset_required = false;
                Ok(ChangePasswordOutput {})
            })
        })
        .await
}

fn own_name(caller: &domain::iam::Caller) -> Result<String, ServiceError> {
    match caller.identity {
        Identity::User { .. } => name_or_caller(None, caller),
        _ => Err(ServiceError::new("InvalidUserType", "Only an IAM user can change its password with this operation.")),
    }
}

fn user<'a>(state: &'a State, owner: &Owner) -> Result<&'a UserRecord, ServiceError> {
    state.iam_users.get(&owner.key()).map(|user| &**user).ok_or_else(|| owner.missing())
}

fn replace(login: &mut LoginRecord, hash: PasswordHash) {
    let before = std::mem::replace(&mut login.hash, hash);
    login.earlier.insert(0, before);
    login.earlier.truncate(EARLIER_PASSWORDS);
}

fn missing(user: &str) -> ServiceError {
    no_such_entity(format!("Login Profile for User {user} cannot be found."))
}

fn described(user: &UserRecord) -> Result<LoginProfile, ServiceError> {
    let login = user.login.as_ref().ok_or_else(|| missing(&user.entity.name))?;
    Ok(LoginProfile {
        user_name: user.entity.name.clone(),
        create_date: login.created,
        password_reset_required: Some(login.reset_required),
    })
}

/// The hash of a password that the account's policy lets this user have.
async fn checked(app: &App, owner: &Owner, password: Sensitive) -> Result<PasswordHash, ServiceError> {
    let refuse = |reason: &str| ServiceError::new("PasswordPolicyViolation", reason.to_owned());
    let barred = {
        let state = app.store.read();
        if let Some(reason) = rules(&state, &owner.account).violation(password.expose()) {
            return Err(refuse(&reason));
        }
        let policy = of_account(&state, &owner.account).password_policy;
        let count = policy.and_then(|policy| policy.reuse_prevention).unwrap_or(0);
        let login = user(&state, owner)?.login.as_ref();
        let known = login.into_iter().flat_map(|login| std::iter::once(&login.hash).chain(&login.earlier));
        known.take(usize::try_from(count).unwrap_or(0)).cloned().collect::<Vec<_>>()
    };
    if any_is(barred, password.clone()).await? {
        return Err(refuse("Password has already been used"));
    }
    let salt: [u8; 16] = app.random_bytes();
    off_the_loop(move || {
        let mut hash = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            NonZeroU32::new(PASSWORD_ITERATIONS).unwrap_or(NonZeroU32::MIN),
            &salt,
            password.expose().as_bytes(),
            &mut hash,
        );
        PasswordHash { salt: Blob(salt.to_vec()), iterations: PASSWORD_ITERATIONS, hash: Blob(hash.to_vec()) }
    })
    .await
}

/// Whether one of the hashes is that of the password.
async fn any_is(hashes: Vec<PasswordHash>, password: Sensitive) -> Result<bool, ServiceError> {
    off_the_loop(move || {
        hashes.iter().any(|known| {
            let iterations = NonZeroU32::new(known.iterations).unwrap_or(NonZeroU32::MIN);
            let bytes = password.expose().as_bytes();
            pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &known.salt.0, bytes, &known.hash.0).is_ok()
        })
    })
    .await
}

/// Hashing is made to take long; other calls must not wait for it.
async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a password could not be hashed");
        ServiceError::new("ServiceFailure", "The password could not be hashed; see the server's log.").with_status(500)
    })
}
