//! Internet gateways: with one attached and routed to, tasks with a public address reach the outside.

use std::sync::Arc;

use api::ec2::{
    AttachInternetGatewayInput, AttachInternetGatewayOutput, CreateInternetGatewayInput, CreateInternetGatewayOutput,
    DeleteInternetGatewayInput, DeleteInternetGatewayOutput, DescribeInternetGatewaysInput,
    DescribeInternetGatewaysOutput, DetachInternetGatewayInput, DetachInternetGatewayOutput, InternetGateway,
    InternetGatewayAttachment,
};
use domain::iam::Caller;

use super::record::{InternetGatewayRecord, VpcRecord};
use super::resource::{Owner, access, find, select, stop_if_dry};
use super::{error, id, page, tag};
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateInternetGateway
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateInternetGatewayInput>,
) -> Result<CreateInternetGatewayOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, caller| {
        Ok(access::<InternetGatewayRecord>(caller, "ec2:CreateInternetGateway", "*"))
    })?;
    stop_if_dry(input.dry_run)?;
    let tags = tag::given(input.tag_specifications.as_deref(), "internet-gateway")?;
    let record = InternetGatewayRecord {
        id: id::new(&app, "igw"),
        account: caller.account.clone(),
        region: caller.region.clone(),
        vpc_id: None,
        tags,
    };
    let internet_gateway = Some(shown(&record));
    app.store
        .write(|state| {
            state.internet_gateways.put(&record.id.clone(), record);
            Ok(CreateInternetGatewayOutput { internet_gateway })
        })
        .await
}

/// AttachInternetGateway
pub(super) async fn attach(
    app: Arc<App>,
    request: Request<AttachInternetGatewayInput>,
) -> Result<AttachInternetGatewayOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let id = &input.internet_gateway_id;
        Ok(access_with_vpc(caller, "ec2:AttachInternetGateway", id, &input.vpc_id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let gateway = find::<InternetGatewayRecord>(state, Owner::of(&caller), &input.internet_gateway_id)?;
            let vpc = find::<VpcRecord>(state, Owner::of(&caller), &input.vpc_id)?;
            if let Some(other) = &gateway.vpc_id {
                let message = format!("resource {} is already attached to network {other}", gateway.id);
                return Err(ServiceError::new("Resource.AlreadyAssociated", message));
            }
            if state.internet_gateways.values().any(|other| other.vpc_id.as_ref() == Some(&vpc.id)) {
                let message = format!("Network {} already has an internet gateway attached", vpc.id);
                return Err(ServiceError::new("InvalidParameterValue", message));
            }
            state.internet_gateways.update(&gateway.id, |gateway| gateway.vpc_id = Some(vpc.id.clone()));
            Ok(AttachInternetGatewayOutput {})
        })
        .await
}

/// DetachInternetGateway
pub(super) async fn detach(
    app: Arc<App>,
    request: Request<DetachInternetGatewayInput>,
) -> Result<DetachInternetGatewayOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let id = &input.internet_gateway_id;
        Ok(access_with_vpc(caller, "ec2:DetachInternetGateway", id, &input.vpc_id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let gateway = find::<InternetGatewayRecord>(state, Owner::of(&caller), &input.internet_gateway_id)?;
            let vpc = find::<VpcRecord>(state, Owner::of(&caller), &input.vpc_id)?;
            if gateway.vpc_id.as_ref() != Some(&vpc.id) {
                let message = format!("resource {} is not attached to network {}", gateway.id, vpc.id);
                return Err(ServiceError::new("Gateway.NotAttached", message));
            }
            let public = |interface: &Arc<super::record::NetworkInterfaceRecord>| {
                interface.vpc_id == vpc.id && interface.public_address.is_some()
            };
            if state.network_interfaces.values().any(public) {
                return Err(error::dependency(format!(
                    "Network {} has some mapped public address(es). Please unmap those public address(es) before \
                     detaching the gateway.",
                    vpc.id
                )));
            }
            state.internet_gateways.update(&gateway.id, |gateway| gateway.vpc_id = None);
            Ok(DetachInternetGatewayOutput {})
        })
        .await
}

/// Access to a gateway and to the network that it comes to or leaves.
fn access_with_vpc(caller: &Caller, action: &'static str, id: &str, vpc_id: &str) -> Access {
    let mut access = access::<InternetGatewayRecord>(caller, action, id);
    access.resources.push(Owner::of(caller).arn("vpc", vpc_id));
    access
}

/// DeleteInternetGateway
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteInternetGatewayInput>,
) -> Result<DeleteInternetGatewayOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let id = &input.internet_gateway_id;
        Ok(access::<InternetGatewayRecord>(caller, "ec2:DeleteInternetGateway", id))
    })?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let gateway = find::<InternetGatewayRecord>(state, Owner::of(&caller), &input.internet_gateway_id)?;
            if gateway.vpc_id.is_some() {
                let message = format!("The internetGateway '{}' has dependencies and cannot be deleted.", gateway.id);
                return Err(error::dependency(message));
            }
            state.internet_gateways.remove(&gateway.id);
            Ok(DeleteInternetGatewayOutput {})
        })
        .await
}

/// DescribeInternetGateways
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeInternetGatewaysInput>,
) -> Result<DescribeInternetGatewaysOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeInternetGateways")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let value = |gateway: &InternetGatewayRecord, name: &str| {
        Some(match name {
            "attachment.state" => gateway.vpc_id.iter().map(|_| "available".into()).collect(),
            "attachment.vpc-id" => gateway.vpc_id.iter().cloned().collect(),
            "internet-gateway-id" => vec![gateway.id.clone()],
            "owner-id" => vec![gateway.account.clone()],
            _ => return None,
        })
    };
    let ids = input.internet_gateway_ids.as_deref();
    let found = select(&state, Owner::of(&caller), ids, input.filters.as_deref(), value)?;
    let (page, next_token) = page::page(found, |gateway| &gateway.id, input.max_results, input.next_token.as_deref())?;
    let internet_gateways = Some(page.iter().map(|gateway| shown(gateway)).collect());
    Ok(DescribeInternetGatewaysOutput { internet_gateways, next_token })
}

fn shown(gateway: &InternetGatewayRecord) -> InternetGateway {
    let attachment =
        |vpc_id: &String| InternetGatewayAttachment { state: Some("available".into()), vpc_id: Some(vpc_id.clone()) };
    InternetGateway {
        attachments: Some(gateway.vpc_id.iter().map(attachment).collect()),
        internet_gateway_id: Some(gateway.id.clone()),
        owner_id: Some(gateway.account.clone()),
        tags: tag::shown(&gateway.tags),
    }
}
