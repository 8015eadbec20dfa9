//! Credentials of users for single services, and the lists of keys and certificates that a user can have at AWS.
//!
//! None of those services is served here, so a credential can be made, listed and deleted, and opens nothing. SSH keys
//! and signing certificates cannot be uploaded here, so their lists are empty; Terraform asks before it deletes a user.

use std::sync::Arc;

use api::iam::{
    CreateServiceSpecificCredentialInput, CreateServiceSpecificCredentialOutput, DeleteServiceSpecificCredentialInput,
    DeleteServiceSpecificCredentialOutput, ListSSHPublicKeysInput, ListSSHPublicKeysOutput,
    ListServiceSpecificCredentialsInput, ListServiceSpecificCredentialsOutput, ListSigningCertificatesInput,
    ListSigningCertificatesOutput, ResetServiceSpecificCredentialInput, ResetServiceSpecificCredentialOutput,
    ServiceSpecificCredential, ServiceSpecificCredentialMetadata, UpdateServiceSpecificCredentialInput,
    UpdateServiceSpecificCredentialOutput,
};
use domain::iam::{Caller, Identity};

use super::error::{limit_exceeded, no_such_entity};
use super::limits::SERVICE_CREDENTIALS;
use super::name::{now, secret_access_key, unique_id};
use super::owner::Owner;
use super::record::{ServiceCredentialRecord, UserRecord};
use super::user::name_or_caller;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const SERVICES: [&str; 2] = ["codecommit.amazonaws.com", "cassandra.amazonaws.com"];

/// `CreateServiceSpecificCredential`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateServiceSpecificCredentialInput>,
) -> Result<CreateServiceSpecificCredentialOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:CreateServiceSpecificCredential", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    let id = unique_id(&app, "ACCA");
    let password = secret_access_key(&app);
    let created = now(&app);
    app.store
        .write(|state| {
            owner.get(state)?;
            check_service(&input.service_name)?;
            owner.change_user(state, |user| {
                let of_service = |known: &&ServiceCredentialRecord| known.service == input.service_name;
                let count = user.service_credentials.values().filter(of_service).count();
                if count >= SERVICE_CREDENTIALS {
                    return Err(limit_exceeded(format!(
                        "Cannot exceed quota for ServiceSpecificCredentialsPerUser: {SERVICE_CREDENTIALS}"
                    )));
                }
                let suffix = if count == 0 { String::new() } else { format!("+{count}") };
                let user_name = format!("{}{suffix}-at-{}", user.entity.name, owner.account);
                let service = input.service_name.clone();
                let record = ServiceCredentialRecord { service, user_name, active: true, created };
                let told = described(user, &id, &record);
                user.service_credentials.insert(id.clone(), record);
                Ok(CreateServiceSpecificCredentialOutput {
                    service_specific_credential: Some(with_password(told, password)),
                })
            })
        })
        .await
}

/// `ListServiceSpecificCredentials`
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListServiceSpecificCredentialsInput>,
) -> Result<ListServiceSpecificCredentialsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        access("iam:ListServiceSpecificCredentials", input.user_name.as_deref(), state, caller)
    })?;
    let state = app.store.read();
    let mut credentials = Vec::new();
    if let Some(owner) = owner(input.user_name.as_deref(), &caller)? {
        owner.get(&state)?;
        if let Some(service) = &input.service_name {
            check_service(service)?;
        }
        let wanted = |service: &str| input.service_name.as_deref().is_none_or(|wanted| wanted == service);
        if let Some(user) = state.iam_users.get(&owner.key()) {
            let known = user.service_credentials.iter().filter(|(_, record)| wanted(&record.service));
            credentials.extend(known.map(|(id, record)| described(user, id, record)));
        }
    }
    Ok(ListServiceSpecificCredentialsOutput {
        service_specific_credentials: Some(credentials),
        is_truncated: None,
        marker: None,
    })
}

/// `UpdateServiceSpecificCredential`
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateServiceSpecificCredentialInput>,
) -> Result<UpdateServiceSpecificCredentialOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        access("iam:UpdateServiceSpecificCredential", input.user_name.as_deref(), state, caller)
    })?;
    let id = &input.service_specific_credential_id;
    change_one(&app, input.user_name.as_deref(), &caller, id, |_, record| {
        record.active = input.status == "Active";
        UpdateServiceSpecificCredentialOutput {}
    })
    .await
}

/// `ResetServiceSpecificCredential`: another password.
pub(super) async fn reset(
    app: Arc<App>,
    request: Request<ResetServiceSpecificCredentialInput>,
) -> Result<ResetServiceSpecificCredentialOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        access("iam:ResetServiceSpecificCredential", input.user_name.as_deref(), state, caller)
    })?;
    let id = &input.service_specific_credential_id;
    let password = secret_access_key(&app);
    let told = change_one(&app, input.user_name.as_deref(), &caller, id, |user, record| described(user, id, record));
    Ok(ResetServiceSpecificCredentialOutput { service_specific_credential: Some(with_password(told.await?, password)) })
}

