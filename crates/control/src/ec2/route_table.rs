//! Route tables: what decides whether a subnet has a way to the internet gateway.
//!
//! Routes lead to internet gateways only; other targets are refused.

use std::sync::Arc;

use api::ec2::{
    AssociateRouteTableInput, AssociateRouteTableOutput, CreateRouteInput, CreateRouteOutput, CreateRouteTableInput,
    CreateRouteTableOutput, DeleteRouteInput, DeleteRouteOutput, DeleteRouteTableInput, DeleteRouteTableOutput,
    DescribeRouteTablesInput, DescribeRouteTablesOutput, DisassociateRouteTableInput, DisassociateRouteTableOutput,
    Route, RouteTable, RouteTableAssociation, RouteTableAssociationState,
};
use ipnet::Ipv4Net;

use super::filter::yes_no;
use super::record::{
    InternetGatewayRecord, RouteRecord, RouteTableAssociationRecord, RouteTableRecord, SubnetRecord, VpcRecord,
};
use super::resource::{Owner, Resource as _, access, find, select, stop_if_dry};
use super::{error, id, page, tag, vpc};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// Whether what is in this subnet has a way to its VPC's internet gateway.
pub(crate) fn leads_to_internet(state: &State, subnet: &SubnetRecord) -> bool {
    let own = state.route_tables.values().find(|table| {
        table.associations.iter().any(|association| association.subnet_id.as_deref() == Some(subnet.id.as_str()))
    });
    let table = own.or_else(|| vpc::main_route_table(state, &subnet.vpc_id));
    table.is_some_and(|table| {
        table.routes.iter().any(|route| {
            let gateway = state.internet_gateways.get(&route.gateway_id);
            route.destination.prefix_len() == 0
                && gateway.is_some_and(|gateway| gateway.vpc_id.as_ref() == Some(&subnet.vpc_id))
        })
    })
}

/// A subnet that goes takes its association with it.
pub(super) fn forget_subnet(state: &mut State, subnet_id: &str) {
    let with_it: Vec<String> = state
        .route_tables
        .values()
        .filter(|table| table.associations.iter().any(|found| found.subnet_id.as_deref() == Some(subnet_id)))
        .map(|table| table.id.clone())
        .collect();
    for id in with_it {
        state.route_tables.update(&id, |table| {
            table.associations.retain(|association| association.subnet_id.as_deref() != Some(subnet_id));
        });
    }
}

/// CreateRouteTable
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateRouteTableInput>,
) -> Result<CreateRouteTableOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let mut access = access::<RouteTableRecord>(caller, "ec2:CreateRouteTable", "*");
        access.resources.push(Owner::of(caller).arn("vpc", &input.vpc_id));
        Ok(access)
    })?;
    stop_if_dry(input.dry_run)?;
    let tags = tag::given(input.tag_specifications.as_deref(), "route-table")?;
    app.store
        .write(|state| {
            let vpc = find::<VpcRecord>(state, Owner::of(&caller), &input.vpc_id)?;
            let record = RouteTableRecord {
                id: id::new(&app, "rtb"),
                account: caller.account.clone(),
                region: caller.region.clone(),
                vpc_id: vpc.id.clone(),
                routes: Vec::new(),
                associations: Vec::new(),
                tags,
            };
            let route_table = Some(shown(state, &record));
            state.route_tables.put(&record.id.clone(), record);
            Ok(CreateRouteTableOutput { route_table, client_token: input.client_token })
        })
        .await
}

/// DeleteRouteTable
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteRouteTableInput>,
) -> Result<DeleteRouteTableOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<RouteTableRecord>(caller, "ec2:DeleteRouteTable", &input.route_table_id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let table = find::<RouteTableRecord>(state, Owner::of(&caller), &input.route_table_id)?;
            if !table.associations.is_empty() {
                let message = format!("The routeTable '{}' has dependencies and cannot be deleted.", table.id);
                return Err(error::dependency(message));
            }
            state.route_tables.remove(&table.id);
            Ok(DeleteRouteTableOutput {})
        })
        .await
}

