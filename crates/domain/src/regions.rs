//! The regions of AWS's standard partition.
//!
//! Services without machines (IAM aside: KMS, Secrets Manager, SSM, CloudWatch Logs) are served in all of them, as their
//! records are told apart by ARNs; tasks and networks are where the machine is, in the server's own region.
//!
//! Source: the regions of botocore's `partitions.json`.

/// Their names, sorted.
pub const REGIONS: [&str; 34] = [
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

/// Whether a server whose own region is `home` has this region too.
pub fn is_known(region: &str, home: &str) -> bool {
    region == home || REGIONS.binary_search(&region).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{REGIONS, is_known};

    #[test]
    fn regions_are_found_by_name() {
        assert!(REGIONS.is_sorted());
        assert!(is_known("eu-west-1", "us-east-1") && is_known("here", "here"));
        for region in ["", "aws-global", "us-east-3", "here"] {
            assert!(!is_known(region, "us-east-1"), "{region}");
        }
    }
}
