//! `SearchEvents`: the audit by several questions at once, in all regions, which LookupEvents cannot be asked.

use std::sync::Arc;

use api::tidegate::{SearchEventsInput, SearchEventsOutput};

use crate::audit::Event;
use crate::audit::search::{self, Place, Search, as_json};
use crate::page;
use crate::{Access, App, Authorized, Request, ServiceError};

/// How many events a page has when the caller does not say.
const PAGE_EVENTS: usize = 100;

/// `SearchEvents`
pub(super) async fn run(
    app: Arc<App>,
    request: Request<SearchEventsInput>,
) -> Result<SearchEventsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("cloudtrail:LookupEvents")))?;
    let invalid =
        || ServiceError::new("InvalidNextTokenException", "The next token is not one that SearchEvents gave.");
    let before = input.next_token.as_deref().map(|token| Place::of_token(token).ok_or_else(invalid)).transpose()?;
    let mut words = vec![format!(r#""recipientAccountId":"{}""#, caller.account)];
    words.extend(input.resource.as_deref().map(as_json));
    words.extend(input.caller.as_deref().map(as_json));
    words.extend(input.event_name.as_deref().map(|name| format!(r#"{}""#, as_json(name))));
    let search = Search {
        words,
        from: input.start_time.unwrap_or_default(),
        until: input.end_time.unwrap_or_else(|| app.now()),
        limit: page::size(input.max_results, PAGE_EVENTS),
        before,
        wanted: Box::new(move |event| event.recipient_account_id == caller.account && is_wanted(event, &input)),
    };
    let found = search::run(&app, search).await?;
    let events = found.events.into_iter().map(|(_, line)| line).collect();
    Ok(SearchEventsOutput { events, next_token: found.next.map(|place| place.token()) })
}

fn is_wanted(event: &Event, input: &SearchEventsInput) -> bool {
    let about = |part: &String| event.resources.iter().any(|resource| resource.arn.contains(part.as_str()));
    input.resource.as_ref().is_none_or(about)
        && input.caller.as_deref().is_none_or(|caller| event.is_of(caller))
        && input.event_name.as_ref().is_none_or(|name| event.is_called(name))
        && input.outcome.as_deref().is_none_or(|outcome| event.outcome() == outcome)
}
