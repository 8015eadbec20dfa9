//! CloudWatch Logs: groups and streams are records, events lie in files ([`files`]).

mod files;
mod filter_events;
mod get_events;
mod group;
mod group_list;
mod protection;
mod put_events;
pub mod record;
mod retention;
mod stream;
mod tag;
pub mod task;

pub use files::{LogFileError, LogFiles};
pub(crate) use retention::keep_retention;

use api::logs::op;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ServiceError;
use crate::front::Router;
use crate::logs::record::LogGroup;
use crate::page::{self, Page};
use crate::store::State;

/// How many items a page has when the caller does not say.
const PAGE_ITEMS: usize = 50;

/// The operations that are served.
pub fn routes(router: &mut Router) {
    router.add::<op::CreateLogGroup, _, _>(group::create);
    router.add::<op::DeleteLogGroup, _, _>(group::delete);
    router.add::<op::DescribeLogGroups, _, _>(group::describe);
    router.add::<op::CreateLogStream, _, _>(stream::create);
    router.add::<op::DeleteLogStream, _, _>(stream::delete);
    router.add::<op::DescribeLogStreams, _, _>(stream::describe);
    router.add::<op::PutLogEvents, _, _>(put_events::run);
    router.add::<op::GetLogEvents, _, _>(get_events::run);
    router.add::<op::FilterLogEvents, _, _>(filter_events::run);
    router.add::<op::PutRetentionPolicy, _, _>(retention::put);
    router.add::<op::DeleteRetentionPolicy, _, _>(retention::delete);
    router.add::<op::TagResource, _, _>(tag::tag);
    router.add::<op::UntagResource, _, _>(tag::untag);
    router.add::<op::ListTagsForResource, _, _>(tag::list);
    router.add::<op::TagLogGroup, _, _>(tag::tag_group);
    router.add::<op::UntagLogGroup, _, _>(tag::untag_group);
    router.add::<op::ListTagsLogGroup, _, _>(tag::list_of_group);
    router.add::<op::ListLogGroups, _, _>(group_list::run);
    router.add::<op::PutLogGroupDeletionProtection, _, _>(protection::run);
}

impl From<LogFileError> for ServiceError {
    fn from(error: LogFileError) -> Self {
        tracing::error!(%error, "the log files failed");
        Self::new("ServiceUnavailableException", "The service cannot complete the request.").with_status(500)
    }
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}

fn no_group() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

fn group<'a>(state: &'a State, arn: &str) -> Result<&'a LogGroup, ServiceError> {
    state.log_groups.get(arn).map(|group| &**group).ok_or_else(no_group)
}

/// The page behind the token of groups or streams that can begin there by themselves.
fn page_from<K: AsRef<str>, T, I: Iterator<Item = (K, T)>>(
    list: impl FnOnce(Option<String>) -> I,
    token: Option<&str>,
    limit: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    page::page_from(list, token, page::size(limit, PAGE_ITEMS)).ok_or_else(invalid_token)
}

/// The token of a place in a listing that has its own order.
fn token_of(place: &impl Serialize) -> String {
    page::marker_of(&serde_json::to_string(place).unwrap_or_default())
}

/// The place that such a token stands for.
fn place_of<T: DeserializeOwned>(token: &str) -> Result<T, ServiceError> {
    page::place_of(token).and_then(|place| serde_json::from_str(&place).ok()).ok_or_else(invalid_token)
}

fn invalid_token() -> ServiceError {
    invalid("The specified nextToken is invalid.")
}

/// Runs work on files where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading log events panicked");
        Err(ServiceError::new("ServiceUnavailableException", "The service cannot complete the request.")
            .with_status(500))
    })
}

#[cfg(test)]
mod tests;
