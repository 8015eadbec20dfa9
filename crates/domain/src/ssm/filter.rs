//! `ParameterFilters` of DescribeParameters and GetParametersByPath.

use super::name::{NameError, check_path};
use super::version::Kind;

const KINDS: &str = "String, StringList, SecureString";
const TIERS: &str = "Standard, Advanced, Intelligent-Tiering";

/// Which list is filtered; each knows its own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// DescribeParameters.
    Describe,
    /// GetParametersByPath.
    ByPath,
}

/// A checked filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    key: String,
    option: Comparison,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    BeginsWith,
    Contains,
    OneLevel,
    Recursive,
}

/// What a filter looks at.
#[derive(Clone, Debug)]
pub struct Searchable<'a> {
    /// The name.
    pub name: &'a str,
    /// `String`, `StringList`, `SecureString`.
    pub kind: &'a str,
    /// The key as it was given.
    pub key_id: Option<&'a str>,
    /// The tier's name.
    pub tier: &'a str,
    /// `text`.
    pub data_type: &'a str,
    /// Tags.
    pub tags: &'a [(&'a str, &'a str)],
    /// Labels of the version that is looked at.
    pub labels: &'a [String],
}

/// Why a filter is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// This list has no such key.
    #[error("The following filter key is not valid: {0}. Valid filter keys include: [{1}].")]
    Key(String, &'static str),
    /// The same key twice.
    #[error(
        "The following filter is duplicated in the request: {0}. A request can contain only one occurrence of a specific \
         filter."
    )]
    Duplicate(String),
    /// The key does not know this option.
    #[error("The following filter option is not valid: {0}. Valid options include: [{1}].")]
    Option(String, &'static str),
    /// The key needs values.
    #[error("The following filter values are missing : null for filter key {0}")]
    Missing(String),
    /// The key does not know this value.
    #[error("The following filter value is not valid: {0}. Valid values include: [{1}].")]
    Value(String, &'static str),
    /// Paths of AWS are not filtered.
    #[error("Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")]
    CommonPath,
    /// Not a path.
    #[error(transparent)]
    Path(#[from] NameError),
}

impl FilterError {
    /// The error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(..) | Self::Duplicate(_) => "InvalidFilterKey",
            Self::Option(..) => "InvalidFilterOption",
            Self::Missing(_) | Self::Value(..) => "InvalidFilterValue",
            Self::CommonPath | Self::Path(_) => "ValidationException",
        }
    }
}

impl Filter {
    /// Checks a filter; `earlier` are those before it in the same request.
    ///
    /// # Errors
    /// [`FilterError`].
    pub fn new(
        listing: Listing,
        key: String,
        option: Option<String>,
        values: Option<Vec<String>>,
        earlier: &[Self],
    ) -> Result<Self, FilterError> {
        let is_tag = key.starts_with("tag:");
        match (listing, key.as_str()) {
            (Listing::ByPath, "Type" | "KeyId" | "Label") => {}
            (Listing::ByPath, _) => return Err(FilterError::Key(key, "Type, KeyId")),
            (Listing::Describe, "Label") => return Err(FilterError::Key(key, "Path, Name, Type, KeyId, Tier")),
            (Listing::Describe, _) => {}
        }
        let values = match values {
            Some(values) if !values.is_empty() => values,
            _ if is_tag => Vec::new(),
            _ => return Err(FilterError::Missing(key)),
        };
        if earlier.iter().any(|filter| filter.key == key) {
            return Err(FilterError::Duplicate(key));
        }
        let option = comparison(listing, &key, option)?;
        check_values(&key, &values)?;
        Ok(Self { key, option, values })
    }

    /// Whether the filter asks for labels, which belong to versions.
    pub fn is_label(&self) -> bool {
        self.key == "Label"
    }

    /// Whether it fits.
    pub fn matches(&self, parameter: &Searchable<'_>) -> bool {
        let any = |found: &str| self.values.iter().any(|value| self.compares(found, value));
        match self.key.as_str() {
            "Name" => {
                let bare = |name: &str| name.trim_start_matches('/').to_owned();
                match self.option {
                    Comparison::Contains => any(&format!("/{}", bare(parameter.name))),
                    _ => self.values.iter().any(|value| self.compares(&bare(parameter.name), &bare(value))),
                }
            }
            "Path" => {
                let depth = if self.option == Comparison::Recursive { Depth::Any } else { Depth::One };
                self.values.iter().any(|path| path_matches(parameter.name, path, depth))
            }
            "Type" => any(parameter.kind),
            "KeyId" => parameter.key_id.is_some_and(any),
            "Tier" => any(parameter.tier),
            "DataType" => any(parameter.data_type),
            "Label" => parameter.labels.iter().any(|label| any(label)),
            key => {
                let key = key.strip_prefix("tag:").unwrap_or(key);
                let mut tags = parameter.tags.iter();
                tags.any(|(name, value)| *name == key && (self.values.is_empty() || any(value)))
            }
        }
    }

