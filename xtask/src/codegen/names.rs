//! From AWS's names to Rust's, and to the names on the wire.

use crate::model::{Kind, Model, Reference};

/// Spellings whose capitals are not word boundaries.
const UNITS: [(&str, &str); 4] = [("GiB", "Gib"), ("MiB", "Mib"), ("IPv", "Ipv"), ("ARNs", "Arns")];

/// Rust's keywords that AWS uses as names.
const KEYWORDS: [&str; 9] = ["type", "return", "in", "match", "ref", "use", "static", "move", "where"];

/// `taskDefinitionArn` and `TaskDefinitionARN` as `task_definition_arn`.
pub(super) fn snake_case(name: &str) -> String {
    let mut name = name.to_owned();
    for (from, to) in UNITS {
        name = name.replace(from, to);
    }
    let characters: Vec<char> = name.chars().collect();
    let mut result = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|before| characters.get(before)).copied();
        let next_is_lower = characters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let begins_word = match previous {
            Some(previous) if character.is_ascii_uppercase() => !previous.is_ascii_uppercase() || next_is_lower,
            _ => false,
        };
        if begins_word {
            result.push('_');
        }
        result.push(character.to_ascii_lowercase());
    }
    result
}

/// A member's name as a Rust field.
pub(super) fn field(name: &str) -> String {
    let name = snake_case(name);
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// A shape's name as a Rust type.
pub(super) fn type_name(name: &str) -> String {
    upper_first(name)
}

/// A shape's name as a Rust static.
pub(super) fn static_name(name: &str) -> String {
    snake_case(name).to_ascii_uppercase()
}

/// The first letter made a capital.
pub(super) fn upper_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
}

/// The first letter made small, as the services write names in messages.
pub(super) fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase().to_string() + characters.as_str()).unwrap_or_default()
}

/// A member's name in answers and in requests, which differ in EC2's protocol.
pub(super) fn on_the_wire(model: &Model, name: &str, member: &Reference) -> (String, String) {
    let of_list = || {
        let shape = model.shapes.get(&member.shape).filter(|shape| shape.kind == Kind::List)?;
        shape.location_name.clone()
    };
    let location = member.location_name.clone().or_else(of_list);
    if model.metadata.protocol != "ec2" {
        let name = location.unwrap_or_else(|| name.to_owned());
        return (name.clone(), name);
    }
    let answer = location.clone().unwrap_or_else(|| name.to_owned());
    let request = member.query_name.clone().or_else(|| location.as_deref().map(upper_first));
    (answer, request.unwrap_or_else(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn words_are_found() {
        for (from, to) in [
            ("taskDefinitionArn", "task_definition_arn"),
            ("ARN", "arn"),
            ("RotationLambdaARN", "rotation_lambda_arn"),
            ("AWSAccountId", "aws_account_id"),
            ("enableECSManagedTags", "enable_ecs_managed_tags"),
            ("sizeInGiB", "size_in_gib"),
            ("Ipv6CidrBlock", "ipv6_cidr_block"),
            ("privateIPv4Address", "private_ipv4_address"),
        ] {
            assert_eq!(snake_case(from), to);
        }
    }
}
