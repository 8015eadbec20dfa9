//! Policy documents: IAM's grammar, and its words when a document does not follow it.
//!
//! Identity policies are refused in the words of IAM's older checker ("Syntax errors in policy."), trust and resource
//! policies in those of the newer one ("Missing required field Principal"), as AWS does.

use std::sync::Arc;

use super::condition::{Condition, ConditionError};
use super::json::{Json, members_of};
use super::pattern::{ArnPattern, Pattern, Variables, Wildcards};
use super::policy::{Effect, Listed, Policy, Statement};
use super::principal::Principal;

/// What a document is for; each kind has its own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A managed policy: must be of version 2012-10-17.
    Managed,
    /// An inline or session policy.
    Inline,
    /// A role's trust policy: principals, STS actions, no resource.
    Trust,
    /// The policy of another resource: principals, a resource if it likes.
    Resource,
}

/// A document that is refused; its text is IAM's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedPolicy(pub String);

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const PARTITIONS: &[&str] = &["*", "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];
const IAM_PATHS: &[&str] = &[
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];
/// What of S3 is in a region.
const S3_REGIONAL: &[&str] =
    &["*", "${", "accesspoint/", "job/", "storage-lens/", "storage-lens-group/", "async-request/"];
const STATEMENT_FIELDS: &[&str] =
    &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// How long a document is where IAM counts: white space does not count.
pub fn counted_characters(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

impl PolicyKind {
    fn has_principals(self) -> bool {
        matches!(self, Self::Trust | Self::Resource)
    }

    /// The older checker's text for identity policies, the newer one's for the others.
    fn refuse(self, newer: impl FnOnce() -> String) -> MalformedPolicy {
        if self.has_principals() { MalformedPolicy(newer()) } else { refuse(SYNTAX) }
    }
}

fn refuse(text: impl Into<String>) -> MalformedPolicy {
    MalformedPolicy(text.into())
}

type Members = [(String, Json)];

fn member<'a>(members: &'a Members, name: &str) -> Option<&'a Json> {
    members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

impl Policy {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`MalformedPolicy`] with IAM's text.
    pub fn parse(document: &str, kind: PolicyKind) -> Result<Self, MalformedPolicy> {
        let json = Json::parse(document).ok_or_else(|| kind.refuse(|| "This policy contains invalid Json".into()))?;
        if let Some(key) = json.repeated_key() {
            return Err(kind.refuse(|| format!("Statement/policy already has instance of {key}")));
        }
        let Json::Object(members) = &json else {
            return Err(kind.refuse(|| "This policy contains invalid Json".into()));
        };
        if let Some((key, _)) = members.iter().find(|(key, _)| !matches!(key.as_str(), "Version" | "Id" | "Statement"))
        {
            return Err(kind.refuse(|| format!("Unknown field {key}")));
        }
        if member(members, "Id").is_some_and(|id| !matches!(id, Json::String(_))) {
            return Err(kind.refuse(|| "Syntax error in field Id".into()));
        }
        let variables = version(members, kind)?;
        let statements: Vec<&Json> = match member(members, "Statement") {
            Some(Json::Array(items)) if !items.is_empty() => items.iter().collect(),
            Some(object @ Json::Object(_)) => vec![object],
            Some(Json::Array(_)) => {
                return Err(kind.refuse(|| "Could not parse the policy: Statement is empty!".into()));
            }
            _ => return Err(kind.refuse(|| "Missing required field Statement".into())),
        };
        let objects = statements.into_iter().map(|statement| match statement {
            Json::Object(members) => Ok(members.as_slice()),
            _ => Err(kind.refuse(|| "This policy contains invalid Json".into())),
        });
        let objects: Vec<&Members> = objects.collect::<Result<_, _>>()?;
        for statement in &objects {
            check_fields(statement, kind)?;
        }
        if !kind.has_principals() {
            check_in_order(&objects)?;
        }
        let statements = objects
            .iter()
            .enumerate()
            .map(|(index, members)| statement(index, members, kind, variables))
            .collect::<Result<Vec<_>, _>>()?;
        unique_sids(statements.iter().filter_map(|one| one.sid.as_deref()))?;
        Ok(Self { statements })
    }
}

