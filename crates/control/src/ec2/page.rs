//! `MaxResults` and `NextToken`: what is listed in the order of its ids goes on behind the last one shown.

use crate::ServiceError;
use crate::page::{self, Order, Page};

/// One page of `items`, which are in the order of their keys, and the token of the next one; all of them when the caller
/// does not say how many.
pub(super) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> &str,
    max_results: Option<i32>,
    next_token: Option<&str>,
) -> Result<Page<T>, ServiceError> {
    let keyed = items.into_iter().map(|item| (key(&item).to_owned(), item));
    let token = next_token.filter(|token| !token.is_empty());
    page::page(keyed, Order::Rising, token, page::size(max_results, usize::MAX))
        .ok_or_else(|| ServiceError::new("InvalidNextToken", "The specified pagination token is not valid."))
}
