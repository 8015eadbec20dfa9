//! Network interfaces as EC2 shows them: where clients find a task's public address.

use std::sync::Arc;

use api::ec2::{
    DescribeNetworkInterfacesInput, DescribeNetworkInterfacesOutput, GroupIdentifier, NetworkInterface,
    NetworkInterfaceAssociation, NetworkInterfaceAttachment, NetworkInterfacePrivateIpAddress,
};

use super::record::NetworkInterfaceRecord;
use super::resource::{Owner, select, stop_if_dry};
use super::{page, place, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// Whose AWS's interfaces of Fargate tasks are, and ours.
const OWNER: &str = "amazon";

/// DescribeNetworkInterfaces
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeNetworkInterfacesInput>,
) -> Result<DescribeNetworkInterfacesOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeNetworkInterfaces")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let value = |interface: &NetworkInterfaceRecord, name: &str| filter_value(&state, interface, name);
    let ids = input.network_interface_ids.as_deref();
    let found = select(&state, Owner::of(&caller), ids, input.filters.as_deref(), value)?;
    let (page, next_token) = page::page(found, |found| &found.id, input.max_results, input.next_token.as_deref())?;
    let network_interfaces = Some(page.iter().map(|interface| shown(&state, interface)).collect());
    Ok(DescribeNetworkInterfacesOutput { network_interfaces, next_token })
}

fn filter_value(state: &State, interface: &NetworkInterfaceRecord, name: &str) -> Option<Vec<String>> {
    let public = |value: fn(NetworkInterfaceAssociation) -> Option<String>| {
        association(interface).and_then(value).into_iter().collect()
    };
    Some(match name {
        "addresses.private-ip-address" | "private-ip-address" => vec![interface.address.to_string()],
        "addresses.primary" | "requester-managed" | "attachment.delete-on-termination" | "source-dest-check" => {
            vec!["true".into()]
        }
        "addresses.association.public-ip" | "association.public-ip" => public(|found| found.public_ip),
        "addresses.association.owner-id" | "association.ip-owner-id" => public(|found| found.ip_owner_id),
        "association.public-dns-name" => public(|found| found.public_dns_name),
        "attachment.attachment-id" => vec![interface.ec2_attachment_id.clone()],
        "attachment.device-index" => vec!["1".into()],
        "attachment.instance-owner-id" | "requester-id" => vec![OWNER.into()],
        "attachment.status" => vec!["attached".into()],
        "availability-zone" => vec![interface.availability_zone.clone()],
        "availability-zone-id" => vec![place::zone_id(&interface.availability_zone)],
        "description" => vec![interface.description.clone()],
        "group-id" => interface.security_groups.clone(),
        "group-name" => groups(state, interface).into_iter().filter_map(|group| group.group_name).collect(),
        "interface-type" => vec!["interface".into()],
        "mac-address" => vec![interface.mac_address.clone()],
        "network-interface-id" => vec![interface.id.clone()],
        "owner-id" => vec![interface.account.clone()],
        "private-dns-name" => interface.private_dns_name.iter().cloned().collect(),
        "status" => vec!["in-use".into()],
        "subnet-id" => vec![interface.subnet_id.clone()],
        "vpc-id" => vec![interface.vpc_id.clone()],
        _ => return None,
    })
}

fn groups(state: &State, interface: &NetworkInterfaceRecord) -> Vec<GroupIdentifier> {
    let identifier = |id: &String| GroupIdentifier {
        group_id: Some(id.clone()),
        group_name: state.security_groups.get(id).map(|group| group.name.clone()),
    };
    interface.security_groups.iter().map(identifier).collect()
}

fn association(interface: &NetworkInterfaceRecord) -> Option<NetworkInterfaceAssociation> {
    interface.public_address.as_ref().map(|public| NetworkInterfaceAssociation {
        ip_owner_id: Some(OWNER.into()),
        public_dns_name: Some(public.dns_name.clone()),
        public_ip: Some(public.address.to_string()),
        ..Default::default()
    })
}

fn shown(state: &State, interface: &NetworkInterfaceRecord) -> NetworkInterface {
    let private_ip_address = Some(interface.address.to_string());
    NetworkInterface {
        association: association(interface),
        attachment: Some(NetworkInterfaceAttachment {
            attach_time: Some(interface.created_at),
            attachment_id: Some(interface.ec2_attachment_id.clone()),
            delete_on_termination: Some(true),
            device_index: Some(1),
            network_card_index: Some(0),
            instance_owner_id: Some(OWNER.into()),
            status: Some("attached".into()),
            ..Default::default()
        }),
        availability_zone: Some(interface.availability_zone.clone()),
        availability_zone_id: Some(place::zone_id(&interface.availability_zone)),
        description: Some(interface.description.clone()),
        groups: Some(groups(state, interface)),
        interface_type: Some("interface".into()),
        ipv6_addresses: Some(Vec::new()),
        mac_address: Some(interface.mac_address.clone()),
        network_interface_id: Some(interface.id.clone()),
        owner_id: Some(interface.account.clone()),
        private_dns_name: interface.private_dns_name.clone(),
        private_ip_address: private_ip_address.clone(),
        private_ip_addresses: Some(vec![NetworkInterfacePrivateIpAddress {
            association: association(interface),
            primary: Some(true),
            private_dns_name: interface.private_dns_name.clone(),
            private_ip_address,
        }]),
        requester_id: Some(OWNER.into()),
        requester_managed: Some(true),
        source_dest_check: Some(true),
        status: Some("in-use".into()),
        subnet_id: Some(interface.subnet_id.clone()),
        tag_set: Some(tag::shown(&interface.tags).unwrap_or_default()),
        vpc_id: Some(interface.vpc_id.clone()),
        ..Default::default()
    }
}
