//! Virtual MFA devices. The seed of a device is told once and kept sealed; every code is really checked.
//!
//! Not here: a picture of the seed (QRCodePNG), and devices that are things (security keys, hardware tokens).

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    CreateVirtualMFADeviceInput, CreateVirtualMFADeviceOutput, DeactivateMFADeviceInput, DeactivateMFADeviceOutput,
    DeleteVirtualMFADeviceInput, DeleteVirtualMFADeviceOutput, EnableMFADeviceInput, EnableMFADeviceOutput,
    GetMFADeviceInput, GetMFADeviceOutput, ListMFADeviceTagsInput, ListMFADeviceTagsOutput, ListMFADevicesInput,
    ListMFADevicesOutput, ListVirtualMFADevicesInput, ListVirtualMFADevicesOutput, MFADevice, ResyncMFADeviceInput,
    ResyncMFADeviceOutput, TagMFADeviceInput, TagMFADeviceOutput, UntagMFADeviceInput, UntagMFADeviceOutput,
    VirtualMFADevice,
};
use domain::iam::{Caller, Identity};
use wire::Blob;
use zeroize::Zeroizing;

use super::error::{already_exists, delete_conflict, limit_exceeded, no_such_entity, unsealable};
use super::limits::MFA_DEVICES;
use super::name::{arn, base32, now, path};
use super::owner::{Owner, add_tags, requesting_tags, tag_list, tagged, tags};
use super::page::page;
use super::record::{EnabledMfa, MfaDeviceRecord};
use super::tag::{listed, remove_tags};
use super::totp;
use super::user::{self, name_or_caller};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// Bytes of a seed.
const SEED_BYTES: usize = 40;

/// `CreateVirtualMFADevice`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateVirtualMFADeviceInput>,
) -> Result<CreateVirtualMFADeviceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let serial = arn(&caller.account, "mfa", &path(input.path.as_deref())?, &input.virtual_mfa_device_name);
        Ok(requesting_tags(Access::to("iam:CreateVirtualMFADevice", serial), input.tags.as_deref()))
    })?;
    let serial = arn(&caller.account, "mfa", &path(input.path.as_deref())?, &input.virtual_mfa_device_name);
    let seed: Zeroizing<[u8; SEED_BYTES]> = Zeroizing::new(app.random_bytes());
    let record = MfaDeviceRecord {
        account: caller.account,
        sealed_seed: app.root_key.seal(seed.as_slice(), &seed_context(&serial)).map_err(|error| unsealable(&error))?,
        tags: tags(input.tags.as_deref())?,
        enabled: None,
    };
    let told = VirtualMFADevice {
        serial_number: serial.clone(),
        base32_string_seed: Some(Blob(base32(seed.as_slice()).into_bytes())),
        qr_code_png: None,
        user: None,
        enable_date: None,
        tags: (!record.tags.is_empty()).then(|| tag_list(&record.tags)),
    };
    app.store
        .write(|state| {
            if state.iam_mfa_devices.contains(&serial) {
                return Err(already_exists("MFADevice entity at the same path and name already exists."));
            }
            state.iam_mfa_devices.put(&serial, record);
            Ok(CreateVirtualMFADeviceOutput { virtual_mfa_device: told })
        })
        .await
}

/// `ListVirtualMFADevices`
pub(super) async fn list_virtual(
    app: Arc<App>,
    request: Request<ListVirtualMFADevicesInput>,
) -> Result<ListVirtualMFADevicesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, caller| {
        Ok(Access::to("iam:ListVirtualMFADevices", arn(&caller.account, "mfa", "/", "*")))
    })?;
    let state = app.store.read();
    let prefix = arn(&caller.account, "mfa", "/", "");
    let devices =
        state.iam_mfa_devices.with_prefix(&prefix).filter(|(_, device)| match input.assignment_status.as_deref() {
            Some("Assigned") => device.enabled.is_some(),
            Some("Unassigned") => device.enabled.is_none(),
            _ => true,
        });
    let devices = devices.map(|(serial, device)| (serial.to_owned(), described(&state, serial, device)));
    let page = page(devices, input.marker.as_deref(), input.max_items)?;
    Ok(ListVirtualMFADevicesOutput {
        virtual_mfa_devices: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn described(state: &State, serial: &str, device: &MfaDeviceRecord) -> VirtualMFADevice {
    let holder = device.enabled.as_ref().and_then(|enabled| state.iam_users.get(&enabled.user));
    VirtualMFADevice {
        serial_number: serial.to_owned(),
        base32_string_seed: None,
        qr_code_png: None,
        user: holder.map(|user| user::described(&user.entity)),
        enable_date: device.enabled.as_ref().map(|enabled| enabled.since),
        tags: None,
    }
}

/// `DeleteVirtualMFADevice`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteVirtualMFADeviceInput>,
) -> Result<DeleteVirtualMFADeviceOutput, ServiceError> {
    let Authorized { input, .. } = request
        .authorize(&app, |input, state, _| Ok(access("iam:DeleteVirtualMFADevice", state, &input.serial_number)))?;
    app.store
        .write(|state| {
            let device = find(state, &input.serial_number)?;
            if device.enabled.is_some() {
                return Err(delete_conflict("MFA VirtualDevice in use. Must deactivate first."));
            }
            state.iam_mfa_devices.remove(&input.serial_number);
            Ok(DeleteVirtualMFADeviceOutput {})
        })
        .await
}

/// `EnableMFADevice`: two codes in a row prove that the user has the seed.
pub(super) async fn enable(
    app: Arc<App>,
    request: Request<EnableMFADeviceInput>,
) -> Result<EnableMFADeviceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:EnableMFADevice", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    let since = now(&app);
    app.store
        .write(|state| {
            owner.get(state)?;
            let device = find(state, &input.serial_number)?;
            if device.enabled.is_some() {
                return Err(already_exists("MFA Device is already in use."));
            }
            if of_user(state, &owner.key()).count() >= MFA_DEVICES {
                return Err(limit_exceeded(format!("Cannot exceed quota for MFADevicesPerUser: {MFA_DEVICES}")));
            }
            let seed = seed(&app, &input.serial_number, device)?;
            let codes = (&*input.authentication_code1, &*input.authentication_code2);
            let last_step = totp::step_of_pair(&seed, codes.0, codes.1, since.seconds()).ok_or_else(wrong_code)?;
            let enabled = EnabledMfa { user: owner.key(), since, last_step };
            state.iam_mfa_devices.update(&input.serial_number, |device| device.enabled = Some(enabled));
            Ok(EnableMFADeviceOutput {})
        })
        .await
}

