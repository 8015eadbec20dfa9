//! Tasks as the commands name and show them: the search by a prefix of the id, and `tidegate ps`.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use api::ecs::{DescribeTasksInput, ListClustersInput, ListTasksInput, StopTaskInput, Task, op};
use wire::Timestamp;

use crate::client::{Client, now};
use crate::output::{Style, age, say, table};

const STOP_PATIENCE: Duration = Duration::from_mins(1);
const REASON_CHARACTERS: usize = 80;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A task that a person named.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) cluster: String,
    pub(crate) task: Task,
}

impl Found {
    /// 32 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        self.task.task_arn.as_deref().map_or("", id_of)
    }

    pub(crate) fn last_status(&self) -> &str {
        self.task.last_status.as_deref().unwrap_or_default()
    }

    /// A value of the attachment that is the network interface.
    pub(crate) fn interface_detail(&self, name: &str) -> Option<&str> {
        let attachments = self.task.attachments.iter().flatten();
        let details = attachments.flat_map(|attachment| attachment.details.iter().flatten());
        details.into_iter().find(|detail| detail.name.as_deref() == Some(name))?.value.as_deref()
    }
}

/// Which tasks `tidegate ps` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Those that shall run.
    Running,
    /// Stopped ones too, as long as ECS remembers them.
    All,
}

/// Prints the tasks of all clusters, the newest first.
pub(crate) async fn list(client: &Client, show: Show) -> anyhow::Result<()> {
    let style = Style::of_output();
    let mut found = all(client, show).await?;
    found.sort_by_key(|found| std::cmp::Reverse(found.task.created_at.unwrap_or_default().milliseconds()));
    if found.is_empty() {
        let hint = if show == Show::Running { " (tidegate ps -a shows stopped ones too)" } else { "" };
        say(format!("There are no tasks{hint}."))?;
        return Ok(());
    }
    let now = now();
    let mut rows = Vec::new();
    for found in &found {
        rows.push(row(client, found, now).await?);
    }
    table(style, &["TASK", "DEFINITION", "CLUSTER", "STATUS", "PUBLIC IP", "AGE", "REASON"], &rows)?;
    Ok(())
}

async fn row(client: &Client, found: &Found, now: Timestamp) -> anyhow::Result<Vec<String>> {
    let task = &found.task;
    let created = task.created_at.unwrap_or(now);
    Ok(vec![
        found.id().chars().take(12).collect(),
        task.task_definition_arn.as_deref().map_or("", id_of).to_owned(),
        id_of(&found.cluster).to_owned(),
        found.last_status().to_owned(),
        public_address(client, found).await?.unwrap_or_else(|| "-".to_owned()),
        age(now.seconds() - created.seconds()),
        shortened(task.stopped_reason.as_deref().unwrap_or_default()),
    ])
}

