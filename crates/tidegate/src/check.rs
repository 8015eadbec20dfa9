//! `tidegate check`: the whole road of a task definition before a task is started, one link after another.
//!
//! The server does the work; nothing is started and nothing is written there.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use api::tidegate::{CheckTaskDefinitionInput, CheckTaskDefinitionOutput, Link, op};

use crate::arguments::Check;
use crate::client::Client;
use crate::explain::link_lines;
use crate::output::{Style, say};
use crate::tasks;

/// What a script can rely on when nothing was found out; clap's code for a wrong command line.
const NOT_CHECKED: u8 = 2;
const GOOD: &str = "good";
const BROKEN: &str = "broken";
const KIND_WIDTH: usize = 10;

/// Checks a task definition and prints what was found.
pub(crate) fn run(check: Check) -> anyhow::Result<ExitCode> {
    let json = check.json;
    let answer = match crate::runtime()?.block_on(ask(check)) {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::from(NOT_CHECKED));
        }
    };
    if json {
        say(serde_json::to_string_pretty(&answer)?)?;
    } else {
        readable(Style::of_output(), &answer).iter().try_for_each(say)?;
    }
    Ok(if answer.outcome == GOOD { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn ask(check: Check) -> anyhow::Result<CheckTaskDefinitionOutput> {
    let client = crate::client(&check.place)?;
    if let Some(name) = &check.task {
        let found = tasks::find(&client, name).await?;
        return of_task(&client, &found.cluster, found.id()).await;
    }
    let input = CheckTaskDefinitionInput {
        document: check.file.as_deref().map(read).transpose()?,
        task: None,
        task_definition: check.family,
        cluster: check.cluster,
        launch_type: check.launch_type,
        subnets: Some(check.subnet).filter(|subnets| !subnets.is_empty()),
    };
    Ok(client.call::<op::CheckTaskDefinition>(&input).await?)
}

/// Checks the road of a task that was run, as it would be now.
pub(crate) async fn of_task(client: &Client, cluster: &str, task: &str) -> anyhow::Result<CheckTaskDefinitionOutput> {
    let (cluster, task) = (Some(cluster.to_owned()), Some(task.to_owned()));
    let input = CheckTaskDefinitionInput { task, cluster, ..CheckTaskDefinitionInput::default() };
    Ok(client.call::<op::CheckTaskDefinition>(&input).await?)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn readable(style: Style, answer: &CheckTaskDefinitionOutput) -> Vec<String> {
    let mut lines = Vec::new();
    for road in &answer.roads {
        if let Some(container) = &road.container {
            lines.push(String::new());
            lines.push(style.bold(&format!("Container {container}")));
        }
        lines.extend(road.links.iter().flat_map(|link| link_lines(style, link, KIND_WIDTH)));
    }
    lines.push(String::new());
    lines.push(verdict(style, answer));
    lines
}

fn verdict(style: Style, answer: &CheckTaskDefinitionOutput) -> String {
    if answer.outcome == GOOD {
        return style.good("Every link is good. Nothing was started.");
    }
    let links = || answer.roads.iter().flat_map(|road| &road.links);
    let broken = links().filter(|link| link.outcome == BROKEN).count();
    let unreached = links().filter(|link| is_unreached(link)).count();
    let link = |count: usize| if count == 1 { "link" } else { "links" };
    let rest = if unreached > 0 { format!(", {unreached} not reached") } else { String::new() };
    style.bad(&format!("{broken} {} broken{rest}. Nothing was started.", link(broken)))
}

fn is_unreached(link: &Link) -> bool {
    link.outcome != GOOD && link.outcome != BROKEN
}

#[cfg(test)]
mod tests {
    use api::tidegate::Road;
    use expect_test::expect;

    use super::*;
    use crate::explain::link;

    fn answer(outcome: &str, registry: Link) -> CheckTaskDefinitionOutput {
        let task = vec![link("definition", "web:1", "good", "RegisterTaskDefinition would take it.", None)];
        let container = vec![registry, link("image", "127.0.0.1:5000/web", "notReached", "Not reached.", None)];
        CheckTaskDefinitionOutput {
            task_definition: None,
            outcome: outcome.into(),
            roads: vec![
                Road { container: None, links: task },
                Road { container: Some("web".into()), links: container },
            ],
        }
    }

    #[test]
    fn a_broken_link_is_shown_with_its_mend() {
        let registry = link("registry", "127.0.0.1:5000", BROKEN, "It answered 401.", Some("Correct the password."));
        expect![[r"
              ✓ definition web:1
                           RegisterTaskDefinition would take it.

            Container web
              ✗ registry   127.0.0.1:5000
                           It answered 401.
                           → Correct the password.
              · image      127.0.0.1:5000/web
                           Not reached.

            1 link broken, 1 not reached. Nothing was started."]]
        .assert_eq(&readable(Style::Plain, &answer(BROKEN, registry)).join("\n"));
    }

    #[test]
    fn a_good_road_says_so() {
        let registry = link("registry", "127.0.0.1:5000", GOOD, "It took the password of alice.", None);
        let lines = readable(Style::Plain, &answer(GOOD, registry));
        assert_eq!(lines.last().map(String::as_str), Some("Every link is good. Nothing was started."));
    }
}
