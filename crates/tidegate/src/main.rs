//! The binary: the server, and what a hand reaches for. It wires the rooms together and decides nothing.

mod arguments;
mod audit;
mod check;
mod client;
mod console_link;
mod credentials;
mod data_directory;
mod demo;
mod doctor;
mod explain;
mod logs;
mod output;
mod root_key;
mod serve;
mod tasks;

use std::env;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use crate::arguments::{Arguments, Command, DATA_DIRECTORY, Place};
use crate::client::Client;
use crate::credentials::Credentials;
use crate::output::say;

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "shim") {
        // The shim must run before any other thread exists, and is nobody's command.
        return node::shim::main(words);
    }
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(options) => return serve::run(options),
        Command::Env(place) => {
            let mut credentials = Credentials::read(place.data_dir.as_deref().unwrap_or(Path::new(DATA_DIRECTORY)))?;
            credentials.region = place.region.unwrap_or(credentials.region);
            say(credentials.exports())?;
        }
        Command::Demo { end: None } => runtime()?.block_on(demo::run())?,
        Command::Demo { end: Some(directory) } => runtime()?.block_on(demo::end(&directory))?,
        Command::Console(place) => runtime()?.block_on(console_link::run(&client(&place)?))?,
        Command::Explain { place, name, json } => {
            let form = if json { explain::Form::Json } else { explain::Form::Readable };
            runtime()?.block_on(explain::run(&client(&place)?.in_region_of(&name), &name, form))?;
        }
        Command::Audit(options) => runtime()?.block_on(audit::run(&client(&options.place)?, &options))?,
        Command::Check(options) => return check::run(options),
        Command::Ps { place, all } => {
            let show = if all { tasks::Show::All } else { tasks::Show::Running };
            runtime()?.block_on(tasks::list(&client(&place)?, show))?;
        }
        Command::Logs { place, follow, task } => {
            let until = if follow { logs::Until::Stopped } else { logs::Until::Now };
            runtime()?.block_on(logs::run(&client(&place)?.in_region_of(&task), &task, until))?;
        }
        Command::Doctor(place) => return doctor::run(place.data_dir.as_deref().unwrap_or(Path::new(DATA_DIRECTORY))),
    }
    Ok(ExitCode::SUCCESS)
}

fn client(place: &Place) -> anyhow::Result<Client> {
    let client = Client::find(place.data_dir.as_deref(), Path::new(DATA_DIRECTORY))?;
    Ok(match place.region.clone().or_else(credentials::region_of_environment) {
        Some(region) => client.in_region(region),
        None => client,
    })
}

/// Commands do one thing after another: one thread is enough.
fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("the async runtime cannot be started")
}

/// The reader of a pipe has seen enough (`tidegate logs … | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.into_iter().any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
