//! IAM: users, roles, policies, and the authorisation of every request.
//!
//! What a policy means is decided in `domain::iam`; here are the records, the operations on them, and the ways by which
//! other services ask: [`authorization`], [`credentials`], [`sessions`].

mod access_key;
mod account;
mod attachment;
pub mod authorization;
mod boundary;
mod credential_report;
pub mod credentials;
pub mod documents;
mod error;
mod first_start;
mod group;
mod inline_policy;
mod instance_profile;
mod limits;
mod login_profile;
mod managed;
mod mfa;
mod name;
mod oidc_provider;
mod owner;
mod page;
mod password_policy;
mod policy;
mod policy_use;
mod policy_version;
pub(crate) mod principals;
pub mod record;
mod role;
mod service_credential;
mod service_linked_role;
pub mod sessions;
mod simulation;
mod tag;
#[cfg(test)]
mod tests;
mod totp;
mod user;

pub(crate) use name::inline_names;

use api::iam::op;

pub(crate) use error::{malformed, validation};
pub use first_start::{RootAccessKey, root_access_key};
pub(crate) use mfa::{prove, step_of_code};
pub(crate) use name::now;
pub use name::role_by_arn;
pub(crate) use name::{account_of_access_key, policy_by_arn, user_by_arn};
pub(crate) use oidc_provider::{provider_arn as oidc_provider_arn, without_scheme};

use crate::front::Router;

/// Serves IAM.
pub fn routes(router: &mut Router) {
    router.add::<op::CreateUser, _, _>(user::create);
    router.add::<op::GetUser, _, _>(user::get);
    router.add::<op::ListUsers, _, _>(user::list);
    router.add::<op::DeleteUser, _, _>(user::delete);
    router.add::<op::CreateAccessKey, _, _>(access_key::create);
    router.add::<op::ListAccessKeys, _, _>(access_key::list);
    router.add::<op::UpdateAccessKey, _, _>(access_key::update);
    router.add::<op::DeleteAccessKey, _, _>(access_key::delete);
    router.add::<op::GetAccessKeyLastUsed, _, _>(access_key::last_used);
    router.add::<op::CreateRole, _, _>(role::create);
    router.add::<op::GetRole, _, _>(role::get);
    router.add::<op::ListRoles, _, _>(role::list);
    router.add::<op::DeleteRole, _, _>(role::delete);
    router.add::<op::UpdateRole, _, _>(role::update);
    router.add::<op::UpdateRoleDescription, _, _>(role::update_description);
    router.add::<op::UpdateAssumeRolePolicy, _, _>(role::update_trust);
    router.add::<op::UpdateUser, _, _>(user::update);
    router.add::<op::CreateServiceLinkedRole, _, _>(service_linked_role::create);
    router.add::<op::DeleteServiceLinkedRole, _, _>(service_linked_role::delete);
    router.add::<op::GetServiceLinkedRoleDeletionStatus, _, _>(service_linked_role::deletion_status);
    router.add::<op::CreateAccountAlias, _, _>(account::create_alias);
    router.add::<op::DeleteAccountAlias, _, _>(account::delete_alias);
    router.add::<op::ListAccountAliases, _, _>(account::list_aliases);
    router.add::<op::GetAccountSummary, _, _>(account::summary);
    router.add::<op::GetAccountAuthorizationDetails, _, _>(account::details);
    router.add::<op::SimulatePrincipalPolicy, _, _>(simulation::of_principal);
    router.add::<op::SimulateCustomPolicy, _, _>(simulation::of_documents);
    router.add::<op::GetContextKeysForCustomPolicy, _, _>(simulation::keys_of_documents);
    router.add::<op::GetContextKeysForPrincipalPolicy, _, _>(simulation::keys_of_principal);
    group_routes(router);
    instance_profile_routes(router);
    sign_in_routes(router);
    oidc_routes(router);
    policy_routes(router);
    permission_routes(router);
}

