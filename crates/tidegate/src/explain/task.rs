//! A task explained: why it is where it is.

use api::tidegate::{CheckTaskDefinitionOutput, ExplainTaskInput, ExplainTaskOutput, Failure, Link, Mend, op};
use serde::Serialize;

use super::{Form, WIDTH};
use crate::check;
use crate::client::Client;
use crate::output::{Style, say, wrap};
use crate::tasks;

const KIND_WIDTH: usize = 9;

/// Prints why a task is where it is.
pub(super) async fn run(client: &Client, name: &str, form: Form) -> anyhow::Result<()> {
    let found = tasks::find(client, name).await?;
    let explanation = ask(client, &found.cluster, found.id()).await?;
    let wants_mends = !explanation.failures.is_empty() || explanation.last_status == "RUNNING";
    let now = if wants_mends { Some(check::of_task(client, &found.cluster, found.id()).await) } else { None };
    let style = Style::of_output();
    match form {
        Form::Json => {
            let now = now.transpose()?;
            say(serde_json::to_string_pretty(&Explained { explanation: &explanation, now: now.as_ref() })?)?;
        }
        Form::Readable => {
            for line in readable(style, &explanation) {
                say(line)?;
            }
            let now = now.iter().flat_map(|now| now_lines(style, now, &explanation));
            for line in now.chain(again_lines(style, &explanation)) {
                say(line)?;
            }
        }
    }
    Ok(())
}

/// Why a task is where it is, and how its road is now.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    explanation: &'a ExplainTaskOutput,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<&'a CheckTaskDefinitionOutput>,
}

/// What is broken of the road now, and what mends it.
fn now_lines(
    style: Style,
    now: &anyhow::Result<CheckTaskDefinitionOutput>,
    explanation: &ExplainTaskOutput,
) -> Vec<String> {
    let failed = !explanation.failures.is_empty();
    let mut lines = Vec::new();
    match now {
        Err(_) if !failed => return lines,
        Err(error) => {
            let told = wrap(&format!("Not looked at: {error}"), WIDTH - 2);
            lines.extend(told.iter().map(|line| format!("  {line}")));
        }
        Ok(now) => {
            let broken = now.roads.iter().flat_map(|road| &road.links).filter(|link| link.mend.is_some());
            lines.extend(broken.flat_map(|link| link_lines(style, link, KIND_WIDTH)));
            if now.outcome == "good" && failed {
                lines.push(format!("  {}", style.good("Every link is good now.")));
            }
        }
    }
    if !lines.is_empty() {
        lines.splice(0..0, [String::new(), style.bold("Its road now")]);
    }
    lines
}

fn again_lines(style: Style, explanation: &ExplainTaskOutput) -> Vec<String> {
    let Some(again) = &explanation.run_again else { return Vec::new() };
    vec![String::new(), style.bold("To run it again"), format!("  {}", again.command)]
}

/// Asks the server for the explanation of a task.
pub(crate) async fn ask(client: &Client, cluster: &str, task: &str) -> anyhow::Result<ExplainTaskOutput> {
    let input = ExplainTaskInput { task: task.to_owned(), cluster: Some(cluster.to_owned()) };
    Ok(client.call::<op::ExplainTask>(&input).await?)
}

/// The explanation in lines.
pub(crate) fn readable(style: Style, explanation: &ExplainTaskOutput) -> Vec<String> {
    let id = tasks::id_of(&explanation.task_arn);
    let status = match &explanation.stop_code {
        Some(code) => format!("{} ({code})", explanation.last_status),
        None => explanation.last_status.clone(),
    };
    let mut lines = vec![format!("{} {id} is {status}", style.bold("Task"), status = style.bold(&status))];
    if let Some(reason) = &explanation.stopped_reason {
        lines.extend(wrap(reason, WIDTH).into_iter().map(|line| format!("  {line}")));
    }
    for failure in &explanation.failures {
        lines.push(String::new());
        lines.extend(failure_lines(style, failure, explanation));
    }
    if explanation.failures.is_empty() {
        lines.push(String::new());
        if explanation.last_status == "RUNNING" {
            lines.push("It runs; here is its road:".to_owned());
        }
        lines.extend(explanation.road.iter().flat_map(|link| link_lines(style, link, KIND_WIDTH)));
    }
    lines
}

fn failure_lines(style: Style, failure: &Failure, explanation: &ExplainTaskOutput) -> Vec<String> {
    let mut lines = Vec::new();
    let sentence = format!("{}: {}", failure.name, failure.message);
    let of = failure
        .container
        .as_ref()
        .map_or_else(|| " of the task".to_owned(), |name| format!(" of the container {name}"));
    lines.push(style.bold(&format!("The road{of}")));
    if explanation.stopped_reason.as_ref() != Some(&sentence) {
        lines.extend(wrap(&sentence, WIDTH).into_iter().map(|line| format!("  {line}")));
    }
    if failure.links.is_empty() {
        lines.push("  Nothing more is known than this sentence.".to_owned());
    }
    lines.extend(failure.links.iter().flat_map(|link| link_lines(style, link, KIND_WIDTH)));
    lines
}

