//! What one version of a parameter may be: its tier, its value, its data type, its labels.

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

const STANDARD_BYTES: usize = 4096;
const ADVANCED_BYTES: usize = 8192;
const TIER_PAGE: &str =
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";

/// The kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Text.
    String,
    /// Texts, separated by commas.
    StringList,
    /// Text, encrypted under a KMS key.
    SecureString,
}

impl Kind {
    /// AWS's name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::String, Self::StringList, Self::SecureString].into_iter().find(|kind| kind.name() == name)
    }
}

/// The tier of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// Up to 4 KiB, no policies.
    Standard,
    /// Up to 8 KiB, with policies.
    Advanced,
}

impl Tier {
    /// AWS's name of the tier.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
        }
    }
}

/// Why a tier does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    /// Too large for the standard tier.
    #[error(
        "Standard tier parameters support a maximum parameter value of {STANDARD_BYTES} characters. To create a larger \
         parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see {TIER_PAGE}"
    )]
    TooLargeForStandard,
    /// Too large for any tier.
    #[error("Advanced tier parameters support a maximum parameter value of {ADVANCED_BYTES} characters.")]
    TooLarge,
    /// Advanced parameters stay advanced.
    #[error(
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter \
         tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a \
         standard parameter. For more information, see {TIER_PAGE}"
    )]
    Downgrade,
    /// Only advanced parameters have policies.
    #[error(
        "Parameter policies are supported only by parameters of the advanced-parameter tier. For more information, see \
         {TIER_PAGE}"
    )]
    PoliciesNeedAdvanced,
}

/// The tier of a new version: the one asked for, if the value and the number of policies fit it.
///
/// # Errors
/// [`TierError`].
pub fn tier(asked: Option<&str>, present: Option<Tier>, value: &str, policies: usize) -> Result<Tier, TierError> {
    let needs_advanced = value.len() > STANDARD_BYTES || policies > 0;
    let tier = match (asked, present) {
        (Some("Standard"), Some(Tier::Advanced)) => return Err(TierError::Downgrade),
        (Some("Advanced"), _) | (_, Some(Tier::Advanced)) => Tier::Advanced,
        (Some("Intelligent-Tiering"), _) if needs_advanced => Tier::Advanced,
        _ => Tier::Standard,
    };
    match tier {
        _ if value.len() > ADVANCED_BYTES => Err(TierError::TooLarge),
        Tier::Standard if value.len() > STANDARD_BYTES => Err(TierError::TooLargeForStandard),
        Tier::Standard if policies > 0 => Err(TierError::PoliciesNeedAdvanced),
        _ => Ok(tier),
    }
}

/// Why a value does not fit its pattern. Nothing of the value is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern does not compile.
    #[error("The request doesn't meet the regular expression requirement: {0}")]
    Pattern(String),
    /// The value does not match.
    #[error("Parameter value, cannot be validated against allowedPattern: {0}")]
    Mismatch(String),
}

/// Holds a value against the pattern of its parameter. The pattern means the whole value. (Patterns that look around are
/// none for us.)
///
/// # Errors
/// [`PatternError`].
pub fn check_value(value: &str, pattern: &str) -> Result<(), PatternError> {
    let regex = Regex::new(&format!(r"\A(?:{pattern})\z"));
    let regex = regex.map_err(|error| PatternError::Pattern(error.to_string()))?;
    if regex.is_match(value) { Ok(()) } else { Err(PatternError::Mismatch(pattern.to_owned())) }
}

/// A data type that is none of Parameter Store's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataTypeError {
    /// Unknown.
    #[error("The following data type is not supported: {0} (Data type names are all lowercase.)")]
    Unknown(String),
    /// Only strings name images.
    #[error("The data type {0} is supported only by parameters of type String.")]
    NotAString(String),
}

/// Checks a data type. Whether an `aws:ec2:image` names an image is not checked: AWS does it later and elsewhere, and
/// Tidegate has no images.
///
/// # Errors
/// [`DataTypeError`].
pub fn check_data_type(data_type: &str, kind: Kind) -> Result<(), DataTypeError> {
    match (data_type, kind) {
        ("text", _) | ("aws:ec2:image", Kind::String) => Ok(()),
        ("aws:ec2:image", _) => Err(DataTypeError::NotAString(data_type.to_owned())),
        _ => Err(DataTypeError::Unknown(data_type.to_owned())),
    }
}

/// Whether this may be the label of a version: letters, digits and `.-_`, not beginning with a digit, `aws` or `ssm`.
pub fn is_valid_label(label: &str) -> bool {
    let reserved =
        ["aws", "ssm"].iter().any(|word| label.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word)));
    !reserved
        && !label.starts_with(|first: char| first.is_ascii_digit())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers() {
        let (small, middle, large) = ("x".repeat(4096), "x".repeat(4097), "x".repeat(8193));
        let cases = [
            (None, None, &small, 0, Ok(Tier::Standard)),
            (None, None, &middle, 0, Err(TierError::TooLargeForStandard)),
            (Some("Standard"), None, &middle, 0, Err(TierError::TooLargeForStandard)),
            (Some("Advanced"), None, &middle, 1, Ok(Tier::Advanced)),
            (Some("Advanced"), None, &large, 0, Err(TierError::TooLarge)),
            (Some("Intelligent-Tiering"), None, &small, 0, Ok(Tier::Standard)),
            (Some("Intelligent-Tiering"), None, &middle, 0, Ok(Tier::Advanced)),
            (Some("Intelligent-Tiering"), None, &small, 1, Ok(Tier::Advanced)),
            (Some("Standard"), None, &small, 1, Err(TierError::PoliciesNeedAdvanced)),
            (Some("Standard"), Some(Tier::Advanced), &small, 0, Err(TierError::Downgrade)),
            (None, Some(Tier::Advanced), &middle, 1, Ok(Tier::Advanced)),
        ];
        for (asked, present, value, policies, expected) in cases {
            assert_eq!(tier(asked, present, value, policies), expected, "{asked:?} {present:?}");
        }
    }

    #[test]
    fn a_pattern_means_the_whole_value() {
        assert_eq!(check_value("1234", r"^\d+$"), Ok(()));
        assert_eq!(check_value("12345", r"\d{1,4}"), Err(PatternError::Mismatch(r"\d{1,4}".into())));
        assert!(matches!(check_value("x", "("), Err(PatternError::Pattern(_))));
    }

    #[test]
    fn labels() {
        for label in ["prod", "v1.2-3_x", "_"] {
            assert!(is_valid_label(label), "{label}");
        }
        for label in ["awsabc", "SSM1", "9abc", "abc/123", "a b"] {
            assert!(!is_valid_label(label), "{label}");
        }
    }
}