fn sign_in_routes(router: &mut Router) {
    router.add::<op::CreateLoginProfile, _, _>(login_profile::create);
    router.add::<op::GetLoginProfile, _, _>(login_profile::get);
    router.add::<op::UpdateLoginProfile, _, _>(login_profile::update);
    router.add::<op::DeleteLoginProfile, _, _>(login_profile::delete);
    router.add::<op::ChangePassword, _, _>(login_profile::change_own);
    router.add::<op::UpdateAccountPasswordPolicy, _, _>(password_policy::update);
    router.add::<op::GetAccountPasswordPolicy, _, _>(password_policy::get);
    router.add::<op::DeleteAccountPasswordPolicy, _, _>(password_policy::delete);
    router.add::<op::CreateVirtualMFADevice, _, _>(mfa::create);
    router.add::<op::ListVirtualMFADevices, _, _>(mfa::list_virtual);
    router.add::<op::DeleteVirtualMFADevice, _, _>(mfa::delete);
    router.add::<op::EnableMFADevice, _, _>(mfa::enable);
    router.add::<op::ResyncMFADevice, _, _>(mfa::resync);
    router.add::<op::DeactivateMFADevice, _, _>(mfa::deactivate);
    router.add::<op::ListMFADevices, _, _>(mfa::list);
    router.add::<op::GetMFADevice, _, _>(mfa::get);
    router.add::<op::TagMFADevice, _, _>(mfa::tag);
    router.add::<op::UntagMFADevice, _, _>(mfa::untag);
    router.add::<op::ListMFADeviceTags, _, _>(mfa::list_tags);
    router.add::<op::CreateServiceSpecificCredential, _, _>(service_credential::create);
    router.add::<op::ListServiceSpecificCredentials, _, _>(service_credential::list);
    router.add::<op::UpdateServiceSpecificCredential, _, _>(service_credential::update);
    router.add::<op::ResetServiceSpecificCredential, _, _>(service_credential::reset);
    router.add::<op::DeleteServiceSpecificCredential, _, _>(service_credential::delete);
    router.add::<op::ListSSHPublicKeys, _, _>(service_credential::list_ssh_keys);
    router.add::<op::ListSigningCertificates, _, _>(service_credential::list_certificates);
    router.add::<op::GenerateCredentialReport, _, _>(credential_report::generate);
    router.add::<op::GetCredentialReport, _, _>(credential_report::get);
}

fn oidc_routes(router: &mut Router) {
    router.add::<op::CreateOpenIDConnectProvider, _, _>(oidc_provider::create);
    router.add::<op::GetOpenIDConnectProvider, _, _>(oidc_provider::get);
    router.add::<op::ListOpenIDConnectProviders, _, _>(oidc_provider::list);
    router.add::<op::UpdateOpenIDConnectProviderThumbprint, _, _>(oidc_provider::update_thumbprints);
    router.add::<op::AddClientIDToOpenIDConnectProvider, _, _>(oidc_provider::add_client_id);
    router.add::<op::RemoveClientIDFromOpenIDConnectProvider, _, _>(oidc_provider::remove_client_id);
    router.add::<op::DeleteOpenIDConnectProvider, _, _>(oidc_provider::delete);
    router.add::<op::TagOpenIDConnectProvider, _, _>(oidc_provider::tag);
    router.add::<op::UntagOpenIDConnectProvider, _, _>(oidc_provider::untag);
    router.add::<op::ListOpenIDConnectProviderTags, _, _>(oidc_provider::list_tags);
}

fn group_routes(router: &mut Router) {
    router.add::<op::CreateGroup, _, _>(group::create);
    router.add::<op::GetGroup, _, _>(group::get);
    router.add::<op::ListGroups, _, _>(group::list);
    router.add::<op::UpdateGroup, _, _>(group::update);
    router.add::<op::DeleteGroup, _, _>(group::delete);
    router.add::<op::AddUserToGroup, _, _>(group::add_user);
    router.add::<op::RemoveUserFromGroup, _, _>(group::remove_user);
    router.add::<op::ListGroupsForUser, _, _>(group::list_of_user);
    router.add::<op::AttachGroupPolicy, _, _>(attachment::attach_group);
    router.add::<op::DetachGroupPolicy, _, _>(attachment::detach_group);
    router.add::<op::ListAttachedGroupPolicies, _, _>(attachment::list_group);
    router.add::<op::PutGroupPolicy, _, _>(inline_policy::put_group);
    router.add::<op::GetGroupPolicy, _, _>(inline_policy::get_group);
    router.add::<op::ListGroupPolicies, _, _>(inline_policy::list_group);
    router.add::<op::DeleteGroupPolicy, _, _>(inline_policy::delete_group);
}

