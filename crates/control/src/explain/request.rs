//! `ExplainRequest`: who asked for what, and which statement of which policy decided.

use std::sync::Arc;

use api::tidegate::{ExplainRequestInput, ExplainRequestOutput, RequestDecision};
use domain::iam::Ruling;
use wire::Timestamp;

use crate::audit::Event;
use crate::audit::search::{self, Search};
use crate::{Access, App, Authorized, Request, ServiceError};

/// The longest request id that is looked for.
const ID_CHARACTERS: usize = 64;

/// `ExplainRequest`. All that is kept is looked through.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<ExplainRequestInput>,
) -> Result<ExplainRequestOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("cloudtrail:LookupEvents")))?;
    let id = input.request_id.trim().to_ascii_lowercase();
    if id.len() > ID_CHARACTERS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(ServiceError::new(
            "InvalidParameterException",
            "A request id is made of letters, digits and dashes.",
        ));
    }
    let mut before = None;
    loop {
        let (wanted_id, account) = (id.clone(), caller.account.clone());
        let search = Search {
            words: vec![format!(r#""requestID":"{id}""#)],
            from: Timestamp::default(),
            until: app.now(),
            limit: 1,
            before,
            wanted: Box::new(move |event| event.request_id == wanted_id && event.recipient_account_id == account),
        };
        let mut found = search::run(&app, search).await?;
        if let Some((event, line)) = found.events.pop() {
            return Ok(view(event, line));
        }
        before = found.next;
        if before.is_none() {
            let message = format!(
                "No call with the request id {id} is kept in the audit. Calls without a good signature, the console's own \
                 readings and refusals that come again and again are only counted."
            );
            return Err(ServiceError::new("ResourceNotFoundException", message));
        }
    }
}

fn view(event: Event, line: String) -> ExplainRequestOutput {
    ExplainRequestOutput {
        outcome: event.outcome().to_owned(),
        caller: event.caller_name().to_owned(),
        request_id: event.request_id,
        time: event.event_time,
        service: event.event_source,
        operation: event.event_name,
        source_ip_address: Some(event.source_ip_address),
        task: event.additional_event_data.task,
        error_code: event.error_code,
        error_message: event.error_message,
        decisions: event.additional_event_data.decisions.into_iter().map(decision).collect(),
        event: line,
    }
}

fn decision(ruling: Ruling) -> RequestDecision {
    RequestDecision {
        verdict: ruling.verdict_name().to_owned(),
        action: ruling.action,
        resource: ruling.resource,
        layer: ruling.layer,
        policy: ruling.policy,
        statement: ruling.statement,
        document: ruling.document,
        conditions: Some(ruling.conditions).filter(|conditions| !conditions.is_empty()),
        detail: ruling.detail,
        mend: ruling.mend,
        through: ruling.through,
    }
}
