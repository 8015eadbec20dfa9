//! What a call was about: the ARNs that were decided on, with CloudFormation's names of their types.

use domain::iam::Ruling;
use serde::{Deserialize, Serialize};

/// A resource of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resource {
    #[serde(rename = "ARN")]
    pub(crate) arn: String,
    #[serde(rename = "accountId", default, skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
}

/// Service, how the resource part of the ARN begins, the type.
const KINDS: &[(&str, &str, &str)] = &[
    ("ec2", "internet-gateway/", "AWS::EC2::InternetGateway"),
    ("ec2", "network-interface/", "AWS::EC2::NetworkInterface"),
    ("ec2", "route-table/", "AWS::EC2::RouteTable"),
    ("ec2", "security-group/", "AWS::EC2::SecurityGroup"),
    ("ec2", "subnet/", "AWS::EC2::Subnet"),
    ("ec2", "vpc/", "AWS::EC2::VPC"),
    ("ecs", "cluster/", "AWS::ECS::Cluster"),
    ("ecs", "task-definition/", "AWS::ECS::TaskDefinition"),
    ("ecs", "task/", "AWS::ECS::Task"),
    ("iam", "group/", "AWS::IAM::Group"),
    ("iam", "instance-profile/", "AWS::IAM::InstanceProfile"),
    ("iam", "policy/", "AWS::IAM::ManagedPolicy"),
    ("iam", "role/", "AWS::IAM::Role"),
    ("iam", "user/", "AWS::IAM::User"),
    ("kms", "alias/", "AWS::KMS::Alias"),
    ("kms", "key/", "AWS::KMS::Key"),
    ("logs", "log-group:", "AWS::Logs::LogGroup"),
    ("secretsmanager", "secret:", "AWS::SecretsManager::Secret"),
    ("ssm", "parameter/", "AWS::SSM::Parameter"),
];

/// The resources that a call's own decisions were about, each once.
pub(super) fn of_rulings(rulings: &[Ruling]) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for ruling in rulings.iter().filter(|ruling| ruling.through.is_none() && ruling.resource.starts_with("arn:")) {
        if !resources.iter().any(|known| known.arn == ruling.resource) {
            resources.push(of_arn(&ruling.resource));
        }
    }
    resources
}

fn of_arn(arn: &str) -> Resource {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let account = parts.nth(1).filter(|account| !account.is_empty());
    let rest = parts.next().unwrap_or_default();
    let kind = KINDS.iter().find(|(of, begin, _)| *of == service && rest.starts_with(begin));
    Resource {
        arn: arn.to_owned(),
        account_id: account.map(str::to_owned),
        kind: kind.map(|(_, _, kind)| (*kind).to_owned()),
    }
}

impl Resource {
    /// Whether a person means this resource: by its ARN, by its id or name, of a secret also without the six letters
    /// that Secrets Manager adds.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        if self.arn == name {
            return true;
        }
        let rest = self.arn.splitn(6, ':').nth(5).unwrap_or_default();
        let own = rest.split_once(['/', ':']).map_or(rest, |(_, own)| own);
        let without_suffix =
            |text: &str| text.rsplit_once('-').filter(|(_, end)| end.len() == 6).map(|(begin, _)| begin.to_owned());
        own == name
            || own.rsplit('/').next() == Some(name)
            || own.strip_prefix("secret:").unwrap_or(own) == name
            || (self.arn.contains(":secret:")
                && [own, self.arn.as_str()].into_iter().any(|text| without_suffix(text).as_deref() == Some(name)))
    }
}