/// The beginning of a reason; `tidegate explain` has all of it.
fn shortened(reason: &str) -> String {
    match reason.char_indices().nth(REASON_CHARACTERS) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

/// The task's public address; `None` when it has none (any more).
pub(crate) async fn public_address(client: &Client, found: &Found) -> anyhow::Result<Option<String>> {
    let Some(interface) = found.interface_detail("networkInterfaceId") else { return Ok(None) };
    if found.last_status() == "STOPPED" {
        return Ok(None);
    }
    let parameters = [("Filter.1.Name", "network-interface-id"), ("Filter.1.Value.1", interface)];
    let answer = client.query(&api::ec2::SERVICE, "DescribeNetworkInterfaces", &parameters).await?;
    Ok(answer.text("publicIp"))
}

/// Stops every task and waits until nothing of any is left.
pub(crate) async fn stop_all(client: &Client) -> anyhow::Result<()> {
    let deadline = Instant::now() + STOP_PATIENCE;
    loop {
        let mut left = all(client, Show::All).await?;
        left.retain(|found| found.last_status() != "STOPPED");
        if left.is_empty() {
            return Ok(());
        }
        for found in left.iter().filter(|found| found.task.desired_status.as_deref() == Some("RUNNING")) {
            let task = found.task.task_arn.clone().unwrap_or_default();
            let input = StopTaskInput { cluster: Some(found.cluster.clone()), task, reason: None };
            client.call::<op::StopTask>(&input).await?;
        }
        ensure!(Instant::now() < deadline, "{} tasks did not stop", left.len());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The one task whose id begins so, or whose ARN it is.
pub(crate) async fn find(client: &Client, name: &str) -> anyhow::Result<Found> {
    if name.starts_with("arn:") {
        let Some((head, cluster)) = name.rsplit_once('/').and_then(|(head, _)| head.rsplit_once(":task/")) else {
            bail!("{name} is not the ARN of a task");
        };
        let found = describe(client, &format!("{head}:cluster/{cluster}"), vec![name.to_owned()]).await?;
        return one(name, found);
    }
    let mut arns = Vec::new();
    for cluster in clusters(client).await? {
        for arn in task_arns(client, &cluster, Show::All).await? {
            if id_of(&arn).starts_with(name) {
                arns.push((cluster.clone(), arn));
            }
        }
    }
    if arns.len() > 1 {
        let ids: Vec<&str> = arns.iter().map(|(_, arn)| id_of(arn)).collect();
        bail!("{name} begins the ids of several tasks: {}", ids.join(", "));
    }
    let found = match arns.pop() {
        Some((cluster, arn)) => describe(client, &cluster, vec![arn]).await?,
        None => Vec::new(),
    };
    one(name, found)
}

fn one(name: &str, found: Vec<Found>) -> anyhow::Result<Found> {
    match found.into_iter().next() {
        Some(found) => Ok(found),
        None => bail!("there is no task {name}; tidegate ps -a shows all that are remembered"),
    }
}

async fn all(client: &Client, show: Show) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for cluster in clusters(client).await? {
        for arns in task_arns(client, &cluster, show).await?.chunks(100) {
            found.extend(describe(client, &cluster, arns.to_vec()).await?);
        }
    }
    Ok(found)
}

async fn clusters(client: &Client) -> anyhow::Result<Vec<String>> {
    let (mut arns, mut next_token) = (Vec::new(), None);
    loop {
        let input = ListClustersInput { next_token, ..ListClustersInput::default() };
        let answer = client.call::<op::ListClusters>(&input).await?;
        arns.extend(answer.cluster_arns.into_iter().flatten());
        next_token = answer.next_token;
        if next_token.is_none() {
            return Ok(arns);
        }
    }
}

async fn task_arns(client: &Client, cluster: &str, show: Show) -> anyhow::Result<Vec<String>> {
    let statuses: &[&str] = if show == Show::All { &["RUNNING", "STOPPED"] } else { &["RUNNING"] };
    let mut arns = Vec::new();
    for status in statuses {
        let mut next_token = None;
        loop {
            let input = ListTasksInput {
                cluster: Some(cluster.to_owned()),
                desired_status: Some((*status).to_owned()),
                next_token,
                ..ListTasksInput::default()
            };
            let answer = client.call::<op::ListTasks>(&input).await?;
            arns.extend(answer.task_arns.into_iter().flatten());
            next_token = answer.next_token;
            if next_token.is_none() {
                break;
            }
        }
    }
    Ok(arns)
}

async fn describe(client: &Client, cluster: &str, tasks: Vec<String>) -> anyhow::Result<Vec<Found>> {
    let input = DescribeTasksInput { cluster: Some(cluster.to_owned()), tasks, ..DescribeTasksInput::default() };
    let answer = client.call::<op::DescribeTasks>(&input).await?;
    let tasks = answer.tasks.into_iter().flatten();
    Ok(tasks.map(|task| Found { cluster: cluster.to_owned(), task }).collect())
}

/// What stands after the last slash of an ARN.
pub(crate) fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