/// `DeleteServiceSpecificCredential`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteServiceSpecificCredentialInput>,
) -> Result<DeleteServiceSpecificCredentialOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        access("iam:DeleteServiceSpecificCredential", input.user_name.as_deref(), state, caller)
    })?;
    let id = input.service_specific_credential_id;
    let owner = owner(input.user_name.as_deref(), &caller)?.ok_or_else(|| missing(&id))?;
    app.store
        .write(|state| {
            owner.change_user(state, |user| match user.service_credentials.remove(&id) {
                Some(_) => Ok(DeleteServiceSpecificCredentialOutput {}),
                None => Err(missing(&id)),
            })
        })
        .await
}

/// `ListSSHPublicKeys`
pub(super) async fn list_ssh_keys(
    app: Arc<App>,
    request: Request<ListSSHPublicKeysInput>,
) -> Result<ListSSHPublicKeysOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        access("iam:ListSSHPublicKeys", input.user_name.as_deref(), state, caller)
    })?;
    check_user(&app, input.user_name.as_deref(), &caller)?;
    Ok(ListSSHPublicKeysOutput { ssh_public_keys: Some(Vec::new()), is_truncated: Some(false), marker: None })
}

/// `ListSigningCertificates`
pub(super) async fn list_certificates(
    app: Arc<App>,
    request: Request<ListSigningCertificatesInput>,
) -> Result<ListSigningCertificatesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        access("iam:ListSigningCertificates", input.user_name.as_deref(), state, caller)
    })?;
    check_user(&app, input.user_name.as_deref(), &caller)?;
    Ok(ListSigningCertificatesOutput { certificates: Vec::new(), is_truncated: Some(false), marker: None })
}

/// The user that is meant; none when the root user asks for itself.
fn owner(name: Option<&str>, caller: &Caller) -> Result<Option<Owner>, ServiceError> {
    if name.is_none() && caller.identity == Identity::Root {
        return Ok(None);
    }
    Ok(Some(Owner::user(caller, &name_or_caller(name, caller)?)))
}

fn access(action: &'static str, name: Option<&str>, state: &State, caller: &Caller) -> Result<Access, ServiceError> {
    let owner = owner(name, caller)?;
    Ok(owner.map_or_else(|| Access::to(action, caller.arn()), |owner| owner.access(action, state)))
}

fn check_user(app: &App, name: Option<&str>, caller: &Caller) -> Result<(), ServiceError> {
    match owner(name, caller)? {
        Some(owner) => owner.get(&app.store.read()).map(|_| ()),
        None => Ok(()),
    }
}

fn check_service(service: &str) -> Result<(), ServiceError> {
    if SERVICES.contains(&service) {
        return Ok(());
    }
    Err(no_such_entity(format!("No such service {service} is supported for Service Specific Credentials")))
}

async fn change_one<T: Send>(
    app: &App,
    name: Option<&str>,
    caller: &Caller,
    id: &str,
    update: impl FnOnce(&UserRecord, &mut ServiceCredentialRecord) -> T,
) -> Result<T, ServiceError> {
    let owner = owner(name, caller)?.ok_or_else(|| missing(id))?;
    app.store
        .write(|state| {
            owner.change_user(state, |user| {
                let mut record = user.service_credentials.get(id).cloned().ok_or_else(|| missing(id))?;
                let answer = update(user, &mut record);
                user.service_credentials.insert(id.to_owned(), record);
                Ok(answer)
            })
        })
        .await
}

fn missing(id: &str) -> ServiceError {
    no_such_entity(format!("No such credential {id} exists"))
}

fn described(user: &UserRecord, id: &str, record: &ServiceCredentialRecord) -> ServiceSpecificCredentialMetadata {
    ServiceSpecificCredentialMetadata {
        user_name: user.entity.name.clone(),
        status: if record.active { "Active" } else { "Inactive" }.into(),
        service_user_name: Some(record.user_name.clone()),
        service_credential_alias: None,
        create_date: record.created,
        expiration_date: None,
        service_specific_credential_id: id.to_owned(),
        service_name: record.service.clone(),
    }
}

fn with_password(told: ServiceSpecificCredentialMetadata, password: wire::Sensitive) -> ServiceSpecificCredential {
    ServiceSpecificCredential {
        create_date: told.create_date,
        expiration_date: None,
        service_name: told.service_name,
        service_user_name: told.service_user_name,
        service_password: Some(password),
        service_credential_alias: None,
        service_credential_secret: None,
        service_specific_credential_id: told.service_specific_credential_id,
        user_name: told.user_name,
        status: told.status,
    }
}
