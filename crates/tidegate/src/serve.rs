//! `tidegate serve`: opens the store, joins the control plane with this machine, and serves until it is asked to end.
//!
//! Tasks outlive the server: at its end nothing is stopped, at its start it adopts what runs.

use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use control::app::RotationCommand;
use control::audit::Retention;
use control::iam::RootAccessKey;
use control::seal::RootKey;
use control::store::Store;
use control::task_services::AppTaskServices;
use control::{App, Settings};
use domain::compute::{Compute, ImageInspection, TaskServices, UsageInspection};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use node::images::{Inspector, Registries};
use node::{Node, NodeSettings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::arguments::{DATA_DIRECTORY, REGISTRIES, Serve};
use crate::console_link;
use crate::credentials::Credentials;
use crate::data_directory::DataDirectory;
use crate::output::{Style, say};
use crate::root_key;

const WORKERS: usize = 2;
/// How long file work may go on when everything else has ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(options: Serve) -> anyhow::Result<ExitCode> {
    // First of all: it must not be inherited, and is taken while there is one thread.
    let root_key = root_key::of_environment()?;
    std::thread::spawn(control::app::gather_entropy);
    node::protect_secrets().context("this process cannot be protected from being dumped")?;
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("the async runtime cannot be started")?;
    let result = runtime.block_on(serve(options, root_key));
    runtime.shutdown_timeout(FAREWELL);
    result.map(|()| ExitCode::SUCCESS)
}

async fn serve(options: Serve, root_key: Option<RootKey>) -> anyhow::Result<()> {
    let directory = options.data_dir.clone();
    let own = DataDirectory::take(&directory)?;
    let places = control::front::places(descriptors()?);
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", options.listen))?;
    let address = listener.local_addr()?;
    let app = Arc::new(open_app(&options, address, own.records()?, root_key)?);
    let key = control::first_start(&app, key_of_environment()?).await.context("the first start failed")?;
    let credentials = credentials(&options, address, key);
    if let Err(error) = credentials.write(&directory) {
        // It is for `tidegate env` only.
        tracing::error!(%error, path = %Credentials::path(&directory).display(), "the file cannot be written");
    }

    let registries = registries(&options)?;
    let images: Arc<dyn ImageInspection> = Arc::new(Inspector::new(registries.clone()));
    // Before the door opens: a server that answers can run tasks.
    let services: Arc<dyn TaskServices> = Arc::new(AppTaskServices::new(Arc::clone(&app)));
    let node = open_node(&options, registries, services).await?;
    let usage: Arc<dyn UsageInspection> = Arc::<Node>::clone(&node);
    let pages = pages(&options)?;
    let router =
        control::router(&images, &usage).with_pages(Box::new(move |request, nonce| pages.answer(request, nonce)));
    let (end, ended) = watch::channel(false);
    let door = tokio::spawn(control::front::serve(Arc::clone(&app), Arc::new(router), listener, places, {
        let mut ended = ended.clone();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }));
    tell(&options, &credentials)?;
    if let Err(error) = tell_console(&app, &credentials).await {
        tracing::error!(error = format!("{error:#}"), "no link to the console; `tidegate console` makes another one");
    }
    let compute: Arc<dyn Compute> = node;
    let reconcilers = control::reconcile::start(&app, &compute);

    let failure = tokio::select! {
        asked = asked_to_end() => asked.map(|()| None)?,
        failure = app.store.failed() => Some(failure),
    };
    tracing::info!("ending; tasks run on");
    end.send_replace(true);
    door.await.context("the front door did not end well")?;
    reconcilers.shut_down().await;
    app.audit.write_all_counts();
    if let Some(failure) = failure {
        return Err(failure).context(
            "the records could not be made durable, so this server ended: what is on disk only a new one can know. Tasks \
             run on, and the next start adopts them. Look after the disk, then start the server again",
        );
    }
    if let Err(error) = control::bookkeeping::save(&app).await {
        tracing::error!(%error, "when keys, roles and secrets were used last could not be saved");
    }
    Ok(())
}

