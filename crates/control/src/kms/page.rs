//! Pages of a list: `Limit`, `Marker`.

use crate::ServiceError;
use crate::limits::KMS_PAGE_ITEMS;
use crate::page::{self, Order, Page};

/// The page behind the marker of a short list, in the order of its keys.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    marker: Option<&str>,
    limit: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    page::page(items, Order::Rising, marker, page::size(limit, KMS_PAGE_ITEMS)).ok_or_else(invalid_marker)
}

/// The page behind the marker of a list that can begin there by itself.
pub(super) fn page_from<'a, T, I: Iterator<Item = (&'a str, T)>>(
    list: impl FnOnce(Option<String>) -> I,
    marker: Option<&str>,
    limit: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    page::page_from(list, marker, page::size(limit, KMS_PAGE_ITEMS)).ok_or_else(invalid_marker)
}

fn invalid_marker() -> ServiceError {
    ServiceError::new("InvalidMarkerException", "Could not deserialize marker")
}
