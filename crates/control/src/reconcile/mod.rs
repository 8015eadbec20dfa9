//! What makes intentions true. Only here is there a compute.
//!
//! - `tasks`: every task from PROVISIONING to STOPPED, one run per task at a time
//! - `network`: the node's network as the records want it
//! - `rotation`: secrets that are due, with the operator's command
//! - `sweep`: what has been kept for long enough
//! - and what other rooms keep up: retention of logs and of the audit, [`crate::bookkeeping`]
//!
//! Reconcilers are told "look again" (a new revision of the records, a change of the compute) and decide from what they
//! see; nothing is lost when they are cut off at any point. They do nothing while nothing changes, but for a slow rescan.

#[cfg(test)]
mod fake_compute;
mod network;
mod rotation;
mod sweep;
mod tasks;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::compute::Compute;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{App, audit, bookkeeping, logs};

/// From a reconciler's panic to its next start.
const RESTART: Duration = Duration::from_secs(1);

/// Work that goes on until it is dropped.
type Keeper = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The running reconcilers.
pub struct Reconcilers {
    shutdown: watch::Sender<bool>,
    handles: Vec<JoinHandle<()>>,
}

/// Starts all reconcilers, and what else goes on in the background. They run until [`Reconcilers::shut_down`].
pub fn start(app: &Arc<App>, compute: &Arc<dyn Compute>) -> Reconcilers {
    let (shutdown, receiver) = watch::channel(false);
    let mut handles = vec![
        keep_running("tasks", receiver.clone(), {
            let (app, compute, shutdown) = (Arc::clone(app), Arc::clone(compute), receiver.clone());
            move || tasks::run(Arc::clone(&app), Arc::clone(&compute), shutdown.clone())
        }),
        keep_running("network", receiver.clone(), {
            let (app, compute, shutdown) = (Arc::clone(app), Arc::clone(compute), receiver.clone());
            move || network::run(Arc::clone(&app), Arc::clone(&compute), shutdown.clone())
        }),
        keep_running("rotation", receiver.clone(), {
            let (app, shutdown) = (Arc::clone(app), receiver.clone());
            move || rotation::run(Arc::clone(&app), shutdown.clone())
        }),
        keep_running("sweep", receiver.clone(), {
            let (app, shutdown) = (Arc::clone(app), receiver.clone());
            move || sweep::run(Arc::clone(&app), shutdown.clone())
        }),
    ];
    let mut keep = |name, make: fn(Arc<App>) -> Keeper| {
        let (app, shutdown) = (Arc::clone(app), receiver.clone());
        handles.push(keep_running(name, receiver.clone(), move || {
            let (keeper, mut shutdown) = (make(Arc::clone(&app)), shutdown.clone());
            async move {
                tokio::select! {
                    () = keeper => {}
                    () = shut_down(&mut shutdown) => {}
                }
            }
        }));
    };
    keep("log retention", |app| Box::pin(logs::keep_retention(app)));
    keep("audit retention", |app| Box::pin(audit::keep_retention(app)));
    keep("audit counts", |app| Box::pin(audit::keep_counts(app)));
    keep("bookkeeping", |app| Box::pin(bookkeeping::keep_saving(app)));
    Reconcilers { shutdown, handles }
}

impl Reconcilers {
    /// Ends the reconcilers after the step they are at. Tasks go on running.
    pub async fn shut_down(self) {
        self.shutdown.send_replace(true);
        for handle in self.handles {
            if let Err(error) = handle.await {
                tracing::error!(%error, "a reconciler did not end well");
            }
        }
    }
}

/// Resolves at the shutdown.
async fn shut_down(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a shutdown too.
    let _ = shutdown.wait_for(|shutdown| *shutdown).await;
}

/// Runs a reconciler, and again when it panics.
fn keep_running<F>(
    name: &'static str,
    mut shutdown: watch::Receiver<bool>,
    make: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        while let Err(error) = tokio::spawn(make()).await {
            tracing::error!(reconciler = name, %error, "a reconciler broke off and is started again");
            tokio::select! {
                () = tokio::time::sleep(RESTART) => {}
                () = shut_down(&mut shutdown) => return,
            }
        }
    })
}
