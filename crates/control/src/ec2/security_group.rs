//! Security groups.

use ipnet::Ipv4Net;

use super::id;
use super::record::{Direction, PeerRecord, SecurityGroupRecord, SecurityGroupRuleRecord, Tags, VpcRecord};
use crate::App;
use crate::store::State;

/// The group that every VPC is born with: its members reach each other, and everything outside.
pub(super) fn make_default(app: &App, state: &mut State, vpc: &VpcRecord) {
    let id = id::new(app, "sg");
    let own = all(app, Direction::Ingress, PeerRecord::Group(id.clone()));
    let record = SecurityGroupRecord {
        id: id.clone(),
        account: vpc.account.clone(),
        vpc_id: vpc.id.clone(),
        name: "default".into(),
        description: "default VPC security group".into(),
        rules: vec![own, allow_all_egress(app)],
        tags: Tags::new(),
    };
    state.security_groups.put(&id, record);
}

/// The rule that every new group is born with.
pub(super) fn allow_all_egress(app: &App) -> SecurityGroupRuleRecord {
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
