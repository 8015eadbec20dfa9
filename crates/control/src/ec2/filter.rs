//! `Filter.N`: all filters must pass, a filter passes with any of its values, `*` and `?` stand for anything.

use api::ec2::Filter;

use super::record::Tags;
use crate::ServiceError;

/// Whether something with these tags passes. `value` answers what it has under a filter's name; `None` for an unknown one.
pub(super) fn passes(
    filters: Option<&[Filter]>,
    tags: &Tags,
    value: impl Fn(&str) -> Option<Vec<String>>,
) -> Result<bool, ServiceError> {
    let mut pass = true;
    for filter in filters.unwrap_or_default() {
        let name = filter.name.as_deref().unwrap_or_default();
        let has = if let Some(key) = name.strip_prefix("tag:") {
            tags.get(key).cloned().into_iter().collect()
        } else if name == "tag-key" {
            tags.keys().cloned().collect()
        } else if name == "tag-value" {
            tags.values().cloned().collect()
        } else {
            value(name)
                .ok_or_else(|| ServiceError::new("InvalidParameterValue", format!("The filter '{name}' is invalid")))?
        };
        let wanted = filter.values.as_deref().unwrap_or_default();
        pass &= has.iter().any(|has| wanted.iter().any(|pattern| matches(pattern.as_bytes(), has.as_bytes())));
    }
    Ok(pass)
}

/// Whether `text` is what `pattern` describes. A backslash takes a wildcard's meaning away.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on after the last `*`: the pattern behind it, and the text it has not yet taken.
    let mut again: Option<(&[u8], &[u8])> = None;
    let (mut pattern, mut text) = (pattern, text);
    loop {
        let step = match (pattern, text) {
            ([b'*', rest @ ..], _) => {
                again = Some((rest, text));
                Some((rest, text))
            }
            ([b'?', rest @ ..], [_, left @ ..]) => Some((rest, left)),
            ([b'\\', letter, rest @ ..], [first, left @ ..]) if letter == first => Some((rest, left)),
            ([letter, rest @ ..], [first, left @ ..]) if letter == first && *letter != b'\\' => Some((rest, left)),
            ([], []) => return true,
            _ => None,
        };
        (pattern, text) = match (step, again) {
            (Some(step), _) => step,
            (None, Some((rest, [_, left @ ..]))) => {
                again = Some((rest, left));
                (rest, left)
            }
            (None, _) => return false,
        };
    }
}

/// The values of a filter about one yes or no.
pub(super) fn yes_no(value: bool) -> Vec<String> {
    vec![value.to_string()]
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("web", "web", true),
            ("web", "webs", false),
            ("w*", "web", true),
            ("*b", "web", true),
            ("*e*", "web", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("*a*b", "aXbXb", true),
            ("", "", true),
            ("*", "", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
