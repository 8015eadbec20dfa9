//! Mends that make what is missing, or take back what was taken away.

use serde_json::json;

use super::{Mend, PASSWORD, Step, USER};

/// The trust policy that lets ECS's tasks assume a role.
pub(super) fn tasks_statement() -> serde_json::Value {
    json!({
        "Sid": "EcsTasks", "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    })
}

fn name_of(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}

/// Makes the role of this ARN, for ECS's tasks. It has no rights yet.
pub fn create_role(arn: &str) -> Mend {
    let path = arn.split_once(":role").and_then(|(_, path)| path.rfind('/').map(|end| &path[..=end]));
    let document = json!({"Version": "2012-10-17", "Statement": [tasks_statement()]}).to_string();
    let mut input = json!({"RoleName": name_of(arn), "AssumeRolePolicyDocument": document});
    if let (Some(path), Some(input)) = (path.filter(|path| *path != "/"), input.as_object_mut()) {
        input.insert("Path".into(), path.into());
    }
    Mend::of(format!("Create the role {}", name_of(arn)), Step::new("iam", "CreateRole", input))
}

/// Takes back the deletion of a secret.
pub fn restore_secret(arn: &str, home: &str) -> Mend {
    let step = Step::new("secretsmanager", "RestoreSecret", json!({"SecretId": arn}));
    Mend::of("Restore the secret", step.in_region_of(arn, home))
}

/// Enables a key.
pub fn enable_key(arn: &str, home: &str) -> Mend {
    let step = Step::new("kms", "EnableKey", json!({"KeyId": arn}));
    Mend::of("Enable the key", step.in_region_of(arn, home))
}

/// Takes back the deletion of a key, and enables it.
pub fn cancel_key_deletion(arn: &str, home: &str) -> Mend {
    let cancel = Step::new("kms", "CancelKeyDeletion", json!({"KeyId": arn})).in_region_of(arn, home);
    let enable = enable_key(arn, home).steps;
    let steps = std::iter::once(cancel).chain(enable).collect();
    Mend { title: "Cancel the deletion of the key and enable it".into(), steps }
}

/// Lets a role decrypt with a key whose policy leaves nothing to identity policies.
pub fn grant(key: &str, role: &str, home: &str) -> Mend {
    let name = format!("decrypt-{}", name_of(role));
    let input = json!({"KeyId": key, "GranteePrincipal": role, "Operations": ["Decrypt"], "Name": name});
    let step = Step::new("kms", "CreateGrant", input).in_region_of(key, home);
    Mend::of(format!("Grant the role {} to decrypt with the key", name_of(role)), step)
}

/// Makes a log group.
pub fn create_group(name: &str, region: &str, home: &str) -> Mend {
    let mut step = Step::new("logs", "CreateLogGroup", json!({"logGroupName": name}));
    step.region = Some(region).filter(|region| *region != home).map(str::to_owned);
    Mend::of(format!("Create the log group {name}"), step)
}

/// Lets everybody in to a port.
pub fn open_port(group: &str, port: u16, protocol: &str) -> Mend {
    let everybody = json!([{"CidrIp": "0.0.0.0/0"}]);
    let permission = json!({"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": everybody});
    let input = json!({"GroupId": group, "IpPermissions": [permission]});
    let title = format!("Let everybody in to {protocol} port {port} of {group}");
    Mend::of(title, Step::new("ec2", "AuthorizeSecurityGroupIngress", input))
}

/// Nothing but running the task again, with a public address.
pub fn with_address() -> Mend {
    Mend { title: "Run it again with a public address".into(), steps: Vec::new() }
}

/// Puts a new version with a login into a secret; the one before stays as its previous version. Nobody but the person who
/// fills it in knows the password.
pub fn put_login(secret: &str, user: Option<&str>, home: &str) -> Mend {
    let login = json!({"username": user.unwrap_or(USER), "password": PASSWORD}).to_string();
    let input = json!({"SecretId": secret, "SecretString": login});
    let step = Step::new("secretsmanager", "PutSecretValue", input).in_region_of(secret, home);
    Mend::of("Put a user name and password into the secret", step)
}