/// CreateRoute
pub(super) async fn create_route(
    app: Arc<App>,
    request: Request<CreateRouteInput>,
) -> Result<CreateRouteOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<RouteTableRecord>(caller, "ec2:CreateRoute", &input.route_table_id))
    })?;
    stop_if_dry(input.dry_run)?;
    if input.destination_ipv6_cidr_block.is_some() || input.destination_prefix_list_id.is_some() {
        return Err(error::unsupported("routes to IPv6 ranges and prefix lists"));
    }
    let other_target = [
        &input.nat_gateway_id,
        &input.network_interface_id,
        &input.instance_id,
        &input.vpc_peering_connection_id,
        &input.transit_gateway_id,
        &input.vpc_endpoint_id,
        &input.egress_only_internet_gateway_id,
        &input.local_gateway_id,
        &input.carrier_gateway_id,
        &input.core_network_arn,
        &input.odb_network_arn,
    ];
    if other_target.iter().any(|target| target.is_some()) {
        return Err(error::unsupported("routes to anything but an internet gateway"));
    }
    let text = input.destination_cidr_block.as_deref();
    let text = text.ok_or_else(|| error::missing_parameter("destinationCidrBlock"))?;
    let destination = error::cidr(text)?;
    let gateway_id = input.gateway_id.as_deref().ok_or_else(|| error::missing_parameter("gatewayId"))?;
    app.store
        .write(|state| {
            let table = find::<RouteTableRecord>(state, Owner::of(&caller), &input.route_table_id)?;
            let gateway = find::<InternetGatewayRecord>(state, Owner::of(&caller), gateway_id)?;
            if gateway.vpc_id.as_ref() != Some(&table.vpc_id) {
                let message =
                    format!("route table {} and network gateway {} belong to different networks", table.id, gateway.id);
                return Err(ServiceError::new("InvalidParameterValue", message));
            }
            let is_local = local_range(state, &table) == Some(destination);
            if is_local || table.routes.iter().any(|route| route.destination == destination) {
                let message = format!("The route identified by {destination} already exists.");
                return Err(ServiceError::new("RouteAlreadyExists", message));
            }
            let route = RouteRecord { destination, gateway_id: gateway.id.clone() };
            state.route_tables.update(&table.id, |table| table.routes.push(route));
            Ok(CreateRouteOutput { r#return: Some(true) })
        })
        .await
}

/// DeleteRoute
pub(super) async fn delete_route(
    app: Arc<App>,
    request: Request<DeleteRouteInput>,
) -> Result<DeleteRouteOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<RouteTableRecord>(caller, "ec2:DeleteRoute", &input.route_table_id))
    })?;
    stop_if_dry(input.dry_run)?;
    let text = input.destination_cidr_block.as_deref();
    let destination = error::cidr(text.ok_or_else(|| error::missing_parameter("destinationCidrBlock"))?)?;
    app.store
        .write(|state| {
            let table = find::<RouteTableRecord>(state, Owner::of(&caller), &input.route_table_id)?;
            if local_range(state, &table) == Some(destination) {
                let message = format!("cannot remove local route {destination} in route table {}", table.id);
                return Err(ServiceError::new("InvalidParameterValue", message));
            }
            if !table.routes.iter().any(|route| route.destination == destination) {
                let message = format!("no route with destination-cidr-block {destination} in route table {}", table.id);
                return Err(ServiceError::new("InvalidRoute.NotFound", message));
            }
            state.route_tables.update(&table.id, |table| {
                table.routes.retain(|route| route.destination != destination);
            });
            Ok(DeleteRouteOutput {})
        })
        .await
}

/// AssociateRouteTable
pub(super) async fn associate(
    app: Arc<App>,
    request: Request<AssociateRouteTableInput>,
) -> Result<AssociateRouteTableOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let mut access = access::<RouteTableRecord>(caller, "ec2:AssociateRouteTable", &input.route_table_id);
        access.resources.extend(input.subnet_id.iter().map(|id| Owner::of(caller).arn("subnet", id)));
        Ok(access)
    })?;
    stop_if_dry(input.dry_run)?;
    if input.gateway_id.is_some() {
        return Err(error::unsupported("route tables of gateways"));
    }
    let subnet_id = input.subnet_id.as_deref().ok_or_else(|| error::missing_parameter("subnetId"))?;
    app.store
        .write(|state| {
            let table = find::<RouteTableRecord>(state, Owner::of(&caller), &input.route_table_id)?;
            let subnet = find::<SubnetRecord>(state, Owner::of(&caller), subnet_id)?;
            if table.vpc_id != subnet.vpc_id {
                let message = format!("Route table {} and subnet {} belong to different networks", table.id, subnet.id);
                return Err(ServiceError::new("InvalidParameterValue", message));
            }
            let existing = state.route_tables.values().find_map(|other| {
                let of_subnet = |found: &&RouteTableAssociationRecord| found.subnet_id.as_ref() == Some(&subnet.id);
                other.associations.iter().find(of_subnet).map(|found| (other.id.clone(), found.id.clone()))
            });
            let association_id = match existing {
                Some((other, id)) if other == table.id => id,
                Some(_) => {
                    let message = format!(
                        "the specified association for route table {} conflicts with an existing association",
                        table.id
                    );
                    return Err(ServiceError::new("Resource.AlreadyAssociated", message));
                }
                None => {
                    let id = id::new(&app, "rtbassoc");
                    let association =
                        RouteTableAssociationRecord { id: id.clone(), subnet_id: Some(subnet.id.clone()) };
                    state.route_tables.update(&table.id, |table| table.associations.push(association));
                    id
                }
            };
            Ok(AssociateRouteTableOutput {
                association_id: Some(association_id),
                association_state: Some(associated()),
            })
        })
        .await
}

