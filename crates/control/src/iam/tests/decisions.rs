//! The decision on a call: what is gathered, and which keys conditions see.

use std::net::IpAddr;

use domain::failure::Outcome;
use domain::iam::Identity;

use super::*;
use crate::Access;
use crate::iam::authorization::{authorize, decide, pass_role};
use crate::iam::sessions::{cannot_assume_text, for_task};
use crate::iam::{attachment, boundary, role};

const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/c";

fn ask(app: &App, caller: &Caller, access: &Access) -> String {
    refused(authorize(app, &app.store.read(), caller, access))
}

#[tokio::test]
async fn a_user_may_what_a_policy_allows() {
    let (_test, app) = fresh();
    let user = make_user(&app, "alice").await;
    let alice = caller_of(&user);
    let access = Access::to("ecs:DeleteCluster", CLUSTER);
    let denied = authorize(&app, &app.store.read(), &alice, &access).expect_err("denied");
    assert_eq!(denied.code, "AccessDeniedException");
    assert_eq!(
        denied.message,
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: ecs:DeleteCluster on resource: \
         arn:aws:ecs:us-east-1:123456789012:cluster/c because no identity-based policy allows the ecs:DeleteCluster action"
    );
    assert_eq!(denied.chain.len(), 1);
    assert!(denied.chain[0].mend.contains("to arn:aws:iam::123456789012:user/alice"));
    put_user_policy(&app, "alice", &document("ecs:*", CLUSTER)).await;
    assert_eq!(ask(&app, &alice, &access), "done");
    let both = Access { resources: vec![CLUSTER.into(), format!("{CLUSTER}2")], ..access };
    assert!(ask(&app, &alice, &both).contains("cluster/c2"), "every resource must be allowed");
}

#[tokio::test]
async fn an_attached_policy_counts_and_a_boundary_limits_it() {
    let (_test, app) = fresh();
    let alice = caller_of(&make_user(&app, "alice").await);
    let access = Access::to("ecs:DeleteCluster", CLUSTER);
    let attach = shapes::AttachUserPolicyInput {
        user_name: "alice".into(),
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
    };
    attachment::attach_user(Arc::clone(&app), by_root(attach)).await.expect("attached");
    assert_eq!(ask(&app, &alice, &access), "done");
    let limit = make_policy(&app, "limit", &document("kms:*", "*")).await;
    let put =
        shapes::PutUserPermissionsBoundaryInput { user_name: "alice".into(), permissions_boundary: limit.clone() };
    boundary::put_user(Arc::clone(&app), by_root(put)).await.expect("put");
    assert!(
        ask(&app, &alice, &access).ends_with("because no permissions boundary allows the ecs:DeleteCluster action")
    );
}

#[tokio::test]
async fn a_deleted_user_may_nothing_even_if_one_of_the_same_name_comes() {
    let (_test, app) = fresh();
    let alice = caller_of(&make_user(&app, "alice").await);
    let delete = shapes::DeleteUserInput { user_name: "alice".into() };
    crate::iam::user::delete(Arc::clone(&app), by_root(delete)).await.expect("deleted");
    make_user(&app, "alice").await;
    put_user_policy(&app, "alice", &document("*", "*")).await;
    assert!(ask(&app, &alice, &Access::to_any("ecs:ListClusters")).starts_with("AccessDeniedException"));
}

#[tokio::test]
async fn conditions_see_the_global_keys_and_those_of_the_call() {
    let (_test, app) = fresh();
    let user = make_user(&app, "alice").await;
    let tag = shapes::TagUserInput {
        user_name: "alice".into(),
        tags: vec![shapes::Tag { key: "team".into(), value: "web".into() }],
    };
    crate::iam::tag::tag_user(Arc::clone(&app), by_root(tag)).await.expect("tagged");
    let alice = Caller {
        source_ip: Some(IpAddr::from([10, 1, 2, 3])),
        user_agent: Some("tests/1.0 (linux)".into()),
        ..caller_of(&user)
    };
    for (condition, expected) in [
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"web","aws:username":"alice","aws:PrincipalType":"User"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalTag/Team":"data"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, true),
        (r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al*"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalAccount":"123456789012","aws:RequestedRegion":"us-east-1"}}"#, true),
        (
            r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"NumericGreaterThan":{"aws:EpochTime":"1700000000"}}"#,
            true,
        ),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-01-01"}}"#, false),
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, false),
        (r#"{"Bool":{"aws:ViaAWSService":"false"}}"#, true),
        (r#"{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/c"}}"#, true),
        (r#"{"Null":{"aws:TokenIssueTime":"true"}}"#, true),
        (r#"{"StringLike":{"aws:UserAgent":"tests/*"}}"#, true),
        (r#"{"StringLike":{"aws:UserAgent":"Boto3/*"}}"#, false),
        (r#"{"Null":{"aws:Referer":"true"}}"#, true),
        (r#"{"StringEquals":{"aws:ResourceAccount":"123456789012"}}"#, true),
    ] {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"ecs:RunTask","Resource":"*","Condition":{condition}}}]}}"#
        );
        put_user_policy(&app, "alice", &text).await;
        let access = Access::to("ecs:RunTask", CLUSTER).with_context("ecs:cluster", CLUSTER);
        assert_eq!(ask(&app, &alice, &access) == "done", expected, "{condition}");
    }
}

