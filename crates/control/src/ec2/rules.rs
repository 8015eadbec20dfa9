//! The rules inside security groups: what a request says of them, and how they are shown.

use api::ec2::{IpPermission, ReferencedSecurityGroup, SecurityGroupRule, SecurityGroupRuleRequest};

use super::record::{Direction, PeerRecord, SecurityGroupRecord, SecurityGroupRuleRecord, Tags};
use super::resource::{Owner, Resource as _, find};
use super::{error, id, security_group, tag};
use crate::store::State;
use crate::{App, ServiceError};

/// The most rules of one group in one direction (AWS's default quota).
pub(super) const RULES_PER_DIRECTION: usize = 60;
/// The longest description, in characters.
const DESCRIPTION_LENGTH: usize = 255;

/// A rule without identity: what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) protocol: String,
    pub(super) from_port: i32,
    pub(super) to_port: i32,
    pub(super) peer: PeerRecord,
    pub(super) description: Option<String>,
}

impl Said {
    /// Whether this rule says the same; descriptions do not count.
    pub(super) fn is_same(&self, rule: &SecurityGroupRuleRecord) -> bool {
        self.protocol == rule.protocol
            && self.from_port == rule.from_port
            && self.to_port == rule.to_port
            && self.peer == rule.peer
    }

    /// A record of it with a new id.
    pub(super) fn into_record(self, app: &App, direction: Direction, tags: Tags) -> SecurityGroupRuleRecord {
        let Self { protocol, from_port, to_port, peer, description } = self;
        SecurityGroupRuleRecord {
            id: id::new(app, "sgr"),
            direction,
            protocol,
            from_port,
            to_port,
            peer,
            description,
            tags,
        }
    }

    /// As EC2's messages say it.
    pub(super) fn words(&self) -> String {
        let peer = match &self.peer {
            PeerRecord::Ipv4(range) => range.to_string(),
            PeerRecord::Ipv6(range) => range.to_string(),
            PeerRecord::Group(id) => id.clone(),
        };
        let protocol = if self.protocol == "-1" { "ALL".into() } else { self.protocol.to_ascii_uppercase() };
        if self.protocol == "-1" {
            return format!("peer: {peer}, {protocol}, ALLOW");
        }
        format!("peer: {peer}, {protocol}, from port: {}, to port: {}, ALLOW", self.from_port, self.to_port)
    }
}

/// The rules that permissions say, one per peer.
pub(super) fn of_permissions(
    state: &State,
    group: &SecurityGroupRecord,
    permissions: &[IpPermission],
) -> Result<Vec<Said>, ServiceError> {
    let mut said = Vec::new();
    for permission in permissions {
        let protocol = protocol(permission.ip_protocol.as_deref())?;
        let (from_port, to_port) = ports(&protocol, permission.from_port, permission.to_port)?;
        let mut add = |peer, description: &Option<String>| {
            check_description(description.as_deref())?;
            let description = description.clone();
            said.push(Said { protocol: protocol.clone(), from_port, to_port, peer, description });
            Ok::<_, ServiceError>(())
        };
        let before = permission.ip_ranges.iter().flatten().count()
            + permission.ipv6_ranges.iter().flatten().count()
            + permission.user_id_group_pairs.iter().flatten().count();
        if before == 0 && permission.prefix_list_ids.iter().flatten().count() == 0 {
            return Err(error::missing_parameter("cidrIp, cidrIpv6, prefixListId or groupId"));
        }
        for range in permission.ip_ranges.iter().flatten() {
            add(PeerRecord::Ipv4(cidr(range.cidr_ip.as_deref())?), &range.description)?;
        }
        for range in permission.ipv6_ranges.iter().flatten() {
            add(PeerRecord::Ipv6(cidr_ipv6(range.cidr_ipv6.as_deref())?), &range.description)?;
        }
        for pair in permission.user_id_group_pairs.iter().flatten() {
            let id = peer_group(state, group, pair.group_id.as_deref(), pair.group_name.as_deref())?;
            add(PeerRecord::Group(id), &pair.description)?;
        }
        if let Some(list) = permission.prefix_list_ids.iter().flatten().next() {
            return Err(no_such_prefix_list(list.prefix_list_id.as_deref()));
        }
    }
    Ok(said)
}

/// The rule that a change of a rule says.
pub(super) fn of_request(
    state: &State,
    group: &SecurityGroupRecord,
    request: &SecurityGroupRuleRequest,
) -> Result<Said, ServiceError> {
    let protocol = protocol(request.ip_protocol.as_deref())?;
    let (from_port, to_port) = ports(&protocol, request.from_port, request.to_port)?;
    check_description(request.description.as_deref())?;
    if request.prefix_list_id.is_some() {
        return Err(no_such_prefix_list(request.prefix_list_id.as_deref()));
    }
    let peer = match (&request.cidr_ipv4, &request.cidr_ipv6, &request.referenced_group_id) {
        (Some(range), None, None) => PeerRecord::Ipv4(cidr(Some(range))?),
        (None, Some(range), None) => PeerRecord::Ipv6(cidr_ipv6(Some(range))?),
        (None, None, Some(id)) => PeerRecord::Group(peer_group(state, group, Some(id), None)?),
        _ => {
            let message = "Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be given.";
            return Err(ServiceError::new("InvalidParameterCombination", message));
        }
    };
    Ok(Said { protocol, from_port, to_port, peer, description: request.description.clone() })
}

