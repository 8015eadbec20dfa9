//! Security groups: made, described, taken away.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ec2::{
    CreateSecurityGroupInput, CreateSecurityGroupOutput, DeleteSecurityGroupInput, DeleteSecurityGroupOutput,
    DescribeSecurityGroupsInput, DescribeSecurityGroupsOutput, IpPermission, IpRange, Ipv6Range, PrefixListId,
    SecurityGroup, UserIdGroupPair,
};
use ipnet::Ipv4Net;

use super::record::{Direction, PeerRecord, SecurityGroupRecord, SecurityGroupRuleRecord, Tags, VpcRecord};
use super::resource::{Owner, Resource as _, access, find, missing, select, stop_if_dry};
use super::{error, id, page, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The name of the group that every VPC is born with.
const DEFAULT: &str = "default";
/// The longest name and description, in characters.
const TEXT_LENGTH: usize = 255;

/// CreateSecurityGroup
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateSecurityGroupInput>,
) -> Result<CreateSecurityGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let mut access = access::<SecurityGroupRecord>(caller, "ec2:CreateSecurityGroup", "*");
        let vpc_id = input.vpc_id.clone().or_else(|| default_vpc(state, Owner::of(caller)));
        access.resources.extend(vpc_id.iter().map(|id| Owner::of(caller).arn("vpc", id)));
        Ok(access)
    })?;
    stop_if_dry(input.dry_run)?;
    check_text(&input.group_name, "group name")?;
    check_text(&input.description, "group description")?;
    if input.group_name == DEFAULT || input.group_name.starts_with("sg-") {
        let message = if input.group_name == DEFAULT {
            "Cannot use reserved security group name: default"
        } else {
            "Group names may not be in the format sg-*"
        };
        return Err(ServiceError::new("InvalidParameterValue", message));
    }
    let tags = tag::given(input.tag_specifications.as_deref(), "security-group")?;
    app.store
        .write(|state| {
            let vpc_id = input.vpc_id.or_else(|| default_vpc(state, Owner::of(&caller)));
            let vpc_id =
                vpc_id.ok_or_else(|| ServiceError::new("VPCIdNotSpecified", "No default VPC for this user"))?;
            let vpc = find::<VpcRecord>(state, Owner::of(&caller), &vpc_id)?;
            if by_name(state, &vpc.id, &input.group_name).is_some() {
                let message = format!("The security group '{}' already exists for VPC '{}'", input.group_name, vpc.id);
                return Err(ServiceError::new("InvalidGroup.Duplicate", message));
            }
            let record = SecurityGroupRecord {
                id: id::new(&app, "sg"),
                account: caller.account.clone(),
                region: caller.region.clone(),
                vpc_id: vpc.id.clone(),
                name: input.group_name,
                description: input.description,
                rules: vec![allow_all_egress(&app)],
                tags,
            };
            let output = CreateSecurityGroupOutput {
                group_id: Some(record.id.clone()),
                tags: tag::shown(&record.tags),
                security_group_arn: Some(record.arn()),
            };
            state.security_groups.put(&record.id.clone(), record);
            Ok(output)
        })
        .await
}

/// DeleteSecurityGroup
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteSecurityGroupInput>,
) -> Result<DeleteSecurityGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let id = named(state, Owner::of(caller), input.group_id.as_deref(), input.group_name.as_deref())?;
        Ok(access::<SecurityGroupRecord>(caller, "ec2:DeleteSecurityGroup", &id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let id = named(state, Owner::of(&caller), input.group_id.as_deref(), input.group_name.as_deref())?;
            let group = find::<SecurityGroupRecord>(state, Owner::of(&caller), &id)?;
            if group.name == DEFAULT {
                let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
                return Err(ServiceError::new("CannotDelete", message));
            }
            let named_by_other = state.security_groups.values().any(|other| {
                other.id != id && other.rules.iter().any(|rule| rule.peer == PeerRecord::Group(id.clone()))
            });
            let in_use = state.network_interfaces.values().any(|interface| interface.security_groups.contains(&id));
            if named_by_other || in_use {
                return Err(error::dependency(format!("resource {id} has a dependent object")));
            }
            state.security_groups.remove(&id);
            Ok(DeleteSecurityGroupOutput { r#return: Some(true), group_id: Some(id) })
        })
        .await
}

/// DescribeSecurityGroups
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeSecurityGroupsInput>,
) -> Result<DescribeSecurityGroupsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeSecurityGroups")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let mut ids = input.group_ids.unwrap_or_default();
    for name in input.group_names.iter().flatten() {
        ids.push(named(&state, Owner::of(&caller), None, Some(name))?);
    }
    let found = select(&state, Owner::of(&caller), Some(&ids), input.filters.as_deref(), filter_value)?;
    let (page, next_token) = page::page(found, |group| &group.id, input.max_results, input.next_token.as_deref())?;
    let security_groups = Some(page.iter().map(|group| shown(group)).collect());
    Ok(DescribeSecurityGroupsOutput { next_token, security_groups })
}