fn open_app(options: &Serve, address: SocketAddr, store: Store, given: Option<RootKey>) -> anyhow::Result<App> {
    let directory = &options.data_dir;
    let root_key = root_key::open(directory, given, options.root_key_command.as_deref(), &store.read())?;
    let settings = Settings {
        data_directory: directory.clone(),
        region: options.region.clone(),
        account: options.account.clone(),
        public_pool: public_pool(options),
        console_hosts: options.console_host.clone(),
        rotation: options
            .rotation_command
            .clone()
            .map(|command| RotationCommand { command, endpoint: endpoint(address) }),
        audit_retention: Retention { days: options.audit_days, bytes: options.audit_mib * (1 << 20) },
    };
    Ok(App::new(store, settings, Arc::new(crate::client::now), root_key))
}

fn pages(options: &Serve) -> anyhow::Result<console::Pages> {
    let Some(directory) = &options.console_dir else { return Ok(console::Pages::embedded()) };
    console::Pages::of_directory(directory)
        .with_context(|| format!("cannot read the console in {}", directory.display()))
}

fn public_pool(options: &Serve) -> Vec<ipnet::Ipv4Net> {
    if options.public_pool.is_empty() { Settings::default_public_pool() } else { options.public_pool.clone() }
}

/// The root access key that the operator fixes, for CI.
fn key_of_environment() -> anyhow::Result<Option<RootAccessKey>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("TIDEGATE_ROOT_ACCESS_KEY_ID"), variable("TIDEGATE_ROOT_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(access_key_id), Some(secret)) => {
            Ok(Some(RootAccessKey { access_key_id, secret_access_key: secret.into() }))
        }
        _ => bail!("TIDEGATE_ROOT_ACCESS_KEY_ID and TIDEGATE_ROOT_SECRET_ACCESS_KEY are given together or not at all"),
    }
}

/// How many file descriptors this process may have, which are as many as the system lets it.
fn descriptors() -> anyhow::Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).context("the limit of file descriptors cannot be read")?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("the limit of file descriptors cannot be raised")?;
    Ok(most)
}

/// The URL at which clients on this machine reach a server that listens there: over loopback if it listens everywhere.
fn endpoint(address: SocketAddr) -> String {
    let reachable = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(reachable, address.port()))
}

fn credentials(options: &Serve, address: SocketAddr, key: RootAccessKey) -> Credentials {
    Credentials {
        endpoint: endpoint(address),
        region: options.region.clone(),
        access_key_id: key.access_key_id,
        secret_access_key: key.secret_access_key,
        session_token: None,
    }
}

fn tell(options: &Serve, credentials: &Credentials) -> io::Result<()> {
    let directory = options.data_dir.display();
    let option =
        if options.data_dir == Path::new(DATA_DIRECTORY) { String::new() } else { format!(" --data-dir {directory}") };
    let style = Style::of_output();
    say(format!(
        "{} listens on {} (account {}, region {}, data in {directory}). Use it:  {}",
        style.bold("Tidegate"),
        style.bold(&credentials.endpoint),
        options.account,
        options.region,
        style.hint(&format!("eval \"$(tidegate env{option})\""))
    ))
}

/// A way into the console for whoever sees this output; another one is made by `tidegate console`.
async fn tell_console(app: &App, credentials: &Credentials) -> anyhow::Result<()> {
    let root = control::iam::credentials::resolve(app, &app.store.read(), &credentials.access_key_id, None, app.now());
    let (root, _) = root.context("the root user's key is not active")?;
    let token = control::console::link(app, &root).await.context("no link to the console could be made")?;
    let link = console_link::address(&credentials.endpoint, token.expose());
    let style = Style::of_output();
    say(format!("The console, signed in once within five minutes:  {}", style.hint(&link)))?;
    Ok(())
}

fn registries(options: &Serve) -> anyhow::Result<Registries> {
    let file = options.registries.clone().or_else(|| Some(PathBuf::from(REGISTRIES)).filter(|path| path.exists()));
    Ok(file.map(|file| Registries::load(&file)).transpose()?.unwrap_or_default())
}

async fn open_node(
    options: &Serve,
    registries: Registries,
    services: Arc<dyn TaskServices>,
) -> anyhow::Result<Arc<Node>> {
    let mut network = node::network::Settings::new(&options.region);
    network.name.clone_from(&options.network_name);
    network.link = options.network_link;
    let settings = NodeSettings {
        data_directory: options.data_dir.clone(),
        runtime: options.runtime.clone(),
        registries,
        shim_executable: PathBuf::from("/proc/self/exe"),
        network,
    };
    let node =
        Node::open(settings, services).await.context("this machine cannot run tasks (tidegate doctor says more)")?;
    Ok(node)
}

async fn asked_to_end() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
