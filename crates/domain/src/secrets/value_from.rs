//! `secrets[].valueFrom` of a container: which secret, which of its JSON keys, which version; and the value of a JSON
//! key as the ECS agent writes it into a variable.

use serde_json::Value;
use wire::Sensitive;

use super::go_json::{GoJsonError, check_object};

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueFrom {
    /// Secrets Manager.
    Secret(SecretReference),
    /// An SSM parameter, by name or ARN.
    Parameter(String),
}

/// A secret, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretReference {
    /// `arn:aws:secretsmanager:<region>:<account>:secret:<name>`.
    pub arn: String,
    /// Only the value of this key of the JSON object.
    pub json_key: Option<String>,
    /// The version with this stage.
    pub version_stage: Option<String>,
    /// The version with this id.
    pub version_id: Option<String>,
}

/// The agent's words for a secret ARN with a wrong number of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an invalid ARN format for the AWS Secrets Manager secret was specified. Specify a valid ARN and try again.")]
pub struct ValueFromError;

/// Why the JSON key of a secret has no value. Nothing of the secret is quoted but the key that was asked for, and one
/// character of what is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonKeyError {
    /// Not a JSON object: the words of the agent's library.
    #[error(transparent)]
    NotAnObject(#[from] GoJsonError),
    /// JSON that the agent would read and this program cannot: a number or a nesting beyond every measure.
    #[error("retrieved secret from Secrets Manager has a JSON object that cannot be read")]
    Unreadable,
    /// The agent's words for a missing key.
    #[error("retrieved secret from Secrets Manager did not contain json key {0}")]
    Missing(String),
}

impl ValueFrom {
    /// Reads a `valueFrom`.
    ///
    /// # Errors
    /// [`ValueFromError`] for an ARN of Secrets Manager that is neither `secret:<name>` nor has all three further parts.
    pub fn parse(text: &str) -> Result<Self, ValueFromError> {
        let mut parts = text.splitn(6, ':');
        let (prefix, service) = (parts.next(), parts.nth(1));
        if prefix != Some("arn") || service != Some("secretsmanager") {
            return Ok(Self::Parameter(text.to_owned()));
        }
        let resource = parts.nth(2).unwrap_or_default();
        let fields: Vec<&str> = resource.split(':').collect();
        let given = |field: &str| (!field.is_empty()).then(|| field.to_owned());
        let (name, json_key, version_stage, version_id) = match fields[..] {
            ["secret", name] if !name.is_empty() => (name, None, None, None),
            ["secret", name, key, stage, id] if !name.is_empty() => (name, given(key), given(stage), given(id)),
            _ => return Err(ValueFromError),
        };
        let account_part = &text[..text.len() - resource.len()];
        Ok(Self::Secret(SecretReference {
            arn: format!("{account_part}secret:{name}"),
            json_key,
            version_stage,
            version_id,
        }))
    }
}

/// The value of one key of a secret that is a JSON object, as the agent writes it (Go's `%v`).
///
/// # Errors
/// [`JsonKeyError`].
pub fn json_value(secret_string: &str, key: &str) -> Result<Sensitive, JsonKeyError> {
    check_object(secret_string)?;
    let mut object = match serde_json::from_str(secret_string) {
        Ok(Value::Object(object)) => object,
        Ok(_) => serde_json::Map::new(),
        Err(_) => return Err(JsonKeyError::Unreadable),
    };
    let value = object.remove(key).ok_or_else(|| JsonKeyError::Missing(key.to_owned()));
    // What is not asked for is wiped, as far as its strings go.
    object.into_iter().for_each(|(_, other)| drop(into_go_text(other)));
    value.map(into_go_text)
}