/// Checks the version; variables are only replaced in policies of the newer one.
fn version(members: &Members, kind: PolicyKind) -> Result<Variables, MalformedPolicy> {
    match member(members, "Version") {
        Some(Json::String(version)) if version == "2012-10-17" => Ok(Variables::Replaced),
        Some(Json::String(version)) if version != "2008-10-17" => {
            Err(kind.refuse(|| "The policy must contain a valid version string".into()))
        }
        None | Some(Json::String(_)) if kind == PolicyKind::Managed => {
            Err(refuse("Policy document must be version 2012-10-17 or greater."))
        }
        None | Some(Json::String(_)) => Ok(Variables::Literal),
        Some(_) => Err(kind.refuse(|| "The policy must contain a valid version string".into())),
    }
}

/// What is there and what must not be there, before anything is read.
fn check_fields(members: &Members, kind: PolicyKind) -> Result<(), MalformedPolicy> {
    let has = |name: &str| member(members, name).is_some();
    if let Some((key, _)) = members.iter().find(|(key, _)| !STATEMENT_FIELDS.contains(&key.as_str())) {
        return Err(kind.refuse(|| format!("Unknown field {key}")));
    }
    for (name, twin) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
        if has(name) && has(twin) {
            return Err(kind.refuse(|| format!("Statement/policy already has instance of {name}")));
        }
    }
    match member(members, "Effect") {
        Some(Json::String(effect)) if effect == "Allow" || effect == "Deny" => {}
        Some(Json::String(effect)) if ["allow", "deny"].contains(&effect.to_lowercase().as_str()) => {
            return Err(if kind.has_principals() {
                refuse(format!("Invalid effect: {effect}"))
            } else {
                refuse(LEGACY)
            });
        }
        Some(Json::String(effect)) => return Err(kind.refuse(|| format!("Invalid effect: {effect}"))),
        Some(_) => return Err(kind.refuse(|| "Syntax error in field Effect".into())),
        None => return Err(kind.refuse(|| "Missing required field Effect".into())),
    }
    let has_principal = has("Principal") || has("NotPrincipal");
    match kind {
        PolicyKind::Managed | PolicyKind::Inline if has_principal => {
            Err(refuse("Policy document should not specify a principal."))
        }
        PolicyKind::Trust
            if has("NotPrincipal") && member(members, "Effect") == Some(&Json::String("Allow".into())) =>
        {
            Err(refuse("Has prohibited field NotPrincipal"))
        }
        PolicyKind::Trust | PolicyKind::Resource if !has_principal => Err(refuse("Missing required field Principal")),
        PolicyKind::Trust if has("Resource") => Err(refuse("Has prohibited field Resource")),
        PolicyKind::Trust if has("NotResource") => Err(refuse("Has prohibited field NotResource")),
        _ => Ok(()),
    }
}

fn statement(
    index: usize,
    members: &Members,
    kind: PolicyKind,
    variables: Variables,
) -> Result<Statement, MalformedPolicy> {
    let sid = match member(members, "Sid") {
        None => None,
        Some(Json::String(sid)) => Some(sid.clone()),
        Some(_) => return Err(kind.refuse(|| "Syntax error in field Sid".into())),
    };
    if let Some(sid) = &sid
        && !kind.has_principals()
        && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(refuse(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [A-Za-z0-9]*",
        ));
    }
    let effect =
        if member(members, "Effect") == Some(&Json::String("Deny".into())) { Effect::Deny } else { Effect::Allow };
    let principals = if kind.has_principals() { Some(principals(members)?) } else { None };
    let conditions = conditions(members, kind, variables)?;
    let actions = actions(members, kind)?;
    let (resources, written_resources) = resources(members, kind, variables)?;
    let written = written(members);
    Ok(Statement { sid, index, effect, principals, actions, resources, written_resources, conditions, written })
}

/// The statement as its author wrote it, without white space.
fn written(members: &Members) -> Arc<str> {
    let mut text = Vec::new();
    // What was read as JSON can be written as JSON.
    let _ = members_of(members, &mut serde_json::Serializer::new(&mut text));
    String::from_utf8(text).unwrap_or_default().into()
}

