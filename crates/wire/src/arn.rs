//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;
use std::str::FromStr;

/// A name taken apart. Region and account are empty where the service has none; the resource may hold colons and
/// slashes, whose meaning is the service's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// `ecs`.
    pub service: String,
    /// `us-east-1`; empty for IAM.
    pub region: String,
    /// 12 digits; empty for a few global resources, `aws` for managed policies.
    pub account: String,
    /// `task/cluster/0123…`.
    pub resource: String,
}

/// The text is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN: arn:partition:service:region:account:resource is expected")]
pub struct NotAnArn;

impl Arn {
    /// An ARN in this region, and so in its partition.
    pub fn new(service: &str, region: &str, account: &str, resource: impl Into<String>) -> Self {
        Self {
            partition: partition_of(region).to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.into(),
        }
    }

    /// What follows a resource type: `task_id` for `task` and `task/task_id`.
    pub fn resource_after(&self, kind: &str) -> Option<&str> {
        self.resource.strip_prefix(kind)?.strip_prefix(['/', ':'])
    }
}

/// The partition of a region: `aws-cn` for `cn-north-1`, `aws-us-gov` for `us-gov-west-1`, `aws` for all others.
pub fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(NotAnArn);
        if next()? != "arn" {
            return Err(NotAnArn);
        }
        let mut next = || next().map(str::to_owned);
        let arn = Self { partition: next()?, service: next()?, region: next()?, account: next()?, resource: next()? };
        if arn.partition.is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(NotAnArn);
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(formatter, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Arn, NotAnArn};

    #[test]
    fn arns_come_back_as_they_went() {
        for text in [
            "arn:aws:ecs:us-east-1:123456789012:task/walk/0123",
            "arn:aws:iam::123456789012:role/path/name",
            "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
            "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/walk:*",
        ] {
            assert_eq!(text.parse::<Arn>().expect("parses").to_string(), text);
        }
        let arn: Arn = "arn:aws:ecs:us-east-1:123456789012:cluster/walk".parse().expect("parses");
        assert_eq!((arn.resource_after("cluster"), arn.resource_after("task")), (Some("walk"), None));
        assert_eq!(
            Arn::new("ecs", "cn-north-1", "1", "cluster/walk").to_string(),
            "arn:aws-cn:ecs:cn-north-1:1:cluster/walk"
        );
        assert_eq!(Arn::new("ecs", "us-gov-east-1", "1", "a").partition, "aws-us-gov");
    }

    #[test]
    fn others_are_refused() {
        for text in ["", "walk", "arn:aws:ecs:us-east-1:123456789012", "arn:aws:ecs:us-east-1:1:", "urn:aws:a:b:c:d"] {
            assert_eq!(text.parse::<Arn>(), Err(NotAnArn), "{text}");
        }
    }
}