    fn compares(&self, found: &str, value: &str) -> bool {
        match self.option {
            Comparison::BeginsWith => found.starts_with(value),
            Comparison::Contains => found.contains(value),
            _ => found == value,
        }
    }
}

fn comparison(listing: Listing, key: &str, option: Option<String>) -> Result<Comparison, FilterError> {
    let Some(option) = option else {
        return Ok(if key == "Path" { Comparison::OneLevel } else { Comparison::Equals });
    };
    match (key, option.as_str()) {
        ("Path", "OneLevel") => Ok(Comparison::OneLevel),
        ("Path", "Recursive") => Ok(Comparison::Recursive),
        ("Path", _) => Err(FilterError::Option(option, "Recursive, OneLevel")),
        (_, "Equals") => Ok(Comparison::Equals),
        ("Label", _) => Err(FilterError::Option(option, "Equals")),
        (_, "BeginsWith") => Ok(Comparison::BeginsWith),
        ("Name", "Contains") if listing == Listing::Describe => Ok(Comparison::Contains),
        _ => Err(FilterError::Option(option, "BeginsWith, Equals")),
    }
}

fn check_values(key: &str, values: &[String]) -> Result<(), FilterError> {
    for value in values {
        match key {
            "Path" => {
                let bare = value.trim_start_matches('/').to_ascii_lowercase();
                if bare.starts_with("aws") || bare.starts_with("ssm") {
                    return Err(FilterError::CommonPath);
                }
                check_path(value)?;
            }
            // With BeginsWith any beginning of a kind will do, and those that are none match nothing.
            "Type" if Kind::of_name(value).is_none() && !KINDS.contains(value.as_str()) => {
                return Err(FilterError::Value(value.clone(), KINDS));
            }
            "Tier" if !TIERS.split(", ").any(|tier| tier == value) => {
                return Err(FilterError::Value(value.clone(), TIERS));
            }
            _ => {}
        }
    }
    Ok(())
}

/// How far beneath a path a parameter may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Directly.
    One,
    /// Anywhere.
    Any,
}

/// Whether a parameter lies under a path.
pub fn path_matches(name: &str, path: &str, depth: Depth) -> bool {
    let path = path.trim_matches('/');
    let name = name.trim_start_matches('/');
    let rest =
        if path.is_empty() { Some(name) } else { name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')) };
    rest.is_some_and(|rest| depth == Depth::Any || !rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(listing: Listing, key: &str, option: Option<&str>, values: &[&str]) -> Result<Filter, FilterError> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Filter::new(listing, key.into(), option.map(Into::into), Some(values), &[])
    }

    #[test]
    fn paths() {
        let cases = [
            ("/foo/a", "/foo", Depth::One, true),
            ("/foo/a", "/foo/", Depth::One, true),
            ("/foo/a/b", "/foo", Depth::One, false),
            ("/foo/a/b", "/foo", Depth::Any, true),
            ("/foo", "/foo", Depth::Any, false),
            ("/food/a", "/foo", Depth::Any, false),
            ("a", "/", Depth::One, true),
            ("/foo/a", "/", Depth::Any, true),
        ];
        for (name, path, depth, expected) in cases {
            assert_eq!(path_matches(name, path, depth), expected, "{name} {path}");
        }
    }

    #[test]
    fn names_are_the_same_with_and_without_the_first_slash() {
        let parameter = |name| Searchable {
            name,
            kind: "String",
            key_id: None,
            tier: "Standard",
            data_type: "text",
            tags: &[("a", "b")],
            labels: &[],
        };
        let matches = |key, option, value, name| {
            filter(Listing::Describe, key, option, &[value]).expect("valid").matches(&parameter(name))
        };
        assert!(matches("Name", None, "/param", "param"));
        assert!(matches("Name", None, "param", "/param"));
        assert!(matches("Name", Some("BeginsWith"), "par", "/param"));
        assert!(matches("Name", Some("Contains"), "/tan", "tangram"));
        assert!(!matches("Name", Some("Contains"), "/ram", "tangram"));
        assert!(matches("tag:a", None, "b", "x"));
        assert!(!matches("tag:a", None, "c", "x"));
        assert!(matches("Type", Some("BeginsWith"), "String", "x"));
    }

    #[test]
    fn refusals() {
        let code = |result: Result<Filter, FilterError>| result.expect_err("refused").code();
        assert_eq!(code(filter(Listing::ByPath, "Name", None, &["x"])), "InvalidFilterKey");
        assert_eq!(code(filter(Listing::Describe, "Label", None, &["x"])), "InvalidFilterKey");
        assert_eq!(code(filter(Listing::Describe, "Name", None, &[])), "InvalidFilterValue");
        assert_eq!(code(filter(Listing::Describe, "Path", Some("Equals"), &["/x"])), "InvalidFilterOption");
        assert_eq!(code(filter(Listing::ByPath, "Label", Some("BeginsWith"), &["x"])), "InvalidFilterOption");
        assert_eq!(code(filter(Listing::Describe, "Tier", None, &["x"])), "InvalidFilterValue");
        assert_eq!(code(filter(Listing::Describe, "Path", None, &["/aws/x"])), "ValidationException");
    }
}