/// What the older checker looks at before it goes through the statements one by one.
fn check_in_order(statements: &[&Members]) -> Result<(), MalformedPolicy> {
    let resources = |statement: &&Members| -> Vec<String> {
        let written = member(statement, "Resource").or_else(|| member(statement, "NotResource"));
        written.and_then(Json::strings).unwrap_or_default().into_iter().map(str::to_owned).collect()
    };
    let refused: Vec<MalformedPolicy> =
        statements.iter().flat_map(resources).filter_map(|resource| check_resource(&resource).err()).collect();
    if refused.iter().any(|error| error.0 == LEGACY) {
        return Err(refuse(LEGACY));
    }
    unique_sids(statements.iter().filter_map(|statement| match member(statement, "Sid") {
        Some(Json::String(sid)) => Some(sid.as_str()),
        _ => None,
    }))?;
    let has_actions = |statement: &&Members| {
        let written = member(statement, "Action").or_else(|| member(statement, "NotAction"));
        written.is_some_and(|value| *value != Json::Array(Vec::new()))
    };
    if !statements.iter().all(has_actions) {
        return Err(refuse("Policy statement must contain actions."));
    }
    refused.into_iter().next().map_or(Ok(()), Err)
}

fn unique_sids<'a>(sids: impl Iterator<Item = &'a str>) -> Result<(), MalformedPolicy> {
    let mut sids: Vec<&str> = sids.filter(|sid| !sid.is_empty()).collect();
    sids.sort_unstable();
    if sids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(refuse("Statement IDs (SID) in a single policy must be unique."));
    }
    Ok(())
}

fn actions(members: &Members, kind: PolicyKind) -> Result<Listed<Pattern>, MalformedPolicy> {
    let (name, value) = match (member(members, "Action"), member(members, "NotAction")) {
        (Some(value), _) => ("Action", value),
        (None, Some(value)) => ("NotAction", value),
        (None, None) if kind.has_principals() => return Err(refuse("Missing required field Action")),
        (None, None) => return Err(refuse("Policy statement must contain actions.")),
    };
    let actions = value.strings().ok_or_else(|| kind.refuse(|| format!("Syntax error in field {name}")))?;
    if actions.is_empty() {
        return Err(if kind.has_principals() {
            refuse(format!("Missing required field {name} cannot be empty!"))
        } else {
            refuse("Policy statement must contain actions.")
        });
    }
    for action in &actions {
        check_action(action, kind)?;
    }
    let patterns = actions
        .iter()
        .map(|action| Pattern::new(&action.to_ascii_lowercase(), Wildcards::Special, Variables::Literal))
        .collect();
    Ok(if name == "Action" { Listed::Only(patterns) } else { Listed::AllBut(patterns) })
}

