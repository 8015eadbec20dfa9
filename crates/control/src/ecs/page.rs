//! Pages of a list: `maxResults`, `nextToken`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::parameter;
use crate::ServiceError;

/// The items of one page, and the token of the next one.
pub(super) type Page<T> = (Vec<T>, Option<String>);

/// In which order the keys of a list come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Rising,
    Falling,
}

/// What the caller says of pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) max_results: Option<i32>,
    /// The most items of one page, also when the caller does not say.
    pub(super) limit: usize,
}

/// The page after the token. The token is the last key that was seen, so a list that changes between pages neither
/// repeats nor loses what stayed.
pub(super) fn page<T>(
    items: impl Iterator<Item = (String, T)>,
    order: Order,
    wanted: Wanted<'_>,
) -> Result<Page<T>, ServiceError> {
    let after = wanted.token.filter(|token| !token.is_empty()).map(read).transpose()?;
    let limit = match wanted.max_results {
        None => wanted.limit,
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|given| (1..=wanted.limit).contains(given))
            .ok_or_else(|| parameter(format!("maxResults must be between 1 and {}.", wanted.limit)))?,
    };
    let mut rest = items.skip_while(|(key, _)| match (&after, order) {
        (None, _) => false,
        (Some(after), Order::Rising) => key <= after,
        (Some(after), Order::Falling) => key >= after,
    });
    let mut last = None;
    let mut taken = Vec::new();
    for (key, item) in rest.by_ref().take(limit) {
        last = Some(key);
        taken.push(item);
    }
    let more = rest.next().is_some();
    Ok((taken, last.filter(|_| more).map(|key| URL_SAFE_NO_PAD.encode(key))))
}

fn read(token: &str) -> Result<String, ServiceError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| parameter("Invalid token."))
}
