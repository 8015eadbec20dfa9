//! Regions and availability zones: all regions of the caller's partition, each with three zones.

use std::sync::Arc;

use api::ec2::{
    AvailabilityZone, DescribeAvailabilityZonesInput, DescribeAvailabilityZonesOutput, DescribeRegionsInput,
    DescribeRegionsOutput, Region,
};

use domain::regions;

use super::default_network::ZONES;
use super::filter;
use super::record::Tags;
use super::resource::stop_if_dry;
use crate::{Access, App, Authorized, Request, ServiceError};

const OPT_IN: &str = "opt-in-not-required";

/// DescribeAvailabilityZones
pub(super) async fn describe_zones(
    app: Arc<App>,
    request: Request<DescribeAvailabilityZonesInput>,
) -> Result<DescribeAvailabilityZonesOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeAvailabilityZones")))?;
    let region = &caller.region;
    stop_if_dry(input.dry_run)?;
    let zones = zones(region);
    let unknown = |named: &[String], known: &dyn Fn(&String) -> String| {
        named.iter().find(|name| !zones.iter().any(|zone| known(zone) == **name)).cloned()
    };
    let by_name = unknown(input.zone_names.as_deref().unwrap_or_default(), &Clone::clone);
    let by_id = unknown(input.zone_ids.as_deref().unwrap_or_default(), &|zone| zone_id(zone));
    if let Some(name) = by_name.or(by_id) {
        return Err(ServiceError::new("InvalidParameterValue", format!("Invalid availability zone: [{name}]")));
    }
    let asked =
        |names: Option<&Vec<String>>, name: &String| names.is_none_or(|names| names.is_empty() || names.contains(name));
    let mut shown = Vec::new();
    for zone in &zones {
        let value = |name: &str| {
            Some(vec![match name {
                "zone-name" => zone.clone(),
                "zone-id" => zone_id(zone),
                "region-name" => region.clone(),
                "group-name" => format!("{region}-zg-1"),
                "state" => "available".into(),
                "opt-in-status" => OPT_IN.into(),
                "zone-type" => "availability-zone".into(),
                _ => return None,
            }])
        };
        let named = asked(input.zone_names.as_ref(), zone) && asked(input.zone_ids.as_ref(), &zone_id(zone));
        if filter::passes(input.filters.as_deref(), &Tags::new(), value)? && named {
            shown.push(availability_zone(region, zone));
        }
    }
    Ok(DescribeAvailabilityZonesOutput { availability_zones: Some(shown) })
}

/// DescribeRegions
pub(super) async fn describe_regions(
    app: Arc<App>,
    request: Request<DescribeRegionsInput>,
) -> Result<DescribeRegionsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeRegions")))?;
    stop_if_dry(input.dry_run)?;
    let known = regions::beside(&caller.region, &app.settings.region);
    let named = input.region_names.unwrap_or_default();
    if let Some(other) = named.iter().find(|name| !known.contains(*name)) {
        return Err(ServiceError::new("InvalidParameterValue", format!("Invalid region provided: {other}")));
    }
    let mut shown = Vec::new();
    for region in known.into_iter().filter(|region| named.is_empty() || named.contains(region)) {
        let endpoint = format!("ec2.{region}.{}", regions::dns_suffix(&region));
        let value = |name: &str| {
            Some(vec![match name {
                "region-name" => region.clone(),
                "endpoint" => endpoint.clone(),
                "opt-in-status" => OPT_IN.into(),
                _ => return None,
            }])
        };
        if filter::passes(input.filters.as_deref(), &Tags::new(), value)? {
            shown.push(Region {
                opt_in_status: Some(OPT_IN.into()),
                region_name: Some(region),
                endpoint: Some(endpoint),
                ..Default::default()
            });
        }
    }
    Ok(DescribeRegionsOutput { regions: Some(shown) })
}

/// The names of a region's zones.
pub(super) fn zones(region: &str) -> Vec<String> {
    ZONES.iter().map(|letter| format!("{region}{letter}")).collect()
}

/// `use1-az1` for `us-east-1a`.
pub(super) fn zone_id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let short: String = region
        .split('-')
        .enumerate()
        .map(|(index, part)| match part {
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            _ if index == 0 => part,
            _ => part.get(..1).unwrap_or_default(),
        })
        .collect();
    let number = letter.bytes().next().map_or(1, |letter| letter.wrapping_sub(b'a').wrapping_add(1));
    format!("{short}-az{number}")
}

fn availability_zone(region: &str, zone: &str) -> AvailabilityZone {
    let region = region.to_owned();
    AvailabilityZone {
        opt_in_status: Some(OPT_IN.into()),
        messages: Some(Vec::new()),
        region_name: Some(region.clone()),
        zone_name: Some(zone.to_owned()),
        zone_id: Some(zone_id(zone)),
        group_name: Some(format!("{region}-zg-1")),
        network_border_group: Some(region),
        zone_type: Some("availability-zone".into()),
        state: Some("available".into()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::zone_id;

    #[test]
    fn zone_ids() {
        for (zone, id) in [
            ("us-east-1a", "use1-az1"),
            ("eu-central-1c", "euc1-az3"),
            ("ap-northeast-2b", "apne2-az2"),
            ("us-gov-west-1a", "usgw1-az1"),
        ] {
            assert_eq!(zone_id(zone), id);
        }
    }
}
