//! What an AWS account has in a region before anyone asks: the default VPC.
//!
//! 172.31.0.0/16 with one public subnet per zone, an internet gateway, a main route table that leads to it and a
//! default security group. Made once; who deletes it afterwards has none, as on AWS.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::record::{InternetGatewayRecord, RouteRecord, SubnetRecord, Tags, VpcRecord};
use super::{id, vpc};
use crate::store::State;
use crate::{App, ServiceError};

/// The letters of the zones that every region has here.
pub const ZONES: [&str; 3] = ["a", "b", "c"];
const DEFAULT_VPC: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16);
/// The record that says that the default VPC was made.
const MADE: &str = "ec2/default-vpc";

/// Makes the default VPC of the server's account, if that was never done.
pub fn first_start(app: &App, state: &mut State) -> Result<(), ServiceError> {
    if state.server.contains(MADE) {
        return Ok(());
    }
    let account = &app.settings.account;
    let vpc = vpc::make(app, state, account, DEFAULT_VPC, Tags::new());
    state.vpcs.put(&vpc.id, VpcRecord { is_default: true, dns_hostnames: true, ..vpc.clone() });
    for (number, zone) in (0_u8..).zip(ZONES) {
        let id = id::new(app, "subnet");
        let record = SubnetRecord {
            id: id.clone(),
            account: account.clone(),
            vpc_id: vpc.id.clone(),
            cidr_block: Ipv4Net::new_assert(Ipv4Addr::new(172, 31, number * 16, 0), 20),
            availability_zone: format!("{}{zone}", app.settings.region),
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
        account: account.clone(),
        vpc_id: Some(vpc.id.clone()),
        tags: Tags::new(),
    };
    state.internet_gateways.put(&gateway_id, gateway);
    if let Some(table_id) = vpc::main_route_table(state, &vpc.id).map(|table| table.id.clone()) {
        let route = RouteRecord { destination: Ipv4Net::default(), gateway_id };
        state.route_tables.update(&table_id, |table| table.routes.push(route));
    }
    state.server.put(MADE, serde_json::json!({ "vpcId": vpc.id }));
    Ok(())
}
