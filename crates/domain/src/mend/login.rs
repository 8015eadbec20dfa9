//! A login for a registry that asks for one: a secret, the right to read it, and a revision that names it.

use serde_json::{Value, json};

use super::fault::Wanted;
use super::{Mend, PASSWORD, Step, USER, allow, free_name, with_login};

/// What the names of such secrets begin with.
pub const LOGINS: &str = "registry/";

/// Where a login is missing.
#[derive(Clone, Copy, Debug)]
pub struct NoLogin<'a> {
    /// The registry, `host:port`.
    pub host: &'a str,
    /// The definition, as RegisterTaskDefinition takes it.
    pub definition: &'a Value,
    /// The container that has no login.
    pub container: &'a str,
    /// The execution role's ARN.
    pub role: &'a str,
    /// The names of its inline policies.
    pub policies: &'a [&'a str],
    /// The names of the secrets that are there and begin with [`LOGINS`].
    pub secrets: &'a [&'a str],
    /// The region that tasks are in.
    pub region: &'a str,
}

/// Stores a login that a person fills in, lets the role read it, and names it in a revision.
pub fn new_login(missing: &NoLogin<'_>) -> Option<Mend> {
    let host: String = missing.host.chars().map(|one| if one == ':' { '-' } else { one }).collect();
    let name = free_name(&format!("{LOGINS}{host}"), missing.secrets);
    let account = missing.role.split(':').nth(4)?;
    let login = json!({"username": USER, "password": PASSWORD}).to_string();
    let store = Step::new("secretsmanager", "CreateSecret", json!({"Name": name, "SecretString": login}));
    let right = allow(
        &Wanted {
            principal: missing.role.to_owned(),
            action: "secretsmanager:GetSecretValue".to_owned(),
            // Six letters that nobody knows before come behind the name.
            resource: format!("arn:aws:secretsmanager:{}:{account}:secret:{name}-??????", missing.region),
        },
        missing.policies,
    )?;
    let revision = with_login(missing.definition, missing.container, &name)?;
    let steps = std::iter::once(store).chain(right.steps).chain(revision.steps).collect();
    Some(Mend { title: format!("Store a login for {} and use it in a new revision", missing.host), steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_stored_allowed_and_named() {
        let definition = json!({"family": "web", "containerDefinitions": [{"name": "web", "image": "r:5000/web"}]});
        let mend = new_login(&NoLogin {
            host: "r:5000",
            definition: &definition,
            container: "web",
            role: "arn:aws:iam::123456789012:role/exec",
            policies: &[],
            secrets: &["registry/r-5000"],
            region: "us-east-1",
        })
        .expect("a mend");
        let operations: Vec<&str> = mend.steps.iter().map(|step| step.operation).collect();
        assert_eq!(operations, ["CreateSecret", "PutRolePolicy", "RegisterTaskDefinition"]);
        assert_eq!(mend.steps[0].input["Name"], "registry/r-5000-2");
        let document = mend.steps[1].input["PolicyDocument"].as_str().expect("a text");
        assert!(document.contains("secret:registry/r-5000-2-??????"), "{document}");
        let credentials = &mend.steps[2].input["containerDefinitions"][0]["repositoryCredentials"];
        assert_eq!(*credentials, json!({"credentialsParameter": "registry/r-5000-2"}));
    }
}
