//! The VPC part of EC2: VPCs, subnets, gateways, route tables, security groups, network interfaces.

mod error;
mod first_start;
mod id;
pub mod interfaces;
pub mod record;
mod security_group;
mod vpc;

pub use first_start::{ZONES, first_start};