fn instance_profile_routes(router: &mut Router) {
    router.add::<op::CreateInstanceProfile, _, _>(instance_profile::create);
    router.add::<op::GetInstanceProfile, _, _>(instance_profile::get);
    router.add::<op::ListInstanceProfiles, _, _>(instance_profile::list);
    router.add::<op::ListInstanceProfilesForRole, _, _>(instance_profile::list_of_role);
    router.add::<op::DeleteInstanceProfile, _, _>(instance_profile::delete);
    router.add::<op::AddRoleToInstanceProfile, _, _>(instance_profile::add_role);
    router.add::<op::RemoveRoleFromInstanceProfile, _, _>(instance_profile::remove_role);
    router.add::<op::TagInstanceProfile, _, _>(instance_profile::tag);
    router.add::<op::UntagInstanceProfile, _, _>(instance_profile::untag);
    router.add::<op::ListInstanceProfileTags, _, _>(instance_profile::list_tags);
}

fn policy_routes(router: &mut Router) {
    router.add::<op::CreatePolicy, _, _>(policy::create);
    router.add::<op::GetPolicy, _, _>(policy::get);
    router.add::<op::ListPolicies, _, _>(policy::list);
    router.add::<op::DeletePolicy, _, _>(policy::delete);
    router.add::<op::ListEntitiesForPolicy, _, _>(policy_use::list_entities);
    router.add::<op::CreatePolicyVersion, _, _>(policy_version::create);
    router.add::<op::GetPolicyVersion, _, _>(policy_version::get);
    router.add::<op::ListPolicyVersions, _, _>(policy_version::list);
    router.add::<op::DeletePolicyVersion, _, _>(policy_version::delete);
    router.add::<op::SetDefaultPolicyVersion, _, _>(policy_version::set_default);
}

fn permission_routes(router: &mut Router) {
    router.add::<op::AttachRolePolicy, _, _>(attachment::attach_role);
    router.add::<op::DetachRolePolicy, _, _>(attachment::detach_role);
    router.add::<op::ListAttachedRolePolicies, _, _>(attachment::list_role);
    router.add::<op::AttachUserPolicy, _, _>(attachment::attach_user);
    router.add::<op::DetachUserPolicy, _, _>(attachment::detach_user);
    router.add::<op::ListAttachedUserPolicies, _, _>(attachment::list_user);
    router.add::<op::PutRolePolicy, _, _>(inline_policy::put_role);
    router.add::<op::GetRolePolicy, _, _>(inline_policy::get_role);
    router.add::<op::ListRolePolicies, _, _>(inline_policy::list_role);
    router.add::<op::DeleteRolePolicy, _, _>(inline_policy::delete_role);
    router.add::<op::PutUserPolicy, _, _>(inline_policy::put_user);
    router.add::<op::GetUserPolicy, _, _>(inline_policy::get_user);
    router.add::<op::ListUserPolicies, _, _>(inline_policy::list_user);
    router.add::<op::DeleteUserPolicy, _, _>(inline_policy::delete_user);
    router.add::<op::PutRolePermissionsBoundary, _, _>(boundary::put_role);
    router.add::<op::DeleteRolePermissionsBoundary, _, _>(boundary::delete_role);
    router.add::<op::PutUserPermissionsBoundary, _, _>(boundary::put_user);
    router.add::<op::DeleteUserPermissionsBoundary, _, _>(boundary::delete_user);
    router.add::<op::TagRole, _, _>(tag::tag_role);
    router.add::<op::UntagRole, _, _>(tag::untag_role);
    router.add::<op::ListRoleTags, _, _>(tag::list_role);
    router.add::<op::TagUser, _, _>(tag::tag_user);
    router.add::<op::UntagUser, _, _>(tag::untag_user);
    router.add::<op::ListUserTags, _, _>(tag::list_user);
    router.add::<op::TagPolicy, _, _>(tag::tag_policy);
    router.add::<op::UntagPolicy, _, _>(tag::untag_policy);
    router.add::<op::ListPolicyTags, _, _>(tag::list_policy);
}
