//! Pages of long lists: an item's key in the table is the marker after which the next page begins, so that items that
//! come and go between two calls neither repeat nor hide others.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The items after the marker in the order of their keys, at most `limit`, and the marker of the next page if there is
/// one. `None` when the marker is none of ours.
pub(crate) fn page<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    marker: Option<&str>,
    limit: usize,
) -> Option<(Vec<T>, Option<String>)> {
    page_in(Ordering::Greater, items, marker, limit)
}

/// The same of items whose keys grow, or shrink ([`Ordering::Less`]).
pub(crate) fn page_in<'a, T>(
    direction: Ordering,
    items: impl Iterator<Item = (&'a str, T)>,
    marker: Option<&str>,
    limit: usize,
) -> Option<(Vec<T>, Option<String>)> {
    let after = match marker {
        Some(marker) => String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()?,
        None => String::new(),
    };
    let mut rest = items.filter(|(key, _)| marker.is_none() || (*key).cmp(after.as_str()) == direction).peekable();
    let mut page = Vec::new();
    let mut last = "";
    while page.len() < limit {
        let Some((key, item)) = rest.next() else { break };
        last = key;
        page.push(item);
    }
    let next = rest.peek().is_some().then(|| URL_SAFE_NO_PAD.encode(last));
    Some((page, next))
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn pages_follow_one_another() {
        let items = || ["a", "b", "c"].map(|key| (key, key)).into_iter();
        let (first, marker) = page(items(), None, 2).expect("a page");
        assert_eq!(first, ["a", "b"]);
        let (second, end) = page(items(), marker.as_deref(), 2).expect("a page");
        assert_eq!((second, end), (vec!["c"], None));
        assert!(page(items(), Some("not ours!"), 2).is_none());
    }
}
