//! Parameter policies: `Expiration`, which really ends a parameter, and the two notifications, which are kept and shown
//! but notify nobody, because there is no event bus here.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::Timestamp;

const POLICIES: usize = 10;

/// One policy of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterPolicy {
    /// `Expiration`, `ExpirationNotification`, `NoChangeNotification`.
    pub kind: String,
    /// The policy as it was given, as JSON.
    pub text: String,
    /// When the parameter ends; only of an `Expiration`.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Why policies are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a JSON array of objects, or an attribute that is missing or has no sense.
    #[error("A policy attribute or its value is invalid. {0}")]
    Attribute(String),
    /// Another type.
    #[error(
        "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, \
         ExpirationNotification, and NoChangeNotification."
    )]
    Type,
    /// Two expirations.
    #[error(
        "There is a conflict in the policies specified for this parameter. You can't, for example, specify two \
         Expiration policies for a parameter. Review your policies, and try again."
    )]
    Conflict,
    /// Too many.
    #[error(
        "You specified more than the maximum number of allowed policies for the parameter. The maximum is {POLICIES}."
    )]
    Limit,
}

impl PolicyError {
    /// The error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Attribute(_) => "InvalidPolicyAttributeException",
            Self::Type => "InvalidPolicyTypeException",
            Self::Conflict => "IncompatiblePolicyException",
            Self::Limit => "PoliciesLimitExceededException",
        }
    }
}

fn attribute(what: impl Into<String>) -> PolicyError {
    PolicyError::Attribute(what.into())
}

/// Reads the `Policies` of a PutParameter. `[{}]` and `[]` are no policies.
///
/// # Errors
/// [`PolicyError`].
pub fn parse_policies(text: &str, now: Timestamp) -> Result<Vec<ParameterPolicy>, PolicyError> {
    let policies: Vec<Value> =
        serde_json::from_str(text).map_err(|_| attribute("Policies is not a JSON array of policies."))?;
    let filled = policies.iter().filter(|policy| !policy.as_object().is_some_and(serde_json::Map::is_empty));
    let policies = filled.map(|policy| parse(policy, now)).collect::<Result<Vec<_>, _>>()?;
    if policies.len() > POLICIES {
        return Err(PolicyError::Limit);
    }
    if policies.iter().filter(|policy| policy.expires_at.is_some()).count() > 1 {
        return Err(PolicyError::Conflict);
    }
    Ok(policies)
}

fn parse(policy: &Value, now: Timestamp) -> Result<ParameterPolicy, PolicyError> {
    let kind = policy.get("Type").and_then(Value::as_str).ok_or(PolicyError::Type)?;
    let of = |name: &str| policy.get("Attributes").and_then(|attributes| attributes.get(name)).and_then(Value::as_str);
    let expires_at = match kind {
        "Expiration" => {
            let at = of("Timestamp").and_then(Timestamp::from_rfc3339);
            let at = at.ok_or_else(|| attribute("Expiration needs a Timestamp as 2030-01-31T12:00:00.000Z."))?;
            if at <= now {
                return Err(attribute("The Timestamp of an Expiration must be in the future."));
            }
            Some(at)
        }
        "ExpirationNotification" => check_span(of("Before"), of("Unit")).map(|()| None)?,
        "NoChangeNotification" => check_span(of("After"), of("Unit")).map(|()| None)?,
        _ => return Err(PolicyError::Type),
    };
    Ok(ParameterPolicy { kind: kind.to_owned(), text: policy.to_string(), expires_at })
}

fn check_span(count: Option<&str>, unit: Option<&str>) -> Result<(), PolicyError> {
    let is_number = count.is_some_and(|count| count.parse::<u32>().is_ok_and(|count| count > 0));
    if is_number && matches!(unit, Some("Days" | "Hours")) {
        Ok(())
    } else {
        Err(attribute("A notification needs Before or After (a number) and Unit (Days or Hours)."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    #[test]
    fn policies() {
        let expiration =
            r#"{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2030-01-31T12:00:00.000Z"}}"#;
        let notice = r#"{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"15","Unit":"Days"}}"#;
        let parsed = parse_policies(&format!("[{expiration},{notice}]"), NOW).expect("policies");
        assert_eq!(parsed[0].expires_at, Timestamp::from_rfc3339("2030-01-31T12:00:00.000Z"));
        assert_eq!((parsed[1].kind.as_str(), parsed[1].expires_at), ("ExpirationNotification", None));
        assert_eq!(parse_policies("[{}]", NOW), Ok(vec![]));
        let cases = [
            ("x".to_owned(), "InvalidPolicyAttributeException"),
            (r#"["Expiration"]"#.into(), "InvalidPolicyTypeException"),
            (r#"[{"Type":"Other"}]"#.into(), "InvalidPolicyTypeException"),
            (r#"[{"Type":"Expiration"}]"#.into(), "InvalidPolicyAttributeException"),
            (format!("[{}]", expiration.replace("2030", "2020")), "InvalidPolicyAttributeException"),
            (format!("[{}]", notice.replace("Days", "Years")), "InvalidPolicyAttributeException"),
            (format!("[{expiration},{expiration}]"), "IncompatiblePolicyException"),
            (format!("[{}]", [notice; 11].join(",")), "PoliciesLimitExceededException"),
        ];
        for (text, code) in cases {
            assert_eq!(parse_policies(&text, NOW).expect_err("refused").code(), code, "{text}");
        }
    }
}
