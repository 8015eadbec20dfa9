//! The partitions of AWS that are served, with their regions. A partition is an AWS of its own: its ARNs begin otherwise, and
//! nobody in one has rights in another.
//!
//! Source: botocore's `partitions.json`. The partitions of intelligence services and the European sovereign one are left
//! out: their accounts and endpoints have nothing in common with what ECS users know.

use wire::arn::partition_of;

/// The regions of the standard partition, sorted.
const STANDARD: [&str; 34] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
/// The regions of `aws-cn`.
const CHINA: [&str; 2] = ["cn-north-1", "cn-northwest-1"];
/// The regions of `aws-us-gov`.
const GOVERNMENT: [&str; 2] = ["us-gov-east-1", "us-gov-west-1"];

/// The regions of a partition (`aws`), sorted.
fn of_partition(partition: &str) -> &'static [&'static str] {
    match partition {
        "aws-cn" => &CHINA,
        "aws-us-gov" => &GOVERNMENT,
        _ => &STANDARD,
    }
}

/// Whether a server whose own region is `home` has this region too.
pub fn is_known(region: &str, home: &str) -> bool {
    region == home || of_partition(partition_of(region)).contains(&region)
}

/// The regions that somebody in `region` can be shown: those of its partition. A home that AWS has not is one of them.
pub fn beside(region: &str, home: &str) -> Vec<String> {
    let partition = partition_of(region);
    let own = Some(home).filter(|home| partition_of(home) == partition);
    let mut names: Vec<String> = of_partition(partition).iter().copied().chain(own).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The region of the services that a partition has once (IAM, STS without a region): the one that AWS signs for there.
pub fn global_of(region: &str) -> &'static str {
    match partition_of(region) {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// What DNS names of services in a region end with.
pub fn dns_suffix(region: &str) -> &'static str {
    if partition_of(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// The domain of private names of a VPC in a region: `ec2.internal`, `eu-central-1.compute.internal`.
pub fn internal_domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

/// The region of a zone: `us-east-1` of `us-east-1a`.
pub fn of_zone(zone: &str) -> &str {
    zone.get(..zone.len().saturating_sub(1)).unwrap_or_default()
}

/// Whether something can be copied from one region to the other: both are there, in one partition.
pub fn are_beside(one: &str, other: &str, home: &str) -> bool {
    is_known(other, home) && partition_of(one) == partition_of(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_by_name() {
        assert!(STANDARD.is_sorted());
        assert!(is_known("eu-west-1", "us-east-1") && is_known("here", "here") && is_known("cn-north-1", "us-east-1"));
        for region in ["", "aws-global", "us-east-3", "here", "cn-north-2", "us-gov-west-9"] {
            assert!(!is_known(region, "us-east-1"), "{region}");
        }
    }

    #[test]
    fn a_region_sees_its_own_partition() {
        assert_eq!(beside("cn-north-1", "us-east-1"), ["cn-north-1", "cn-northwest-1"]);
        assert_eq!(beside("us-east-1", "us-east-1").len(), 34);
        assert!(beside("eu-west-1", "here").contains(&"here".to_owned()));
        assert!(!beside("us-gov-west-1", "here").contains(&"here".to_owned()));
    }

    #[test]
    fn names_of_a_region() {
        assert_eq!(internal_domain("us-east-1"), "ec2.internal");
        assert_eq!(internal_domain("cn-north-1"), "cn-north-1.compute.internal");
        assert_eq!(
            (of_zone("us-east-1a"), of_zone("us-gov-west-1c"), of_zone("herea")),
            ("us-east-1", "us-gov-west-1", "here")
        );
        assert_eq!((dns_suffix("cn-north-1"), dns_suffix("us-gov-east-1")), ("amazonaws.com.cn", "amazonaws.com"));
    }
}
