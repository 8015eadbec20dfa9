//! What an AWS account has in each region before anyone asks: the default VPC.
//!
//! 172.31.0.0/16 with one public subnet per zone, an internet gateway, a main route table that leads to it and a
//! default security group. Made by the first call to EC2 there, so that regions nobody uses cost nothing; made once: who
//! deletes it afterwards has none, as on AWS.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::record::{
    InternetGatewayRecord, NetworkInterfaceRecord, RouteRecord, RouteTableRecord, SecurityGroupRecord, SubnetRecord,
    Tags, VpcRecord,
};
use super::resource::{Owner, Resource};
use super::{id, vpc};
use crate::store::State;
use crate::{App, ServiceError};

/// The letters of the zones that every region has here.
pub const ZONES: [&str; 3] = ["a", "b", "c"];
const DEFAULT_VPC: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16);
/// What keys of the records that say that a default VPC was made begin with. When a server had one region and one account,
/// this was the whole key.
const MADE: &str = "ec2/default-vpc";

/// Makes the owner's default VPC, if that was never done; in the usual case this writes nothing.
///
/// # Errors
/// It could not be written.
pub(crate) async fn ensure(app: &App, owner: Owner<'_>) -> Result<(), ServiceError> {
    if app.store.read().server.contains(&key(owner)) {
        return Ok(());
    }
    let make = |state: &mut State| {
        make(app, state, owner);
        Ok(())
    };
    app.store.write(make).await
}

/// The same as a part of a greater write.
pub(crate) fn make(app: &App, state: &mut State, owner: Owner<'_>) {
    if state.server.contains(&key(owner)) {
        return;
    }
    let vpc = vpc::make(app, state, owner, DEFAULT_VPC, Tags::new());
    state.vpcs.put(&vpc.id, VpcRecord { is_default: true, dns_hostnames: true, ..vpc.clone() });
    for (number, zone) in (0_u8..).zip(ZONES) {
        let id = id::new(app, "subnet");
        let record = SubnetRecord {
            id: id.clone(),
            account: owner.account.to_owned(),
            region: owner.region.to_owned(),
            vpc_id: vpc.id.clone(),
            cidr_block: Ipv4Net::new_assert(Ipv4Addr::new(172, 31, number * 16, 0), 20),
            availability_zone: format!("{}{zone}", owner.region),
            default_for_zone: true,
            map_public_ip_on_launch: true,
            network_acl_association_id: id::new(app, "aclassoc"),
            private_dns_hostname_type: "ip-name".into(),
            resource_name_dns_a_record: false,
            tags: Tags::new(),
        };
        state.subnets.put(&id, record);
    }
    let gateway_id = id::new(app, "igw");
    let gateway = InternetGatewayRecord {
        id: gateway_id.clone(),
        account: owner.account.to_owned(),
        region: owner.region.to_owned(),
        vpc_id: Some(vpc.id.clone()),
        tags: Tags::new(),
    };
    state.internet_gateways.put(&gateway_id, gateway);
    if let Some(table_id) = vpc::main_route_table(state, &vpc.id).map(|table| table.id.clone()) {
        let route = RouteRecord { destination: Ipv4Net::default(), gateway_id };
        state.route_tables.update(&table_id, |table| table.routes.push(route));
    }
    state.server.put(&key(owner), serde_json::json!({ "vpcId": vpc.id }));
}

/// Gives the records of a data directory from when a server had one region that region: the server's own.
pub fn adopt(app: &App, state: &mut State) {
    let Some(made) = state.server.remove(MADE) else { return };
    let home = Owner { account: &app.settings.account, region: &app.settings.region };
    state.server.put(&key(home), serde_json::Value::clone(&made));
    adopt_all::<VpcRecord>(state, home);
    adopt_all::<SubnetRecord>(state, home);
    adopt_all::<InternetGatewayRecord>(state, home);
    adopt_all::<RouteTableRecord>(state, home);
    adopt_all::<SecurityGroupRecord>(state, home);
    adopt_all::<NetworkInterfaceRecord>(state, home);
}

fn adopt_all<R: Resource>(state: &mut State, home: Owner<'_>) {
    let ids: Vec<String> = R::table(state).iter().map(|(id, _)| id.to_owned()).collect();
    for id in ids {
        R::table_mut(state).update(&id, |record| home.region.clone_into(record.region_mut()));
    }
}

fn key(owner: Owner<'_>) -> String {
    format!("{MADE}/{}/{}", owner.account, owner.region)
}
