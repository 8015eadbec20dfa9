//! Rules of security groups: added, taken away, changed, described. Running tasks feel it at once.

use std::sync::Arc;

use api::ec2::{
    AuthorizeSecurityGroupEgressInput, AuthorizeSecurityGroupEgressOutput, AuthorizeSecurityGroupIngressInput,
    AuthorizeSecurityGroupIngressOutput, DescribeSecurityGroupRulesInput, DescribeSecurityGroupRulesOutput,
    IpPermission, IpRange, ModifySecurityGroupRulesInput, ModifySecurityGroupRulesOutput,
    RevokeSecurityGroupEgressInput, RevokeSecurityGroupEgressOutput, RevokeSecurityGroupIngressInput,
    RevokeSecurityGroupIngressOutput, RevokedSecurityGroupRule, SecurityGroupRule, TagSpecification, UserIdGroupPair,
};

use super::filter;
use super::record::{Direction, SecurityGroupRecord, SecurityGroupRuleRecord, Tags};
use super::resource::{Owner, Resource as _, access, find, stop_if_dry};
use super::rules::{self, RULES_PER_DIRECTION, Said};
use super::{error, page, security_group, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The permissions of a request, which may also say one without a list. The four requests have these members in common,
/// but no type.
macro_rules! permissions {
    ($input:ident) => {{
        let mut permissions = $input.ip_permissions.unwrap_or_default();
        let (protocol, group_name) = ($input.ip_protocol, $input.source_security_group_name);
        if protocol.is_some() || $input.cidr_ip.is_some() || group_name.is_some() {
            permissions.push(IpPermission {
                // A group alone means everything from it.
                ip_protocol: protocol.or_else(|| group_name.as_ref().map(|_| "-1".into())),
                from_port: $input.from_port,
                to_port: $input.to_port,
                ip_ranges: $input.cidr_ip.map(|cidr| vec![IpRange { cidr_ip: Some(cidr), ..Default::default() }]),
                user_id_group_pairs: group_name
                    .map(|name| vec![UserIdGroupPair { group_name: Some(name), ..Default::default() }]),
                ..Default::default()
            });
        }
        permissions
    }};
}

/// AuthorizeSecurityGroupIngress
pub(super) async fn authorize_ingress(
    app: Arc<App>,
    request: Request<AuthorizeSecurityGroupIngressInput>,
) -> Result<AuthorizeSecurityGroupIngressOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let id =
            security_group::named(state, Owner::of(caller), input.group_id.as_deref(), input.group_name.as_deref())?;
        Ok(access::<SecurityGroupRecord>(caller, "ec2:AuthorizeSecurityGroupIngress", &id))
    })?;
    stop_if_dry(input.dry_run)?;
    let permissions = permissions!(input);
    let specifications = input.tag_specifications;
    let rules = app
        .store
        .write(|state| {
            let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
            let id = security_group::named(state, Owner::of(&caller), id, name)?;
            add(&app, state, Owner::of(&caller), &id, Direction::Ingress, &permissions, specifications.as_deref())
        })
        .await?;
    Ok(AuthorizeSecurityGroupIngressOutput { r#return: Some(true), security_group_rules: Some(rules) })
}

/// AuthorizeSecurityGroupEgress
pub(super) async fn authorize_egress(
    app: Arc<App>,
    request: Request<AuthorizeSecurityGroupEgressInput>,
) -> Result<AuthorizeSecurityGroupEgressOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<SecurityGroupRecord>(caller, "ec2:AuthorizeSecurityGroupEgress", &input.group_id))
    })?;
    stop_if_dry(input.dry_run)?;
    let permissions = permissions!(input);
    let specifications = input.tag_specifications;
    let rules = app
        .store
        .write(|state| {
            let id = &input.group_id;
            add(&app, state, Owner::of(&caller), id, Direction::Egress, &permissions, specifications.as_deref())
        })
        .await?;
    Ok(AuthorizeSecurityGroupEgressOutput { r#return: Some(true), security_group_rules: Some(rules) })
}

/// RevokeSecurityGroupIngress
pub(super) async fn revoke_ingress(
    app: Arc<App>,
    request: Request<RevokeSecurityGroupIngressInput>,
) -> Result<RevokeSecurityGroupIngressOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let id =
            security_group::named(state, Owner::of(caller), input.group_id.as_deref(), input.group_name.as_deref())?;
        Ok(access::<SecurityGroupRecord>(caller, "ec2:RevokeSecurityGroupIngress", &id))
    })?;
    stop_if_dry(input.dry_run)?;
    let ids = input.security_group_rule_ids.unwrap_or_default();
    let permissions = permissions!(input);
    let revoked = app
        .store
        .write(|state| {
            let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
            let id = security_group::named(state, Owner::of(&caller), id, name)?;
            revoke(state, Owner::of(&caller), &id, Direction::Ingress, &ids, &permissions)
        })
        .await?;
    Ok(RevokeSecurityGroupIngressOutput {
        r#return: Some(true),
        unknown_ip_permissions: None,
        revoked_security_group_rules: Some(revoked),
    })
}

