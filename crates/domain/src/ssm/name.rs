//! Names of parameters: what may be created, what may be asked for, and the ARN.
//!
//! `name` and `/name` are the same parameter, because its ARN has one slash either way.

/// Under this path GetParameter gives secrets of Secrets Manager.
pub const SECRET_PREFIX: &str = "/aws/reference/secretsmanager/";

const LEVELS: usize = 15;
/// The longest name, with the part of the ARN before it.
const ARN_CHARACTERS: usize = 1011;

/// Why a name is refused. The texts are Parameter Store's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A name without hierarchy begins with `aws` or `ssm`.
    #[error("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")]
    ReservedWord,
    /// A hierarchy that belongs to AWS.
    #[error("No access to reserved parameter name: {0}.")]
    ReservedPath(String),
    /// Other characters, empty levels, or a reserved first level.
    #[error(
        "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of \
         sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 \
         symbols .-_"
    )]
    Form,
    /// A hierarchy that does not begin with a slash.
    #[error("Parameter name must be a fully qualified name.")]
    NotQualified,
    /// Too many levels.
    #[error(
        "A hierarchy can have a maximum of {LEVELS} levels. For more information, see Requirements and constraints for \
         parameter names in the AWS Systems Manager User Guide."
    )]
    Levels,
    /// Too long.
    #[error("The parameter name, with the part of its ARN before it, can have at most {ARN_CHARACTERS} characters.")]
    Length,
    /// A path of GetParametersByPath or of a filter.
    #[error(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \
         \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or \
         the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All \
         sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_."
    )]
    Path,
}

impl NameError {
    /// The error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReservedPath(_) => "AccessDeniedException",
            Self::Levels => "HierarchyLevelLimitExceededException",
            _ => "ValidationException",
        }
    }
}

/// The ARN of a parameter.
pub fn parameter_arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:ssm:{region}:{account}:parameter/{}", name.strip_prefix('/').unwrap_or(name))
}

fn is_level(level: &str) -> bool {
    !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

fn begins_with(name: &str, word: &str) -> bool {
    name.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word))
}

/// Checks the name of a parameter that is to be created. `arn` is the ARN it would have.
///
/// # Errors
/// [`NameError`].
pub fn check_new_name(name: &str, arn: &str) -> Result<(), NameError> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    let is_path = bare.contains('/');
    if begins_with(bare, "aws") {
        let is_reserved_path = is_path && name.starts_with('/');
        return Err(if is_reserved_path { NameError::ReservedPath(name.to_owned()) } else { NameError::ReservedWord });
    }
    if begins_with(bare, "ssm") {
        return Err(if is_path { NameError::Form } else { NameError::ReservedWord });
    }
    if is_path && !name.starts_with('/') {
        return Err(NameError::NotQualified);
    }
    check_name_read(name)?;
    if bare.split('/').count() > LEVELS {
        return Err(NameError::Levels);
    }
    if arn.chars().count() > ARN_CHARACTERS { Err(NameError::Length) } else { Ok(()) }
}

/// Checks the form of a name that is asked for.
///
/// # Errors
/// [`NameError::Form`].
pub fn check_name_read(name: &str) -> Result<(), NameError> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    let is_qualified = name.starts_with('/') || !name.contains('/');
    if is_qualified && !begins_with(bare, "ssm") && bare.split('/').all(is_level) {
        Ok(())
    } else {
        Err(NameError::Form)
    }
}

/// Checks a path: `/`, or levels that each begin with a slash; one slash at the end does no harm.
///
/// # Errors
/// [`NameError::Path`].
pub fn check_path(path: &str) -> Result<(), NameError> {
    let Some(rest) = path.strip_prefix('/') else { return Err(NameError::Path) };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if path == "/" || rest.split('/').all(is_level) { Ok(()) } else { Err(NameError::Path) }
}

/// What a caller asks for: a name or an ARN, with a selector (`:3`, `:label`) or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The name as it was written, or the ARN without its selector.
    pub name: &'a str,
    /// The parameter's ARN.
    pub arn: String,
    /// What follows the colon.
    pub selector: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Reads what was asked for; `None` when there are colons too many, so that there is no such parameter.
    pub fn parse(text: &'a str, region: &str, account: &str) -> Option<Self> {
        let name_at = if text.starts_with("arn:") { text.match_indices(':').nth(4)?.0 + 1 } else { 0 };
        let (resource, selector) = match text[name_at..].split_once(':') {
            Some((_, selector)) if selector.contains(':') => return None,
            Some((resource, selector)) => (resource, Some(selector)),
            None => (&text[name_at..], None),
        };
        let name = &text[..name_at + resource.len()];
        let arn = if name_at > 0 { name.to_owned() } else { parameter_arn(region, account, name) };
        Some(Self { name, arn, selector })
    }

    /// Whether it was asked for by its ARN.
    pub fn is_by_arn(&self) -> bool {
        self.name.starts_with("arn:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str) -> Result<(), NameError> {
        check_new_name(name, &parameter_arn("us-east-1", "123456789012", name))
    }

    #[test]
    fn new_names() {
        for name in ["a", "/a", "/a/b", "a.b-c_D9", "/AWSome1", "/my/aws/ssm", &format!("/a{}", "/a".repeat(14))] {
            let expected = if name == "/AWSome1" { Err(NameError::ReservedWord) } else { Ok(()) };
            assert_eq!(new(name), expected, "{name}");
        }
        let cases = [
            ("aws_x", NameError::ReservedWord),
            ("SSMx", NameError::ReservedWord),
            ("/SSM/x", NameError::Form),
            ("/aws_x/y", NameError::ReservedPath("/aws_x/y".into())),
            ("a/b", NameError::NotQualified),
            ("/a//b", NameError::Form),
            ("/a/", NameError::Form),
            ("a b", NameError::Form),
            ("arn:aws:ssm:r:a:parameter/x", NameError::NotQualified),
            (&"/a".repeat(16), NameError::Levels),
            (&"a".repeat(970), NameError::Length),
        ];
        for (name, expected) in cases {
            assert_eq!(new(name), Err(expected), "{name}");
        }
    }

    #[test]
    fn paths() {
        for path in ["/", "/a", "/a/", "/a/b.c"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in ["", "a", "//", "/###", "/a//b"] {
            assert_eq!(check_path(path), Err(NameError::Path), "{path}");
        }
    }

    #[test]
    fn what_is_asked_for() {
        let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/a/b";
        let asked = |text: &str| {
            Asked::parse(text, "us-east-1", "123456789012")
                .map(|asked| (asked.name.to_owned(), asked.arn, asked.selector.map(str::to_owned)))
        };
        assert_eq!(asked("/a/b"), Some(("/a/b".into(), arn.into(), None)));
        assert_eq!(asked("/a/b:3"), Some(("/a/b".into(), arn.into(), Some("3".into()))));
        assert_eq!(asked(arn), Some((arn.into(), arn.into(), None)));
        assert_eq!(asked(&format!("{arn}:prod")).map(|(name, ..)| name), Some(arn.into()));
        assert_eq!(asked("a:1:2"), None);
        assert_eq!(asked("arn:aws:ssm"), None);
    }
}
