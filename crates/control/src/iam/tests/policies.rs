//! Managed and inline policies: versions, attachments, conflicts, sizes.

use super::*;
use crate::iam::{attachment, boundary, inline_policy, policy, policy_use, policy_version, role};

const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

fn attach(app: &Arc<App>, arn: &str) -> impl Future<Output = Result<shapes::AttachRolePolicyOutput, ServiceError>> {
    let input = shapes::AttachRolePolicyInput { role_name: "r".into(), policy_arn: arn.into() };
    attachment::attach_role(Arc::clone(app), by_root(input))
}

fn detach(app: &Arc<App>, arn: &str) -> impl Future<Output = Result<shapes::DetachRolePolicyOutput, ServiceError>> {
    let input = shapes::DetachRolePolicyInput { role_name: "r".into(), policy_arn: arn.into() };
    attachment::detach_role(Arc::clone(app), by_root(input))
}

#[tokio::test]
async fn a_policy_is_attached_counted_and_detached() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let own = make_policy(&app, "own", &document("ecs:*", "*")).await;
    assert_eq!(own, "arn:aws:iam::123456789012:policy/own");
    attach(&app, &own).await.expect("attached");
    attach(&app, &own).await.expect("attached again changes nothing");
    attach(&app, EXECUTION).await.expect("attached");
    assert_eq!(
        refused(attach(&app, "arn:aws:iam::123456789012:policy/none").await),
        "NoSuchEntity: Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable."
    );
    let input = shapes::ListAttachedRolePoliciesInput { role_name: "r".into(), ..Default::default() };
    let attached = attachment::list_role(Arc::clone(&app), by_root(input)).await.expect("listed");
    let names: Vec<_> = attached.attached_policies.into_iter().flatten().filter_map(|one| one.policy_name).collect();
    assert_eq!(names, ["own", "AmazonECSTaskExecutionRolePolicy"]);
    let got = policy::get(Arc::clone(&app), by_root(shapes::GetPolicyInput { policy_arn: own.clone() })).await;
    assert_eq!(got.expect("found").policy.expect("described").attachment_count, Some(1));
    let input = shapes::ListEntitiesForPolicyInput { policy_arn: EXECUTION.into(), ..Default::default() };
    let users = policy_use::list_entities(Arc::clone(&app), by_root(input)).await.expect("listed");
    assert_eq!(users.policy_roles.expect("roles").len(), 1);
    let delete_policy =
        || policy::delete(Arc::clone(&app), by_root(shapes::DeletePolicyInput { policy_arn: own.clone() }));
    assert_eq!(refused(delete_policy().await), "DeleteConflict: Cannot delete a policy attached to entities.");
    let delete_role = || role::delete(Arc::clone(&app), by_root(shapes::DeleteRoleInput { role_name: "r".into() }));
    assert_eq!(refused(delete_role().await), "DeleteConflict: Cannot delete entity, must detach all policies first.");
    detach(&app, &own).await.expect("detached");
    assert!(refused(detach(&app, &own).await).starts_with("NoSuchEntity: Policy"));
    delete_policy().await.expect("deleted");
}

#[tokio::test]
async fn a_policy_has_five_versions_and_one_counts() {
    let (_test, app) = fresh();
    let arn = make_policy(&app, "p", &document("ecs:*", "*")).await;
    let create = |set_as_default| {
        let input = shapes::CreatePolicyVersionInput {
            policy_arn: arn.clone(),
            policy_document: document("kms:*", "*"),
            set_as_default,
        };
        policy_version::create(Arc::clone(&app), by_root(input))
    };
    let second = create(Some(true)).await.expect("a version").policy_version.expect("described");
    assert_eq!((second.version_id.as_deref(), second.is_default_version), (Some("v2"), Some(true)));
    for _ in 3..=5 {
        create(None).await.expect("a version");
    }
    assert!(refused(create(None).await).starts_with("LimitExceeded: A managed policy can have up to 5 versions."));
    let delete = |id: &str| {
        let input = shapes::DeletePolicyVersionInput { policy_arn: arn.clone(), version_id: id.into() };
        policy_version::delete(Arc::clone(&app), by_root(input))
    };
    assert_eq!(refused(delete("v2").await), "DeleteConflict: Cannot delete the default version of a policy.");
    delete("v5").await.expect("deleted");
    let sixth = create(None).await.expect("a version").policy_version.expect("described");
    assert_eq!(sixth.version_id.as_deref(), Some("v6"), "a number is never given twice");
    let input = shapes::ListPolicyVersionsInput { policy_arn: arn.clone(), ..Default::default() };
    let versions = policy_version::list(Arc::clone(&app), by_root(input)).await.expect("listed").versions;
    let ids: Vec<_> = versions.into_iter().flatten().filter_map(|version| version.version_id).collect();
    assert_eq!(ids, ["v6", "v4", "v3", "v2", "v1"]);
    let delete_all = policy::delete(Arc::clone(&app), by_root(shapes::DeletePolicyInput { policy_arn: arn.clone() }));
    assert!(refused(delete_all.await).starts_with("DeleteConflict: This policy has more than one version."));
}

