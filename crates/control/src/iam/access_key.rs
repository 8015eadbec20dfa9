//! Access keys of users and of the account's root user. A secret is told once, when its key is made.

use std::sync::Arc;

use api::iam::{
    AccessKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyInput, CreateAccessKeyOutput, DeleteAccessKeyInput,
    DeleteAccessKeyOutput, GetAccessKeyLastUsedInput, GetAccessKeyLastUsedOutput, ListAccessKeysInput,
    ListAccessKeysOutput, UpdateAccessKeyInput, UpdateAccessKeyOutput,
};
use domain::iam::{Caller, Identity};

use super::credentials::seal_secret;
use super::error::{limit_exceeded, no_such_entity, validation};
use super::limits::ACCESS_KEYS;
use super::name::{access_key_id, now, secret_access_key};
use super::owner::Owner;
use super::page::page;
use super::record::AccessKeyRecord;
use super::user::name_or_caller;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// Whose keys are meant: a user's, or (without a name, when it asks itself) the root user's.
enum Holder {
    Root { account: String },
    User(Owner),
}

impl Holder {
    fn new(user_name: Option<&str>, caller: &Caller) -> Result<Self, ServiceError> {
        if user_name.is_none() && caller.identity == Identity::Root {
            return Ok(Self::Root { account: caller.account.clone() });
        }
        Ok(Self::User(Owner::user(caller, &name_or_caller(user_name, caller)?)))
    }

    fn access(&self, action: &'static str, state: &State, caller: &Caller) -> Access {
        match self {
            Self::Root { .. } => Access::to(action, caller.arn()),
            Self::User(owner) => owner.access(action, state),
        }
    }

    /// The name to answer with; an error if the user is not there.
    fn name(&self, state: &State) -> Result<String, ServiceError> {
        match self {
            Self::Root { .. } => Ok(String::from("root")),
            Self::User(owner) => Ok(owner.get(state)?.name.clone()),
        }
    }

    fn has(&self, key: &AccessKeyRecord) -> bool {
        match self {
            Self::Root { account } => key.user.is_none() && key.account == *account,
            Self::User(owner) => key.user.as_deref() == Some(&owner.key()),
        }
    }

    fn check_has(&self, state: &State, id: &str) -> Result<(), ServiceError> {
        self.name(state)?;
        match state.iam_access_keys.get(id) {
            Some(key) if self.has(key) => Ok(()),
            _ => Err(no_such_entity(format!("The Access Key with id {id} cannot be found."))),
        }
    }
}

/// `CreateAccessKey`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateAccessKeyInput>,
) -> Result<CreateAccessKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Holder::new(input.user_name.as_deref(), caller)?.access("iam:CreateAccessKey", state, caller))
    })?;
    let holder = Holder::new(input.user_name.as_deref(), &caller)?;
    let id = access_key_id(&app, "AKIA", &caller.account);
    let secret = secret_access_key(&app);
    let created = now(&app);
    let record = AccessKeyRecord {
        account: caller.account.clone(),
        user: match &holder {
            Holder::Root { .. } => None,
            Holder::User(owner) => Some(owner.key()),
        },
        sealed_secret: seal_secret(&app, &id, &secret)?,
        active: true,
        created,
    };
    let user_name = app
        .store
        .write(|state| {
            let name = holder.name(state)?;
            if state.iam_access_keys.values().filter(|key| holder.has(key)).count() >= ACCESS_KEYS {
                return Err(limit_exceeded(format!("Cannot exceed quota for AccessKeysPerUser: {ACCESS_KEYS}")));
            }
            state.iam_access_keys.put(&id, record);
            Ok(name)
        })
        .await?;
    let access_key = AccessKey {
        user_name,
        access_key_id: id,
        status: "Active".into(),
        secret_access_key: secret,
        create_date: Some(created),
    };
    Ok(CreateAccessKeyOutput { access_key })
}

/// `ListAccessKeys`
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListAccessKeysInput>,
) -> Result<ListAccessKeysOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Holder::new(input.user_name.as_deref(), caller)?.access("iam:ListAccessKeys", state, caller))
    })?;
    let holder = Holder::new(input.user_name.as_deref(), &caller)?;
    let state = app.store.read();
    let name = holder.name(&state)?;
    let keys = state.iam_access_keys.iter().filter(|(_, key)| holder.has(key)).map(|(id, key)| {
        let metadata = AccessKeyMetadata {
            user_name: Some(name.clone()),
            access_key_id: Some(id.to_owned()),
            status: Some(status(key).into()),
            create_date: Some(key.created),
        };
        (id.to_owned(), metadata)
    });
    let page = page(keys, input.marker.as_deref(), input.max_items)?;
    Ok(ListAccessKeysOutput { access_key_metadata: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

fn status(key: &AccessKeyRecord) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

/// `UpdateAccessKey`
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateAccessKeyInput>,
) -> Result<UpdateAccessKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Holder::new(input.user_name.as_deref(), caller)?.access("iam:UpdateAccessKey", state, caller))
    })?;
    let holder = Holder::new(input.user_name.as_deref(), &caller)?;
    let active = match input.status.as_str() {
        "Active" => true,
        "Inactive" => false,
        other => return Err(validation(format!("Invalid value {other} for status"))),
    };
    app.store
        .write(|state| {
            holder.check_has(state, &input.access_key_id)?;
            state.iam_access_keys.update(&input.access_key_id, |key| key.active = active);
            Ok(UpdateAccessKeyOutput {})
        })
        .await
}

/// `DeleteAccessKey`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteAccessKeyInput>,
) -> Result<DeleteAccessKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Holder::new(input.user_name.as_deref(), caller)?.access("iam:DeleteAccessKey", state, caller))
    })?;
    let holder = Holder::new(input.user_name.as_deref(), &caller)?;
    app.store
        .write(|state| {
            holder.check_has(state, &input.access_key_id)?;
            state.iam_access_keys.remove(&input.access_key_id);
            Ok(DeleteAccessKeyOutput {})
        })
        .await
}

/// `GetAccessKeyLastUsed`. AWS says "N/A" of a key that was never used.
pub(super) async fn last_used(
    app: Arc<App>,
    request: Request<GetAccessKeyLastUsedInput>,
) -> Result<GetAccessKeyLastUsedOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, _| {
        let holder = state.iam_access_keys.get(&input.access_key_id).and_then(|key| key.user.as_ref());
        let user = holder.and_then(|user| state.iam_users.get(user));
        Ok(Access::to("iam:GetAccessKeyLastUsed", user.map_or_else(|| "*".to_owned(), |user| user.entity.arn.clone())))
    })?;
    let state = app.store.read();
    let key =
        state.iam_access_keys.get(&input.access_key_id).filter(|key| key.account == caller.account).ok_or_else(
            || no_such_entity(format!("The Access Key with id {} cannot be found.", input.access_key_id)),
        )?;
    let user = key.user.as_ref().and_then(|user| state.iam_users.get(user));
    let last_use = app.last_uses.of(&state, &input.access_key_id);
    let not_known = || "N/A".to_owned();
    let last_used = AccessKeyLastUsed {
        last_used_date: last_use.as_ref().map(|used| used.at),
        service_name: last_use.as_ref().map_or_else(not_known, |used| used.service.clone()),
        region: last_use.map_or_else(not_known, |used| used.region),
    };
    Ok(GetAccessKeyLastUsedOutput {
        user_name: Some(user.map_or_else(|| "root".into(), |user| user.entity.name.clone())),
        access_key_last_used: Some(last_used),
    })
}
