//! Account settings. They are kept and shown; the long ARN formats are always on.

use std::sync::Arc;

use api::ecs::{
    ListAccountSettingsInput, ListAccountSettingsOutput, PutAccountSettingInput, PutAccountSettingOutput, Setting,
};
use domain::compute::LogMode;
use domain::iam::{Caller, Identity};

use super::error::parameter;
use super::page::page;
use super::record::AccountSettingRecord;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The settings with the values they can have; the first one holds when nobody set any.
const SETTINGS: [(&str, &[&str]); 11] = [
    ("awsvpcTrunking", &["disabled", "enabled"]),
    ("containerInsights", &["disabled", "enabled", "enhanced"]),
    ("containerInstanceLongArnFormat", &["enabled"]),
    (LOG_MODE.0, LOG_MODE.1),
    ("dualStackIPv6", &["disabled", "enabled"]),
    ("fargateFIPSMode", &["disabled", "enabled"]),
    ("fargateTaskRetirementWaitPeriod", &["7", "0", "14"]),
    ("guardDutyActivate", &["off", "on"]),
    ("serviceLongArnFormat", &["enabled"]),
    ("tagResourceAuthorization", &["on", "off"]),
    ("taskLongArnFormat", &["enabled"]),
];
/// AWS's default is non-blocking since June 2025.
const LOG_MODE: (&str, &[&str]) = ("defaultLogDriverMode", &["non-blocking", "blocking"]);
/// The most settings of one page.
const PAGE_ITEMS: usize = 10;
/// Whose setting holds for everybody without one.
const EVERYBODY: &str = "default";

/// ListAccountSettings.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListAccountSettingsInput>,
) -> Result<ListAccountSettingsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ecs:ListAccountSettings")))?;
    let principal = principal(&caller, input.principal_arn.as_deref())?;
    let state = app.store.read();
    let own = |name: &str| state.account_settings.get(&key(&caller, &principal, name));
    let items = SETTINGS
        .into_iter()
        .filter(|(name, _)| input.name.as_deref().is_none_or(|wanted| wanted == *name))
        .filter_map(|(name, values)| {
            let setting = if input.effective_settings == Some(true) {
                effective(&state, &caller, &principal, name, values)
            } else {
                shown(name, &own(name)?.value, &principal)
            };
            Some((name.to_owned(), setting))
        })
        .filter(|(_, setting)| input.value.is_none() || setting.value == input.value);
    let (settings, next_token) = page(items, input.next_token.as_deref(), input.max_results, PAGE_ITEMS)?;
    Ok(ListAccountSettingsOutput { settings: Some(settings), next_token })
}

/// PutAccountSetting.
pub(super) async fn put(
    app: Arc<App>,
    request: Request<PutAccountSettingInput>,
) -> Result<PutAccountSettingOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, _| {
        Ok(Access::to_any("ecs:PutAccountSetting").with_context("ecs:account-setting", &input.name))
    })?;
    let principal = principal(&caller, input.principal_arn.as_deref())?;
    let (_, values) = SETTINGS
        .into_iter()
        .find(|(name, _)| *name == input.name)
        .ok_or_else(|| parameter(format!("Invalid setting name '{}'.", input.name)))?;
    if !values.contains(&input.value.as_str()) {
        return Err(parameter(format!(
            "Invalid value '{}' for the setting '{}'. Valid values: [{}]",
            input.value,
            input.name,
            values.join(", ")
        )));
    }
    let record = AccountSettingRecord { value: input.value.clone() };
    let key = key(&caller, &principal, &input.name);
    app.store
        .write(|state| {
            state.account_settings.put(&key, record);
            Ok::<_, ServiceError>(())
        })
        .await?;
    Ok(PutAccountSettingOutput { setting: Some(shown(&input.name, &input.value, &principal)) })
}

/// Whose settings are meant. Only root may mean somebody else's.
fn principal(caller: &Caller, named: Option<&str>) -> Result<String, ServiceError> {
    let own = principal_of(caller);
    match named {
        None => Ok(own),
        Some(named) if named == own || caller.identity == Identity::Root => Ok(named.to_owned()),
        Some(_) => Err(parameter("You must be the root user, or the principal, to use principalArn.")),
    }
}

/// What a role's sessions set holds for the role.
fn principal_of(caller: &Caller) -> String {
    match &caller.identity {
        Identity::Role { role_arn, .. } => role_arn.clone(),
        _ => caller.arn(),
    }
}

fn key(caller: &Caller, principal: &str, name: &str) -> String {
    let whose = if principal.ends_with(":root") { EVERYBODY } else { principal };
    place_key(&caller.account, &caller.region, whose, name)
}

fn place_key(account: &str, region: &str, whose: &str, name: &str) -> String {
    format!("{account}/{region} {whose} {name}")
}

/// Gives settings from when a server had one region that region: the server's own.
pub(crate) fn adopt(app: &App, state: &mut State) {
    let old: Vec<String> = state.account_settings.iter().map(|(key, _)| key.to_owned()).collect();
    for key in old {
        let parts: Vec<&str> = key.split(' ').collect();
        let [account, whose, name] = parts[..] else { continue };
        if account.contains('/') {
            continue;
        }
        if let Some(record) = state.account_settings.remove(&key) {
            let key = place_key(account, &app.settings.region, whose, name);
            state.account_settings.put(&key, AccountSettingRecord::clone(&record));
        }
    }
}

/// The principal's own setting, the account's, or the one that holds when nobody set any.
fn effective(state: &State, caller: &Caller, principal: &str, name: &str, values: &[&str]) -> Setting {
    let root = Caller { identity: Identity::Root, ..caller.clone() }.arn();
    let own = state.account_settings.get(&key(caller, principal, name));
    match own.or_else(|| state.account_settings.get(&key(caller, &root, name))) {
        Some(record) => shown(name, &record.value, principal),
        None => shown(name, values[0], principal),
    }
}

/// What happens to output that finds no room, for logs whose definition does not say.
pub(super) fn default_log_mode(state: &State, caller: &Caller) -> LogMode {
    let principal = principal_of(caller);
    match effective(state, caller, &principal, LOG_MODE.0, LOG_MODE.1).value.as_deref() {
        Some("blocking") => LogMode::Blocking,
        _ => LogMode::default(),
    }
}

fn shown(name: &str, value: &str, principal: &str) -> Setting {
    Setting {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        principal_arn: Some(principal.to_owned()),
        r#type: Some("user".to_owned()),
    }
}
