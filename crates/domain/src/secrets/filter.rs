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
    /// The region of the primary secret, of a secret that is in several.
    pub primary_region: Option<&'a str>,
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
        ["all", "name", "tag-key", "description", "tag-value", "primary-region", "owning-service"];

    fn matches(&self, secret: &Searchable<'_>) -> bool {
        self.values.iter().any(|value| match value.strip_prefix('!') {
            Some(unwanted) => !self.value_matches(unwanted, secret),
            None => self.value_matches(value, secret),
        })
    }

    fn value_matches(&self, value: &str, secret: &Searchable<'_>) -> bool {
        match self.key.as_str() {
            "name" => secret.name.starts_with(value),
            "description" => has_words(&words(secret.description), value),
            "tag-key" => secret.tags.iter().any(|(key, _)| key.starts_with(value)),
            "tag-value" => secret.tags.iter().any(|(_, text)| text.starts_with(value)),
            "primary-region" => secret.primary_region.is_some_and(|region| region.starts_with(value)),
            "all" => {
                let tags = secret.tags.iter().flat_map(|(key, text)| [*key, *text]);
                let texts = [secret.name, secret.description].into_iter().chain(secret.primary_region).chain(tags);
                has_words(&texts.flat_map(words).collect::<Vec<_>>(), value)
            }
            // No secret of ours is owned by another service.
            _ => false,
        }
    }
}

/// Whether every word of the value is the beginning of one of these words. A value without a word finds nothing.
fn has_words(words_of_secret: &[String], value: &str) -> bool {
    let wanted = words(value);
    let found = |wanted: &String| words_of_secret.iter().any(|word| word.starts_with(wanted.as_str()));
    !wanted.is_empty() && wanted.iter().all(found)
}

/// The words of a text in small letters. A word ends at everything that is no letter and no digit, before a capital
/// behind a small letter (`App|Beta`), and before the last capital of several (`COMPAN|Ythings`).
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.split(|character: char| !character.is_alphanumeric()) {
        let characters: Vec<char> = run.chars().collect();
        let mut word = String::new();
        for (at, character) in characters.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| characters[before]);
            let begins = character.is_uppercase()
                && before.is_some_and(|before| {
                    !before.is_uppercase() || characters.get(at + 1).is_some_and(|after| after.is_lowercase())
                });
            if begins {
                words.push(std::mem::take(&mut word));
            }
            word.extend(character.to_lowercase());
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let secret = Searchable {
            name: "prod/Docker",
            description: "The Registry's password",
            primary_region: Some("us-east-1"),
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
            ("description", vec!["pass the"], true),
            ("description", vec!["pass a"], false),
            ("description", vec!["!a"], true),
            ("tag-key", vec!["te"], true),
            ("tag-key", vec!["Te"], false),
            ("tag-value", vec!["Space"], true),
            ("tag-value", vec!["team"], false),
            ("primary-region", vec!["us-"], true),
            ("owning-service", vec!["rds"], false),
            ("all", vec!["docker space"], true),
            ("all", vec!["docker moon"], false),
            ("all", vec!["moon", "SPA"], true),
            ("all", vec!["ocker"], false),
            ("all", vec!["/"], false),
        ];
        for (key, values, expected) in cases {
            let filter = Filter { key: key.into(), values: values.iter().map(|value| (*value).into()).collect() };
            assert_eq!(matches_all(&[filter], &secret), expected, "{key} {values:?}");
        }
        assert!(matches_all(&[], &secret));
    }

    #[test]
    fn words_of_a_text() {
        for (text, expected) in [
            ("prod/AppBeta+3fa9", vec!["prod", "app", "beta", "3fa9"]),
            ("COMPANYthings COMPANY", vec!["compan", "ythings", "company"]),
            ("SecretFTag", vec!["secret", "f", "tag"]),
            ("+-", vec![]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
