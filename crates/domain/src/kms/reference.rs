//! What a `KeyId` argument may be: a key id, a key ARN, an alias name, an alias ARN.

/// What a `KeyId` argument names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyReference {
    /// A key, by its ARN.
    Key(String),
    /// An alias, by its ARN.
    Alias(String),
}

/// A `KeyId` argument that can name nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyReferenceError {
    /// Neither an id nor an ARN nor an alias.
    #[error("Invalid keyId '{0}'")]
    KeyId(String),
    /// Begins like an ARN, is none of a key or an alias.
    #[error("Invalid arn {0}")]
    Arn(String),
    /// Of another region, whose name this is.
    #[error("Invalid arn {0}")]
    Region(String),
}

/// The ARN of a key.
pub fn key_arn(region: &str, account: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:key/{id}")
}

impl KeyReference {
    /// Reads a `KeyId` argument; names without an ARN are of this region and account, ARNs of this region.
    ///
    /// # Errors
    /// [`KeyReferenceError`], in KMS's words.
    pub fn parse(text: &str, region: &str, account: &str) -> Result<Self, KeyReferenceError> {
        if text.starts_with("arn:") {
            let parts: Vec<&str> = text.splitn(6, ':').collect();
            let ["arn", _, "kms", own, _, resource] = parts[..] else {
                return Err(KeyReferenceError::Arn(text.to_owned()));
            };
            if own != region {
                return Err(KeyReferenceError::Region(own.to_owned()));
            }
            return match resource.split_once('/') {
                Some(("key", id)) if !id.is_empty() => Ok(Self::Key(text.to_owned())),
                Some(("alias", name)) if !name.is_empty() => Ok(Self::Alias(text.to_owned())),
                _ => Err(KeyReferenceError::Arn(text.to_owned())),
            };
        }
        if text.starts_with("alias/") {
            return Ok(Self::Alias(format!("arn:aws:kms:{region}:{account}:{text}")));
        }
        if is_key_id(text) {
            return Ok(Self::Key(key_arn(region, account, text)));
        }
        Err(KeyReferenceError::KeyId(text.to_owned()))
    }
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    let hexadecimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(rest) = text.strip_prefix("mrk-") {
        return rest.len() == 32 && hexadecimal(rest);
    }
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_names_its_key_or_alias() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{id}");
        let alias = "arn:aws:kms:us-east-1:111122223333:alias/a/b".to_owned();
        let cases = [
            (id.to_owned(), Ok(KeyReference::Key(format!("arn:aws:kms:us-east-1:123456789012:key/{id}")))),
            (arn.clone(), Ok(KeyReference::Key(arn))),
            (
                "alias/aws/secretsmanager".to_owned(),
                Ok(KeyReference::Alias("arn:aws:kms:us-east-1:123456789012:alias/aws/secretsmanager".into())),
            ),
            (alias.clone(), Ok(KeyReference::Alias(alias))),
            (
                format!("mrk-{}", "0".repeat(32)),
                Ok(KeyReference::Key(format!("arn:aws:kms:us-east-1:123456789012:key/mrk-{}", "0".repeat(32)))),
            ),
            ("my-key".to_owned(), Err(KeyReferenceError::KeyId("my-key".into()))),
            (String::new(), Err(KeyReferenceError::KeyId(String::new()))),
            ("arn:aws:s3:::bucket".to_owned(), Err(KeyReferenceError::Arn("arn:aws:s3:::bucket".into()))),
            (
                "arn:aws:kms:us-east-1:a:key/".to_owned(),
                Err(KeyReferenceError::Arn("arn:aws:kms:us-east-1:a:key/".into())),
            ),
            (format!("arn:aws:kms:eu-west-1:a:key/{id}"), Err(KeyReferenceError::Region("eu-west-1".into()))),
            ("arn:aws:kms".to_owned(), Err(KeyReferenceError::Arn("arn:aws:kms".into()))),
        ];
        for (text, expected) in cases {
            assert_eq!(KeyReference::parse(&text, "us-east-1", "123456789012"), expected, "{text}");
        }
    }
}
