//! The filters of ListSecrets and BatchGetSecretValue.

/// One filter: what it looks at, and the values of which one must fit (or must not, with `!` in front).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `name`, `description`, `tag-key`, `tag-value`, `primary-region`, `owning-service`, `all`.
    pub key: String,
    /// The values.
    pub values: Vec<String>,
}

/// What of a secret can be searched. Its value cannot.
#[derive(Clone, Copy, Debug)]
pub struct Searchable<'a> {
    /// The name.
    pub name: &'a str,
    /// The description.
    pub description: &'a str,
    /// The region of the primary secret.
    pub region: &'a str,
    /// Keys and values of the tags.
    pub tags: &'a [(&'a str, &'a str)],
}

/// Whether a secret fits all filters.
pub fn matches_all(filters: &[Filter], secret: &Searchable<'_>) -> bool {
    filters.iter().all(|filter| filter.matches(secret))
}

impl Filter {
    /// The keys a filter can have.
    pub const KEYS: [&'static str; 7] =
        ["description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"];

    fn matches(&self, secret: &Searchable<'_>) -> bool {
        self.values.iter().any(|value| match value.strip_prefix('!') {
            Some(unwanted) => !self.value_matches(unwanted, secret),
            None => self.value_matches(value, secret),
        })
    }

    fn value_matches(&self, value: &str, secret: &Searchable<'_>) -> bool {
        match self.key.as_str() {
            "name" => secret.name.starts_with(value),
            "description" => words_begin_with(secret.description, value),
            "tag-key" => secret.tags.iter().any(|(key, _)| key.starts_with(value)),
            "tag-value" => secret.tags.iter().any(|(_, text)| text.starts_with(value)),
            "primary-region" => secret.region.starts_with(value),
            "all" => value.split_whitespace().all(|word| {
                let tags = secret.tags.iter().flat_map(|(key, text)| [*key, *text]);
                [secret.name, secret.description, secret.region]
                    .into_iter()
                    .chain(tags)
                    .any(|text| contains(text, word))
            }),
            // No secret of ours is owned by another service.
            _ => false,
        }
    }
}

/// Whether the text, from the beginning of one of its words, begins with the value, ignoring case.
fn words_begin_with(text: &str, value: &str) -> bool {
    let (text, value) = (text.to_lowercase(), value.to_lowercase());
    text.match_indices(&value).any(|(at, _)| at == 0 || !text[..at].ends_with(char::is_alphanumeric))
}

fn contains(text: &str, word: &str) -> bool {
    text.to_lowercase().contains(&word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let secret = Searchable {
            name: "prod/Docker",
            description: "The Registry's password",
            region: "us-east-1",
            tags: &[("team", "Space")],
        };
        let cases = [
            ("name", vec!["prod/"], true),
            ("name", vec!["docker"], false),
            ("name", vec!["prod/d"], false),
            ("name", vec!["test", "prod"], true),
            ("name", vec!["!prod"], false),
            ("name", vec!["!test"], true),
            ("description", vec!["registry"], true),
            ("description", vec!["egistry"], false),
            ("tag-key", vec!["te"], true),
            ("tag-key", vec!["Te"], false),
            ("tag-value", vec!["Space"], true),
            ("tag-value", vec!["team"], false),
            ("primary-region", vec!["us-"], true),
            ("owning-service", vec!["rds"], false),
            ("all", vec!["docker space"], true),
            ("all", vec!["docker moon"], false),
        ];
        for (key, values, expected) in cases {
            let filter = Filter { key: key.into(), values: values.iter().map(|value| (*value).into()).collect() };
            assert_eq!(matches_all(&[filter], &secret), expected, "{key} {values:?}");
        }
        assert!(matches_all(&[], &secret));
    }
}
