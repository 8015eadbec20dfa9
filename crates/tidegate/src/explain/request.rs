//! A call explained: who asked for what, and which statement of which policy decided.

use api::tidegate::{ExplainRequestInput, ExplainRequestOutput, RequestDecision, op};

use super::{Form, WIDTH};
use crate::client::Client;
use crate::output::{Style, say, wrap};

const INDENT: &str = "      ";

/// Prints why a call was answered as it was.
pub(super) async fn run(client: &Client, request_id: &str, form: Form) -> anyhow::Result<()> {
    let input = ExplainRequestInput { request_id: request_id.to_owned() };
    let explanation = client.call::<op::ExplainRequest>(&input).await?;
    match form {
        Form::Json => say(serde_json::to_string_pretty(&explanation)?)?,
        Form::Readable => readable(Style::of_output(), &explanation).iter().try_for_each(say)?,
    }
    Ok(())
}

/// The explanation in lines.
fn readable(style: Style, explanation: &ExplainRequestOutput) -> Vec<String> {
    let ExplainRequestOutput { request_id, outcome, service, operation, caller, time, .. } = explanation;
    let told = if outcome == "allowed" { "was done" } else { outcome.as_str() };
    let told = if outcome == "denied" { "was denied" } else { told };
    let mut lines = vec![format!("{} {request_id} {}", style.bold("Request"), style.bold(told))];
    lines.push(format!("  {operation} of {service} at {time}"));
    let from = explanation.source_ip_address.as_ref().map(|source| format!(", from {source}")).unwrap_or_default();
    lines.push(format!("  asked by {caller}{from}"));
    if let Some(task) = &explanation.task {
        lines.push(format!("  for the task {task}"));
    }
    if let Some(code) = &explanation.error_code {
        let message = explanation.error_message.as_deref().unwrap_or_default();
        lines.extend(wrap(&format!("{code}: {message}"), WIDTH).into_iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    if explanation.decisions.is_empty() {
        lines.push("No policy was asked.".to_owned());
    }
    lines.extend(explanation.decisions.iter().flat_map(|decision| decision_lines(style, decision)));
    if outcome == "failed" && !explanation.decisions.is_empty() {
        lines.push("The policies allowed what is listed; the error above has another reason.".to_owned());
    }
    lines
}

fn decision_lines(style: Style, decision: &RequestDecision) -> Vec<String> {
    let allowed = decision.verdict == "allowed";
    let mark = if allowed { style.good("✓") } else { style.bad("✗") };
    let through = decision.through.as_ref().map(|service| format!(" (asked by {service} for the caller)"));
    let question = format!("{} on {}", decision.action, decision.resource);
    let question = if allowed { question } else { style.bold(&question) };
    let mut lines = vec![format!("  {mark} {question}{}", through.unwrap_or_default())];
    let how = match (&decision.statement, &decision.policy) {
        (Some(statement), Some(policy)) => {
            let verb = if allowed { "allowed" } else { "denied" };
            Some(format!("{verb} by {statement} of {policy} ({})", decision.layer))
        }
        _ if allowed => Some(format!("allowed: {}", decision.layer)),
        _ => None,
    };
    lines.extend(how.iter().map(|how| format!("{INDENT}{how}")));
    lines.extend(decision.document.iter().map(|document| format!("{INDENT}{}", style.dim(document))));
    for (key, values) in decision.conditions.iter().flatten() {
        lines.push(format!("{INDENT}{key} was {}", values.join(", ")));
    }
    let detail = decision.detail.iter().filter(|_| how.is_none()).flat_map(|detail| wrap(detail, WIDTH - INDENT.len()));
    lines.extend(detail.map(|line| format!("{INDENT}{line}")));
    // A mend is to be pasted: it is not broken into lines.
    lines.extend(decision.mend.iter().map(|mend| format!("{INDENT}{}", style.hint(&format!("→ {mend}")))));
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_refusal_shows_the_statement_and_the_mend() {
        let decision = |action: &str, verdict: &str| RequestDecision {
            action: action.into(),
            resource: "arn:aws:kms:us-east-1:123456789012:key/k".into(),
            verdict: verdict.into(),
            layer: "identity-based policy".into(),
            ..RequestDecision::default()
        };
        let explanation = ExplainRequestOutput {
            request_id: "5e0a-1".into(),
            time: "2026-11-23T12:00:00Z".into(),
            outcome: "denied".into(),
            service: "secretsmanager.amazonaws.com".into(),
            operation: "GetSecretValue".into(),
            caller: "arn:aws:iam::123456789012:user/ann".into(),
            source_ip_address: Some("127.0.0.1".into()),
            error_code: Some("AccessDeniedException".into()),
            error_message: Some("Access to KMS is not allowed".into()),
            decisions: vec![
                RequestDecision {
                    statement: Some("Read".into()),
                    policy: Some("arn:aws:iam::123456789012:policy/read".into()),
                    document: Some(r#"{"Effect":"Allow"}"#.into()),
                    conditions: Some([("aws:SourceIp".to_owned(), vec!["127.0.0.1".to_owned()])].into()),
                    ..decision("secretsmanager:GetSecretValue", "allowed")
                },
                RequestDecision {
                    detail: Some("no statement allows it.".into()),
                    mend: Some("aws iam put-user-policy".into()),
                    through: Some("secretsmanager.amazonaws.com".into()),
                    ..decision("kms:Decrypt", "implicitDeny")
                },
            ],
            ..ExplainRequestOutput::default()
        };
        expect![[r#"
            Request 5e0a-1 was denied
              GetSecretValue of secretsmanager.amazonaws.com at 2026-11-23T12:00:00Z
              asked by arn:aws:iam::123456789012:user/ann, from 127.0.0.1
              AccessDeniedException: Access to KMS is not allowed

              ✓ secretsmanager:GetSecretValue on arn:aws:kms:us-east-1:123456789012:key/k
                  allowed by Read of arn:aws:iam::123456789012:policy/read (identity-based policy)
                  {"Effect":"Allow"}
                  aws:SourceIp was 127.0.0.1
              ✗ kms:Decrypt on arn:aws:kms:us-east-1:123456789012:key/k (asked by secretsmanager.amazonaws.com for the caller)
                  no statement allows it.
                  → aws iam put-user-policy"#]]
        .assert_eq(&readable(Style::Plain, &explanation).join("\n"));
    }
}
