//! Takes away records that have been kept for long enough: stopped tasks, used client tokens, ended sessions of
//! the console, keys and secrets whose window has ended, parameters that have expired. Slow on purpose; nothing
//! waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::{App, ServiceError, console, ecs, kms, secretsmanager, ssm};

/// From one sweep to the next.
const PERIOD: Duration = Duration::from_mins(1);

/// Sweeps until the shutdown.
pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = super::shut_down(&mut shutdown) => return,
            _ = ticks.tick() => sweep(&app).await,
        }
    }
}

async fn sweep(app: &App) {
    let now = app.now();
    let result = app
        .store
        .write(|state| {
            ecs::sweep(state, now);
            console::sweep(state, now);
            Ok::<_, ServiceError>(())
        })
        .await;
    for result in [result, kms::sweep(app).await, secretsmanager::sweep(app).await, ssm::sweep(app).await] {
        if let Err(error) = result {
            tracing::warn!(%error, "old records could not be taken away; tried again later");
        }
    }
}
