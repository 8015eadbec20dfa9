//! `MaxResults` and `NextToken`: what is listed in the order of its ids goes on behind the last one shown.

use crate::ServiceError;

/// One page of `items`, which are in the order of their keys, and the token of the next one.
pub(super) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> &str,
    max_results: Option<i32>,
    next_token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), ServiceError> {
    let after = match next_token.filter(|token| !token.is_empty()) {
        Some(token) => Some(
            hex::decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| ServiceError::new("InvalidNextToken", "The specified pagination token is not valid."))?,
        ),
        None => None,
    };
    let mut rest = items.into_iter().skip_while(|item| after.as_deref().is_some_and(|after| key(item) <= after));
    let Some(limit) = max_results.and_then(|limit| usize::try_from(limit).ok()) else {
        return Ok((rest.collect(), None));
    };
    let shown: Vec<T> = rest.by_ref().take(limit).collect();
    let token = rest.next().and(shown.last()).map(|last| hex::encode(key(last)));
    Ok((shown, token))
}
