//! Service-linked roles: which service of AWS has one, what it is called, and which of AWS's policies it carries.
//!
//! A role is found by its service principal. These are the services whose roles people make with the CLI or Terraform;
//! one that is not in the table is refused by name, never guessed. Source: the services' user guides, "Using
//! service-linked roles", and the AWS managed policy reference.

/// The path of every service-linked role begins with this.
pub const SERVICE_LINKED_PATH: &str = "/aws-service-role/";

/// A service-linked role before it is made in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLinkedRole {
    service: &'static str,
    name: &'static str,
    policy: &'static str,
}

impl ServiceLinkedRole {
    /// The role of a service principal, as `rds.amazonaws.com`.
    pub fn of(principal: &str) -> Option<Self> {
        let service = principal.strip_suffix(".amazonaws.com")?;
        roles().find(|role| role.service == service)
    }

    /// Whether a policy is one that AWS attaches to service-linked roles, and nobody to anything else.
    pub fn has_policy(arn: &str) -> bool {
        roles().any(|role| role.policy_arn() == arn)
    }

    /// Whether a deletion task `task/aws-service-role/PRINCIPAL/ROLE/ID` can be one of such a role.
    pub fn has_deletion_task(id: &str) -> bool {
        let Some(rest) = id.strip_prefix("task").and_then(|rest| rest.strip_prefix(SERVICE_LINKED_PATH)) else {
            return false;
        };
        let mut parts = rest.split('/');
        let role = parts.next().and_then(Self::of);
        let is_its_name = |role: Self, name: &str| name.starts_with(&role.name(None));
        role.zip(parts.next()).is_some_and(|(role, name)| is_its_name(role, name))
            && parts.next().is_some_and(|id| !id.is_empty())
            && parts.next().is_none()
    }

    /// The service principal.
    pub fn principal(self) -> String {
        format!("{}.amazonaws.com", self.service)
    }

    /// The role's path.
    pub fn path(self) -> String {
        format!("{SERVICE_LINKED_PATH}{}/", self.principal())
    }

    /// The role's name; a custom suffix follows after an underscore.
    pub fn name(self, suffix: Option<&str>) -> String {
        let suffix = suffix.map(|suffix| format!("_{suffix}")).unwrap_or_default();
        format!("AWSServiceRoleFor{}{suffix}", self.name)
    }

    /// Whether an account may have several of them, told apart by a custom suffix.
    pub fn allows_suffix(self) -> bool {
        ["autoscaling", "connect", "lexv2"].contains(&self.service)
    }

    /// The ARN of the policy that AWS attaches.
    pub fn policy_arn(self) -> String {
        format!("arn:aws:iam::aws:policy{SERVICE_LINKED_PATH}{}", self.policy)
    }

    /// Who may assume it: the service, and nobody else.
    pub fn trust(self) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
            self.principal()
        )
    }
}

/// One role a line: service principal without `.amazonaws.com`, role name without `AWSServiceRoleFor`, policy.
const ROLES: &str = include_str!("service_linked_roles.txt");

fn roles() -> impl Iterator<Item = ServiceLinkedRole> {
    ROLES.lines().filter_map(|line| {
        let (service, rest) = line.split_once(' ')?;
        let (name, policy) = rest.split_once(' ')?;
        Some(ServiceLinkedRole { service, name, policy })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Policy, PolicyKind};

    #[test]
    fn the_table_is_in_order_and_every_role_is_whole() {
        assert_eq!(roles().count(), ROLES.lines().count());
        assert!(roles().is_sorted_by(|one, other| one.service < other.service));
        for role in roles() {
            assert!(role.name(None).len() <= 64, "{role:?}");
            assert!(!role.policy.contains(' '), "{role:?}");
            assert_eq!(ServiceLinkedRole::of(&role.principal()), Some(role));
            Policy::parse(&role.trust(), PolicyKind::Trust).unwrap_or_else(|error| panic!("{role:?}: {error}"));
        }
    }

    #[test]
    fn a_role_is_found_by_its_principal() {
        let role = ServiceLinkedRole::of("autoscaling.amazonaws.com").expect("a role");
        assert_eq!(role.path(), "/aws-service-role/autoscaling.amazonaws.com/");
        assert_eq!(role.name(None), "AWSServiceRoleForAutoScaling");
        assert_eq!(role.name(Some("blue")), "AWSServiceRoleForAutoScaling_blue");
        assert!(role.allows_suffix());
        let role = ServiceLinkedRole::of("ecs.application-autoscaling.amazonaws.com").expect("a role");
        assert_eq!(role.name(None), "AWSServiceRoleForApplicationAutoScaling_ECSService");
        assert!(!role.allows_suffix());
        for unknown in ["lambda.amazonaws.com", "rds", "RDS.amazonaws.com", "", ".amazonaws.com"] {
            assert_eq!(ServiceLinkedRole::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_deletion_task_is_that_of_a_role() {
        for (id, expected) in [
            ("task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/1", true),
            ("task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_blue/1", true),
            ("task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForRDS/1", false),
            ("task/aws-service-role/none.amazonaws.com/AWSServiceRoleForNone/1", false),
            ("task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/", false),
            ("task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/1/2", false),
            ("1", false),
        ] {
            assert_eq!(ServiceLinkedRole::has_deletion_task(id), expected, "{id}");
        }
    }
}
