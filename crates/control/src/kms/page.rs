//! Pages of a list: `Limit`, `Marker`.

use crate::ServiceError;
use crate::limits::KMS_PAGE_ITEMS;
use crate::page::{self, Order, Page};

/// The page after the marker of items that come in the order of their keys.
pub(super) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    marker: Option<&str>,
    limit: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    page::page(items, Order::Rising, marker, page::size(limit, KMS_PAGE_ITEMS))
        .ok_or_else(|| ServiceError::new("InvalidMarkerException", "Could not deserialize marker"))
}
