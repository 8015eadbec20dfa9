//! Pages of a list: `MaxResults`, `NextToken`.

use crate::ServiceError;
use crate::page::{self, Order, Page};

/// The page after the token; `usual` is how many items it has when the caller does not say.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    order: Order,
    token: Option<&str>,
    max_results: Option<i32>,
    usual: usize,
) -> Result<Page<T>, ServiceError> {
    page::page(items, order, token, page::size(max_results, usual))
        .ok_or_else(|| ServiceError::new("InvalidNextTokenException", "The NextToken value is invalid."))
}
