//! The three forms in which AWS's services speak.

/// A wire protocol, as AWS's models name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// awsJson 1.1: ECS, Secrets Manager, KMS, CloudWatch Logs.
    Json,
    /// awsQuery: IAM, STS.
    Query,
    /// ec2Query: EC2.
    Ec2,
}