fn check_action(action: &str, kind: PolicyKind) -> Result<(), MalformedPolicy> {
    if action == "*" {
        return match kind {
            PolicyKind::Trust => Err(refuse("AssumeRole policy may only specify STS AssumeRole actions.")),
            _ => Ok(()),
        };
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Err(refuse("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
    };
    if name.contains(':') {
        return Err(refuse("Actions/Condition can contain only one colon."));
    }
    if vendor != "*" && !vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
        return Err(refuse(format!("Vendor {vendor} is not valid")));
    }
    if kind == PolicyKind::Trust && !vendor.eq_ignore_ascii_case("sts") {
        return Err(refuse("AssumeRole policy may only specify STS AssumeRole actions."));
    }
    Ok(())
}

type Resources = (Option<Listed<ArnPattern>>, Vec<String>);

fn resources(members: &Members, kind: PolicyKind, variables: Variables) -> Result<Resources, MalformedPolicy> {
    let (name, value) = match (member(members, "Resource"), member(members, "NotResource")) {
        (Some(value), _) => ("Resource", value),
        (None, Some(value)) => ("NotResource", value),
        (None, None) if kind.has_principals() => return Ok((None, Vec::new())),
        (None, None) => return Err(refuse("Policy statement must contain resources.")),
    };
    let resources = value.strings().ok_or_else(|| kind.refuse(|| format!("Syntax error in field {name}")))?;
    if resources.is_empty() {
        return Err(if kind.has_principals() {
            refuse(format!("Missing required field {name} cannot be empty!"))
        } else {
            refuse("Policy statement must contain resources.")
        });
    }
    for resource in &resources {
        check_resource(resource)?;
    }
    let patterns = resources.iter().map(|resource| ArnPattern::new(resource, variables)).collect();
    let written = resources.into_iter().map(str::to_owned).collect();
    Ok((Some(if name == "Resource" { Listed::Only(patterns) } else { Listed::AllBut(patterns) }), written))
}

fn check_resource(resource: &str) -> Result<(), MalformedPolicy> {
    if resource == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    if parts.len() < 2 {
        return Err(refuse(format!("Resource {resource} must be in ARN format or \"*\".")));
    }
    if !PARTITIONS.contains(&parts[1]) {
        let part = |index: usize| parts.get(index).copied().unwrap_or("*");
        return Err(refuse(format!(
            "Partition \"{}\" is not valid for resource \"arn:{}:{}:{}:{}:{}\".",
            parts[1],
            parts[1],
            part(2),
            part(3),
            part(4),
            part(5)
        )));
    }
    if parts.len() < 3 {
        return Err(refuse("Resource vendor must be fully qualified and cannot contain regexes."));
    }
    if parts[2].is_empty() || parts[0] != "arn" || (parts.len() < 6 && resource.contains("::")) {
        return Err(refuse(LEGACY));
    }
    let may_have_region = |path: &str| S3_REGIONAL.iter().any(|start| path.starts_with(start));
    if parts[2] == "s3" && parts.len() == 6 && !parts[3].is_empty() && !may_have_region(parts[5]) {
        return Err(refuse(format!("Resource {resource} can not contain region information.")));
    }
    if parts[2] == "iam" && parts.len() == 6 {
        if !parts[3].is_empty() {
            return Err(refuse(format!("IAM resource {resource} cannot contain region information.")));
        }
        let path = parts[5];
        if !path.starts_with('*') && !path.starts_with("${") && !IAM_PATHS.iter().any(|start| path.starts_with(start)) {
            return Err(refuse(format!(
                "IAM resource path must either be \"*\" or start with {}.",
                IAM_PATHS.join(", ")
            )));
        }
    }
    Ok(())
}

fn principals(members: &Members) -> Result<Listed<Principal>, MalformedPolicy> {
    let (name, value) = match (member(members, "Principal"), member(members, "NotPrincipal")) {
        (Some(value), _) => ("Principal", value),
        (None, Some(value)) => ("NotPrincipal", value),
        (None, None) => return Err(refuse("Missing required field Principal")),
    };
    let mut principals = Vec::new();
    match value {
        Json::String(text) if text == "*" => principals.push(Principal::Anyone),
        Json::Object(kinds) => {
            for (kind, values) in kinds {
                let values = values.strings().ok_or_else(|| refuse("Invalid principal in policy"))?;
                for value in values {
                    principals.push(principal(kind, value)?);
                }
            }
        }
        _ => return Err(refuse("Invalid principal in policy")),
    }
    if principals.is_empty() {
        return Err(refuse("Missing required field Principal cannot be empty!"));
    }
    Ok(if name == "Principal" { Listed::Only(principals) } else { Listed::AllBut(principals) })
}

fn principal(kind: &str, value: &str) -> Result<Principal, MalformedPolicy> {
    let principal = match kind {
        "AWS" => Principal::aws(value),
        "Service" => Principal::service(value),
        "Federated" => (!value.is_empty()).then(|| Principal::Federated(value.to_owned())),
        "CanonicalUser" => Some(Principal::CanonicalUser(value.to_owned())),
        _ => return Err(refuse(format!("Unknown field {kind}"))),
    };
    principal.ok_or_else(|| refuse(format!("Invalid principal in policy: \"{}\":\"{value}\"", kind.to_uppercase())))
}

fn conditions(members: &Members, kind: PolicyKind, variables: Variables) -> Result<Vec<Condition>, MalformedPolicy> {
    let operators = match member(members, "Condition") {
        None => return Ok(Vec::new()),
        Some(Json::Object(operators)) => operators,
        Some(_) => return Err(kind.refuse(|| "Syntax error in field Condition".into())),
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Json::Object(keys) = keys else {
            return Err(kind.refuse(|| "Syntax error in field Condition".into()));
        };
        for (key, values) in keys {
            let values = values.scalars().ok_or_else(|| kind.refuse(|| "Syntax error in field Condition".into()))?;
            let condition = Condition::new(operator, key, values, variables).map_err(|error| match error {
                ConditionError::Operator => kind.refuse(|| format!("Invalid Condition type : {operator}")),
                ConditionError::Date if kind.has_principals() => refuse("Invalid date in policy condition"),
                ConditionError::Date => refuse(LEGACY),
            })?;
            conditions.push(condition);
        }
    }
    Ok(conditions)
}
