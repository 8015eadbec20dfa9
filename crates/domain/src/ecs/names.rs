//! Names as ECS checks them: families, containers, images, roles, secrets.

use super::Refusal;
use crate::image::reference::Reference;

/// The longest name of a family, a container, a volume, a cluster.
const NAME_LENGTH: usize = 255;
/// The longest name of an IAM role.
const ROLE_NAME_LENGTH: usize = 64;

/// Letters, digits, `_` and `-`, at most 255: families, containers, volumes, clusters.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_LENGTH
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The ARN of a role given by ARN or by name.
pub fn complete_role(role: &str, account: &str) -> Result<String, Refusal> {
    if let Some(rest) = role.strip_prefix("arn:") {
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        let valid = matches!(parts[..], [partition, "iam", "", account, resource]
        if partition.starts_with("aws")
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && resource.strip_prefix("role/").is_some_and(|path| {
                path.rsplit('/').next().is_some_and(is_role_name)
            }));
        return if valid { Ok(role.to_owned()) } else { Err(Refusal::client("Role is not valid")) };
    }
    if is_role_name(role) {
        Ok(format!("arn:aws:iam::{account}:role/{role}"))
    } else {
        Err(Refusal::client("Role is not valid"))
    }
}

fn is_role_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= ROLE_NAME_LENGTH
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// What ECS itself says of an image reference; its full syntax is the registry's business.
pub(super) fn check_image(image: &str) -> Result<(), Refusal> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:./#".contains(&byte);
    let valid_digest = digest.is_none_or(|digest| {
        digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    if name.is_empty() || !name.bytes().all(allowed) || !valid_digest {
        return Err(Refusal::client("Container.image contains invalid characters."));
    }
    if name.len() > NAME_LENGTH {
        return Err(Refusal::client(format!("Container.image should not be longer than {NAME_LENGTH} characters.")));
    }
    Ok(())
}

/// Whether the image lies in an ECR repository.
pub(super) fn is_ecr_image(image: &str) -> bool {
    image.parse::<Reference>().is_ok_and(|reference| reference.is_in_ecr())
}

/// Whether `repositoryCredentials.credentialsParameter` can name a secret: an ARN, or a secret's name.
pub(super) fn is_secret(parameter: &str) -> bool {
    if parameter.starts_with("arn:") {
        return is_arn(parameter) && !parameter.contains(' ');
    }
    !parameter.is_empty()
        && parameter.len() <= NAME_LENGTH
        && parameter.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte))
}

/// Whether the text has the six parts of an ARN.
pub(super) fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, service, _, _, resource]
        if !partition.is_empty() && !service.is_empty() && !resource.is_empty())
}

/// Whether `secrets[].valueFrom` can name an SSM parameter: an ARN, or the parameter's name.
pub(super) fn is_parameter(value_from: &str) -> bool {
    is_arn(value_from)
        || (!value_from.is_empty()
            && value_from.len() <= 2048
            && value_from.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/,".contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_completed_or_refused() {
        let cases = [
            ("exec", Some("arn:aws:iam::123456789012:role/exec")),
            ("arn:aws:iam::123456789012:role/path/to/exec", Some("arn:aws:iam::123456789012:role/path/to/exec")),
            ("arn:aws:iam::123456789012:user/exec", None),
            ("arn:aws:iam::12345:role/exec", None),
            ("arn:aws:iam::123456789012:role/", None),
            ("with space", None),
            ("", None),
        ];
        for (given, expected) in cases {
            let completed = complete_role(given, "123456789012");
            assert_eq!(completed.as_deref().ok(), expected, "{given}");
            if let Err(refusal) = completed {
                assert_eq!(refusal.to_string(), "ClientException: Role is not valid");
            }
        }
    }

    #[test]
    fn images_are_checked_as_far_as_ecs_does() {
        let digest = format!("r/i@sha256:{}", "a".repeat(64));
        for good in ["nginx", "127.0.0.1:5000/a/b_c:1.0-x", "REG/Upper:tag", digest.as_str()] {
            assert_eq!(check_image(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a@sha256:12", "a@md5:00", "naïve", "a$b", "@sha256:00"] {
            assert!(check_image(bad).is_err(), "{bad}");
        }
        assert!(check_image(&"x".repeat(256)).is_err());
        assert!(is_ecr_image("123456789012.dkr.ecr.us-east-1.amazonaws.com/a:b"));
        assert!(!is_ecr_image("docker.io/dkr.ecr.amazonaws.com"));
    }

    #[test]
    fn secrets_are_named_by_arn_or_name() {
        for good in ["dockerhub", "team/dockerhub", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"] {
            assert!(is_secret(good), "{good}");
        }
        for bad in ["", "with space", "arn:aws", "a:b", "arn:aws:secretsmanager:us-east-1:1:secret:a b"] {
            assert!(!is_secret(bad), "{bad}");
        }
    }
}