fn filter_value(group: &SecurityGroupRecord, name: &str) -> Option<Vec<String>> {
    let (direction, name) = match name.strip_prefix("egress.") {
        Some(rest) => (Direction::Egress, rest),
        None => (Direction::Ingress, name),
    };
    let rules = || group.rules.iter().filter(move |rule| rule.direction == direction);
    Some(match name {
        "ip-permission.cidr" => rules().filter_map(|rule| rule.peer.ipv4()).collect(),
        "ip-permission.ipv6-cidr" => rules().filter_map(|rule| rule.peer.ipv6()).collect(),
        "ip-permission.group-id" => rules().filter_map(|rule| rule.peer.group()).collect(),
        "ip-permission.from-port" => rules().map(|rule| rule.from_port.to_string()).collect(),
        "ip-permission.to-port" => rules().map(|rule| rule.to_port.to_string()).collect(),
        "ip-permission.protocol" => rules().map(|rule| rule.protocol.clone()).collect(),
        _ if direction == Direction::Egress => return None,
        "description" => vec![group.description.clone()],
        "group-id" => vec![group.id.clone()],
        "group-name" => vec![group.name.clone()],
        "owner-id" => vec![group.account.clone()],
        "vpc-id" => vec![group.vpc_id.clone()],
        _ => return None,
    })
}

impl PeerRecord {
    /// The range, if this is one.
    pub(super) fn ipv4(&self) -> Option<String> {
        if let Self::Ipv4(range) = self { Some(range.to_string()) } else { None }
    }

    /// The IPv6 range, if this is one.
    pub(super) fn ipv6(&self) -> Option<String> {
        if let Self::Ipv6(range) = self { Some(range.to_string()) } else { None }
    }

    /// The group's id, if this is one.
    pub(super) fn group(&self) -> Option<String> {
        if let Self::Group(id) = self { Some(id.clone()) } else { None }
    }
}

/// The id of the group that a request names: by its id, or by its name in the default VPC.
pub(super) fn named(
    state: &State,
    owner: Owner<'_>,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<String, ServiceError> {
    if let Some(id) = id {
        return Ok(id.to_owned());
    }
    let name = name.ok_or_else(|| error::missing_parameter("groupName or groupId"))?;
    let vpc_id = default_vpc(state, owner);
    let group = vpc_id.and_then(|vpc_id| by_name(state, &vpc_id, name));
    group.map(|group| group.id.clone()).ok_or_else(|| {
        ServiceError::new("InvalidGroup.NotFound", format!("The security group '{name}' does not exist in default VPC"))
    })
}

/// A group of a VPC by its name.
pub(super) fn by_name<'a>(state: &'a State, vpc_id: &str, name: &str) -> Option<&'a Arc<SecurityGroupRecord>> {
    state.security_groups.values().find(|group| group.vpc_id == vpc_id && group.name == name)
}

fn default_vpc(state: &State, owner: Owner<'_>) -> Option<String> {
    state.vpcs.values().find(|vpc| vpc.owner() == owner && vpc.is_default).map(|vpc| vpc.id.clone())
}

