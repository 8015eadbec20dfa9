//! A role's trust policy: the whole document is put back, with one statement more.

use serde_json::{Value, json};

use super::made::tasks_statement;
use super::{Guard, Mend, Step, free_name};

/// Lets ECS's tasks assume the role of this ARN, whose trust policy is `document`. `None` when that is no policy.
pub fn trust(arn: &str, document: &str) -> Option<Mend> {
    let name = arn.rsplit('/').next()?;
    let before: Value = serde_json::from_str(document).ok()?;
    let mut after = before.clone();
    let statements = after.get_mut("Statement")?;
    if !statements.is_array() {
        *statements = json!([statements.take()]);
    }
    let statements = statements.as_array_mut()?;
    let mut statement = tasks_statement();
    let taken: Vec<&str> = statements.iter().filter_map(|one| one["Sid"].as_str()).collect();
    // A Sid has letters and digits alone.
    statement["Sid"] = free_name("EcsTasks", &taken).replace('-', "").into();
    statements.push(statement);
    let mut step =
        Step::new("iam", "UpdateAssumeRolePolicy", json!({"RoleName": name, "PolicyDocument": after.to_string()}));
    step.guard = Some(Guard {
        operation: "GetRole",
        input: json!({"RoleName": name}),
        path: "Role.AssumeRolePolicyDocument",
        expected: before,
    });
    Some(Mend::of(format!("Let ECS tasks assume the role {name}"), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC2: &str = r#"{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}"#;

    #[test]
    fn every_statement_stays_and_one_comes_to_them() {
        let own = r#"{"Sid":"EcsTasks","Effect":"Deny","Principal":"*","Action":"sts:TagSession"}"#;
        for (statements, sid) in
            [(EC2.to_owned(), "EcsTasks"), (format!("[{EC2}]"), "EcsTasks"), (format!("[{EC2},{own}]"), "EcsTasks2")]
        {
            let document = format!(r#"{{"Version":"2012-10-17","Id":"mine","Statement":{statements}}}"#);
            let mend = trust("arn:aws:iam::123456789012:role/a/web", &document).expect("a mend");
            let step = &mend.steps[0];
            assert_eq!(step.input["RoleName"], "web");
            let put: Value = serde_json::from_str(step.input["PolicyDocument"].as_str().expect("text")).expect("JSON");
            let before: Value = serde_json::from_str(&document).expect("JSON");
            assert_eq!((&put["Id"], &put["Version"]), (&before["Id"], &before["Version"]));
            let kept = before["Statement"].as_array().cloned().unwrap_or_else(|| vec![before["Statement"].clone()]);
            let (last, rest) = put["Statement"].as_array().expect("a list").split_last().expect("a statement");
            assert_eq!(rest, kept);
            assert_eq!((&last["Sid"], &last["Principal"]["Service"]), (&json!(sid), &json!("ecs-tasks.amazonaws.com")));
            assert_eq!(step.guard.as_ref().expect("a guard").expected, before);
        }
        assert_eq!(trust("arn:aws:iam::123456789012:role/web", "no policy"), None);
    }
}
