//! Groups, renames, instance profiles, service-linked roles, the account as a whole, simulations.

use super::*;
use crate::Access;
use crate::iam::authorization::authorize;
use crate::iam::credentials::resolve;
use crate::iam::{
    access_key, account, attachment, group, inline_policy, instance_profile, role, service_linked_role, simulation,
    user,
};

async fn make_group(app: &Arc<App>, name: &str) {
    let input = shapes::CreateGroupInput { group_name: name.into(), ..Default::default() };
    group::create(Arc::clone(app), by_root(input)).await.expect("a group");
}

async fn join(app: &Arc<App>, group: &str, user: &str) -> String {
    let input = shapes::AddUserToGroupInput { group_name: group.into(), user_name: user.into() };
    refused(super::super::group::add_user(Arc::clone(app), by_root(input)).await)
}

#[tokio::test]
async fn a_group_gives_its_members_rights() {
    let (_test, app) = fresh();
    make_group(&app, "Ops").await;
    let alice = caller_of(&make_user(&app, "alice").await);
    let ask = || refused(authorize(&app, &app.store.read(), &alice, &Access::to_any("ecs:ListClusters")));
    let put = shapes::PutGroupPolicyInput {
        group_name: "ops".into(),
        policy_name: "p".into(),
        policy_document: document("ecs:*", "*"),
    };
    inline_policy::put_group(Arc::clone(&app), by_root(put)).await.expect("put");
    assert!(ask().starts_with("AccessDenied"));
    assert_eq!(join(&app, "Ops", "alice").await, "done");
    assert_eq!(ask(), "done");
    assert_eq!(join(&app, "Ops", "bob").await, "NoSuchEntity: The user with name bob cannot be found.");
    assert_eq!(join(&app, "none", "alice").await, "NoSuchEntity: The group with name none cannot be found.");
    let rename = shapes::UpdateGroupInput {
        group_name: "ops".into(),
        new_group_name: Some("crew".into()),
        new_path: Some("/team/".into()),
    };
    group::update(Arc::clone(&app), by_root(rename)).await.expect("renamed");
    assert_eq!(ask(), "done", "members stay when a group is renamed");
    let get = shapes::GetGroupInput { group_name: "crew".into(), ..Default::default() };
    let got = group::get(Arc::clone(&app), by_root(get)).await.expect("found");
    assert_eq!(got.group.arn, "arn:aws:iam::123456789012:group/team/crew");
    assert_eq!(got.users.len(), 1);
    let delete = || {
        let input = shapes::DeleteGroupInput { group_name: "crew".into() };
        group::delete(Arc::clone(&app), by_root(input))
    };
    assert_eq!(refused(delete().await), "DeleteConflict: Cannot delete entity, must remove users from group first.");
    let remove = shapes::RemoveUserFromGroupInput { group_name: "crew".into(), user_name: "alice".into() };
    group::remove_user(Arc::clone(&app), by_root(remove)).await.expect("removed");
    assert!(ask().starts_with("AccessDenied"));
    assert_eq!(refused(delete().await), "DeleteConflict: Cannot delete entity, must delete policies first.");
}

#[tokio::test]
async fn a_renamed_user_keeps_keys_and_rights() {
    let (_test, app) = fresh();
    make_user(&app, "alice").await;
    put_user_policy(&app, "alice", &document("ecs:*", "*")).await;
    let input = shapes::CreateAccessKeyInput { user_name: Some("alice".into()) };
    let key = access_key::create(Arc::clone(&app), by_root(input)).await.expect("a key").access_key.access_key_id;
    let rename = shapes::UpdateUserInput {
        user_name: "alice".into(),
        new_user_name: Some("alicia".into()),
        ..Default::default()
    };
    user::update(Arc::clone(&app), by_root(rename)).await.expect("renamed");
    let (caller, _) = resolve(&app, &app.store.read(), &key, None, app.now()).expect("known");
    assert_eq!(caller.arn(), "arn:aws:iam::123456789012:user/alicia");
    assert_eq!(refused(authorize(&app, &app.store.read(), &caller, &Access::to_any("ecs:ListClusters"))), "done");
}

