//! Pages of long lists. The last key that was shown is the marker after which the next page begins, so items that come
//! and go between two calls neither repeat nor hide others. Which errors and how many items a service has is its own
//! affair.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The items of one page, and the marker of the next one if there is one.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

/// In which order the keys of a list come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Rising,
    Falling,
}

/// The marker of a place in a list, which clients give back as they got it.
pub(crate) fn marker_of(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a marker stands for; `None` when it is none of ours.
pub(crate) fn place_of(marker: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()
}

/// The page behind the marker of a list that can begin there by itself: `list` is given the key behind which it begins.
/// `None` when the marker is none of ours.
pub(crate) fn page_from<K: AsRef<str>, T, I: Iterator<Item = (K, T)>>(
    list: impl FnOnce(Option<String>) -> I,
    marker: Option<&str>,
    limit: usize,
) -> Option<Page<T>> {
    let after = match marker {
        Some(marker) => Some(place_of(marker)?),
        None => None,
    };
    let mut rest = list(after);
    let (keys, shown): (Vec<K>, Vec<T>) = rest.by_ref().take(limit).unzip();
    let next = rest.next().and_then(|_| keys.last()).map(|last| marker_of(last.as_ref()));
    Some((shown, next))
}

/// The page behind the marker of a short list: what comes before it is passed over.
pub(crate) fn page<K: AsRef<str>, T>(
    items: impl Iterator<Item = (K, T)>,
    order: Order,
    marker: Option<&str>,
    limit: usize,
) -> Option<Page<T>> {
    let behind = |after: Option<String>| {
        items.skip_while(move |(key, _)| match (after.as_deref(), order) {
            (None, _) => false,
            (Some(after), Order::Rising) => key.as_ref() <= after,
            (Some(after), Order::Falling) => key.as_ref() >= after,
        })
    };
    page_from(behind, marker, limit)
}

/// How many items a page has: what the caller asks for, or what is usual.
pub(crate) fn size(asked: Option<i32>, usual: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::{Order, page};

    #[test]
    fn pages_follow_one_another() {
        let items = || ["a", "b", "c"].map(|key| (key, key)).into_iter();
        let (first, marker) = page(items(), Order::Rising, None, 2).expect("a page");
        assert_eq!(first, ["a", "b"]);
        let (second, end) = page(items(), Order::Rising, marker.as_deref(), 2).expect("a page");
        assert_eq!((second, end), (vec!["c"], None));
        let (second, end) = page(items().rev(), Order::Falling, marker.as_deref(), 2).expect("a page");
        assert_eq!((second, end), (vec!["a"], None));
        assert!(page(items(), Order::Rising, Some("not ours!"), 2).is_none());
    }
}
