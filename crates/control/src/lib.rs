//! The control plane: the front door, the store, one folder per AWS service, and the reconcilers.
//!
//! It knows no kernel: what runs tasks is behind [`domain::compute::Compute`], and only the reconcilers hold one. An
//! [`App`], which handlers get, has none, so a handler can write intentions and nothing else.

pub mod app;
pub mod audit;
pub mod bookkeeping;
mod check;
pub mod cloudtrail;
pub mod commands;
pub mod console;
pub mod ec2;
pub mod ecs;
pub mod error;
pub mod explain;
pub mod front;
pub mod iam;
pub mod kms;
pub mod limits;
pub mod logs;
mod page;
mod prepared;
pub mod reconcile;
pub mod request;
pub mod seal;
pub mod secretsmanager;
pub mod ssm;
pub mod store;
pub mod sts;
pub mod task_services;
#[cfg(test)]
pub(crate) mod testing;

pub use app::{App, Rehearsal, Settings};
pub use error::ServiceError;
pub use request::{Access, Authorized, Request};

use std::sync::Arc;

use domain::compute::{ImageInspection, UsageInspection};
use front::Router;
use iam::RootAccessKey;

/// Every operation that is served. `images` is what CheckTaskDefinition asks about images, `usage` what DescribeTaskUsage
/// asks about tasks.
pub fn router(images: &Arc<dyn ImageInspection>, usage: &Arc<dyn UsageInspection>) -> Router {
    let mut router = services();
    explain::routes(&mut router, usage);
    check::routes(&mut router, images, services());
    router
}

/// AWS's operations.
fn services() -> Router {
    let mut router = Router::new();
    ecs::routes(&mut router);
    ec2::routes(&mut router);
    secretsmanager::routes(&mut router);
    ssm::routes(&mut router);
    kms::routes(&mut router);
    iam::routes(&mut router);
    sts::routes(&mut router);
    logs::routes(&mut router);
    cloudtrail::routes(&mut router);
    router
}

/// Makes what an account has from its first day, as far as it is not there: the default network of the server's own region,
/// and the root user's access key, which is answered. `given` is the key that the operator wants it to be.
///
/// # Errors
/// The root key is not the one that sealed the records, or the records cannot be written.
pub async fn first_start(app: &App, given: Option<RootAccessKey>) -> Result<RootAccessKey, ServiceError> {
    app.store
        .write(|state| {
            // First, so that a wrong root key is told before anything is sealed with it.
            seal::first_start(app, state)?;
            ec2::adopt(app, state);
            ecs::adopt(app, state);
            let home = ec2::Owner { account: &app.settings.account, region: &app.settings.region };
            ec2::make_default_network(app, state, home);
            iam::root_access_key(app, state, given)
        })
        .await
}
