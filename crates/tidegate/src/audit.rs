//! `tidegate audit`: who did what, on which resource, and which statement allowed or denied it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use api::tidegate::{SearchEventsInput, op};
use serde_json::Value;
use wire::Timestamp;

use crate::arguments::Audit;
use crate::client::{Client, now};
use crate::output::{Style, say, table};

const PAGE_EVENTS: i32 = 1000;
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const HEADING: [&str; 7] = ["TIME", "WHO", "WHAT", "RESOURCE", "FROM", "OUTCOME", "BY"];

/// Prints the events that the options ask for, the oldest first.
pub(crate) async fn run(client: &Client, options: &Audit) -> anyhow::Result<()> {
    let style = Style::of_output();
    let since = options.since.as_deref().map(|text| moment(text, now())).transpose()?;
    let mut events = newest(client, options, since, options.limit).await?;
    events.reverse();
    if options.json {
        events.iter().try_for_each(say)?;
    } else if events.is_empty() && !options.follow {
        say("No call that is kept fits.")?;
    } else {
        let rows: Vec<Vec<String>> = events.iter().map(|event| row(event)).collect();
        table(style, &HEADING, &rows)?;
    }
    if options.follow { follow(client, options, &events).await } else { Ok(()) }
}

/// Prints what comes, until it is interrupted.
async fn follow(client: &Client, options: &Audit, printed: &[String]) -> anyhow::Result<()> {
    let mut seen: BTreeSet<String> = printed.iter().map(|event| id(event)).collect();
    let mut since = printed.last().and_then(|event| time(event)).unwrap_or_else(now);
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let mut events = newest(client, options, Some(since), usize::MAX).await?;
        events.reverse();
        for event in events.iter().filter(|event| !seen.contains(&id(event))) {
            say(if options.json { event.clone() } else { row(event).join("  ") })?;
        }
        // Only events of the last moment can be told again.
        since = events.last().and_then(|event| time(event)).unwrap_or(since);
        seen = events.iter().map(|event| id(event)).collect();
    }
}

/// The newest events first, each as JSON.
async fn newest(
    client: &Client,
    options: &Audit,
    since: Option<Timestamp>,
    limit: usize,
) -> anyhow::Result<Vec<String>> {
    let (mut events, mut next_token) = (Vec::new(), None);
    loop {
        let left = limit - events.len();
        let input = SearchEventsInput {
            resource: options.resource.clone(),
            caller: options.caller.clone(),
            event_name: options.event.clone(),
            outcome: options.denied.then(|| "denied".to_owned()),
            start_time: since,
            end_time: None,
            max_results: Some(i32::try_from(left).unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS)),
            next_token,
        };
        let answer = client.call::<op::SearchEvents>(&input).await?;
        events.extend(answer.events);
        next_token = answer.next_token;
        if next_token.is_none() || events.len() >= limit {
            return Ok(events);
        }
    }
}

/// `90s`, `15m`, `1h`, `2d` ago, or a time of RFC 3339.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Some(at) = Timestamp::from_rfc3339(text) {
        return Ok(at);
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => bail!("{text} is no time; say 15m, 1h, 2d, or 2026-11-23T12:00:00Z"),
    };
    match text.get(..text.len() - 1).map(str::parse::<u32>) {
        Some(Ok(count)) => Ok(now.plus_seconds(-i64::from(count) * unit)),
        _ => bail!("{text} is no time; say 15m, 1h, 2d, or 2026-11-23T12:00:00Z"),
    }
}

fn parsed(event: &str) -> Value {
    serde_json::from_str(event).unwrap_or_default()
}

/// What tells an event from others; one that counts is told again when it has counted more.
fn id(event: &str) -> String {
    let event = parsed(event);
    format!("{} {}", event["eventID"].as_str().unwrap_or_default(), event["additionalEventData"]["count"])
}

fn time(event: &str) -> Option<Timestamp> {
    Timestamp::from_rfc3339(parsed(event)["eventTime"].as_str()?)
}

fn row(event: &str) -> Vec<String> {
    let event = parsed(event);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let decisions = event["additionalEventData"]["decisions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (outcome, by) = outcome(&event, decisions);
    vec![
        text(&event["eventTime"]),
        who(&event),
        format!("{}:{}", text(&event["eventSource"]).trim_end_matches(".amazonaws.com"), text(&event["eventName"])),
        event["resources"][0]["ARN"].as_str().map_or_else(|| calls(&event), own_part),
        text(&event["sourceIPAddress"]),
        outcome,
        by,
    ]
}

/// What an event counts that stands for more than one call: `12 calls (ecs:ListTasks 12)`.
fn calls(event: &Value) -> String {
    let counted = &event["additionalEventData"];
    let Some(count) = counted["count"].as_u64() else { return "-".to_owned() };
    let mut calls: Vec<(&String, u64)> = counted["calls"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, times)| (name, times.as_u64().unwrap_or(0)))
        .collect();
    calls.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let calls: Vec<String> = calls.iter().map(|(name, times)| format!("{name} {times}")).collect();
    format!("{count} calls ({})", calls.join(", "))
}

