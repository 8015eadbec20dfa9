//! Pages of a list: `maxResults`, `nextToken`.

use super::error::parameter;
use crate::ServiceError;
use crate::page::{self, Order, Page};

/// The page behind the token of a list that can begin there by itself; `most` is how many items it may have, and has
/// when the caller does not say.
pub(super) fn page_from<K: AsRef<str>, T, I: Iterator<Item = (K, T)>>(
    list: impl FnOnce(Option<String>) -> I,
    token: Option<&str>,
    max_results: Option<i32>,
    most: usize,
) -> Result<Page<T>, ServiceError> {
    let limit = limit(max_results, most)?;
    page::page_from(list, present(token), limit).ok_or_else(invalid_token)
}

/// The page behind the token of a short list, in rising order.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    token: Option<&str>,
    max_results: Option<i32>,
    most: usize,
) -> Result<Page<T>, ServiceError> {
    let limit = limit(max_results, most)?;
    page::page(items, Order::Rising, present(token), limit).ok_or_else(invalid_token)
}

fn limit(max_results: Option<i32>, most: usize) -> Result<usize, ServiceError> {
    let Some(given) = max_results else { return Ok(most) };
    let given = usize::try_from(given).ok().filter(|given| (1..=most).contains(given));
    given.ok_or_else(|| parameter(format!("maxResults must be between 1 and {most}.")))
}

fn present(token: Option<&str>) -> Option<&str> {
    token.filter(|token| !token.is_empty())
}

fn invalid_token() -> ServiceError {
    parameter("Invalid token.")
}
