//! `LookupEvents`: the newest events of the call's region that have one attribute.

use std::sync::Arc;

use api::cloudtrail::{
    Event as EventView, LookupAttribute, LookupEventsInput, LookupEventsOutput, Resource as ResourceView,
};
use wire::Timestamp;

use crate::audit::Event;
use crate::audit::search::{self, Place, Search, as_json};
use crate::page;
use crate::{Access, App, Authorized, Request, ServiceError};

/// How many events a page has when the caller does not say, and at most.
const PAGE_EVENTS: usize = 50;

/// `LookupEvents`
pub(super) async fn run(
    app: Arc<App>,
    request: Request<LookupEventsInput>,
) -> Result<LookupEventsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("cloudtrail:LookupEvents")))?;
    if input.event_category.is_some() {
        // The one category beside management events is that of insights, and nobody makes any.
        return Ok(LookupEventsOutput { events: Some(Vec::new()), next_token: None });
    }
    let attribute = match input.lookup_attributes.as_deref().unwrap_or_default() {
        [] => None,
        [attribute] => Some(attribute.clone()),
        _ => return Err(invalid_attributes("The list of lookup attributes can contain only one item.")),
    };
    let (from, until) = (input.start_time.unwrap_or_default(), input.end_time.unwrap_or_else(|| app.now()));
    if from > until {
        let message = "The start time must not be after the end time.";
        return Err(ServiceError::new("InvalidTimeRangeException", message));
    }
    let before =
        input.next_token.as_deref().map(|token| Place::of_token(token).ok_or_else(invalid_token)).transpose()?;
    let mut words = vec![format!(r#""recipientAccountId":"{}""#, caller.account)];
    words.extend(attribute.as_ref().and_then(word));
    let search = Search {
        words,
        from,
        until,
        limit: page::size(input.max_results, PAGE_EVENTS),
        before,
        wanted: Box::new(move |event| {
            event.aws_region == caller.region
                && event.recipient_account_id == caller.account
                && attribute.as_ref().is_none_or(|attribute| has(event, attribute))
        }),
    };
    let found = search::run(&app, search).await?;
    let events = found.events.into_iter().map(|(event, line)| view(event, line));
    Ok(LookupEventsOutput { events: Some(events.collect()), next_token: found.next.map(|place| place.token()) })
}

/// What the line of an event with this attribute holds.
fn word(attribute: &LookupAttribute) -> Option<String> {
    let value = as_json(&attribute.attribute_value);
    Some(match attribute.attribute_key.as_str() {
        "EventId" => format!(r#""eventID":"{value}""#),
        "EventName" => format!(r#"{value}""#),
        "EventSource" => format!(r#""eventSource":"{value}""#),
        "ReadOnly" => format!(r#""readOnly":{value}"#),
        "AccessKeyId" | "ResourceName" | "ResourceType" => value,
        _ => return None,
    })
}

fn has(event: &Event, LookupAttribute { attribute_key, attribute_value }: &LookupAttribute) -> bool {
    let value = attribute_value.as_str();
    match attribute_key.as_str() {
        "EventId" => event.event_id == value,
        "EventName" => event.is_called(value),
        "EventSource" => event.event_source == value,
        "ReadOnly" => event.read_only.to_string() == value,
        "Username" => event.user_name() == Some(value),
        "AccessKeyId" => event.is_signed_with(value),
        "ResourceName" => event.resources.iter().any(|resource| resource.is_named(value)),
        "ResourceType" => event.resources.iter().any(|resource| resource.kind.as_deref() == Some(value)),
        _ => false,
    }
}

fn view(event: Event, line: String) -> EventView {
    let resources = event.resources.iter().map(|resource| ResourceView {
        resource_type: resource.kind.clone(),
        resource_name: Some(resource.arn.clone()),
    });
    EventView {
        read_only: Some(event.read_only.to_string()),
        access_key_id: event.access_key_id().map(str::to_owned),
        event_time: Some(Timestamp::from_seconds(event.time().seconds())),
        username: event.user_name().map(str::to_owned),
        resources: Some(resources.collect()),
        event_id: Some(event.event_id),
        event_name: Some(event.event_name),
        event_source: Some(event.event_source),
        cloud_trail_event: Some(line),
    }
}

fn invalid_attributes(message: &str) -> ServiceError {
    ServiceError::new("InvalidLookupAttributesException", message)
}

fn invalid_token() -> ServiceError {
    ServiceError::new("InvalidNextTokenException", "The next token is not one that LookupEvents gave.")
}