/// RevokeSecurityGroupEgress
pub(super) async fn revoke_egress(
    app: Arc<App>,
    request: Request<RevokeSecurityGroupEgressInput>,
) -> Result<RevokeSecurityGroupEgressOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<SecurityGroupRecord>(caller, "ec2:RevokeSecurityGroupEgress", &input.group_id))
    })?;
    stop_if_dry(input.dry_run)?;
    let ids = input.security_group_rule_ids.unwrap_or_default();
    let permissions = permissions!(input);
    let revoked = app
        .store
        .write(|state| revoke(state, Owner::of(&caller), &input.group_id, Direction::Egress, &ids, &permissions))
        .await?;
    Ok(RevokeSecurityGroupEgressOutput {
        r#return: Some(true),
        unknown_ip_permissions: None,
        revoked_security_group_rules: Some(revoked),
    })
}

/// ModifySecurityGroupRules
pub(super) async fn modify(
    app: Arc<App>,
    request: Request<ModifySecurityGroupRulesInput>,
) -> Result<ModifySecurityGroupRulesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<SecurityGroupRecord>(caller, "ec2:ModifySecurityGroupRules", &input.group_id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            for update in &input.security_group_rules {
                let group = find::<SecurityGroupRecord>(state, Owner::of(&caller), &input.group_id)?;
                let id = &update.security_group_rule_id;
                let old = group.rules.iter().find(|rule| rule.id == *id).ok_or_else(|| rules::no_such_rule(id))?;
                let Some(request) = &update.security_group_rule else {
                    return Err(error::missing_parameter("SecurityGroupRule"));
                };
                let said = rules::of_request(state, &group, request)?;
                let other = |rule: &SecurityGroupRuleRecord| rule.id != *id && rule.direction == old.direction;
                if group.rules.iter().any(|rule| other(rule) && said.is_same(rule)) {
                    return Err(duplicate(&said));
                }
                state.security_groups.update(&group.id, |group| {
                    for rule in group.rules.iter_mut().filter(|rule| rule.id == *id) {
                        rule.protocol.clone_from(&said.protocol);
                        rule.from_port = said.from_port;
                        rule.to_port = said.to_port;
                        rule.peer = said.peer.clone();
                        rule.description.clone_from(&said.description);
                    }
                });
            }
            Ok(ModifySecurityGroupRulesOutput { r#return: Some(true) })
        })
        .await
}