/// `ResyncMFADevice`
pub(super) async fn resync(
    app: Arc<App>,
    request: Request<ResyncMFADeviceInput>,
) -> Result<ResyncMFADeviceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:ResyncMFADevice", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    let seconds = now(&app).seconds();
    app.store
        .write(|state| {
            owner.get(state)?;
            let device = find_of(state, &input.serial_number, &owner)?;
            let seed = seed(&app, &input.serial_number, device)?;
            let codes = (&*input.authentication_code1, &*input.authentication_code2);
            let step = totp::step_of_pair(&seed, codes.0, codes.1, seconds).ok_or_else(wrong_code)?;
            took(state, &input.serial_number, step);
            Ok(ResyncMFADeviceOutput {})
        })
        .await
}

/// `DeactivateMFADevice`
pub(super) async fn deactivate(
    app: Arc<App>,
    request: Request<DeactivateMFADeviceInput>,
) -> Result<DeactivateMFADeviceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let name = name_or_caller(input.user_name.as_deref(), caller)?;
        Ok(Owner::user(caller, &name).access("iam:DeactivateMFADevice", state))
    })?;
    let owner = Owner::user(&caller, &name_or_caller(input.user_name.as_deref(), &caller)?);
    app.store
        .write(|state| {
            owner.get(state)?;
            find_of(state, &input.serial_number, &owner)?;
            state.iam_mfa_devices.update(&input.serial_number, |device| device.enabled = None);
            Ok(DeactivateMFADeviceOutput {})
        })
        .await
}

/// `ListMFADevices`, of one user.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListMFADevicesInput>,
) -> Result<ListMFADevicesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        if input.user_name.is_none() && caller.identity == Identity::Root {
            return Ok(Access::to("iam:ListMFADevices", caller.arn()));
        }
        let name = name_or_caller(input.user_name.as_deref(), caller)?;
        Ok(Owner::user(caller, &name).access("iam:ListMFADevices", state))
    })?;
    let state = app.store.read();
    let mut devices = Vec::new();
    // The root user has none: EnableMFADevice is for users.
    if input.user_name.is_some() || caller.identity != Identity::Root {
        let owner = Owner::user(&caller, &name_or_caller(input.user_name.as_deref(), &caller)?);
        let name = &owner.get(&state)?.name;
        devices.extend(of_user(&state, &owner.key()).map(|(serial, enabled)| {
            let device =
                MFADevice { user_name: name.clone(), serial_number: serial.to_owned(), enable_date: enabled.since };
            (serial.to_owned(), device)
        }));
    }
    let page = page(devices.into_iter(), input.marker.as_deref(), input.max_items)?;
    Ok(ListMFADevicesOutput { mfa_devices: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `GetMFADevice`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetMFADeviceInput>,
) -> Result<GetMFADeviceOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:GetMFADevice", state, &input.serial_number)))?;
    let state = app.store.read();
    let device = find(&state, &input.serial_number)?;
    let holder = device.enabled.as_ref().and_then(|enabled| state.iam_users.get(&enabled.user));
    Ok(GetMFADeviceOutput {
        user_name: holder.map(|user| user.entity.name.clone()),
        serial_number: input.serial_number,
        enable_date: device.enabled.as_ref().map(|enabled| enabled.since),
        certifications: None,
    })
}

