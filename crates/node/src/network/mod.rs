//! The network of one machine: a namespace per task, one router namespace for all of them, one ruleset.
//!
//! All tasks' interfaces end in the *router*, a network namespace of our own that stands for AWS's VPC fabric and
//! internet gateway: it has a /32 route to every task, the security groups (one nftables table, loaded atomically), the
//! one-to-one translation of public addresses, and the address of the resolver and of the metadata endpoint. One veth
//! pair joins it to the host, which only has a route to the public pool. So VPC ranges never appear in the host's routes
//! (they may overlap with the host's own network, or with each other), nothing in the host's firewall can open or shut a
//! security group, and everything outlives this process.
//!
//! What it does not do: IPv6 inside tasks (it is switched off), peering, NAT gateways.

mod beside;
mod dns;
mod doctor;
mod error;
mod files;
mod interface;
mod loader;
mod namespace;
mod netlink;
mod router;
mod settings;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use domain::compute::InterfaceSpec;
use domain::network::NetworkPlan;

pub use doctor::doctor;
pub use error::NetworkError;
pub use files::{NetworkFiles, files};
pub use namespace::run_in_namespace;
pub use settings::Settings;

use loader::Loader;
use router::Router;

/// Where a task reaches its metadata and credentials: listen with [`Network::bind_in_namespace`].
pub const METADATA_ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 170, 2), 80);

/// The network of this machine. Cheap to share behind an `Arc`; call it from inside a tokio runtime.
pub struct Network {
    router: Arc<Router>,
    loader: Loader,
}

impl Network {
    /// Makes the router or adopts the one that is there, with everything behind it, and starts the resolver.
    ///
    /// # Errors
    /// What is missing on this host (root, `nft`), another server with the same name, or a pool that the host uses
    /// itself. Must be called inside a tokio runtime.
    pub fn open(settings: Settings) -> Result<Self, NetworkError> {
        let router = Arc::new(Router::open(settings)?);
        let loader = Loader::start(Arc::clone(&router))?;
        dns::start(&router, loader.plan())?;
        Ok(Self { router, loader })
    }

    /// Makes the whole node as planned, atomically; returns when it is. Plans that come while one is being loaded are
    /// loaded together: only the newest counts.
    pub async fn apply_plan(&self, plan: Arc<NetworkPlan>) -> Result<(), NetworkError> {
        self.loader.apply(plan).await
    }

    /// Makes a task's namespace with its interface and answers the namespace's path. Waits until a plan that knows the
    /// interface is loaded, so that nothing in the namespace ever runs without its security groups. Doing it again
    /// changes nothing.
    pub async fn prepare(&self, interface: &InterfaceSpec, task_id: &str) -> Result<PathBuf, NetworkError> {
        let path = self.namespace_path(task_id);
        let (router, spec, task) = (Arc::clone(&self.router), interface.clone(), task_id.to_owned());
        let made = blocking(move || interface::prepare(&router, &spec, &task));
        let (made, loaded) = tokio::join!(made, self.loader.wait_for(&interface.id));
        made?;
        loaded?;
        Ok(path)
    }

    /// Takes a task's namespace and interface away. Doing it again changes nothing.
    pub async fn remove(&self, task_id: &str) -> Result<(), NetworkError> {
        let (router, task) = (Arc::clone(&self.router), task_id.to_owned());
        blocking(move || interface::remove(&router, &task)).await
    }

    /// The tasks that have a namespace.
    pub fn list(&self) -> Vec<String> {
        namespace::list(&self.router.settings.task_prefix())
    }

    /// Where the namespace of a task is, or would be.
    pub fn namespace_path(&self, task_id: &str) -> PathBuf {
        namespace::path(&self.router.settings.task_namespace(task_id))
    }

    /// A listener that only this task can reach, on an address that the router owns ([`METADATA_ADDRESS`]).
    ///
    /// It listens in the router, bound to the task's interface: inside the task's own namespace it would take the port
    /// from the task (a web server could not listen on `0.0.0.0:80`). The task must have been prepared. The listener
    /// ends with its interface; it is non-blocking.
    pub fn bind_in_namespace(&self, task_id: &str, address: SocketAddrV4) -> io::Result<TcpListener> {
        self.router.listen_for(task_id, address)
    }

    /// Takes everything away: all tasks' namespaces, the router, and what was put into the host.
    pub async fn uninstall(self) -> Result<(), NetworkError> {
        let Self { router, loader } = self;
        loader.stop();
        blocking(move || {
            for task_id in namespace::list(&router.settings.task_prefix()) {
                interface::remove(&router, &task_id)?;
            }
            router.uninstall()
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NetworkError> + Send + 'static,
) -> Result<T, NetworkError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(NetworkError::Internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
