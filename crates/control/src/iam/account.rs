//! The account as a whole: its alias, its counts, and everything in it at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    AttachedPolicy, CreateAccountAliasInput, CreateAccountAliasOutput, DeleteAccountAliasInput,
    DeleteAccountAliasOutput, GetAccountAuthorizationDetailsInput, GetAccountAuthorizationDetailsOutput,
    GetAccountSummaryInput, GetAccountSummaryOutput, GroupDetail, ListAccountAliasesInput, ListAccountAliasesOutput,
    ManagedPolicyDetail, PolicyDetail, RoleDetail, RoleLastUsed, UserDetail,
};

use super::error::no_such_entity;
use super::limits;
use super::name::encoded;
use super::owner::tag_list;
use super::page::page;
use super::policy_use::Uses;
use super::record::{AccountRecord, Entity, GroupRecord, PolicyRecord, RoleRecord, UserRecord};
use super::{attachment, boundary, instance_profile, managed, policy_version, principals};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreateAccountAlias`; an account has one, a new one takes the place of the old.
pub(super) async fn create_alias(
    app: Arc<App>,
    request: Request<CreateAccountAliasInput>,
) -> Result<CreateAccountAliasOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:CreateAccountAlias")))?;
    app.store
        .write(|state| {
            change(state, &caller.account, |account| account.alias = Some(input.account_alias));
            Ok(CreateAccountAliasOutput {})
        })
        .await
}

/// `DeleteAccountAlias`
pub(super) async fn delete_alias(
    app: Arc<App>,
    request: Request<DeleteAccountAliasInput>,
) -> Result<DeleteAccountAliasOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:DeleteAccountAlias")))?;
    app.store
        .write(|state| {
            if of_account(state, &caller.account).alias.as_deref() != Some(&input.account_alias) {
                return Err(no_such_entity(format!(
                    "The account alias with name {} cannot be found.",
                    input.account_alias
                )));
            }
            change(state, &caller.account, |account| account.alias = None);
            Ok(DeleteAccountAliasOutput {})
        })
        .await
}

/// `ListAccountAliases`
pub(super) async fn list_aliases(
    app: Arc<App>,
    request: Request<ListAccountAliasesInput>,
) -> Result<ListAccountAliasesOutput, ServiceError> {
    let Authorized { caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:ListAccountAliases")))?;
    let account = of_account(&app.store.read(), &caller.account);
    Ok(ListAccountAliasesOutput {
        account_aliases: account.alias.into_iter().collect(),
        is_truncated: Some(false),
        marker: None,
    })
}

/// What IAM knows of an account as a whole.
pub(super) fn of_account(state: &State, account: &str) -> AccountRecord {
    state.iam_accounts.get(account).map(|record| AccountRecord::clone(record)).unwrap_or_default()
}

/// Changes what IAM knows of an account as a whole.
pub(super) fn change(state: &mut State, account: &str, change: impl FnOnce(&mut AccountRecord)) {
    let mut record = of_account(state, account);
    change(&mut record);
    state.iam_accounts.put(account, record);
}

/// `GetAccountSummary`: counts and quotas.
pub(super) async fn summary(
    app: Arc<App>,
    request: Request<GetAccountSummaryInput>,
) -> Result<GetAccountSummaryOutput, ServiceError> {
    let Authorized { caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetAccountSummary")))?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let versions = state.iam_policies.with_prefix(&prefix).map(|(_, policy)| policy.versions.len()).sum();
    let root_keys =
        state.iam_access_keys.values().filter(|key| key.user.is_none() && key.account == caller.account).count();
    let devices = || state.iam_mfa_devices.values().filter(|device| device.account == caller.account);
    let providers = state.iam_oidc_providers.with_prefix(&format!("arn:aws:iam::{}:", caller.account)).count();
    let counts: [(&str, usize); 34] = [
        ("Users", state.iam_users.with_prefix(&prefix).count()),
        ("UsersQuota", 5000),
        ("Groups", state.iam_groups.with_prefix(&prefix).count()),
        ("GroupsQuota", 300),
        ("GroupsPerUserQuota", limits::GROUPS_OF_USER),
        ("Roles", state.iam_roles.with_prefix(&prefix).count()),
        ("RolesQuota", 1000),
        ("InstanceProfiles", state.iam_instance_profiles.with_prefix(&prefix).count()),
        ("InstanceProfilesQuota", 1000),
        ("Policies", state.iam_policies.with_prefix(&prefix).count()),
        ("PoliciesQuota", 1500),
        ("PolicySizeQuota", limits::MANAGED_POLICY_CHARACTERS),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", 10_000),
        ("VersionsPerPolicyQuota", limits::POLICY_VERSIONS),
        ("AttachedPoliciesPerUserQuota", limits::ATTACHED_POLICIES),
        ("AttachedPoliciesPerGroupQuota", limits::ATTACHED_POLICIES),
        ("AttachedPoliciesPerRoleQuota", limits::ATTACHED_POLICIES),
        ("UserPolicySizeQuota", limits::USER_INLINE_CHARACTERS),
        ("GroupPolicySizeQuota", limits::GROUP_INLINE_CHARACTERS),
        ("RolePolicySizeQuota", limits::ROLE_INLINE_CHARACTERS),
        ("AssumeRolePolicySizeQuota", limits::TRUST_POLICY_CHARACTERS),
        ("AccessKeysPerUserQuota", limits::ACCESS_KEYS),
        ("AccountAccessKeysPresent", usize::from(root_keys > 0)),
        ("AccountPasswordPresent", 0),
        ("AccountMFAEnabled", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("SigningCertificatesPerUserQuota", 2),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("MFADevices", devices().count()),
        ("MFADevicesInUse", devices().filter(|device| device.enabled.is_some()).count()),
        ("Providers", providers),
        ("GlobalEndpointTokenVersion", 1),
    ];
    let map: BTreeMap<String, i32> =
        counts.into_iter().map(|(name, count)| (name.to_owned(), i32::try_from(count).unwrap_or(i32::MAX))).collect();
    Ok(GetAccountSummaryOutput { summary_map: Some(map) })
}

/// One thing of the account, of any kind.
enum Detail {
    User(UserDetail),
    Group(GroupDetail),
    Role(RoleDetail),
    Policy(ManagedPolicyDetail),
}

/// `GetAccountAuthorizationDetails`
pub(super) async fn details(
    app: Arc<App>,
    request: Request<GetAccountAuthorizationDetailsInput>,
) -> Result<GetAccountAuthorizationDetailsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetAccountAuthorizationDetails")))?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let filter = input.filter.unwrap_or_default();
    let is_wanted = |kind: &str| filter.is_empty() || filter.iter().any(|wanted| wanted == kind);
    let mut all: Vec<(String, Detail)> = Vec::new();
    if is_wanted("Group") {
        let groups = state.iam_groups.with_prefix(&prefix);
        all.extend(groups.map(|(key, group)| (format!("1{key}"), Detail::Group(of_group(group)))));
    }
    if is_wanted("AWSManagedPolicy") {
        // As AWS does, only those that are used.
        let used = managed::all().filter(|policy| Uses::of(&state, &policy.arn) != Uses::default());
        all.extend(used.map(|policy| (format!("2{}", policy.arn), Detail::Policy(of_policy(&state, policy)))));
    }
    if is_wanted("LocalManagedPolicy") {
        let own = state.iam_policies.with_prefix(&prefix);
        all.extend(own.map(|(key, policy)| (format!("3{key}"), Detail::Policy(of_policy(&state, policy)))));
    }
    if is_wanted("Role") {
        let roles = state.iam_roles.with_prefix(&prefix);
        all.extend(roles.map(|(key, role)| (format!("4{key}"), Detail::Role(of_role(&state, key, role)))));
    }
    if is_wanted("User") {
        let users = state.iam_users.with_prefix(&prefix);
        all.extend(users.map(|(key, user)| (format!("5{key}"), Detail::User(of_user(&state, user)))));
    }
    let page = page(all.into_iter(), input.marker.as_deref(), input.max_items)?;
    let mut output = GetAccountAuthorizationDetailsOutput {
        user_detail_list: Some(Vec::new()),
        group_detail_list: Some(Vec::new()),
        role_detail_list: Some(Vec::new()),
        policies: Some(Vec::new()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    };
    for item in page.items {
        match item {
            Detail::User(user) => output.user_detail_list.get_or_insert_default().push(user),
            Detail::Group(group) => output.group_detail_list.get_or_insert_default().push(group),
            Detail::Role(role) => output.role_detail_list.get_or_insert_default().push(role),
            Detail::Policy(policy) => output.policies.get_or_insert_default().push(policy),
        }
    }
    Ok(output)
}

fn inline(entity: &Entity) -> Vec<PolicyDetail> {
    let described = |(name, document): (&String, &String)| PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(encoded(document)),
    };
    entity.inline.iter().map(described).collect()
}

fn attached(entity: &Entity) -> Vec<AttachedPolicy> {
    entity.attached.iter().filter_map(|arn| attachment::attached(arn)).map(|(_, attached)| attached).collect()
}

fn of_user(state: &State, user: &UserRecord) -> UserDetail {
    let entity = &user.entity;
    let groups = user.groups.iter().filter_map(|key| state.iam_groups.get(key));
    UserDetail {
        path: Some(entity.path.clone()),
        user_name: Some(entity.name.clone()),
        user_id: Some(entity.id.clone()),
        arn: Some(entity.arn.clone()),
        create_date: Some(entity.created),
        user_policy_list: Some(inline(entity)),
        group_list: Some(groups.map(|group| group.entity.name.clone()).collect()),
        attached_managed_policies: Some(attached(entity)),
        permissions_boundary: boundary::described(entity.boundary.as_deref()),
        tags: Some(tag_list(&entity.tags)),
    }
}

fn of_group(group: &GroupRecord) -> GroupDetail {
    let entity = &group.entity;
    GroupDetail {
        path: Some(entity.path.clone()),
        group_name: Some(entity.name.clone()),
        group_id: Some(entity.id.clone()),
        arn: Some(entity.arn.clone()),
        create_date: Some(entity.created),
        group_policy_list: Some(inline(entity)),
        attached_managed_policies: Some(attached(entity)),
    }
}

fn of_role(state: &State, key: &str, role: &RoleRecord) -> RoleDetail {
    let entity = &role.entity;
    let profiles = state.iam_instance_profiles.values().filter(|profile| profile.role.as_deref() == Some(key));
    RoleDetail {
        path: Some(entity.path.clone()),
        role_name: Some(entity.name.clone()),
        role_id: Some(entity.id.clone()),
        arn: Some(entity.arn.clone()),
        create_date: Some(entity.created),
        assume_role_policy_document: Some(encoded(&principals::shown(state, &role.trust))),
        instance_profile_list: Some(profiles.map(|profile| instance_profile::described(state, profile)).collect()),
        role_policy_list: Some(inline(entity)),
        attached_managed_policies: Some(attached(entity)),
        permissions_boundary: boundary::described(entity.boundary.as_deref()),
        tags: Some(tag_list(&entity.tags)),
        role_last_used: Some(RoleLastUsed { last_used_date: None, region: None }),
    }
}

fn of_policy(state: &State, policy: &PolicyRecord) -> ManagedPolicyDetail {
    let uses = Uses::of(state, &policy.arn);
    let versions = policy.versions.iter().rev().map(|version| policy_version::described(policy, version));
    ManagedPolicyDetail {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn.clone()),
        path: Some(policy.path.clone()),
        default_version_id: Some(format!("v{}", policy.default_version)),
        attachment_count: Some(uses.attachments),
        permissions_boundary_usage_count: Some(uses.boundaries),
        is_attachable: Some(true),
        description: policy.description.clone(),
        create_date: Some(policy.created),
        update_date: Some(policy.updated),
        policy_version_list: Some(versions.collect()),
    }
}
