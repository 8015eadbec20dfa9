//! A secret's value read as registry credentials, exactly as the ECS agent reads it.
//!
//! The agent decodes a JSON object into the fields `username` and `password` with Go's rules: names match whatever
//! their case, the last one written wins, unknown names are ignored, `null` leaves a field empty, any other type than
//! a string is an error. The value is never quoted in an error.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use wire::Sensitive;

use crate::compute::RegistryCredentials;

/// Why a value is not registry credentials, in the agent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryAuthError {
    /// No SecretString, or an empty one.
    #[error("asm fetching authorization data: empty secrets value")]
    Empty,
    /// Not a JSON object, or a field is not a string.
    #[error("asm fetching authorization data: unable to unmarshal secret value, invalid schema")]
    Schema,
    /// No `username`, or an empty one.
    #[error("asm fetching username: AuthorizationData is malformed, empty field")]
    Username,
    /// No `password`, or an empty one.
    #[error("asm fetching password: AuthorizationData is malformed, empty field")]
    Password,
}

impl RegistryAuthError {
    /// What is wrong, in plain words.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Empty => "The secret has no text value, so there are no registry credentials in it.",
            Self::Schema => "The secret's value is not a JSON object whose username and password are strings.",
            Self::Username => "The secret's JSON object has no username, or an empty one.",
            Self::Password => "The secret's JSON object has no password, or an empty one.",
        }
    }

    /// What to do about it.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Empty => {
                "Give the secret a text value (SecretString): {\"username\":\"…\",\"password\":\"…\"}. A binary value is \
                 not read."
            }
            Self::Schema => {
                "Make the secret's value a JSON object with two strings: {\"username\":\"…\",\"password\":\"…\"}. In a \
                 shell, put single quotes around it."
            }
            Self::Username => "Add \"username\" with the registry's user name to the secret's JSON object.",
            Self::Password => {
                "Add \"password\" with the registry's password or access token to the secret's JSON object."
            }
        }
    }
}

/// The credentials in a secret's text.
///
/// # Errors
/// [`RegistryAuthError`], in the order in which the agent looks.
pub fn registry_credentials(secret_string: Option<&str>) -> Result<RegistryCredentials, RegistryAuthError> {
    let text = secret_string.filter(|text| !text.is_empty()).ok_or(RegistryAuthError::Empty)?;
    let mut decoder = serde_json::Deserializer::from_str(text);
    let fields = decoder
        .deserialize_any(FieldsVisitor)
        .and_then(|fields| decoder.end().map(|()| fields))
        .map_err(|_| RegistryAuthError::Schema)?;
    if fields.username.expose().is_empty() {
        return Err(RegistryAuthError::Username);
    }
    if fields.password.expose().is_empty() {
        return Err(RegistryAuthError::Password);
    }
    Ok(RegistryCredentials { username: fields.username.expose().to_owned(), password: fields.password })
}

/// Both fields are wiped when dropped: somebody may have exchanged them.
#[derive(Default)]
struct Fields {
    username: Sensitive,
    password: Sensitive,
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with username and password")
    }

    fn visit_unit<E>(self) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            let field = if name.eq_ignore_ascii_case("username") {
                &mut fields.username
            } else if name.eq_ignore_ascii_case("password") {
                &mut fields.password
            } else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // The library's error could quote the value.
            let value = map.next_value::<Option<Sensitive>>().map_err(|_| A::Error::custom("not a string"))?;
            if let Some(value) = value {
                *field = value;
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_agent_reads_them() {
        use RegistryAuthError::{Empty, Password, Schema, Username};
        let alice = Ok(("alice", "s3cret"));
        let cases = [
            (Some(r#"{"username":"alice","password":"s3cret"}"#), alice),
            (Some(r#" {"Username":"alice","PASSWORD":"s3cret"} "#), alice),
            (Some(r#"{"password":"s3cret","email":{"a":[1]},"username":"alice"}"#), alice),
            (Some(r#"{"username":"bob","USERNAME":"alice","password":"s3cret"}"#), alice),
            (Some(r#"{"username":"alice","username":null,"password":"s3cret"}"#), alice),
            (None, Err(Empty)),
            (Some(""), Err(Empty)),
            (Some("just a string"), Err(Schema)),
            (Some(r#""just a string""#), Err(Schema)),
            (Some("alice:s3cret"), Err(Schema)),
            (Some("[]"), Err(Schema)),
            (Some("7"), Err(Schema)),
            (Some(r#"{"username":"alice","password":"s3cret"} x"#), Err(Schema)),
            (Some(r"{'username':'alice','password':'s3cret'}"), Err(Schema)),
            (Some(r#"{"username":"alice","password":1234}"#), Err(Schema)),
            (Some(r#"{"username":["alice"],"password":"s3cret"}"#), Err(Schema)),
            (Some("null"), Err(Username)),
            (Some("{}"), Err(Username)),
            (Some(r#"{"password":"s3cret"}"#), Err(Username)),
            (Some(r#"{"username":"","password":"s3cret"}"#), Err(Username)),
            (Some(r#"{"user":"alice","password":"s3cret"}"#), Err(Username)),
            (Some(r#"{"username":"alice"}"#), Err(Password)),
            (Some(r#"{"username":"alice","password":""}"#), Err(Password)),
            (Some(r#"{"username":"alice","password":null}"#), Err(Password)),
        ];
        for (text, expected) in cases {
            let result = registry_credentials(text);
            let found = result.as_ref().map(|found| (found.username.as_str(), found.password.expose()));
            assert_eq!(found.map_err(|error| *error), expected, "{text:?}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        let credentials = registry_credentials(Some(r#"{"username":"alice","password":"s3cret"}"#)).expect("read");
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }
}
