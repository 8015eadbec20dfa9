//! What calls leave behind beside what they were made for: when access keys, roles and secrets were used last.
//!
//! A use costs no write: it is kept in memory and saved from time to time, so that no reading waits for the disk or fails
//! because it is full. A crash forgets the uses since the last time.

use std::sync::Arc;
use std::time::Duration;

use crate::App;
use crate::audit::last_used;
use crate::limits::LAST_USE_SAVE_SECONDS;
use crate::secretsmanager::last_access;
use crate::store::StoreError;

/// Makes the uses since the last time durable.
///
/// # Errors
/// [`StoreError`]; the uses are kept for the next time then.
pub async fn save(app: &App) -> Result<(), StoreError> {
    last_used::save(app).await?;
    last_access::save(app).await
}

/// Saves from time to time. Never returns.
pub(crate) async fn keep_saving(app: Arc<App>) {
    loop {
        tokio::time::sleep(Duration::from_secs(LAST_USE_SAVE_SECONDS)).await;
        if let Err(error) = save(&app).await {
            tracing::warn!(%error, "when keys, roles and secrets were used last could not be saved; tried again later");
        }
    }
}