/// A JSON value as Go prints one that it decoded without a type.
fn into_go_text(value: Value) -> Sensitive {
    match value {
        Value::String(text) => Sensitive::new(text),
        Value::Null => "<nil>".into(),
        Value::Bool(value) => value.to_string().into(),
        Value::Number(number) => go_number(number.as_f64().unwrap_or_default()).into(),
        Value::Array(values) => {
            let texts: Vec<Sensitive> = values.into_iter().map(into_go_text).collect();
            format!("[{}]", texts.iter().map(Sensitive::expose).collect::<Vec<_>>().join(" ")).into()
        }
        Value::Object(object) => {
            let texts: Vec<(String, Sensitive)> =
                object.into_iter().map(|(key, value)| (key, into_go_text(value))).collect();
            let pairs: Vec<String> = texts.iter().map(|(key, value)| format!("{key}:{}", value.expose())).collect();
            format!("map[{}]", pairs.join(" ")).into()
        }
    }
}

/// Go's `%v` of a float: the shortest digits, with an exponent below 1e-4 and from a million on. (So a number of seven
/// digits in a secret reaches the container as `1.234567e+06`, as it does on AWS.)
fn go_number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf";

    #[test]
    fn the_forms_of_value_from() {
        let secret = |json_key: Option<&str>, stage: Option<&str>, id: Option<&str>| {
            Ok(ValueFrom::Secret(SecretReference {
                arn: ARN.into(),
                json_key: json_key.map(Into::into),
                version_stage: stage.map(Into::into),
                version_id: id.map(Into::into),
            }))
        };
        let cases = [
            (String::new(), secret(None, None, None)),
            (":user::".into(), secret(Some("user"), None, None)),
            ("::AWSPREVIOUS:".into(), secret(None, Some("AWSPREVIOUS"), None)),
            (":user::1234".into(), secret(Some("user"), None, Some("1234"))),
            (":::".into(), secret(None, None, None)),
            (":user".into(), Err(ValueFromError)),
            (":user:AWSCURRENT".into(), Err(ValueFromError)),
            (":a:b:c:d".into(), Err(ValueFromError)),
        ];
        for (rest, expected) in cases {
            assert_eq!(ValueFrom::parse(&format!("{ARN}{rest}")), expected, "{rest}");
        }
        for text in ["/app/password", "arn:aws:ssm:us-east-1:123456789012:parameter/app", ""] {
            assert_eq!(ValueFrom::parse(text), Ok(ValueFrom::Parameter(text.into())), "{text}");
        }
        for text in
            ["arn:aws:secretsmanager", "arn:aws:secretsmanager:r:a:other:x", "arn:aws:secretsmanager:r:a:secret:"]
        {
            assert_eq!(ValueFrom::parse(text), Err(ValueFromError), "{text}");
        }
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        let secret = r#"{"text":"a b","number":5432,"fraction":0.5,"yes":true,"nothing":null,"large":1234567,"small":0.00001,
            "list":[1,"x"],"map":{"b":1,"a":null}}"#;
        let cases = [
            ("text", "a b"),
            ("number", "5432"),
            ("fraction", "0.5"),
            ("yes", "true"),
            ("nothing", "<nil>"),
            ("large", "1.234567e+06"),
            ("small", "1e-05"),
            ("list", "[1 x]"),
            ("map", "map[a:<nil> b:1]"),
        ];
        for (key, expected) in cases {
            assert_eq!(json_value(secret, key).expect("there").expose(), expected, "{key}");
        }
        assert_eq!(
            json_value(secret, "TEXT").expect_err("names match exactly").to_string(),
            "retrieved secret from Secrets Manager did not contain json key TEXT"
        );
        let refused = [
            ("plain", "invalid character 'p' looking for beginning of value"),
            ("{'a':'b'}", r"invalid character '\'' looking for beginning of object key string"),
            ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
            ("null", "retrieved secret from Secrets Manager did not contain json key a"),
        ];
        for (text, expected) in refused {
            assert_eq!(json_value(text, "a").expect_err("no such key").to_string(), expected);
        }
    }
}
