//! An operation as the AWS CLI's command, quoted for a POSIX shell, runnable as printed.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Guard, PLACEHOLDERS, Step};

/// An input with more members than this is one option, as JSON.
const OPTIONS: usize = 8;
/// The file for a value that only a person knows.
const FILE: &str = "login.json";

impl Step {
    /// The command. What only a person knows stands in a file, which a comment before it tells of: a password on a command
    /// line would be in the shell's history.
    pub fn command(&self) -> String {
        let region = self.region.as_deref();
        let mut text = String::new();
        for value in self.input.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str()) {
            if asks(value) {
                let _ = writeln!(text, "# First write the file {FILE}: {value}");
            }
        }
        if let Some(guard) = &self.guard {
            text += &condition(self.service, guard, region);
        }
        text += &call(self.service, self.operation, &self.input, region);
        text
    }
}

fn asks(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|one| text.contains(one))
}

/// Goes on only if the document is still what it was.
fn condition(service: &str, guard: &Guard, region: Option<&str>) -> String {
    let expected = guard.expected.to_string().replace('`', "\\`");
    let query = quoted(&format!("{} == `{expected}`", guard.path));
    let reading = call(service, guard.operation, &guard.input, region);
    format!("[ \"$({reading} --query {query} --output text)\" = True ] && ")
}

fn call(service: &str, operation: &str, input: &Value, region: Option<&str>) -> String {
    let mut text = format!("aws {service} {}", hyphenated(operation));
    if let Some(region) = region {
        let _ = write!(text, " --region {}", quoted(region));
    }
    let members = input.as_object();
    if members.is_some_and(|members| members.len() > OPTIONS) {
        let _ = write!(text, " --cli-input-json {}", quoted(&input.to_string()));
        return text;
    }
    for (name, value) in members.into_iter().flatten() {
        let name = hyphenated(name);
        let _ = match value {
            Value::Bool(true) => write!(text, " --{name}"),
            Value::Bool(false) => write!(text, " --no-{name}"),
            Value::String(value) if asks(value) => write!(text, " --{name} file://{FILE}"),
            Value::String(value) if value.starts_with(['-', '@']) => write!(text, " --{name}={}", quoted(value)),
            Value::String(value) => write!(text, " --{name} {}", quoted(value)),
            value => write!(text, " --{name} {}", quoted(&value.to_string())),
        };
    }
    text
}

/// `PutRolePolicy` and `taskDefinition` as the CLI writes them, with dashes between the words.
fn hyphenated(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::with_capacity(letters.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after_small = before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        let ends_capitals = before.is_some_and(|before| before.is_ascii_uppercase())
            && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_small || ends_capitals) {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// A word as a shell reads it.
fn quoted(text: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_./:=,@%+-".contains(one);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{put_login, trust};
    use super::*;

    #[test]
    fn names_are_those_of_the_cli() {
        for (name, expected) in [
            ("PutRolePolicy", "put-role-policy"),
            ("taskDefinition", "task-definition"),
            ("enableECSManagedTags", "enable-ecs-managed-tags"),
            ("KmsKeyId", "kms-key-id"),
            ("cpu", "cpu"),
        ] {
            assert_eq!(hyphenated(name), expected);
        }
    }

    #[test]
    fn values_are_quoted_for_a_shell() {
        let step = Step::new(
            "ecs",
            "RunTask",
            json!({"cluster": "it's $HOME", "enableExecuteCommand": true, "overrides": {"cpu": "1"}, "group": "-x", "count": 1}),
        );
        assert_eq!(
            step.command(),
            r#"aws ecs run-task --cluster 'it'\''s $HOME' --count 1 --enable-execute-command --group=-x --overrides '{"cpu":"1"}'"#
        );
    }

    #[test]
    fn no_password_is_on_a_command_line() {
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:login-AbCdEf";
        let command = put_login(secret, Some("alice"), "us-east-1").steps[0].command();
        let (comment, line) = command.split_once('\n').expect("two lines");
        assert_eq!(comment, r#"# First write the file login.json: {"password":"<password>","username":"alice"}"#);
        let expected = "aws secretsmanager put-secret-value --region eu-west-1 --secret-id ";
        assert_eq!(line, format!("{expected}{secret} --secret-string file://login.json"));
    }

    #[test]
    fn a_whole_document_is_put_back_only_if_it_is_what_it_was() {
        let document = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let command = trust("arn:aws:iam::123456789012:role/web", document).expect("a mend").steps[0].command();
        let condition = r#"[ "$(aws iam get-role --role-name web --query 'Role.AssumeRolePolicyDocument == `{"Statement":[],"Version":"2012-10-17"}`' --output text)" = True ] && aws iam update-assume-role-policy "#;
        assert!(command.starts_with(condition), "{command}");
    }
}