/// The group that holds a rule of the owner.
pub(super) fn group_of(state: &State, owner: Owner<'_>, rule_id: &str) -> Result<String, ServiceError> {
    state
        .security_groups
        .values()
        .filter(|group| group.owner() == owner)
        .find(|group| group.rules.iter().any(|rule| rule.id == rule_id))
        .map(|group| group.id.clone())
        .ok_or_else(|| no_such_rule(rule_id))
}

/// The error for a rule id that is not there.
pub(super) fn no_such_rule(rule_id: &str) -> ServiceError {
    if id::is_well_formed(rule_id, "sgr") {
        return error::not_found("InvalidSecurityGroupRuleId.NotFound", "security group rule ID", rule_id);
    }
    ServiceError::new("InvalidSecurityGroupRuleId.Malformed", format!("Invalid id: \"{rule_id}\""))
}

/// A rule as answers show it.
pub(super) fn shown(group: &SecurityGroupRecord, rule: &SecurityGroupRuleRecord) -> SecurityGroupRule {
    let referenced = |id: String| ReferencedSecurityGroup {
        group_id: Some(id),
        user_id: Some(group.account.clone()),
        vpc_id: Some(group.vpc_id.clone()),
        ..Default::default()
    };
    SecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        group_id: Some(group.id.clone()),
        group_owner_id: Some(group.account.clone()),
        is_egress: Some(rule.direction == Direction::Egress),
        ip_protocol: Some(rule.protocol.clone()),
        from_port: Some(rule.from_port),
        to_port: Some(rule.to_port),
        cidr_ipv4: rule.peer.ipv4(),
        cidr_ipv6: rule.peer.ipv6(),
        prefix_list_id: None,
        referenced_group_info: rule.peer.group().map(referenced),
        description: rule.description.clone(),
        tags: tag::shown(&rule.tags),
        security_group_rule_arn: Some(group.owner().arn("security-group-rule", &rule.id)),
    }
}

fn peer_group(
    state: &State,
    group: &SecurityGroupRecord,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<String, ServiceError> {
    let peer = match (id, name) {
        // Another account's group may be written as account/group.
        (Some(id), _) => {
            let id = id.rsplit('/').next().unwrap_or(id);
            find::<SecurityGroupRecord>(state, group.owner(), id)?
        }
        (None, Some(name)) => security_group::by_name(state, &group.vpc_id, name)
            .cloned()
            .ok_or_else(|| security_group::no_such_group(name))?,
        (None, None) => return Err(error::missing_parameter("groupId")),
    };
    if peer.vpc_id != group.vpc_id {
        let message = "You have specified two resources that belong to different networks.";
        return Err(ServiceError::new("InvalidGroup.NotFound", message));
    }
    Ok(peer.id.clone())
}

fn no_such_prefix_list(id: Option<&str>) -> ServiceError {
    error::not_found("InvalidPrefixListID.NotFound", "prefix list ID", id.unwrap_or_default())
}

fn cidr(text: Option<&str>) -> Result<ipnet::Ipv4Net, ServiceError> {
    let text = text.unwrap_or_default();
    text.parse::<ipnet::Ipv4Net>().map(|range| range.trunc()).map_err(|_| malformed(text))
}

fn cidr_ipv6(text: Option<&str>) -> Result<ipnet::Ipv6Net, ServiceError> {
    let text = text.unwrap_or_default();
    text.parse::<ipnet::Ipv6Net>().map(|range| range.trunc()).map_err(|_| malformed(text))
}

fn malformed(text: &str) -> ServiceError {
    ServiceError::new("InvalidParameterValue", format!("CIDR block {text} is malformed"))
}

fn check_description(text: Option<&str>) -> Result<(), ServiceError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter);
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_LENGTH || !text.chars().all(allowed) => {
            let message = format!(
                "Invalid rule description. Valid descriptions are strings less than {} characters from the following set:  \
                 a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*",
                DESCRIPTION_LENGTH + 1
            );
            Err(ServiceError::new("InvalidParameterValue", message))
        }
        _ => Ok(()),
    }
}

/// A protocol's name as EC2 shows it.
fn protocol(text: Option<&str>) -> Result<String, ServiceError> {
    let text = text.ok_or_else(|| error::missing_parameter("ipProtocol"))?.to_ascii_lowercase();
    let name = match text.as_str() {
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        "-1" | "all" => "-1",
        number if number.parse::<u8>().is_ok() => number,
        _ => {
            let message = format!("Invalid value '{text}' for IP protocol. Unknown protocol.");
            return Err(ServiceError::new("InvalidParameterValue", message));
        }
    };
    Ok(name.to_owned())
}

/// First and last port; type and code of ICMP; -1 where the protocol has none.
fn ports(protocol: &str, from: Option<i32>, to: Option<i32>) -> Result<(i32, i32), ServiceError> {
    let invalid = |message: String| Err(ServiceError::new("InvalidParameterValue", message));
    match protocol {
        "tcp" | "udp" => {
            let name = protocol.to_ascii_uppercase();
            match (from, to) {
                // -1 means all ports here too.
                (Some(-1), Some(-1)) => Ok((0, 65535)),
                (Some(from), Some(to)) if 0 <= from && from <= to && to <= 65535 => Ok((from, to)),
                (Some(from), Some(to)) => invalid(format!("Invalid {name} port range ({from}, {to})")),
                _ => invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.".into()),
            }
        }
        "icmp" | "icmpv6" => {
            let (kind, code) = (from.unwrap_or(-1), to.unwrap_or(-1));
            let byte = -1..=255;
            if !byte.contains(&kind) || !byte.contains(&code) || (kind == -1 && code != -1) {
                return invalid(format!("ICMP type ({kind}) and code ({code}) are not valid"));
            }
            Ok((kind, code))
        }
        _ => Ok((-1, -1)),
    }
}
