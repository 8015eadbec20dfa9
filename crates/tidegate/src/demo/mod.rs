//! `tidegate demo`: the road of a private image, walked on this machine, and two ways in which it fails.
//!
//! Everything is real and the demo's own: a registry with a password, a server with a fresh data directory and public
//! addresses of a documentation range. Every step is checked, so without a terminal the exit code tells whether the road
//! can be walked. With a terminal the server and the registry stay, to be tried by hand.

mod image;
mod process;
mod registry;
mod server;
mod story;
mod walk;

use std::fs;
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use self::process::Process;
use self::registry::{Registry, USER};
use self::server::{Place, Server};
use self::story::{Story, show};
use self::walk::Walk;
use crate::client::Client;
use crate::credentials::Credentials;
use crate::output::{Style, say};
use crate::tasks;

/// What the demo has started.
#[derive(Default)]
struct Stage {
    registry: Option<Registry>,
    server: Option<(Server, Client)>,
}

/// Walks the road.
pub(crate) async fn run() -> anyhow::Result<()> {
    let style = Style::of_output();
    let directory = fresh_directory()?;
    let mut stage = Stage::default();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let result = tokio::select! {
        result = walk(style, &directory, &mut stage) => result,
        _ = interrupt.recv() => Err(anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow!("asked to end")),
    };
    if result.is_ok() && io::stdout().is_terminal() {
        return leave_running(style, stage, &directory);
    }
    let cleared = stage.clear().await.context("what the demo started did not end well");
    match result.and(cleared) {
        Ok(()) => {
            fs::remove_dir_all(&directory).context("the demo's directory could not be removed")?;
            say("")?;
            say(style.good("Every step was true. All that was started has ended."))?;
            Ok(())
        }
        Err(error) => Err(error.context(format!("the demo's files stay in {}", directory.display()))),
    }
}

async fn walk(style: Style, directory: &Path, stage: &mut Stage) -> anyhow::Result<()> {
    let mut story = Story::new(style);
    say(style.bold("The road of a private image: task definition → role → secret → key → registry → container"))?;

    story.chapter("A private registry and a server")?;
    let starting = async {
        let registry = Registry::start(&directory.join("registry")).await?;
        ensure!(registry.refuses_strangers().await?, "the registry lets in who has no password");
        Ok(registry)
    };
    let command = "docker-registry serve config.yml";
    let registry = story.step("Start a registry that asks for a password", command, starting).await?;
    let registry = &*stage.registry.insert(registry);
    let page = image::page(&format!("Hello from a private image ({})", &registry::random_text()?[..8]));
    let pushing = async { registry.push(&image::build(&page)?, &format!("{USER}/page"), "latest").await };
    let command = format!("docker push {}/{USER}/page:latest", registry.host);
    let image = story.step("Build a small web page image and push it", &command, pushing).await?;

    let place = Place(u8::from_str_radix(&registry::random_text()?[..2], 16)?);
    let command = format!("tidegate serve --data-dir {}/data", directory.display());
    let (server, credentials) = story.step("Start Tidegate", &command, Server::start(directory, place)).await?;
    show(&format!(
        "It listens on {}. For the AWS CLI lines below:\neval \"$(tidegate env --data-dir {})\"",
        credentials.endpoint,
        server.data_directory.display()
    ))?;
    let (_, client) = &*stage.server.insert((server, Client::new(credentials)?));

    let mut walk = Walk::new(client, directory, image, page);
    let login = json!({"username": USER, "password": registry.password.expose()});
    walk.succeed(&mut story, &login).await?;
    walk.fail_with_a_wrong_password(&mut story).await?;
    walk.fail_without_permission(&mut story).await
}

impl Stage {
    /// Ends everything: the tasks, the server with its network, the registry.
    async fn clear(self) -> anyhow::Result<()> {
        if let Some((server, client)) = self.server {
            tasks::stop_all(&client).await?;
            server.end().await?;
        }
        drop(self.registry);
        Ok(())
    }
}

/// What is written down of a demo that stays, to end it later.
#[derive(Serialize, Deserialize)]
struct Left {
    server: u32,
    registry: u32,
    place: u8,
}

const LEFT: &str = "demo.json";

fn leave_running(style: Style, stage: Stage, directory: &Path) -> anyhow::Result<()> {
    let (Some((server, _)), Some(registry)) = (stage.server, stage.registry) else { return Ok(()) };
    let left = Left { server: server.id(), registry: registry.id(), place: server.place() };
    fs::write(directory.join(LEFT), serde_json::to_vec(&left)?)?;
    let data_directory = server.data_directory.display().to_string();
    server.leave();
    registry.leave();
    for text in [
        String::new(),
        style.good("Every step was true. The server and the registry stay for you:"),
        String::new(),
        format!("  eval \"$(tidegate env --data-dir {data_directory})\""),
        "  aws ecs list-clusters".to_owned(),
        "  tidegate ps -a".to_owned(),
        String::new(),
        "This ends them and removes all they hold:".to_owned(),
        format!("  tidegate demo --end {}", directory.display()),
    ] {
        say(text)?;
    }
    Ok(())
}

/// Ends a demo that was left running, and removes all it holds.
pub(crate) async fn end(directory: &Path) -> anyhow::Result<()> {
    let file = directory.join(LEFT);
    let text = fs::read(&file).with_context(|| format!("no demo was left in {}", directory.display()))?;
    let left: Left = serde_json::from_slice(&text).with_context(|| format!("cannot read {}", file.display()))?;
    if let Some(server) = Server::find(left.server, directory, Place(left.place)) {
        let client = Client::new(Credentials::read(&server.data_directory)?)?;
        Stage { registry: None, server: Some((server, client)) }.clear().await?;
    }
    if let Some(registry) = Process::find(left.registry, directory) {
        registry.end().await?;
    }
    fs::remove_dir_all(directory).with_context(|| format!("{} could not be removed", directory.display()))?;
    say("The demo has ended.")?;
    Ok(())
}

/// A new directory that only its owner reads: it holds the registry's password.
fn fresh_directory() -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("tidegate-demo-{}", &registry::random_text()?[..8]));
    fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}