#[tokio::test]
async fn an_instance_profile_holds_one_role() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let create = shapes::CreateInstanceProfileInput { instance_profile_name: "box".into(), ..Default::default() };
    instance_profile::create(Arc::clone(&app), by_root(create)).await.expect("a profile");
    let add = || {
        let input =
            shapes::AddRoleToInstanceProfileInput { instance_profile_name: "box".into(), role_name: "r".into() };
        instance_profile::add_role(Arc::clone(&app), by_root(input))
    };
    add().await.expect("added");
    assert!(refused(add().await).starts_with("LimitExceeded"));
    let list = shapes::ListInstanceProfilesForRoleInput { role_name: "r".into(), ..Default::default() };
    let listed = instance_profile::list_of_role(Arc::clone(&app), by_root(list)).await.expect("listed");
    assert_eq!(listed.instance_profiles[0].roles[0].role_name, "r");
    let delete = role::delete(Arc::clone(&app), by_root(shapes::DeleteRoleInput { role_name: "r".into() })).await;
    assert_eq!(refused(delete), "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.");
}

#[tokio::test]
async fn a_service_linked_role_is_the_services_own() {
    let (_test, app) = fresh();
    let create = |service: &str| {
        let input = shapes::CreateServiceLinkedRoleInput { aws_service_name: service.into(), ..Default::default() };
        service_linked_role::create(Arc::clone(&app), by_root(input))
    };
    let made = create("ecs.amazonaws.com").await.expect("a role").role.expect("described");
    assert_eq!(made.arn, "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
    assert!(refused(create("ecs.amazonaws.com").await).contains("has been taken in this account"));
    assert!(refused(create("lambda.amazonaws.com").await).starts_with("InvalidInput"));
    let attach = shapes::AttachRolePolicyInput {
        role_name: made.role_name.clone(),
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
    };
    let attach = attachment::attach_role(Arc::clone(&app), by_root(attach)).await;
    assert!(refused(attach).starts_with("UnmodifiableEntity"));
    let own = by_root(shapes::DeleteRoleInput { role_name: made.role_name.clone() });
    assert!(refused(role::delete(Arc::clone(&app), own).await).starts_with("UnmodifiableEntity"));
    let delete = shapes::DeleteServiceLinkedRoleInput { role_name: made.role_name };
    let deleted = service_linked_role::delete(Arc::clone(&app), by_root(delete)).await.expect("deleted");
    let status = shapes::GetServiceLinkedRoleDeletionStatusInput { deletion_task_id: deleted.deletion_task_id };
    let status = service_linked_role::deletion_status(Arc::clone(&app), by_root(status)).await.expect("known");
    assert_eq!(status.status, "SUCCEEDED");
}

#[tokio::test]
async fn some_service_linked_roles_have_suffixes() {
    let (_test, app) = fresh();
    let create = |service: &str, suffix: &str| {
        let input = shapes::CreateServiceLinkedRoleInput {
            aws_service_name: service.into(),
            custom_suffix: Some(suffix.into()),
            ..Default::default()
        };
        service_linked_role::create(Arc::clone(&app), by_root(input))
    };
    let made = create("autoscaling.amazonaws.com", "blue").await.expect("a role").role.expect("described");
    assert_eq!((made.role_name.as_str(), made.description), ("AWSServiceRoleForAutoScaling_blue", None));
    create("autoscaling.amazonaws.com", "green").await.expect("another");
    assert!(refused(create("autoscaling.amazonaws.com", &"x".repeat(40)).await).contains("longer than 64"));
    let refusal = refused(create("rds.amazonaws.com", "blue").await);
    assert_eq!(refusal, "InvalidInput: Custom suffix is not allowed for rds.amazonaws.com");
    make_role(&app, "r").await;
    let policy_arn = String::from("arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy");
    let attach = shapes::AttachRolePolicyInput { role_name: "r".into(), policy_arn };
    assert!(
        refused(attachment::attach_role(Arc::clone(&app), by_root(attach)).await).starts_with("PolicyNotAttachable")
    );
}

#[tokio::test]
async fn the_account_is_counted_and_told_as_a_whole() {
    let (_test, app) = fresh();
    make_user(&app, "alice").await;
    make_role(&app, "r").await;
    make_group(&app, "g").await;
    join(&app, "g", "alice").await;
    make_policy(&app, "p", &document("ecs:*", "*")).await;
    let summary = account::summary(Arc::clone(&app), by_root(shapes::GetAccountSummaryInput {})).await;
    let map = summary.expect("counted").summary_map.expect("a map");
    assert_eq!((map["Users"], map["Roles"], map["Groups"], map["Policies"]), (1, 1, 1, 1));
    let details = account::details(Arc::clone(&app), by_root(shapes::GetAccountAuthorizationDetailsInput::default()))
        .await
        .expect("told");
    assert_eq!(details.user_detail_list.expect("users")[0].group_list, Some(vec!["g".into()]));
    assert_eq!(details.policies.expect("policies").len(), 1);
    let only = shapes::GetAccountAuthorizationDetailsInput { filter: Some(vec!["Role".into()]), ..Default::default() };
    let details = account::details(Arc::clone(&app), by_root(only)).await.expect("told");
    assert_eq!(
        (details.user_detail_list.map(|list| list.len()), details.role_detail_list.map(|list| list.len())),
        (Some(0), Some(1))
    );
    let alias = || account::list_aliases(Arc::clone(&app), by_root(shapes::ListAccountAliasesInput::default()));
    let create = shapes::CreateAccountAliasInput { account_alias: "tide".into() };
    account::create_alias(Arc::clone(&app), by_root(create)).await.expect("named");
    assert_eq!(alias().await.expect("listed").account_aliases, ["tide"]);
    let delete = shapes::DeleteAccountAliasInput { account_alias: "other".into() };
    let delete = account::delete_alias(Arc::clone(&app), by_root(delete)).await;
    assert_eq!(refused(delete), "NoSuchEntity: The account alias with name other cannot be found.");
}

#[tokio::test]
async fn a_simulation_tells_decision_statements_and_missing_keys() {
    let (_test, app) = fresh();
    let alice = make_user(&app, "alice").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ecs:*","Resource":"*"},
        {"Effect":"Deny","Action":"ecs:StopTask","Resource":"*"},
        {"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"x"}}}]}"#;
    put_user_policy(&app, "alice", policy).await;
    let input = shapes::SimulatePrincipalPolicyInput {
        policy_source_arn: alice.arn,
        action_names: ["ecs:RunTask", "ecs:StopTask", "kms:Decrypt"].map(String::from).to_vec(),
        ..Default::default()
    };
    let output = simulation::of_principal(Arc::clone(&app), by_root(input.clone())).await.expect("simulated");
    let results = output.evaluation_results.expect("results");
    let decisions: Vec<_> = results.iter().map(|result| result.eval_decision.as_str()).collect();
    assert_eq!(decisions, ["allowed", "explicitDeny", "implicitDeny"]);
    assert_eq!(results[1].matched_statements.as_ref().map(Vec::len), Some(1));
    assert_eq!(results[2].missing_context_values, Some(vec!["kms:ViaService".into()]));
    let entry = shapes::ContextEntry {
        context_key_name: Some("kms:viaservice".into()),
        context_key_values: Some(vec!["x".into()]),
        context_key_type: Some("string".into()),
    };
    let input = shapes::SimulatePrincipalPolicyInput { context_entries: Some(vec![entry]), ..input };
    let output = simulation::of_principal(Arc::clone(&app), by_root(input)).await.expect("simulated");
    let results = output.evaluation_results.expect("results");
    assert_eq!(
        (results[2].eval_decision.as_str(), results[2].missing_context_values.as_deref()),
        ("allowed", Some(&[][..]))
    );
    let input = shapes::SimulateCustomPolicyInput {
        policy_input_list: vec![document("ecs:*", "*")],
        permissions_boundary_policy_input_list: Some(vec![document("kms:*", "*")]),
        action_names: vec!["ecs:RunTask".into()],
        ..Default::default()
    };
    let output = simulation::of_documents(Arc::clone(&app), by_root(input)).await.expect("simulated");
    let result = output.evaluation_results.expect("results").remove(0);
    assert_eq!(result.eval_decision, "implicitDeny");
    let boundary = result.permissions_boundary_decision_detail.expect("a boundary");
    assert_eq!(boundary.allowed_by_permissions_boundary, Some(false));
    let input = shapes::GetContextKeysForCustomPolicyInput { policy_input_list: vec![policy.into()] };
    let keys = simulation::keys_of_documents(Arc::clone(&app), by_root(input)).await.expect("read");
    assert_eq!(keys.context_key_names, Some(vec!["kms:ViaService".into()]));
}
