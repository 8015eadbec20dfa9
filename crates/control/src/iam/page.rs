//! Pages of a list: `Marker`, `MaxItems`, `IsTruncated`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::validation;
use super::limits::PAGE_ITEMS;
use crate::ServiceError;

/// One page.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) is_truncated: Option<bool>,
    pub(super) marker: Option<String>,
}

/// The page after `marker` of items that come in the order of their keys. A marker is the last key that was seen, so a
/// list that changes between pages neither repeats nor loses what stayed.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Page<T>, ServiceError> {
    let after = marker.map(read_marker).transpose()?;
    let limit = max_items.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_ITEMS).clamp(1, 1000);
    let mut rest = items.skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
    let mut last = None;
    let mut taken = Vec::new();
    for (key, item) in rest.by_ref().take(limit) {
        last = Some(key);
        taken.push(item);
    }
    let more = rest.next().is_some();
    let marker = last.filter(|_| more).map(|key| URL_SAFE_NO_PAD.encode(key));
    Ok(Page { items: taken, is_truncated: Some(more), marker })
}

fn read_marker(marker: &str) -> Result<String, ServiceError> {
    URL_SAFE_NO_PAD
        .decode(marker)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| validation("Invalid Marker."))
}
