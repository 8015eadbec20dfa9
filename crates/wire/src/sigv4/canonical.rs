//! The one text of a request that both sides sign.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Request;

/// RFC 3986's unreserved characters stay.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In a path the slash stays too.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// The canonical request. `None` if a signed header is not there.
pub(super) fn request(request: &Request<'_>, signed_headers: &[&str], payload_hash: &str) -> Option<String> {
    let mut text = String::with_capacity(512);
    let path = path(request.path);
    let query = query(request.query);
    // Writing to a String cannot fail.
    let _ = write!(text, "{}\n{path}\n{query}\n", request.method);
    for name in signed_headers {
        text.push_str(name);
        text.push(':');
        push_values(&mut text, request, name)?;
        text.push('\n');
    }
    let _ = write!(text, "\n{}\n{payload_hash}", signed_headers.join(";"));
    Some(text)
}

/// Every value of a header, trimmed, its inner runs of spaces collapsed, joined by commas.
fn push_values(text: &mut String, request: &Request<'_>, name: &str) -> Option<()> {
    let mut values = request.headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).peekable();
    values.peek()?;
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, word) in value.split_ascii_whitespace().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    Some(())
}

/// The path without `.`, `..` and empty segments, and encoded once more than it was sent.
fn path(sent: &str) -> Cow<'_, str> {
    if sent.is_empty() || sent == "/" {
        return Cow::Borrowed("/");
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut path = format!("/{}", segments.join("/"));
    let is_folder = sent.ends_with('/') || sent.ends_with("/.") || sent.ends_with("/..");
    if is_folder && !segments.is_empty() {
        path.push('/');
    }
    Cow::Owned(utf8_percent_encode(&path, PATH).to_string())
}

/// The query's parameters, each encoded once, sorted; without the signature itself.
fn query(sent: &str) -> String {
    let mut pairs: Vec<(String, String)> = sent
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encoded_once(name), encoded_once(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn encoded_once(text: &str) -> String {
    let plain: Vec<u8> = percent_decode_str(text).collect();
    percent_encoding::percent_encode(&plain, QUERY).to_string()
}

#[cfg(test)]
mod tests {
    use super::{path, query};

    #[test]
    fn paths_are_normalised_and_encoded_once_more() {
        for (sent, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("/a//b/", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/../..", "/"),
            ("/a%20b", "/a%2520b"),
        ] {
            assert_eq!(path(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn queries_are_sorted_and_encoded_once() {
        assert_eq!(query("b=2&a=%7e&a=1&c&X-Amz-Signature=ff"), "a=1&a=~&b=2&c=");
    }
}
