//! Loads plans: one thread, always the newest plan, one nft transaction in the router (and one in the host when the
//! host's part changed).

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use domain::network::{NetworkPlan, ruleset};
use tokio::sync::watch;

use super::router::Router;
use super::{NetworkError, beside};

/// How long a task's start waits for a plan with its interface.
const PLAN_SECONDS: u64 = 20;
/// How often other firewalls on the host are looked at.
const BESIDE_SECONDS: u64 = 30;

/// What is loaded now.
#[derive(Clone, Default)]
pub(super) struct Loaded {
    /// How many of the wanted plans are done with (loaded, or given up for a newer one).
    number: u64,
    /// The plan in force.
    pub(super) plan: Arc<NetworkPlan>,
    /// Why the newest plan is not in force.
    error: Option<String>,
}

#[derive(Default)]
struct Wanted {
    number: u64,
    plan: Arc<NetworkPlan>,
}

/// The way to the loading thread, which ends when this is dropped.
pub(super) struct Loader {
    wanted: Arc<Mutex<Wanted>>,
    wake: Sender<()>,
    loaded: watch::Receiver<Loaded>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Loader {
    /// Starts the thread. A router without a ruleset gets one that lets nothing pass before this returns.
    pub(super) fn start(router: Arc<Router>) -> Result<Self, NetworkError> {
        in_router(&router, || {
            let there = Command::new("nft")
                .args(["list", "table", "inet", "tidegate"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if there.is_ok_and(|status| status.success()) {
                Ok(())
            } else {
                nft(&ruleset::render(&NetworkPlan::default()))
            }
        })?;
        let wanted = Arc::new(Mutex::new(Wanted::default()));
        let (wake, woken) = channel();
        let (publish, loaded) = watch::channel(Loaded::default());
        let seen = Arc::clone(&wanted);
        let thread = thread::Builder::new()
            .name("network".into())
            .spawn(move || {
                Worker { router, last_router: String::new(), last_host: String::new() }.run(&seen, &woken, &publish);
            })
            .map_err(|error| NetworkError::Internal(error.to_string()))?;
        Ok(Self { wanted, wake, loaded, thread: Some(thread) })
    }

    /// What is loaded, now and later.
    pub(super) fn plan(&self) -> watch::Receiver<Loaded> {
        self.loaded.clone()
    }

    /// Wants this plan and waits until it, or a newer one, is in force.
    pub(super) async fn apply(&self, plan: Arc<NetworkPlan>) -> Result<(), NetworkError> {
        let number = {
            let mut wanted = self.wanted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            wanted.number += 1;
            wanted.plan = plan;
            wanted.number
        };
        let ended = || NetworkError::Internal("the network's thread ended".into());
        self.wake.send(()).map_err(|_| ended())?;
        let mut loaded = self.loaded.clone();
        let loaded = loaded.wait_for(|loaded| loaded.number >= number).await.map_err(|_| ended())?;
        loaded.error.clone().map_or(Ok(()), |error| Err(NetworkError::Ruleset(error)))
    }

    /// Waits until the plan in force knows this interface.
    pub(super) async fn wait_for(&self, interface_id: &str) -> Result<(), NetworkError> {
        let mut loaded = self.loaded.clone();
        let known =
            loaded.wait_for(|loaded| loaded.plan.interfaces.iter().any(|interface| interface.id == interface_id));
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(PLAN_SECONDS), known).await {
            return Ok(());
        }
        let reason = self.loaded.borrow().error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
        Err(NetworkError::NotPlanned { interface: interface_id.to_owned(), seconds: PLAN_SECONDS, reason })
    }

    /// Ends the thread and waits for it.
    pub(super) fn stop(mut self) {
        let (unconnected, _) = channel();
        self.wake = unconnected;
        if let Some(thread) = self.thread.take() {
            // A panic of it has been reported where it happened.
            let _ = thread.join();
        }
    }
}

struct Worker {
    router: Arc<Router>,
    last_router: String,
    last_host: String,
}

impl Worker {
    fn run(mut self, wanted: &Mutex<Wanted>, woken: &Receiver<()>, publish: &watch::Sender<Loaded>) {
        let device = self.router.settings.host_device();
        let name = self.router.settings.name.clone();
        beside::ensure(&name, &device);
        loop {
            match woken.recv_timeout(Duration::from_secs(BESIDE_SECONDS)) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => {
                    beside::ensure(&name, &device);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // All who woke us meanwhile want what is newest.
            while woken.try_recv().is_ok() {}
            let (number, plan) = {
                let wanted = wanted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                (wanted.number, Arc::clone(&wanted.plan))
            };
            let result = self.load(&plan);
            if let Err(error) = &result {
                tracing::error!(%error, "the network plan could not be loaded; the earlier one stays in force");
            }
            publish.send_modify(|loaded| {
                loaded.number = number;
                loaded.error = result.as_ref().err().map(ToString::to_string);
                if result.is_ok() {
                    loaded.plan = plan;
                }
            });
        }
    }

    fn load(&mut self, plan: &NetworkPlan) -> Result<(), NetworkError> {
        let settings = &self.router.settings;
        let host = ruleset::render_host(plan, &settings.name, &settings.host_device());
        if host != self.last_host {
            self.router.set_ranges(plan)?;
            nft(&host)?;
            self.last_host = host;
        }
        let script = ruleset::render(plan);
        if script != self.last_router {
            in_router(&self.router, || nft(&script))?;
            self.last_router = script;
        }
        Ok(())
    }
}

fn in_router(router: &Router, work: impl FnOnce() -> Result<(), NetworkError> + Send) -> Result<(), NetworkError> {
    router.inside(work).map_err(|source| NetworkError::Open { what: "the router's namespace".into(), source })?
}

/// Loads a script in one transaction, in the current thread's namespace.
pub(super) fn nft(script: &str) -> Result<(), NetworkError> {
    let failed = |error: std::io::Error| NetworkError::Ruleset(error.to_string());
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // nft reads all of its input before it says anything, so writing it all first cannot block both sides.
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return written.map_err(failed);
    }
    Err(NetworkError::Ruleset(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
