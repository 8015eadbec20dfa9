//! Pages of a list: `MaxResults`, `NextToken`.

use super::error;
use crate::ServiceError;
use crate::page::{self, Order, Page};

/// The page after the token of items that come in the order of their keys; `usual` is how many it has when the caller
/// does not say.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    token: Option<&str>,
    max_results: Option<i32>,
    usual: usize,
) -> Result<Page<T>, ServiceError> {
    page::page(items, Order::Rising, token, page::size(max_results, usual)).ok_or_else(error::invalid_token)
}
