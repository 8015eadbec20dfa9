//! What all EC2 resources have in common: an id, an owner, tags, an ARN, and how they are looked for.

use std::sync::Arc;

use api::ec2::Filter;
use domain::iam::Caller;
use wire::arn::Arn;

use super::record::{
    InternetGatewayRecord, NetworkInterfaceRecord, RouteTableRecord, SecurityGroupRecord, SubnetRecord, Tags, VpcRecord,
};
use super::{filter, id};
use crate::store::{Record, State, Table};
use crate::{Access, ServiceError};

/// How a kind of resource is called.
pub(super) struct Kind {
    /// What its ids begin with.
    pub(super) prefix: &'static str,
    /// Its name in ARNs and tag specifications.
    pub(super) name: &'static str,
    /// How messages call it.
    pub(super) noun: &'static str,
    /// The error of an id that is not there.
    pub(super) not_found: &'static str,
    /// The error of an id that is none.
    pub(super) malformed: &'static str,
}

/// A record of an EC2 resource.
pub(super) trait Resource: Record {
    const KIND: Kind;
    fn table(state: &State) -> &Table<Self>;
    fn table_mut(state: &mut State) -> &mut Table<Self>;
    fn id(&self) -> &str;
    fn owner(&self) -> Owner<'_>;
    fn region_mut(&mut self) -> &mut String;
    fn tags(&self) -> &Tags;
    fn tags_mut(&mut self) -> &mut Tags;

    fn arn(&self) -> String {
        self.owner().arn(Self::KIND.name, self.id())
    }
}

/// Whose a resource is, and where: no region of an account sees those of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// 12 digits.
    pub account: &'a str,
    /// `us-east-1`
    pub region: &'a str,
}

impl<'a> Owner<'a> {
    /// The account and the region that somebody works in.
    pub(crate) fn of(caller: &'a Caller) -> Self {
        Self { account: &caller.account, region: &caller.region }
    }

    /// `arn:aws:ec2:us-east-1:123456789012:vpc/vpc-…`
    pub(super) fn arn(self, kind: &str, id: &str) -> String {
        Arn::new("ec2", self.region, self.account, format!("{kind}/{id}")).to_string()
    }
}

macro_rules! resources {
    ($($record:ty, $table:ident, $prefix:literal, $name:literal, $noun:literal, $not_found:literal, $malformed:literal;)*) => {
        $(impl Resource for $record {
            const KIND: Kind = Kind {
                prefix: $prefix,
                name: $name,
                noun: $noun,
                not_found: $not_found,
                malformed: $malformed,
            };

            fn table(state: &State) -> &Table<Self> {
                &state.$table
            }

            fn table_mut(state: &mut State) -> &mut Table<Self> {
                &mut state.$table
            }

            fn id(&self) -> &str {
                &self.id
            }

            fn owner(&self) -> Owner<'_> {
                Owner { account: &self.account, region: &self.region }
            }

            fn region_mut(&mut self) -> &mut String {
                &mut self.region
            }

            fn tags(&self) -> &Tags {
                &self.tags
            }

            fn tags_mut(&mut self) -> &mut Tags {
                &mut self.tags
            }
        })*
    };
}

resources! {
    VpcRecord, vpcs, "vpc", "vpc", "vpc ID", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed";
    SubnetRecord, subnets, "subnet", "subnet", "subnet ID", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed";
    InternetGatewayRecord, internet_gateways, "igw", "internet-gateway", "internetGateway ID",
        "InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed";
    RouteTableRecord, route_tables, "rtb", "route-table", "routeTable ID", "InvalidRouteTableID.NotFound",
        "InvalidRouteTableId.Malformed";
    SecurityGroupRecord, security_groups, "sg", "security-group", "security group", "InvalidGroup.NotFound",
        "InvalidGroupId.Malformed";
    NetworkInterfaceRecord, network_interfaces, "eni", "network-interface", "networkInterface ID",
        "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed";
}

/// A resource of the owner by its id.
pub(super) fn find<R: Resource>(state: &State, owner: Owner<'_>, id: &str) -> Result<Arc<R>, ServiceError> {
    if let Some(record) = R::table(state).get(id).filter(|record| record.owner() == owner) {
        return Ok(Arc::clone(record));
    }
    Err(missing(&R::KIND, id))
}

/// The error for an id that is not there.
pub(super) fn missing(kind: &Kind, id: &str) -> ServiceError {
    if id::is_well_formed(id, kind.prefix) {
        return super::error::not_found(kind.not_found, kind.noun, id);
    }
    ServiceError::new(kind.malformed, format!("Invalid id: \"{id}\" (expecting \"{}-...\")", kind.prefix))
}

/// The owner's resources that were asked for: those named (all must be there), or all, if they pass the filters.
/// `value` answers what a record has under a filter's name, and `None` for a name it does not know.
pub(super) fn select<R: Resource>(
    state: &State,
    owner: Owner<'_>,
    ids: Option<&[String]>,
    filters: Option<&[Filter]>,
    value: impl Fn(&R, &str) -> Option<Vec<String>>,
) -> Result<Vec<Arc<R>>, ServiceError> {
    let named: Vec<Arc<R>> = match ids {
        Some(ids) if !ids.is_empty() => {
            ids.iter().map(|id| find(state, owner, id)).collect::<Result<_, ServiceError>>()?
        }
        _ => R::table(state).values().filter(|record| record.owner() == owner).cloned().collect(),
    };
    let mut selected = Vec::new();
    for record in named {
        if filter::passes(filters, record.tags(), |name| value(&record, name))? {
            selected.push(record);
        }
    }
    Ok(selected)
}

/// Access to one resource of the caller's account.
pub(super) fn access<R: Resource>(caller: &Caller, action: &'static str, id: &str) -> Access {
    Access::to(action, Owner::of(caller).arn(R::KIND.name, id))
}

/// Ends a call that was only a question whether it is allowed.
pub(super) fn stop_if_dry(dry_run: Option<bool>) -> Result<(), ServiceError> {
    if dry_run == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ServiceError::new("DryRunOperation", message).with_status(412));
    }
    Ok(())
}