#[tokio::test]
async fn a_role_is_passed_only_with_the_right_to_pass_it() {
    let (_test, app) = fresh();
    let alice = caller_of(&make_user(&app, "alice").await);
    let role = make_role(&app, "exec").await;
    let pass = || refused(pass_role(&app, &app.store.read(), &alice, &role.arn, "ecs-tasks.amazonaws.com"));
    assert!(
        pass().contains("is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/exec")
    );
    let only = |service: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}]}}"#
        )
    };
    put_user_policy(&app, "alice", &only("ec2.amazonaws.com")).await;
    assert!(pass().starts_with("AccessDeniedException"));
    put_user_policy(&app, "alice", &only("ecs-tasks.amazonaws.com")).await;
    assert_eq!(pass(), "done");
}

#[tokio::test]
async fn ecs_assumes_a_role_that_exists_and_trusts_it() {
    let (_test, app) = fresh();
    let role = make_role(&app, "exec").await;
    let assume = |arn: &str| for_task(&app, &app.store.read(), arn, "0123abcd", crate::testing::REGION);
    let session = assume(&role.arn).expect("a session");
    assert_eq!(session.arn(), "arn:aws:sts::123456789012:assumed-role/exec/0123abcd");
    let missing = assume("arn:aws:iam::123456789012:role/none").expect_err("no role");
    assert_eq!(missing.message, cannot_assume_text("arn:aws:iam::123456789012:role/none"));
    assert_eq!(missing.chain[0].outcome, Outcome::Broken);
    assert_eq!(missing.chain[0].detail, "There is no role arn:aws:iam::123456789012:role/none.");
    for (statement, trusts) in [
        (r#""Principal":{"Service":"ec2.amazonaws.com"}"#, false),
        (r#""Principal":{"Service":["ec2.amazonaws.com","ecs-tasks.amazonaws.com"]}"#, true),
        (
            r#""Principal":{"Service":"ecs-tasks.amazonaws.com"},"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"},"ArnLike":{"aws:SourceArn":"arn:aws:ecs:us-east-1:123456789012:*"}}"#,
            true,
        ),
        (
            r#""Principal":{"Service":"ecs-tasks.amazonaws.com"},"Condition":{"StringEquals":{"aws:SourceAccount":"999999999999"}}"#,
            false,
        ),
    ] {
        let policy_document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",{statement}}}]}}"#
        );
        let input = shapes::UpdateAssumeRolePolicyInput { role_name: "exec".into(), policy_document };
        role::update_trust(Arc::clone(&app), by_root(input)).await.expect("updated");
        assert_eq!(assume(&role.arn).is_ok(), trusts, "{statement}");
    }
    let untrusted = assume(&role.arn).expect_err("does not trust");
    assert!(untrusted.chain[0].detail.contains("StringEquals aws:SourceAccount"), "{}", untrusted.chain[0].detail);
}

#[tokio::test]
async fn what_was_allowed_can_be_told_too() {
    let (_test, app) = fresh();
    let alice = caller_of(&make_user(&app, "alice").await);
    put_user_policy(&app, "alice", &document("ecs:*", "*")).await;
    let (decision, link) =
        decide(&app, &app.store.read(), &alice, &Access::to_any("ecs:ListClusters")).expect("decided");
    assert!(decision.is_allowed());
    assert_eq!(link.outcome, Outcome::Good);
    assert!(link.detail.contains("allowed by statement 1 of inline policy p of arn:aws:iam::123456789012:user/alice"));
}

#[tokio::test]
async fn a_stranger_may_nothing_of_iam() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let stranger = caller_of(&make_user(&app, "stranger").await);
    assert!(matches!(stranger.identity, Identity::User { .. }));
    let get = role::get(Arc::clone(&app), by(&stranger, shapes::GetRoleInput { role_name: "r".into() })).await;
    assert!(refused(get).starts_with("AccessDeniedException: User: arn:aws:iam::123456789012:user/stranger"));
    let missing = role::get(Arc::clone(&app), by(&stranger, shapes::GetRoleInput { role_name: "x".into() })).await;
    assert!(refused(missing).contains("role/x"), "a stranger does not learn what exists");
}