#[tokio::test]
async fn aws_policies_are_read_only_and_documents_have_a_size() {
    let (_test, app) = fresh();
    let input = shapes::GetPolicyVersionInput { policy_arn: EXECUTION.into(), version_id: "v1".into() };
    let version = policy_version::get(Arc::clone(&app), by_root(input)).await.expect("found");
    let text = version.policy_version.and_then(|version| version.document).expect("a document");
    assert!(text.contains("ecr%3AGetAuthorizationToken"));
    let delete = policy::delete(Arc::clone(&app), by_root(shapes::DeletePolicyInput { policy_arn: EXECUTION.into() }));
    assert!(refused(delete.await).starts_with("AccessDenied:"));
    let create = |document: String| {
        let input =
            shapes::CreatePolicyInput { policy_name: "big".into(), policy_document: document, ..Default::default() };
        policy::create(Arc::clone(&app), by_root(input))
    };
    let long = document("ecs:*", &format!("arn:aws:ecs:::{}", "x".repeat(6200)));
    assert_eq!(refused(create(long).await), "LimitExceeded: Cannot exceed quota for PolicySize: 6144");
    assert_eq!(refused(create("{".into()).await), "MalformedPolicyDocument: Syntax errors in policy.");
}

#[tokio::test]
async fn inline_policies_are_put_listed_and_limited_in_sum() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let put = |name: &str, document: String| {
        let input =
            shapes::PutRolePolicyInput { role_name: "r".into(), policy_name: name.into(), policy_document: document };
        inline_policy::put_role(Arc::clone(&app), by_root(input))
    };
    put("b", document("ecs:*", "*")).await.expect("put");
    put("a", document("kms:*", "*")).await.expect("put");
    let long = document("ecs:*", &format!("arn:aws:ecs:::{}", "x".repeat(10_200)));
    assert_eq!(refused(put("c", long).await), "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role r");
    let input = shapes::ListRolePoliciesInput { role_name: "r".into(), ..Default::default() };
    let names = inline_policy::list_role(Arc::clone(&app), by_root(input)).await.expect("listed").policy_names;
    assert_eq!(names, ["a", "b"]);
    let get = |name: &str| {
        let input = shapes::GetRolePolicyInput { role_name: "r".into(), policy_name: name.into() };
        inline_policy::get_role(Arc::clone(&app), by_root(input))
    };
    assert!(get("a").await.expect("found").policy_document.contains("kms%3A%2A"));
    assert_eq!(refused(get("c").await), "NoSuchEntity: The role policy with name c cannot be found.");
    let delete = |name: &str| {
        let input = shapes::DeleteRolePolicyInput { role_name: "r".into(), policy_name: name.into() };
        inline_policy::delete_role(Arc::clone(&app), by_root(input))
    };
    delete("a").await.expect("deleted");
    assert_eq!(refused(delete("a").await), "NoSuchEntity: The role policy with name a cannot be found.");
}

#[tokio::test]
async fn a_boundary_must_exist() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let put = |arn: &str| {
        let input = shapes::PutRolePermissionsBoundaryInput { role_name: "r".into(), permissions_boundary: arn.into() };
        boundary::put_role(Arc::clone(&app), by_root(input))
    };
    assert!(refused(put("arn:aws:iam::123456789012:policy/none").await).starts_with("NoSuchEntity: Scope ARN:"));
    put("arn:aws:iam::aws:policy/PowerUserAccess").await.expect("put");
    let got = role::get(Arc::clone(&app), by_root(shapes::GetRoleInput { role_name: "r".into() })).await;
    let boundary = got.expect("found").role.permissions_boundary.expect("a boundary");
    assert_eq!(boundary.permissions_boundary_arn.as_deref(), Some("arn:aws:iam::aws:policy/PowerUserAccess"));
}
