//! `tidegate logs`: what a task's containers print, from their CloudWatch Logs streams.

use std::time::Duration;

use anyhow::bail;
use api::ecs::{ContainerDefinition, DescribeTaskDefinitionInput, op};
use api::logs::{GetLogEventsInput, OutputLogEvent, op as logs_op};

use crate::client::{CallError, Client};
use crate::output::{Style, say};
use crate::tasks::{self, Found};

/// When `tidegate logs` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// At the newest line.
    Now,
    /// When the task has stopped.
    Stopped,
}

const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A container's stream and how far it has been printed.
struct Stream {
    container: String,
    region: String,
    group: String,
    name: String,
    token: Option<String>,
}

/// Prints what a task's containers have printed, oldest first.
pub(crate) async fn run(client: &Client, name: &str, until: Until) -> anyhow::Result<()> {
    let style = Style::of_output();
    let found = tasks::find(client, name).await?;
    let mut streams = streams(client, &found).await?;
    if streams.is_empty() {
        bail!("no container of this task logs to CloudWatch Logs (logConfiguration with the logDriver awslogs)");
    }
    let several = streams.len() > 1;
    let arn = found.task.task_arn.clone().unwrap_or_default();
    loop {
        // Whether it has stopped is asked before the lines: what it printed last is then among them.
        let ends = until == Until::Now || tasks::find(client, &arn).await?.last_status() == "STOPPED";
        print(client, style, &mut streams, several).await?;
        if ends {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn print(client: &Client, style: Style, streams: &mut [Stream], several: bool) -> anyhow::Result<()> {
    let mut lines: Vec<(i64, String)> = Vec::new();
    for stream in streams {
        for event in next(client, stream).await? {
            let message = event.message.unwrap_or_default();
            let line = if several { format!("{}  {message}", style.hint(&stream.container)) } else { message };
            lines.push((event.timestamp.unwrap_or_default(), line));
        }
    }
    lines.sort_by_key(|(time, _)| *time);
    for (_, line) in lines {
        say(line)?;
    }
    Ok(())
}

/// The events after those already printed.
async fn next(client: &Client, stream: &mut Stream) -> anyhow::Result<Vec<OutputLogEvent>> {
    let mut events = Vec::new();
    loop {
        let input = GetLogEventsInput {
            log_group_name: Some(stream.group.clone()),
            log_stream_name: stream.name.clone(),
            next_token: stream.token.clone(),
            start_from_head: Some(true),
            ..GetLogEventsInput::default()
        };
        let answer = match client.in_region(&stream.region).call::<logs_op::GetLogEvents>(&input).await {
            // The stream is made when the container starts.
            Err(CallError::Service { code, .. }) if code == "ResourceNotFoundException" => return Ok(events),
            other => other?,
        };
        events.extend(answer.events.into_iter().flatten());
        if answer.next_forward_token == stream.token {
            return Ok(events);
        }
        stream.token = answer.next_forward_token;
    }
}

async fn streams(client: &Client, found: &Found) -> anyhow::Result<Vec<Stream>> {
    let input = DescribeTaskDefinitionInput {
        task_definition: found.task.task_definition_arn.clone().unwrap_or_default(),
        ..DescribeTaskDefinitionInput::default()
    };
    let definition = client.call::<op::DescribeTaskDefinition>(&input).await?.task_definition.unwrap_or_default();
    let containers = definition.container_definitions.into_iter().flatten();
    Ok(containers.filter_map(|container| stream(&container, found.id())).collect())
}

fn stream(container: &ContainerDefinition, task_id: &str) -> Option<Stream> {
    let configuration = container.log_configuration.as_ref()?;
    let options = configuration.options.as_ref()?;
    let name = container.name.clone()?;
    Some(Stream {
        region: options.get("awslogs-region")?.clone(),
        group: options.get("awslogs-group")?.clone(),
        name: format!("{}/{name}/{task_id}", options.get("awslogs-stream-prefix")?),
        container: name,
        token: None,
    })
}