/// DescribeSecurityGroupRules
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeSecurityGroupRulesInput>,
) -> Result<DescribeSecurityGroupRulesOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeSecurityGroupRules")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let ids = input.security_group_rule_ids.unwrap_or_default();
    for id in &ids {
        rules::group_of(&state, Owner::of(&caller), id)?;
    }
    let mut found = Vec::new();
    for group in state.security_groups.values().filter(|group| group.owner() == Owner::of(&caller)) {
        for rule in group.rules.iter().filter(|rule| ids.is_empty() || ids.contains(&rule.id)) {
            let value = |name: &str| {
                Some(match name {
                    "group-id" => vec![group.id.clone()],
                    "security-group-rule-id" => vec![rule.id.clone()],
                    _ => return None,
                })
            };
            if filter::passes(input.filters.as_deref(), &rule.tags, value)? {
                found.push((rule.id.clone(), rules::shown(group, rule)));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let (page, next_token) = page::page(found, |(id, _)| id, input.max_results, input.next_token.as_deref())?;
    let security_group_rules = Some(page.into_iter().map(|(_, rule)| rule).collect());
    Ok(DescribeSecurityGroupRulesOutput { security_group_rules, next_token })
}

fn add(
    app: &App,
    state: &mut State,
    owner: Owner<'_>,
    group_id: &str,
    direction: Direction,
    permissions: &[IpPermission],
    specifications: Option<&[TagSpecification]>,
) -> Result<Vec<SecurityGroupRule>, ServiceError> {
    if permissions.is_empty() {
        return Err(error::missing_parameter("ipPermissions"));
    }
    let tags: Tags = tag::given(specifications, "security-group-rule")?;
    let group = find::<SecurityGroupRecord>(state, owner, group_id)?;
    let mut rules = group.rules.clone();
    let mut added = Vec::new();
    for said in rules::of_permissions(state, &group, permissions)? {
        if rules.iter().any(|rule| rule.direction == direction && said.is_same(rule)) {
            return Err(duplicate(&said));
        }
        let record = said.into_record(app, direction, tags.clone());
        added.push(rules::shown(&group, &record));
        rules.push(record);
    }
    if rules.iter().filter(|rule| rule.direction == direction).count() > RULES_PER_DIRECTION {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(ServiceError::new("RulesPerSecurityGroupLimitExceeded", message));
    }
    state.security_groups.update(group_id, |group| group.rules = rules);
    Ok(added)
}

fn duplicate(said: &Said) -> ServiceError {
    let message = format!("the specified rule \"{}\" already exists", said.words());
    ServiceError::new("InvalidPermission.Duplicate", message)
}

fn revoke(
    state: &mut State,
    owner: Owner<'_>,
    group_id: &str,
    direction: Direction,
    ids: &[String],
    permissions: &[IpPermission],
) -> Result<Vec<RevokedSecurityGroupRule>, ServiceError> {
    if permissions.is_empty() && ids.is_empty() {
        return Err(error::missing_parameter("ipPermissions"));
    }
    let group = find::<SecurityGroupRecord>(state, owner, group_id)?;
    let mut rules = group.rules.clone();
    let mut revoked = Vec::new();
    let take = |rules: &mut Vec<SecurityGroupRuleRecord>, is_it: &dyn Fn(&SecurityGroupRuleRecord) -> bool| {
        let at = rules.iter().position(|rule| rule.direction == direction && is_it(rule))?;
        Some(rules.remove(at))
    };
    for id in ids {
        let rule = take(&mut rules, &|rule| rule.id == *id).ok_or_else(|| rules::no_such_rule(id))?;
        revoked.push(shown_revoked(group_id, &rule));
    }
    for said in rules::of_permissions(state, &group, permissions)? {
        let rule = take(&mut rules, &|rule| said.is_same(rule)).ok_or_else(|| {
            let message = "The specified rule does not exist in this security group.";
            ServiceError::new("InvalidPermission.NotFound", message)
        })?;
        revoked.push(shown_revoked(group_id, &rule));
    }
    state.security_groups.update(group_id, |group| group.rules = rules);
    Ok(revoked)
}

fn shown_revoked(group_id: &str, rule: &SecurityGroupRuleRecord) -> RevokedSecurityGroupRule {
    RevokedSecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        group_id: Some(group_id.to_owned()),
        is_egress: Some(rule.direction == Direction::Egress),
        ip_protocol: Some(rule.protocol.clone()),
        from_port: Some(rule.from_port),
        to_port: Some(rule.to_port),
        cidr_ipv4: rule.peer.ipv4(),
        cidr_ipv6: rule.peer.ipv6(),
        prefix_list_id: None,
        referenced_group_id: rule.peer.group(),
        description: rule.description.clone(),
    }
}