/// `root`, a user's name, a role with its session; of a task's session the role and the task.
fn who(event: &Value) -> String {
    let identity = &event["userIdentity"];
    let issuer = identity["sessionContext"]["sessionIssuer"]["userName"].as_str();
    let last = |arn: &Value| arn.as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned();
    match (identity["type"].as_str(), issuer) {
        (Some("Root"), _) => "root".to_owned(),
        (Some("IAMUser"), _) => identity["userName"].as_str().unwrap_or_default().to_owned(),
        (Some("AssumedRole"), Some(role)) => match event["additionalEventData"]["task"].as_str() {
            Some(_) => format!("{role} (task {})", last(&event["additionalEventData"]["task"])),
            None => format!("{role}/{}", last(&identity["arn"])),
        },
        _ => {
            let named = ["invokedBy", "accessKeyId"].into_iter().find_map(|name| identity[name].as_str());
            named.unwrap_or("nobody").to_owned()
        }
    }
}

/// How it ended, and the statement that decided or the error.
fn outcome(event: &Value, decisions: &[Value]) -> (String, String) {
    let by = |decision: &Value| match (decision["statement"].as_str(), decision["policy"].as_str()) {
        (Some(statement), Some(policy)) => {
            let policy: Vec<String> = policy.split(' ').map(own_part).collect();
            format!("{statement} of {}", policy.join(" "))
        }
        _ if decision["verdict"] == "allowed" => decision["layer"].as_str().unwrap_or_default().to_owned(),
        _ => format!(
            "no {} allows {}",
            decision["layer"].as_str().unwrap_or("policy"),
            decision["action"].as_str().unwrap_or("it")
        ),
    };
    let first = decisions.first().map_or_else(|| "-".to_owned(), by);
    match (event["errorCode"].as_str(), decisions.last()) {
        (None, _) => ("allowed".to_owned(), first),
        (Some(_), Some(last)) if last["verdict"] != "allowed" => ("denied".to_owned(), by(last)),
        (Some(code), _) if code.starts_with("AccessDenied") => ("denied".to_owned(), code.to_owned()),
        (Some(code), _) => ("failed".to_owned(), code.to_owned()),
    }
}

/// What an ARN says of its own: `secret:prod/db-a1B2c3`.
fn own_part(arn: &str) -> String {
    arn.splitn(6, ':').nth(5).unwrap_or(arn).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_tells_who_read_a_secret_for_which_task() {
        let event = json!({
            "eventTime": "2026-11-23T12:00:00Z", "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "GetSecretValue", "sourceIPAddress": "ecs-tasks.amazonaws.com",
            "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/exec/0123abcd",
                "sessionContext": {"sessionIssuer": {"userName": "exec"}}},
            "resources": [{"ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-a1B2c3"}],
            "additionalEventData": {"task": "arn:aws:ecs:us-east-1:123456789012:task/demo/0123abcd",
                "decisions": [{"verdict": "allowed", "statement": "statement 1", "policy": "inline policy read of arn:aws:iam::1:role/exec"}]},
        });
        assert_eq!(
            row(&event.to_string()),
            [
                "2026-11-23T12:00:00Z",
                "exec (task 0123abcd)",
                "secretsmanager:GetSecretValue",
                "secret:hub-a1B2c3",
                "ecs-tasks.amazonaws.com",
                "allowed",
                "statement 1 of inline policy read of role/exec"
            ]
        );
    }

    #[test]
    fn a_row_tells_what_an_event_counts() {
        let event = json!({
            "eventTime": "2026-11-23T12:00:59Z", "eventSource": "tidegate", "eventName": "UnauthenticatedCalls",
            "sourceIPAddress": "10.0.0.1", "userIdentity": {"type": "Unknown"}, "errorCode": "InvalidClientTokenId",
            "additionalEventData": {"count": 3, "calls": {"sts:GetCallerIdentity": 1, "ecs:ListTasks": 2}},
        });
        let row = row(&event.to_string());
        assert_eq!(row[2..4], ["tidegate:UnauthenticatedCalls", "3 calls (ecs:ListTasks 2, sts:GetCallerIdentity 1)"]);
        assert_eq!(row[5..], ["failed", "InvalidClientTokenId"]);
    }

    #[test]
    fn times_are_read() {
        let now = Timestamp::from_seconds(1_000_000);
        for (text, seconds) in [("90s", 999_910), ("15m", 999_100), ("1h", 996_400), ("2d", 827_200)] {
            assert_eq!(moment(text, now).expect("a time").seconds(), seconds, "{text}");
        }
        assert_eq!(moment("1970-01-01T00:00:09Z", now).expect("a time").seconds(), 9);
        for text in ["", "h", "1", "-1h", "é"] {
            assert!(moment(text, now).is_err(), "{text}");
        }
    }
}
