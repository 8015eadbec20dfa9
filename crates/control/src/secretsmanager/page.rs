//! Pages of a list: `MaxResults`, `NextToken`.

use crate::ServiceError;
use crate::page::{self, Order, Page};

/// The page behind the token of a short list, in the order of its keys; `usual` is how many items it has when the caller
/// does not say.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    token: Option<&str>,
    max_results: Option<i32>,
    usual: usize,
) -> Result<Page<T>, ServiceError> {
    page::page(items, Order::Rising, token, page::size(max_results, usual)).ok_or_else(invalid_token)
}

/// The same of a list that can begin behind the token by itself.
pub(super) fn page_from<'a, T, I: Iterator<Item = (&'a str, T)>>(
    list: impl FnOnce(Option<String>) -> I,
    token: Option<&str>,
    max_results: Option<i32>,
    usual: usize,
) -> Result<Page<T>, ServiceError> {
    page::page_from(list, token, page::size(max_results, usual)).ok_or_else(invalid_token)
}

fn invalid_token() -> ServiceError {
    ServiceError::new("InvalidNextTokenException", "The NextToken value is invalid.")
}
