//! Pages of a list: `Marker`, `MaxItems`, `IsTruncated`.

use super::error::validation;
use super::limits::PAGE_ITEMS;
use crate::ServiceError;
use crate::page::{self, Order};

/// One page.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) is_truncated: Option<bool>,
    pub(super) marker: Option<String>,
}

/// The page after the marker of items that come in the order of their keys.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    let limit = page::size(max_items, PAGE_ITEMS).clamp(1, 1000);
    let (items, marker) =
        page::page(items, Order::Rising, marker, limit).ok_or_else(|| validation("Invalid Marker."))?;
    Ok(Page { items, is_truncated: Some(marker.is_some()), marker })
}
