//! The AWS managed policies that people attach around ECS, as AWS publishes them.
//!
//! They are part of the program, not of the store: they are the same everywhere and change only with a new version.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use wire::Timestamp;

use super::record::{PolicyRecord, PolicyVersionRecord};

#[derive(Deserialize)]
struct Published {
    name: String,
    path: String,
    version: String,
    created: Timestamp,
    updated: Timestamp,
    document: String,
}

static POLICIES: LazyLock<BTreeMap<String, PolicyRecord>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a file of this program; a test reads it")]
    let published: Vec<Published> =
        serde_json::from_str(include_str!("managed_policies.json")).expect("managed_policies.json is well formed");
    published.into_iter().map(record).map(|policy| (policy.arn.clone(), policy)).collect()
});

fn record(published: Published) -> PolicyRecord {
    let Published { name, path, version, created, updated, document } = published;
    let arn = super::name::arn("aws", "policy", &path, &name);
    let number = version.trim_start_matches('v').parse().unwrap_or(1);
    // AWS's unique ids of its policies are not published; one that is always the same does.
    let digest = hex::encode_upper(Sha256::digest(&arn));
    PolicyRecord {
        name,
        path,
        id: format!("ANPA{}", &digest[..17]),
        arn,
        description: None,
        created,
        updated,
        tags: BTreeMap::new(),
        versions: vec![PolicyVersionRecord { number, document, created: updated }],
        default_version: number,
        last_version: number,
    }
}

/// The AWS managed policy of this ARN.
pub(super) fn by_arn(arn: &str) -> Option<&'static PolicyRecord> {
    POLICIES.get(arn)
}

/// All of them, in the order of their ARNs.
pub(super) fn all<'a>() -> impl Iterator<Item = &'a PolicyRecord> {
    POLICIES.values()
}

#[cfg(test)]
mod tests {
    use domain::iam::{Policy, PolicyKind};

    #[test]
    fn every_managed_policy_follows_the_grammar() {
        assert!(super::all().count() >= 20);
        for policy in super::all() {
            let document = policy.document().expect("a default version");
            Policy::parse(document, PolicyKind::Managed).unwrap_or_else(|error| panic!("{}: {error}", policy.arn));
        }
        assert!(super::by_arn("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy").is_some());
    }
}
