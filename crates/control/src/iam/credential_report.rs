//! The credential report: a table of the account's users and of what each could sign in or sign requests with.

use std::fmt::Write as _;
use std::sync::Arc;

use api::iam::{
    GenerateCredentialReportInput, GenerateCredentialReportOutput, GetCredentialReportInput, GetCredentialReportOutput,
};
use wire::{Blob, Timestamp};

use super::account::{change, of_account};
use super::limits::REPORT_SECONDS;
use super::mfa;
use super::name::now;
use super::record::{AccessKeyRecord, CredentialReportRecord, PasswordPolicyRecord, UserRecord};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// `GenerateCredentialReport`. A report is good for four hours; it is made at once, so that the next call finds it.
pub(super) async fn generate(
    app: Arc<App>,
    request: Request<GenerateCredentialReportInput>,
) -> Result<GenerateCredentialReportOutput, ServiceError> {
    let Authorized { caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GenerateCredentialReport")))?;
    let now = now(&app);
    app.store
        .write(|state| {
            let known = of_account(state, &caller.account).credential_report;
            if known.is_some_and(|report| is_good(&report, now)) {
                return Ok(GenerateCredentialReportOutput { state: Some("COMPLETE".into()), description: None });
            }
            let content = content(state, &caller.account);
            let report = CredentialReportRecord { generated: now, content };
            change(state, &caller.account, |account| account.credential_report = Some(report));
            Ok(GenerateCredentialReportOutput {
                state: Some("STARTED".into()),
                description: Some("No report exists. Starting a new report generation task".into()),
            })
        })
        .await
}

/// `GetCredentialReport`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetCredentialReportInput>,
) -> Result<GetCredentialReportOutput, ServiceError> {
    let Authorized { caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetCredentialReport")))?;
    let gone = |code: &'static str, message: &str| ServiceError::new(code, message).with_status(410);
    let report = of_account(&app.store.read(), &caller.account)
        .credential_report
        .ok_or_else(|| gone("ReportNotPresent", "No report exists; generate one first."))?;
    if !is_good(&report, now(&app)) {
        return Err(gone("ReportExpired", "The report is older than four hours; generate another one."));
    }
    Ok(GetCredentialReportOutput {
        content: Some(Blob(report.content.into_bytes())),
        report_format: Some("text/csv".into()),
        generated_time: Some(report.generated),
    })
}

fn is_good(report: &CredentialReportRecord, now: Timestamp) -> bool {
    now.seconds() - report.generated.seconds() < REPORT_SECONDS
}

fn content(state: &State, account: &str) -> String {
    let mut text = String::from(HEADER);
    let policy = of_account(state, account).password_policy;
    let root_keys: Vec<&AccessKeyRecord> = keys(state, account, None);
    let root_since = root_keys.iter().map(|key| key.created).min().unwrap_or_default();
    let _ = write!(
        text,
        "\n<root_account>,arn:aws:iam::{account}:root,{},not_supported,no_information,not_supported,not_supported,false",
        date(root_since)
    );
    write_keys(&mut text, &root_keys);
    for (key, user) in state.iam_users.with_prefix(&format!("{account}/")) {
        let entity = &user.entity;
        let _ = write!(text, "\n{},{},{}", entity.name, entity.arn, date(entity.created));
        write_password(&mut text, user, policy.as_ref());
        let _ = write!(text, ",{}", mfa::of_user(state, key).next().is_some());
        write_keys(&mut text, &keys(state, account, Some(key)));
    }
    text
}

fn keys<'a>(state: &'a State, account: &str, user: Option<&str>) -> Vec<&'a AccessKeyRecord> {
    let own = state.iam_access_keys.values().filter(|key| key.account == account && key.user.as_deref() == user);
    let mut keys: Vec<&AccessKeyRecord> = own.map(|key| &**key).collect();
    keys.sort_by_key(|key| key.created);
    keys
}

fn write_password(text: &mut String, user: &UserRecord, policy: Option<&PasswordPolicyRecord>) {
    let Some(login) = &user.login else {
        text.push_str(",false,N/A,N/A,N/A");
        return;
    };
    let days = policy.and_then(|policy| policy.maximum_age_days);
    let next = days.map_or_else(|| "N/A".to_owned(), |days| date(login.changed.plus_seconds(i64::from(days) * 86_400)));
    let _ = write!(text, ",true,no_information,{},{next}", date(login.changed));
}

/// Two keys, and two certificates that nobody can upload here.
fn write_keys(text: &mut String, keys: &[&AccessKeyRecord]) {
    for place in 0..2 {
        let (active, created) = match keys.get(place) {
            Some(key) => (key.active, date(key.created)),
            None => (false, "N/A".to_owned()),
        };
        let _ = write!(text, ",{active},{created},N/A,N/A,N/A");
    }
    text.push_str(",false,N/A,false,N/A");
}

/// As the report writes dates.
fn date(at: Timestamp) -> String {
    at.to_rfc3339().replace('Z', "+00:00")
}
