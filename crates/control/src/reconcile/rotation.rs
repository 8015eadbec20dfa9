//! Rotates secrets with the operator's command: four steps, as AWS asks a Lambda function for them.
//!
//! The command learns from its environment what to do: `TIDEGATE_ROTATION_STEP` (`createSecret`, `setSecret`, `testSecret`,
//! `finishSecret`), `TIDEGATE_ROTATION_SECRET_ID`, `TIDEGATE_ROTATION_CLIENT_REQUEST_TOKEN`, `TIDEGATE_ROTATION_LAMBDA_ARN` if
//! there is one; and `AWS_ENDPOINT_URL`, `AWS_REGION` and short-lived credentials of the account, with which it calls us.
//! For `RotateImmediately` false it is called for `testSecret` alone. No value of a secret is given to it. A rotation that is cut off begins again with its first step, so each step must
//! bear repetition, as on AWS.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use domain::iam::{Caller, Identity};
use domain::secrets::region_of;
use tokio::sync::watch;

use crate::app::RotationCommand;
use crate::iam::credentials;
use crate::limits::ROTATION_STEP_SECONDS;
use crate::secretsmanager::record::Purpose;
use crate::secretsmanager::rotation::{self, Failure, Job};
use crate::{App, ServiceError, commands};

/// What AWS asks a rotation function for, in this order.
const STEPS: [&str; 4] = ["createSecret", "setSecret", TEST, "finishSecret"];
/// The step that tries a rotation's configuration by itself.
const TEST: &str = "testSecret";
/// From one look for secrets that are due to the next, when no record changes.
const PERIOD: Duration = Duration::from_secs(30);

/// Rotates until the shutdown.
pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let Some(command) = app.settings.rotation.clone() else { return };
    let mut revision = app.store.revision();
    while !*shutdown.borrow_and_update() {
        revision.mark_unchanged();
        if let Err(error) = rotate_due(&app, &command, &shutdown).await {
            tracing::warn!(%error, "secrets could not be rotated; tried again later");
        }
        tokio::select! {
            changed = revision.changed() => if changed.is_err() { return },
            _ = shutdown.changed() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn rotate_due(
    app: &App,
    command: &RotationCommand,
    shutdown: &watch::Receiver<bool>,
) -> Result<(), ServiceError> {
    for job in rotation::due(app).await? {
        let outcome = rotate(app, command, &job, shutdown).await;
        if *shutdown.borrow() {
            // Cut off by us, so it is no failure of the command's: the next start begins again.
            return Ok(());
        }
        rotation::ended(app, &job, outcome).await?;
    }
    Ok(())
}

async fn rotate(
    app: &App,
    command: &RotationCommand,
    job: &Job,
    shutdown: &watch::Receiver<bool>,
) -> Result<(), Failure> {
    let steps = match job.purpose {
        Purpose::Rotate => &STEPS[..],
        Purpose::Test => &[TEST],
    };
    let deadline = Duration::from_secs(ROTATION_STEP_SECONDS.unsigned_abs());
    for step in steps {
        let command = step_command(app, command, job, step).map_err(Failure::Credentials)?;
        let mut shutdown = shutdown.clone();
        let ended = commands::run(command, deadline, super::shut_down(&mut shutdown)).await;
        ended.map_err(|source| Failure::Step { step, source })?;
    }
    Ok(())
}

fn step_command(app: &App, command: &RotationCommand, job: &Job, step: &str) -> Result<Command, ServiceError> {
    let region = region_of(&job.arn);
    let owner = Caller {
        account: job.account.clone(),
        region: region.to_owned(),
        identity: Identity::Root,
        access_key_id: String::new(),
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    };
    let expiration = app.now().plus_seconds(ROTATION_STEP_SECONDS);
    let credentials = credentials::issue(app, &owner, expiration)?;
    let mut process = commands::shell(&command.command);
    process
        .env("TIDEGATE_ROTATION_STEP", step)
        .env("TIDEGATE_ROTATION_SECRET_ID", &job.arn)
        .env("TIDEGATE_ROTATION_CLIENT_REQUEST_TOKEN", &job.version_id)
        .env("TIDEGATE_ROTATION_LAMBDA_ARN", job.lambda_arn.as_deref().unwrap_or_default())
        .env("AWS_ENDPOINT_URL", &command.endpoint)
        .env("AWS_REGION", region)
        .env("AWS_DEFAULT_REGION", region)
        .env("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.expose())
        .env("AWS_SESSION_TOKEN", credentials.session_token.expose());
    Ok(process)
}