/// A link in lines: what it is about after a column of this width for its kind, what was found, and the mend.
pub(crate) fn link_lines(style: Style, link: &Link, kind_width: usize) -> Vec<String> {
    let mark = match link.outcome.as_str() {
        "good" => style.good("✓"),
        "broken" => style.bad("✗"),
        _ => style.dim("·"),
    };
    let subject = if link.outcome == "broken" { style.bold(&link.subject) } else { link.subject.clone() };
    let mut lines = vec![format!("  {mark} {:<kind_width$} {subject}", link.kind)];
    let indent = " ".repeat(kind_width + 5);
    let detail = wrap(&link.detail, WIDTH - indent.len()).into_iter().filter(|line| !line.is_empty());
    lines.extend(
        detail.map(|line| format!("{indent}{}", if link.outcome == "broken" { line } else { style.dim(&line) })),
    );
    if let Some(mend) = &link.mend {
        for (index, line) in wrap(mend, WIDTH - indent.len() - 2).into_iter().enumerate() {
            let arrow = if index == 0 { "→" } else { " " };
            lines.push(format!("{indent}{}", style.hint(&format!("{arrow} {line}"))));
        }
    }
    lines.extend(link.mends.iter().flatten().flat_map(|mend| mend_lines(style, mend, &indent)));
    lines
}

/// A mend in lines: what it does, and its commands, which are to be pasted and therefore not broken into lines.
fn mend_lines(style: Style, mend: &Mend, indent: &str) -> Vec<String> {
    let mut lines = vec![format!("{indent}  {}", style.hint(&format!("{}:", mend.title)))];
    let is_other = mend.steps.is_empty() || mend.steps.iter().any(|step| step.operation == "RegisterTaskDefinition");
    let again = mend.run_again.iter().filter(|_| is_other);
    let commands = mend.steps.iter().chain(again).map(|step| step.command.as_str());
    lines.extend(commands.flat_map(str::lines).map(|line| format!("{indent}  {line}")));
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use expect_test::expect;

    use super::*;

    pub(crate) fn link(kind: &str, subject: &str, outcome: &str, detail: &str, mend: Option<&str>) -> Link {
        Link {
            kind: kind.into(),
            subject: subject.into(),
            outcome: outcome.into(),
            detail: detail.into(),
            mend: mend.map(Into::into),
            mends: None,
        }
    }

    #[test]
    fn a_failure_shows_the_broken_link_and_the_mend() {
        let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): 401 Unauthorized";
        let explanation = ExplainTaskOutput {
            task_arn: "arn:aws:ecs:us-east-1:123456789012:task/demo/0123456789abcdef0123456789abcdef".into(),
            last_status: "STOPPED".into(),
            stop_code: Some("TaskFailedToStart".into()),
            stopped_reason: Some(reason.into()),
            failures: vec![Failure {
                container: Some("web".into()),
                name: "CannotPullContainerError".into(),
                message: "pull image manifest has been retried 1 time(s): 401 Unauthorized".into(),
                links: vec![
                    link("secret", "arn:…:secret:login", "good", "The secret was read.", None),
                    link(
                        "registry",
                        "127.0.0.1:5000",
                        "broken",
                        "The registry answered 401 to the user alice.",
                        Some("Put the right password into the secret."),
                    ),
                    link("image", "127.0.0.1:5000/demo/web", "notReached", "", None),
                ],
            }],
            road: Vec::new(),
            run_again: None,
        };
        expect![[r"
            Task 0123456789abcdef0123456789abcdef is STOPPED (TaskFailedToStart)
              CannotPullContainerError: pull image manifest has been retried 1 time(s): 401 Unauthorized

            The road of the container web
              ✓ secret    arn:…:secret:login
                          The secret was read.
              ✗ registry  127.0.0.1:5000
                          The registry answered 401 to the user alice.
                          → Put the right password into the secret.
              · image     127.0.0.1:5000/demo/web"]]
        .assert_eq(&readable(Style::Plain, &explanation).join("\n"));
    }

    #[test]
    fn a_running_task_shows_its_road() {
        let explanation = ExplainTaskOutput {
            task_arn: "arn:aws:ecs:us-east-1:123456789012:task/demo/0123456789abcdef0123456789abcdef".into(),
            last_status: "RUNNING".into(),
            road: vec![link("container", "web", "good", "It runs.", None)],
            ..ExplainTaskOutput::default()
        };
        expect![[r"
            Task 0123456789abcdef0123456789abcdef is RUNNING

            It runs; here is its road:
              ✓ container web
                          It runs."]]
        .assert_eq(&readable(Style::Plain, &explanation).join("\n"));
    }
}