/// `TagMFADevice`
pub(super) async fn tag(
    app: Arc<App>,
    request: Request<TagMFADeviceInput>,
) -> Result<TagMFADeviceOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(requesting_tags(access("iam:TagMFADevice", state, &input.serial_number), Some(&input.tags)))
    })?;
    change_tags(&app, &input.serial_number, |tags| add_tags(tags, &input.tags)).await?;
    Ok(TagMFADeviceOutput {})
}

/// `UntagMFADevice`
pub(super) async fn untag(
    app: Arc<App>,
    request: Request<UntagMFADeviceInput>,
) -> Result<UntagMFADeviceOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:UntagMFADevice", state, &input.serial_number).with_tag_keys(&input.tag_keys))
    })?;
    change_tags(&app, &input.serial_number, |tags| {
        remove_tags(tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagMFADeviceOutput {})
}

/// `ListMFADeviceTags`
pub(super) async fn list_tags(
    app: Arc<App>,
    request: Request<ListMFADeviceTagsInput>,
) -> Result<ListMFADeviceTagsOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:ListMFADeviceTags", state, &input.serial_number)))?;
    let state = app.store.read();
    let page = listed(&find(&state, &input.serial_number)?.tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListMFADeviceTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

async fn change_tags(
    app: &App,
    serial: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            let changed = state.iam_mfa_devices.update(serial, |device| change(&mut device.tags));
            changed.unwrap_or_else(|| Err(missing(serial)))
        })
        .await
}

/// The time step of the code that a user gives with a call to STS, if it stands and was not taken before.
///
/// # Errors
/// `AccessDenied` when the device is not the caller's or the code does not stand.
pub(crate) fn step_of_code(
    app: &App,
    state: &State,
    caller: &Caller,
    serial: &str,
    code: &str,
) -> Result<u64, ServiceError> {
    let failed = || {
        ServiceError::new("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
            .with_status(403)
    };
    let Identity::User { arn, .. } = &caller.identity else { return Err(failed()) };
    let owner = Owner::user(caller, arn.rsplit('/').next().unwrap_or_default());
    let device = find_of(state, serial, &owner).map_err(|_| failed())?;
    let last_step = device.enabled.as_ref().map_or(u64::MAX, |enabled| enabled.last_step);
    totp::step_of(&seed(app, serial, device)?, code, now(app).seconds(), last_step).ok_or_else(failed)
}

/// Takes the code that a user gives with a call to STS, so that it is good once.
///
/// # Errors
/// As [`step_of_code`].
pub(crate) async fn prove(app: &App, caller: &Caller, serial: &str, code: &str) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            let step = step_of_code(app, state, caller, serial, code)?;
            took(state, serial, step);
            Ok(())
        })
        .await
}

/// The devices of a user, by their serial numbers.
pub(super) fn of_user<'a>(state: &'a State, user: &'a str) -> impl Iterator<Item = (&'a str, &'a EnabledMfa)> {
    state
        .iam_mfa_devices
        .iter()
        .filter_map(|(serial, device)| Some((serial, device.enabled.as_ref()?)))
        .filter(move |(_, enabled)| enabled.user == user)
}

/// The devices of a renamed user go with it.
pub(super) fn rename_user(state: &mut State, from: &str, to: &str) {
    let serials: Vec<String> = of_user(state, from).map(|(serial, _)| serial.to_owned()).collect();
    for serial in serials {
        state.iam_mfa_devices.update(&serial, |device| {
            if let Some(enabled) = &mut device.enabled {
                to.clone_into(&mut enabled.user);
            }
        });
    }
}

fn took(state: &mut State, serial: &str, step: u64) {
    state.iam_mfa_devices.update(serial, |device| {
        if let Some(enabled) = &mut device.enabled {
            enabled.last_step = step;
        }
    });
}

fn access(action: &'static str, state: &State, serial: &str) -> Access {
    let access = Access::to(action, serial);
    match state.iam_mfa_devices.get(serial) {
        Some(device) => tagged(access, &device.tags),
        None => access,
    }
}

fn find<'a>(state: &'a State, serial: &str) -> Result<&'a MfaDeviceRecord, ServiceError> {
    state.iam_mfa_devices.get(serial).map(|device| &**device).ok_or_else(|| missing(serial))
}

fn find_of<'a>(state: &'a State, serial: &str, owner: &Owner) -> Result<&'a MfaDeviceRecord, ServiceError> {
    let device = find(state, serial)?;
    if device.enabled.as_ref().is_some_and(|enabled| enabled.user == owner.key()) {
        return Ok(device);
    }
    Err(no_such_entity(format!("MFA Device invalid for user {}.", owner.name)))
}

fn missing(serial: &str) -> ServiceError {
    no_such_entity(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

fn wrong_code() -> ServiceError {
    ServiceError::new("InvalidAuthenticationCode", "Authentication code for device is not valid.").with_status(403)
}

fn seed(app: &App, serial: &str, device: &MfaDeviceRecord) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    app.root_key.open(&device.sealed_seed, &seed_context(serial)).map_err(|error| unsealable(&error))
}

fn seed_context(serial: &str) -> String {
    format!("iam mfa device {serial}")
}