fn check_text(text: &str, what: &str) -> Result<(), ServiceError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter);
    if text.is_empty() || text.chars().count() > TEXT_LENGTH || !text.chars().all(allowed) {
        let message = format!(
            "Value ({text}) for parameter {what} is invalid. 1 to {TEXT_LENGTH} characters of a-z, A-Z, 0-9, spaces and \
             ._-:/()#,@[]+=&;{{}}!$* are allowed."
        );
        return Err(ServiceError::new("InvalidParameterValue", message));
    }
    Ok(())
}

/// The group that every VPC is born with: its members reach each other, and everything outside.
pub(super) fn make_default(app: &App, state: &mut State, vpc: &VpcRecord) {
    let id = id::new(app, "sg");
    let own = all(app, Direction::Ingress, PeerRecord::Group(id.clone()));
    let record = SecurityGroupRecord {
        id: id.clone(),
        account: vpc.account.clone(),
        region: vpc.region.clone(),
        vpc_id: vpc.id.clone(),
        name: DEFAULT.into(),
        description: "default VPC security group".into(),
        rules: vec![own, allow_all_egress(app)],
        tags: Tags::new(),
    };
    state.security_groups.put(&id, record);
}

/// The rule that every new group is born with.
fn allow_all_egress(app: &App) -> SecurityGroupRuleRecord {
    all(app, Direction::Egress, PeerRecord::Ipv4(Ipv4Net::default()))
}

fn all(app: &App, direction: Direction, peer: PeerRecord) -> SecurityGroupRuleRecord {
    SecurityGroupRuleRecord {
        id: id::new(app, "sgr"),
        direction,
        protocol: "-1".into(),
        from_port: -1,
        to_port: -1,
        peer,
        description: None,
        tags: Tags::new(),
    }
}

fn shown(group: &SecurityGroupRecord) -> SecurityGroup {
    SecurityGroup {
        group_id: Some(group.id.clone()),
        ip_permissions_egress: Some(permissions(group, Direction::Egress)),
        tags: tag::shown(&group.tags),
        vpc_id: Some(group.vpc_id.clone()),
        security_group_arn: Some(group.arn()),
        owner_id: Some(group.account.clone()),
        group_name: Some(group.name.clone()),
        description: Some(group.description.clone()),
        ip_permissions: Some(permissions(group, Direction::Ingress)),
    }
}

/// Rules as permissions: those with the same protocol and ports together, as EC2 shows them.
fn permissions(group: &SecurityGroupRecord, direction: Direction) -> Vec<IpPermission> {
    let mut together: BTreeMap<(&str, i32, i32), IpPermission> = BTreeMap::new();
    for rule in group.rules.iter().filter(|rule| rule.direction == direction) {
        let all = rule.protocol == "-1";
        let key = (rule.protocol.as_str(), rule.from_port, rule.to_port);
        let permission = together.entry(key).or_insert_with(|| IpPermission {
            ip_protocol: Some(rule.protocol.clone()),
            from_port: (!all).then_some(rule.from_port),
            to_port: (!all).then_some(rule.to_port),
            user_id_group_pairs: Some(Vec::new()),
            ip_ranges: Some(Vec::new()),
            ipv6_ranges: Some(Vec::new()),
            prefix_list_ids: Some(Vec::<PrefixListId>::new()),
        });
        let description = rule.description.clone();
        match &rule.peer {
            PeerRecord::Ipv4(range) => permission
                .ip_ranges
                .get_or_insert_default()
                .push(IpRange { description, cidr_ip: Some(range.to_string()) }),
            PeerRecord::Ipv6(range) => permission
                .ipv6_ranges
                .get_or_insert_default()
                .push(Ipv6Range { description, cidr_ipv6: Some(range.to_string()) }),
            PeerRecord::Group(id) => permission.user_id_group_pairs.get_or_insert_default().push(UserIdGroupPair {
                description,
                user_id: Some(group.account.clone()),
                group_id: Some(id.clone()),
                ..Default::default()
            }),
        }
    }
    together.into_values().collect()
}

/// The group of an id, for errors of what stands inside groups.
pub(super) fn no_such_group(id: &str) -> ServiceError {
    missing(&SecurityGroupRecord::KIND, id)
}
