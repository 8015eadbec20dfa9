//! Names and ARNs of secrets.

/// What the six random characters at the end of a secret's ARN are taken from.
pub const SUFFIX_CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const SUFFIX_LENGTH: usize = 6;

/// Whether this is a name that Secrets Manager takes: 1 to 512 letters, digits and `/_+=.@-!`.
pub fn is_valid_name(name: &str) -> bool {
    (1..=512).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-!".contains(&byte))
}

/// The suffix that these random bytes make. (62 divides no power of two; the tiny lean does not matter, because the
/// suffix guards nothing.)
pub fn suffix(random: [u8; SUFFIX_LENGTH]) -> String {
    random.iter().map(|byte| char::from(SUFFIX_CHARACTERS[usize::from(*byte) % SUFFIX_CHARACTERS.len()])).collect()
}

/// The ARN of a secret; the suffix keeps a new secret from being taken for a deleted one of the same name.
pub fn secret_arn(region: &str, account: &str, name: &str, suffix: &str) -> String {
    format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-{suffix}")
}

/// The region of an ARN.
pub fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// The ARN that a secret has in another region, where it is replicated to.
pub fn arn_in_region(arn: &str, region: &str) -> String {
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    match parts[..] {
        [prefix, partition, service, _, rest] => format!("{prefix}:{partition}:{service}:{region}:{rest}"),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "prod/db_1+x=y.z@w-v", &"a".repeat(512)] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", "a b", "a:b", "ä", "a*", &"a".repeat(513)] {
            assert!(!is_valid_name(name), "{name}");
        }
    }

    #[test]
    fn an_arn_ends_with_six_characters() {
        let arn = secret_arn("r", "1", "n", &suffix([0, 25, 26, 61, 62, 255]));
        assert_eq!(arn, "arn:aws:secretsmanager:r:1:secret:n-AZa9AH");
        assert_eq!(region_of(&arn), "r");
        assert_eq!(arn_in_region(&arn, "s"), "arn:aws:secretsmanager:s:1:secret:n-AZa9AH");
    }
}