/// DisassociateRouteTable
pub(super) async fn disassociate(
    app: Arc<App>,
    request: Request<DisassociateRouteTableInput>,
) -> Result<DisassociateRouteTableOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let table = with_association(state, Owner::of(caller), &input.association_id);
        let id = table.map_or_else(|| String::from("*"), |table| table.id.clone());
        Ok(access::<RouteTableRecord>(caller, "ec2:DisassociateRouteTable", &id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let id = &input.association_id;
            let table = with_association(state, Owner::of(&caller), id)
                .ok_or_else(|| error::not_found("InvalidAssociationID.NotFound", "association ID", id))?;
            if table.associations.iter().any(|found| found.id == *id && found.subnet_id.is_none()) {
                let message = format!("cannot disassociate the main route table association {id}");
                return Err(ServiceError::new("InvalidParameterValue", message));
            }
            let table_id = table.id.clone();
            state.route_tables.update(&table_id, |table| table.associations.retain(|found| found.id != *id));
            Ok(DisassociateRouteTableOutput {})
        })
        .await
}

/// DescribeRouteTables
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeRouteTablesInput>,
) -> Result<DescribeRouteTablesOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeRouteTables")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let value = |table: &RouteTableRecord, name: &str| filter_value(&state, table, name);
    let ids = input.route_table_ids.as_deref();
    let found = select(&state, Owner::of(&caller), ids, input.filters.as_deref(), value)?;
    let (page, next_token) = page::page(found, |table| &table.id, input.max_results, input.next_token.as_deref())?;
    let route_tables = Some(page.iter().map(|table| shown(&state, table)).collect());
    Ok(DescribeRouteTablesOutput { route_tables, next_token })
}

fn filter_value(state: &State, table: &RouteTableRecord, name: &str) -> Option<Vec<String>> {
    let associations = || table.associations.iter();
    Some(match name {
        "association.route-table-association-id" => associations().map(|found| found.id.clone()).collect(),
        "association.route-table-id" => associations().map(|_| table.id.clone()).collect(),
        "association.subnet-id" => associations().filter_map(|found| found.subnet_id.clone()).collect(),
        "association.main" => {
            let is_main = associations().any(|found| found.subnet_id.is_none());
            yes_no(is_main)
        }
        "association.gateway-id" => Vec::new(),
        "owner-id" => vec![table.account.clone()],
        "route-table-id" => vec![table.id.clone()],
        "route.destination-cidr-block" => {
            shown(state, table).routes.into_iter().flatten().filter_map(|route| route.destination_cidr_block).collect()
        }
        "route.gateway-id" => {
            shown(state, table).routes.into_iter().flatten().filter_map(|route| route.gateway_id).collect()
        }
        "route.origin" => shown(state, table).routes.into_iter().flatten().filter_map(|route| route.origin).collect(),
        "route.state" => shown(state, table).routes.into_iter().flatten().filter_map(|route| route.state).collect(),
        "vpc-id" => vec![table.vpc_id.clone()],
        _ => return None,
    })
}

fn with_association<'a>(state: &'a State, owner: Owner<'_>, id: &str) -> Option<&'a Arc<RouteTableRecord>> {
    state
        .route_tables
        .values()
        .find(|table| table.owner() == owner && table.associations.iter().any(|found| found.id == id))
}

fn local_range(state: &State, table: &RouteTableRecord) -> Option<Ipv4Net> {
    state.vpcs.get(&table.vpc_id).map(|vpc| vpc.cidr_block)
}

fn associated() -> RouteTableAssociationState {
    RouteTableAssociationState { state: Some("associated".into()), ..Default::default() }
}

fn shown(state: &State, table: &RouteTableRecord) -> RouteTable {
    let route = |destination: Ipv4Net, gateway: &str, origin: &str, state: &str| Route {
        destination_cidr_block: Some(destination.to_string()),
        gateway_id: Some(gateway.to_owned()),
        origin: Some(origin.to_owned()),
        state: Some(state.to_owned()),
        ..Default::default()
    };
    let local = local_range(state, table).map(|range| route(range, "local", "CreateRouteTable", "active"));
    let others = table.routes.iter().map(|record| {
        let gateway = state.internet_gateways.get(&record.gateway_id);
        let attached = gateway.is_some_and(|gateway| gateway.vpc_id.as_ref() == Some(&table.vpc_id));
        let state = if attached { "active" } else { "blackhole" };
        route(record.destination, &record.gateway_id, "CreateRoute", state)
    });
    let association = |record: &RouteTableAssociationRecord| RouteTableAssociation {
        main: Some(record.subnet_id.is_none()),
        route_table_association_id: Some(record.id.clone()),
        route_table_id: Some(table.id.clone()),
        subnet_id: record.subnet_id.clone(),
        association_state: Some(associated()),
        ..Default::default()
    };
    RouteTable {
        associations: Some(table.associations.iter().map(association).collect()),
        propagating_vgws: Some(Vec::new()),
        route_table_id: Some(table.id.clone()),
        routes: Some(local.into_iter().chain(others).collect()),
        tags: tag::shown(&table.tags),
        vpc_id: Some(table.vpc_id.clone()),
        owner_id: Some(table.account.clone()),
    }
}
