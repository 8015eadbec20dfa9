//! Pages of a list: `maxResults`, `nextToken`.

use super::error::parameter;
use crate::ServiceError;
use crate::page::{self, Order, Page};

/// The page after the token; `most` is how many items it may have, and has when the caller does not say.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    order: Order,
    token: Option<&str>,
    max_results: Option<i32>,
    most: usize,
) -> Result<Page<T>, ServiceError> {
    let limit = match max_results {
        None => most,
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|given| (1..=most).contains(given))
            .ok_or_else(|| parameter(format!("maxResults must be between 1 and {most}.")))?,
    };
    let token = token.filter(|token| !token.is_empty());
    page::page(items, order, token, limit).ok_or_else(|| parameter("Invalid token."))
}
