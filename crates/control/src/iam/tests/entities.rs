//! Users, roles, access keys, tags: names, conflicts, pages.

use super::*;
use crate::iam::{access_key, role, tag, user};

#[tokio::test]
async fn a_role_is_made_found_and_deleted() {
    let (_test, app) = fresh();
    let made = make_role(&app, "ecsExec").await;
    assert_eq!(made.arn, "arn:aws:iam::123456789012:role/ecsExec");
    assert!(made.role_id.starts_with("AROA") && made.role_id.len() == 21);
    assert_eq!(made.max_session_duration, None, "told only when it was given");
    let trust = made.assume_role_policy_document.as_deref().expect("a trust policy");
    assert!(trust.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{trust}");
    let get = |name: &str| role::get(Arc::clone(&app), by_root(shapes::GetRoleInput { role_name: name.into() }));
    assert_eq!(get("ECSEXEC").await.expect("found ignoring case").role.role_name, "ecsExec");
    assert_eq!(refused(get("other").await), "NoSuchEntity: The role with name other cannot be found.");
    let again = shapes::CreateRoleInput {
        role_name: "EcsExec".into(),
        assume_role_policy_document: TRUST.into(),
        ..Default::default()
    };
    let again = role::create(Arc::clone(&app), by_root(again)).await;
    assert_eq!(refused(again), "EntityAlreadyExists: Role with name EcsExec already exists.");
    let delete = || role::delete(Arc::clone(&app), by_root(shapes::DeleteRoleInput { role_name: "ecsExec".into() }));
    delete().await.expect("deleted");
    assert_eq!(refused(delete().await), "NoSuchEntity: The role with name ecsExec cannot be found.");
}

#[tokio::test]
async fn a_path_is_part_of_the_arn_and_of_lists() {
    let (_test, app) = fresh();
    let create = |name: &str, path: &str| {
        let input = shapes::CreateRoleInput {
            role_name: name.into(),
            path: Some(path.into()),
            assume_role_policy_document: TRUST.into(),
            ..Default::default()
        };
        role::create(Arc::clone(&app), by_root(input))
    };
    let made = create("a", "/team/web/").await.expect("a role").role;
    assert_eq!(made.arn, "arn:aws:iam::123456789012:role/team/web/a");
    assert!(
        refused(create("b", "team").await).starts_with("ValidationError: The specified value for path is invalid.")
    );
    create("c", "/").await.expect("a role");
    let list = shapes::ListRolesInput { path_prefix: Some("/team/".into()), ..Default::default() };
    let listed = role::list(Arc::clone(&app), by_root(list)).await.expect("listed");
    assert_eq!(listed.roles.iter().map(|role| role.role_name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_trust_policy_names_only_who_exists() {
    let (_test, app) = fresh();
    make_user(&app, "alice").await;
    let make = |name: &str, principal: &str| {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let input = shapes::CreateRoleInput {
            role_name: name.into(),
            assume_role_policy_document: trust,
            ..Default::default()
        };
        role::create(Arc::clone(&app), by_root(input))
    };
    make("a", "arn:aws:iam::123456789012:user/alice").await.expect("a role");
    make("b", "arn:aws:iam::999999999999:role/elsewhere").await.expect("a role");
    assert_eq!(
        refused(make("c", "arn:aws:iam::123456789012:user/nobody").await),
        "MalformedPolicyDocument: Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:user/nobody\""
    );
}

#[tokio::test]
async fn what_update_role_description_wrote_shows_in_get_role() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let input = shapes::UpdateRoleDescriptionInput { role_name: "r".into(), description: "new".into() };
    role::update_description(Arc::clone(&app), by_root(input)).await.expect("updated");
    let input =
        shapes::UpdateRoleInput { role_name: "r".into(), max_session_duration: Some(7200), ..Default::default() };
    role::update(Arc::clone(&app), by_root(input)).await.expect("updated");
    let got = role::get(Arc::clone(&app), by_root(shapes::GetRoleInput { role_name: "r".into() })).await;
    let got = got.expect("found").role;
    assert_eq!((got.description.as_deref(), got.max_session_duration), (Some("new"), Some(7200)));
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let (_test, app) = fresh();
    for name in ["e", "a", "D", "b", "c"] {
        make_user(&app, name).await;
    }
    let (mut names, mut marker, mut pages) = (Vec::new(), None, 0);
    loop {
        let input = shapes::ListUsersInput { max_items: Some(2), marker, ..Default::default() };
        let page = user::list(Arc::clone(&app), by_root(input)).await.expect("listed");
        names.extend(page.users.into_iter().map(|user| user.user_name));
        pages += 1;
        assert_eq!(page.is_truncated, Some(page.marker.is_some()));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!((names.join(""), pages), ("abcDe".into(), 3));
    let input = shapes::ListUsersInput { marker: Some("?".into()), ..Default::default() };
    assert_eq!(refused(user::list(Arc::clone(&app), by_root(input)).await), "ValidationError: Invalid Marker.");
}

#[tokio::test]
async fn a_user_has_two_access_keys_and_goes_only_after_them() {
    let (_test, app) = fresh();
    make_user(&app, "alice").await;
    let create = || {
        let input = shapes::CreateAccessKeyInput { user_name: Some("alice".into()) };
        access_key::create(Arc::clone(&app), by_root(input))
    };
    let first = create().await.expect("a key").access_key;
    assert!(first.access_key_id.starts_with("AKIA") && first.access_key_id.len() == 20);
    assert_eq!(first.secret_access_key.expose().len(), 40);
    let second = create().await.expect("a key").access_key;
    assert_eq!(refused(create().await), "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2");
    let delete_user = || user::delete(Arc::clone(&app), by_root(shapes::DeleteUserInput { user_name: "alice".into() }));
    assert_eq!(refused(delete_user().await), "DeleteConflict: Cannot delete entity, must delete access keys first.");
    for key in [first, second] {
        let input = shapes::DeleteAccessKeyInput { user_name: Some("alice".into()), access_key_id: key.access_key_id };
        access_key::delete(Arc::clone(&app), by_root(input)).await.expect("deleted");
    }
    delete_user().await.expect("deleted");
}

#[tokio::test]
async fn tags_are_one_per_key_ignoring_case() {
    let (_test, app) = fresh();
    make_role(&app, "r").await;
    let tag = |pairs: &[(&str, &str)]| {
        let tags =
            pairs.iter().map(|(key, value)| shapes::Tag { key: (*key).into(), value: (*value).into() }).collect();
        tag::tag_role(Arc::clone(&app), by_root(shapes::TagRoleInput { role_name: "r".into(), tags }))
    };
    tag(&[("Team", "web"), ("env", "test")]).await.expect("tagged");
    tag(&[("team", "data")]).await.expect("tagged");
    assert_eq!(
        refused(tag(&[("a", "1"), ("A", "2")]).await),
        "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."
    );
    let input = shapes::UntagRoleInput { role_name: "r".into(), tag_keys: vec!["ENV".into()] };
    tag::untag_role(Arc::clone(&app), by_root(input)).await.expect("untagged");
    let input = shapes::ListRoleTagsInput { role_name: "r".into(), ..Default::default() };
    let tags = tag::list_role(Arc::clone(&app), by_root(input)).await.expect("listed").tags;
    assert_eq!(tags, [shapes::Tag { key: "team".into(), value: "data".into() }]);
}
