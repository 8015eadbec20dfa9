//! Rights for a role or a user: an inline policy of its own, under a name that is free.

use serde_json::json;

use super::fault::Wanted;
use super::{Mend, Step};

/// The longest name of an inline policy.
const NAME_CHARACTERS: usize = 128;
/// What a name takes of the resource.
const RESOURCE_CHARACTERS: usize = 64;
/// What the awslogs driver does, which is allowed together: the one is of no use without the other.
const LOG_ACTIONS: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];

/// A policy that allows what was wanted, for the next task too. `taken` are the names of the policies that are there.
/// `None` when the principal is neither a role nor a user.
pub fn allow(wanted: &Wanted, taken: &[&str]) -> Option<Mend> {
    let (kind, name) = owner(&wanted.principal)?;
    let (actions, resource) = statement(wanted);
    let policy = free_name(&format!("{}-{}", wanted.action.replace(':', "-"), told(&resource)), taken);
    let sid: String = policy.chars().filter(char::is_ascii_alphanumeric).collect();
    let action = if let [action] = actions.as_slice() { json!(action) } else { json!(actions) };
    let statement = format!(r#"{{"Sid":"{sid}","Effect":"Allow","Action":{action},"Resource":{}}}"#, json!(resource));
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let (operation, owner) = match kind {
        Kind::Role => ("PutRolePolicy", "RoleName"),
        Kind::User => ("PutUserPolicy", "UserName"),
    };
    let input = json!({owner: name, "PolicyName": policy, "PolicyDocument": document});
    let title = format!("Add a policy to the {} {name}", kind.word());
    Some(Mend::of(title, Step::new("iam", operation, input)))
}

#[derive(Clone, Copy)]
enum Kind {
    Role,
    User,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }
}

fn owner(principal: &str) -> Option<(Kind, &str)> {
    let (_, resource) = principal.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    let (kind, path) = resource.split_once('/')?;
    let name = path.rsplit('/').next()?;
    match kind {
        "role" => Some((Kind::Role, name)),
        "user" => Some((Kind::User, name)),
        _ => None,
    }
}

/// The actions and the resource to allow. What a task does with its own log stream, the next task does with another one.
fn statement(wanted: &Wanted) -> (Vec<&str>, String) {
    let group = wanted.resource.split_once(":log-stream:").map(|(group, _)| group);
    match group {
        Some(group) if LOG_ACTIONS.contains(&wanted.action.as_str()) => (LOG_ACTIONS.to_vec(), format!("{group}:*")),
        Some(group) => (vec![wanted.action.as_str()], format!("{group}:*")),
        None => (vec![wanted.action.as_str()], wanted.resource.clone()),
    }
}

/// What a resource is called, in letters that a policy's name may have.
fn told(resource: &str) -> String {
    let resource = resource.trim_end_matches(":*");
    let last = resource.splitn(6, ':').last().unwrap_or(resource);
    let named = last.split_once([':', '/']).map_or(last, |(_, name)| name);
    let clean: String = named.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    let clean = if clean.is_empty() { "any" } else { clean };
    clean.chars().take(RESOURCE_CHARACTERS).collect()
}

/// A name that begins like this and is free. Names are unique ignoring case.
pub fn free_name(wanted: &str, taken: &[&str]) -> String {
    let wanted: String = wanted.chars().take(NAME_CHARACTERS - 4).collect();
    let is_free = |name: &str| taken.iter().all(|one| !one.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|number: u32| format!("{wanted}-{number}"));
    std::iter::once(wanted.clone()).chain(numbered).find(|name| is_free(name)).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/service/exec";
    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/login-AbCdEf";

    fn mended(action: &str, resource: &str, taken: &[&str]) -> (String, String) {
        let wanted = Wanted { principal: ROLE.into(), action: action.into(), resource: resource.into() };
        let mend = allow(&wanted, taken).expect("a mend");
        let [step] = mend.steps.as_slice() else { panic!("{mend:?}") };
        assert_eq!((step.service, step.operation, &step.input["RoleName"]), ("iam", "PutRolePolicy", &json!("exec")));
        let text = |name: &str| step.input[name].as_str().expect("a text").to_owned();
        (text("PolicyName"), text("PolicyDocument"))
    }

    #[test]
    fn a_policy_is_named_after_action_and_resource_and_never_after_one_that_is_there() {
        let (key, group) = ("arn:aws:kms:us-east-1:123456789012:key/0-1", "arn:aws:logs:us-east-1:1:log-group:/a/b");
        for (action, resource, taken, expected) in [
            ("secretsmanager:GetSecretValue", SECRET, &[][..], "secretsmanager-GetSecretValue-app-login-AbCdEf"),
            ("kms:Decrypt", key, &["KMS-decrypt-0-1", "kms-Decrypt-0-1-2"], "kms-Decrypt-0-1-3"),
            ("logs:PutLogEvents", &format!("{group}:log-stream:s/1"), &[], "logs-PutLogEvents-a-b"),
            ("ssm:GetParameters", "arn:aws:ssm:us-east-1:1:parameter/a/b", &[], "ssm-GetParameters-a-b"),
            ("ecr:GetAuthorizationToken", "*", &[], "ecr-GetAuthorizationToken-any"),
        ] {
            assert_eq!(mended(action, resource, taken).0, expected);
        }
        let long = mended("secretsmanager:GetSecretValue", &format!("arn:aws:s:r:1:secret:{}", "x".repeat(500)), &[]).0;
        assert!(long.len() <= NAME_CHARACTERS, "{long}");
    }

    #[test]
    fn the_log_permission_is_for_the_streams_of_the_group() {
        let group = "arn:aws:logs:us-east-1:123456789012:log-group:/a";
        let (_, document) = mended("logs:CreateLogStream", &format!("{group}:log-stream:web/web/0123"), &[]);
        assert_eq!(
            document,
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"logsCreateLogStreama","Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:123456789012:log-group:/a:*"}]}"#
        );
        let (_, document) = mended("logs:CreateLogGroup", &format!("{group}:log-stream:"), &[]);
        assert!(document.contains(
            r#""Action":"logs:CreateLogGroup","Resource":"arn:aws:logs:us-east-1:123456789012:log-group:/a:*""#
        ));
    }

    #[test]
    fn root_and_services_have_no_policies() {
        for principal in ["arn:aws:iam::123456789012:root", "ecs-tasks.amazonaws.com"] {
            let wanted = Wanted { principal: principal.into(), action: "a:B".into(), resource: "*".into() };
            assert_eq!(allow(&wanted, &[]), None);
        }
    }
}
