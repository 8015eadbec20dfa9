//! EC2 through its handlers: what the article and Terraform do, and what is refused.

use std::sync::Arc;

use api::ec2::{
    AssociateRouteTableInput, AttachInternetGatewayInput, AttributeBooleanValue, AuthorizeSecurityGroupIngressInput,
    CreateInternetGatewayInput, CreateRouteInput, CreateRouteTableInput, CreateSecurityGroupInput, CreateSubnetInput,
    CreateTagsInput, CreateVpcInput, DeleteInternetGatewayInput, DeleteRouteTableInput, DeleteSecurityGroupInput,
    DeleteSubnetInput, DeleteVpcInput, DescribeNetworkAclsInput, DescribeNetworkInterfacesInput,
    DescribeRouteTablesInput, DescribeSecurityGroupRulesInput, DescribeSecurityGroupsInput, DescribeSubnetsInput,
    DescribeTagsInput, DescribeVpcAttributeInput, DescribeVpcsInput, DetachInternetGatewayInput,
    DisassociateRouteTableInput, Filter, IpPermission, IpRange, Ipv6Range, ModifySecurityGroupRulesInput,
    ModifyVpcAttributeInput, PrefixListId, RevokeSecurityGroupEgressInput, RevokeSecurityGroupIngressInput,
    SecurityGroupRuleRequest, SecurityGroupRuleUpdate, Tag, TagSpecification, UserIdGroupPair,
};

use super::interfaces::{AllocateInterface, allocate, release};
use super::*;
use crate::testing::{OWNER, TestApp, root};
use crate::{App, Request, ServiceError};

struct Account {
    test: TestApp,
}

impl Account {
    async fn new() -> Self {
        let test = TestApp::new();
        for _ in 0..2 {
            ensure_default_network(&test.app, OWNER).await.expect("made once");
        }
        Self { test }
    }

    async fn call<I, O, F>(&self, handler: impl FnOnce(Arc<App>, Request<I>) -> F, input: I) -> Result<O, ServiceError>
    where
        F: Future<Output = Result<O, ServiceError>>,
    {
        handler(Arc::clone(&self.test.app), Request::new(input, root(), "request")).await
    }

    async fn default_vpc(&self) -> String {
        let input = DescribeVpcsInput { filters: filters("isDefault", "true"), ..Default::default() };
        let found = self.call(vpc::describe, input).await.expect("described").vpcs.expect("a list");
        assert_eq!(found.len(), 1);
        found[0].vpc_id.clone().expect("an id")
    }

    async fn vpc(&self, cidr: &str) -> String {
        let name = Tag { key: Some("Name".into()), value: Some("space".into()) };
        let tags = TagSpecification { resource_type: Some("vpc".into()), tags: Some(vec![name.clone()]) };
        let input = CreateVpcInput {
            cidr_block: Some(cidr.into()),
            tag_specifications: Some(vec![tags]),
            ..Default::default()
        };
        let made = self.call(vpc::create, input).await.expect("made").vpc.expect("a VPC");
        assert_eq!(made.tags, Some(vec![name]));
        made.vpc_id.expect("an id")
    }

    async fn subnet(&self, vpc_id: &str, cidr: &str) -> Result<String, ServiceError> {
        let input = CreateSubnetInput {
            vpc_id: vpc_id.into(),
            cidr_block: Some(cidr.into()),
            availability_zone: Some("us-east-1b".into()),
            ..Default::default()
        };
        let made = self.call(subnet::create, input).await?.subnet.expect("one");
        Ok(made.subnet_id.expect("an id"))
    }

    async fn gateway(&self, vpc_id: &str) -> String {
        let made = self.call(internet_gateway::create, CreateInternetGatewayInput::default()).await.expect("made");
        let gateway_id = made.internet_gateway.and_then(|gateway| gateway.internet_gateway_id).expect("an id");
        let attach = AttachInternetGatewayInput {
            internet_gateway_id: gateway_id.clone(),
            vpc_id: vpc_id.into(),
            ..Default::default()
        };
        self.call(internet_gateway::attach, attach.clone()).await.expect("attached");
        let error = self.call(internet_gateway::attach, attach).await.expect_err("attached already");
        assert_eq!(error.code, "Resource.AlreadyAssociated");
        gateway_id
    }

    async fn route_table(&self, vpc_id: &str, gateway_id: &str) -> String {
        let input = CreateRouteTableInput { vpc_id: vpc_id.into(), ..Default::default() };
        let table = self.call(route_table::create, input).await.expect("made").route_table.expect("one");
        let table_id = table.route_table_id.expect("an id");
        let route = CreateRouteInput {
            route_table_id: table_id.clone(),
            destination_cidr_block: Some("0.0.0.0/0".into()),
            gateway_id: Some(gateway_id.into()),
            ..Default::default()
        };
        self.call(route_table::create_route, route.clone()).await.expect("made");
        let error = self.call(route_table::create_route, route).await.expect_err("there already");
        assert_eq!(error.code, "RouteAlreadyExists");
        table_id
    }

    async fn group(&self, name: &str, vpc_id: &str) -> Result<String, ServiceError> {
        let input = CreateSecurityGroupInput {
            group_name: name.into(),
            description: "for a test".into(),
            vpc_id: Some(vpc_id.into()),
            ..Default::default()
        };
        Ok(self.call(security_group::create, input).await?.group_id.expect("an id"))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the inputs have it")]
fn filters(name: &str, value: &str) -> Option<Vec<Filter>> {
    Some(vec![Filter { name: Some(name.into()), values: Some(vec![value.into()]) }])
}

fn web(cidr: &str) -> IpPermission {
    IpPermission {
        ip_protocol: Some("tcp".into()),
        from_port: Some(80),
        to_port: Some(80),
        ip_ranges: Some(vec![IpRange { cidr_ip: Some(cidr.into()), description: Some("web".into()) }]),
        ..Default::default()
    }
}

fn ingress(group_id: &str, permission: IpPermission) -> AuthorizeSecurityGroupIngressInput {
    AuthorizeSecurityGroupIngressInput {
        group_id: Some(group_id.into()),
        ip_permissions: Some(vec![permission]),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_account_has_a_default_vpc_that_reaches_the_internet() {
    let account = Account::new().await;
    let vpc_id = account.default_vpc().await;
    let input = DescribeSubnetsInput { filters: filters("vpc-id", &vpc_id), ..Default::default() };
    let subnets = account.call(subnet::describe, input).await.expect("described").subnets.expect("a list");
    let mut zones: Vec<_> = subnets.iter().filter_map(|subnet| subnet.availability_zone.clone()).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert!(subnets.iter().all(|subnet| subnet.available_ip_address_count == Some(4091)));
    let input = DescribeRouteTablesInput { filters: filters("association.main", "true"), ..Default::default() };
    let tables = account.call(route_table::describe, input).await.expect("described").route_tables.expect("a list");
    let routes = tables[0].routes.as_ref().expect("routes");
    let ends: Vec<_> =
        routes.iter().map(|route| (route.destination_cidr_block.as_deref(), route.gateway_id.as_deref())).collect();
    assert_eq!(ends[0], (Some("172.31.0.0/16"), Some("local")));
    assert_eq!(ends[1].0, Some("0.0.0.0/0"));
    let input = DescribeSecurityGroupsInput { filters: filters("group-name", "def*"), ..Default::default() };
    let groups =
        account.call(security_group::describe, input).await.expect("described").security_groups.expect("a list");
    let own = groups[0].ip_permissions.as_ref().expect("rules")[0].user_id_group_pairs.as_ref().expect("pairs");
    assert_eq!(own[0].group_id, groups[0].group_id);
    let acls = account.call(network_acl::describe, DescribeNetworkAclsInput::default()).await.expect("described");
    assert_eq!(acls.network_acls.expect("a list")[0].associations.as_ref().map(Vec::len), Some(3));
}

#[tokio::test]
async fn attributes_of_a_vpc_are_kept() {
    let account = Account::new().await;
    let vpc_id = account.vpc("10.77.0.0/16").await;
    let input = ModifyVpcAttributeInput {
        vpc_id: vpc_id.clone(),
        enable_dns_hostnames: Some(AttributeBooleanValue { value: Some(true) }),
        ..Default::default()
    };
    account.call(vpc::modify_attribute, input).await.expect("modified");
    let input = DescribeVpcAttributeInput { vpc_id, attribute: "enableDnsHostnames".into(), ..Default::default() };
    let attribute = account.call(vpc::describe_attribute, input).await.expect("described");
    assert_eq!(attribute.enable_dns_hostnames, Some(AttributeBooleanValue { value: Some(true) }));
}

#[tokio::test]
async fn subnets_lie_inside_their_vpc_side_by_side() {
    let account = Account::new().await;
    let vpc_id = account.vpc("10.77.0.0/16").await;
    account.subnet(&vpc_id, "10.77.0.0/24").await.expect("made");
    let code = async |cidr: &str| account.subnet(&vpc_id, cidr).await.expect_err("refused").code;
    assert_eq!(code("10.77.0.128/25").await, "InvalidSubnet.Conflict");
    assert_eq!(code("10.78.0.0/24").await, "InvalidSubnet.Range");
    assert_eq!(code("10.77.1.0/29").await, "InvalidSubnet.Range");
    assert_eq!(code("nonsense").await, "InvalidParameterValue");
}

#[tokio::test]
async fn a_vpc_is_built_up_and_taken_down_as_terraform_does() {
    let account = Account::new().await;
    let vpc_id = account.vpc("10.77.0.0/16").await;
    let subnet_id = account.subnet(&vpc_id, "10.77.0.0/24").await.expect("made");
    let gateway_id = account.gateway(&vpc_id).await;
    let table_id = account.route_table(&vpc_id, &gateway_id).await;
    let leads = || {
        let state = account.test.app.store.read();
        leads_to_internet(&state, state.subnets.get(&subnet_id).expect("a subnet"))
    };
    assert!(!leads());
    let associate = AssociateRouteTableInput {
        route_table_id: table_id.clone(),
        subnet_id: Some(subnet_id.clone()),
        ..Default::default()
    };
    let associated = account.call(route_table::associate, associate).await.expect("associated");
    assert!(leads());

    let delete = || DeleteVpcInput { vpc_id: vpc_id.clone(), ..Default::default() };
    assert_eq!(account.call(vpc::delete, delete()).await.expect_err("in use").code, "DependencyViolation");
    let input = DeleteRouteTableInput { route_table_id: table_id.clone(), ..Default::default() };
    let error = account.call(route_table::delete, input.clone()).await.expect_err("in use");
    assert_eq!(error.code, "DependencyViolation");
    let association_id = associated.association_id.expect("an id");
    let disassociate = DisassociateRouteTableInput { association_id, ..Default::default() };
    account.call(route_table::disassociate, disassociate).await.expect("disassociated");
    account.call(route_table::delete, input).await.expect("deleted");
    let detach = DetachInternetGatewayInput {
        internet_gateway_id: gateway_id.clone(),
        vpc_id: vpc_id.clone(),
        ..Default::default()
    };
    account.call(internet_gateway::detach, detach).await.expect("detached");
    let input = DeleteInternetGatewayInput { internet_gateway_id: gateway_id, ..Default::default() };
    account.call(internet_gateway::delete, input).await.expect("deleted");
    let input = DeleteSubnetInput { subnet_id, ..Default::default() };
    account.call(self::subnet::delete, input).await.expect("deleted");
    account.call(vpc::delete, delete()).await.expect("deleted");
    let error = account.call(vpc::delete, delete()).await.expect_err("gone");
    assert_eq!(error.to_string(), format!("InvalidVpcID.NotFound: The vpc ID '{vpc_id}' does not exist"));
}

#[tokio::test]
async fn rules_are_added_once_changed_and_taken_away() {
    let account = Account::new().await;
    let vpc_id = account.default_vpc().await;
    let group_id = account.group("web", &vpc_id).await.expect("made");
    assert_eq!(account.group("web", &vpc_id).await.expect_err("there").code, "InvalidGroup.Duplicate");
    let add = || ingress(&group_id, web("0.0.0.0/0"));
    let added = account.call(security_group_rule::authorize_ingress, add()).await.expect("added");
    let rule = added.security_group_rules.expect("rules").remove(0);
    assert_eq!((rule.from_port, rule.cidr_ipv4.as_deref(), rule.is_egress), (Some(80), Some("0.0.0.0/0"), Some(false)));
    let rule_id = rule.security_group_rule_id.expect("an id");
    let error = account.call(security_group_rule::authorize_ingress, add()).await.expect_err("there already");
    assert_eq!(
        error.to_string(),
        "InvalidPermission.Duplicate: the specified rule \"peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW\" \
         already exists"
    );
    let update = SecurityGroupRuleUpdate {
        security_group_rule_id: rule_id.clone(),
        security_group_rule: Some(SecurityGroupRuleRequest {
            ip_protocol: Some("tcp".into()),
            from_port: Some(443),
            to_port: Some(443),
            cidr_ipv4: Some("10.0.0.0/8".into()),
            ..Default::default()
        }),
    };
    let modify = ModifySecurityGroupRulesInput {
        group_id: group_id.clone(),
        security_group_rules: vec![update],
        ..Default::default()
    };
    account.call(security_group_rule::modify, modify).await.expect("modified");
    let input = DescribeSecurityGroupRulesInput { filters: filters("group-id", &group_id), ..Default::default() };
    let found = account.call(security_group_rule::describe, input).await.expect("described");
    let found = found.security_group_rules.expect("rules");
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|rule| rule.from_port == Some(443) && rule.cidr_ipv4.as_deref() == Some("10.0.0.0/8")));

    let input = RevokeSecurityGroupIngressInput {
        group_id: Some(group_id.clone()),
        security_group_rule_ids: Some(vec![rule_id]),
        ..Default::default()
    };
    account.call(security_group_rule::revoke_ingress, input.clone()).await.expect("revoked");
    let error = account.call(security_group_rule::revoke_ingress, input).await.expect_err("gone");
    assert_eq!(error.code, "InvalidSecurityGroupRuleId.NotFound");
    let all = IpPermission {
        ip_protocol: Some("-1".into()),
        ip_ranges: Some(vec![IpRange { cidr_ip: Some("0.0.0.0/0".into()), description: None }]),
        ..Default::default()
    };
    let input = RevokeSecurityGroupEgressInput {
        group_id: group_id.clone(),
        ip_permissions: Some(vec![all]),
        ..Default::default()
    };
    account.call(security_group_rule::revoke_egress, input.clone()).await.expect("revoked");
    let error = account.call(security_group_rule::revoke_egress, input).await.expect_err("gone");
    assert_eq!(error.code, "InvalidPermission.NotFound");
}

#[tokio::test]
async fn a_group_that_another_names_stays() {
    let account = Account::new().await;
    let vpc_id = account.default_vpc().await;
    let group_id = account.group("web", &vpc_id).await.expect("made");
    let other_id = account.group("other", &vpc_id).await.expect("made");
    let from_other = IpPermission {
        ip_protocol: Some("-1".into()),
        user_id_group_pairs: Some(vec![UserIdGroupPair { group_id: Some(other_id.clone()), ..Default::default() }]),
        ..Default::default()
    };
    account.call(security_group_rule::authorize_ingress, ingress(&group_id, from_other)).await.expect("added");
    let delete_other = || DeleteSecurityGroupInput { group_id: Some(other_id.clone()), ..Default::default() };
    let error = account.call(security_group::delete, delete_other()).await.expect_err("named by a rule");
    assert_eq!(error.code, "DependencyViolation");
    let input = DeleteSecurityGroupInput { group_id: Some(group_id), ..Default::default() };
    account.call(security_group::delete, input).await.expect("deleted");
    account.call(security_group::delete, delete_other()).await.expect("no longer named");
    let input = DeleteSecurityGroupInput { group_name: Some("default".into()), ..Default::default() };
    assert_eq!(account.call(security_group::delete, input).await.expect_err("never").code, "CannotDelete");
}

#[tokio::test]
async fn what_a_rule_cannot_say_is_refused_in_ec2s_words() {
    let account = Account::new().await;
    let vpc_id = account.default_vpc().await;
    let group_id = account.group("web", &vpc_id).await.expect("made");
    let prefix_list = PrefixListId { prefix_list_id: Some("pl-1".into()), description: None };
    for (permission, code) in [
        (IpPermission { ip_protocol: Some("nonsense".into()), ..web("0.0.0.0/0") }, "InvalidParameterValue"),
        (IpPermission { from_port: Some(90), ..web("0.0.0.0/0") }, "InvalidParameterValue"),
        (IpPermission { to_port: None, ..web("0.0.0.0/0") }, "InvalidParameterValue"),
        (web("0.0.0.0/33"), "InvalidParameterValue"),
        (IpPermission { ip_ranges: None, ..web("0.0.0.0/0") }, "MissingParameter"),
        (IpPermission { prefix_list_ids: Some(vec![prefix_list]), ..web("0.0.0.0/0") }, "InvalidPrefixListID.NotFound"),
    ] {
        let input = ingress(&group_id, permission.clone());
        let error = account.call(security_group_rule::authorize_ingress, input).await.expect_err("refused");
        assert_eq!(error.code, code, "{permission:?}");
    }
    let ipv6 = IpPermission {
        ipv6_ranges: Some(vec![Ipv6Range { cidr_ipv6: Some("::/0".into()), description: None }]),
        ip_ranges: None,
        ..web("")
    };
    account.call(security_group_rule::authorize_ingress, ingress(&group_id, ipv6)).await.expect("kept as data");
    let many = (0..60)
        .map(|number| IpRange { cidr_ip: Some(format!("10.0.{number}.0/24")), description: None })
        .collect::<Vec<_>>();
    let input = ingress(&group_id, IpPermission { ip_ranges: Some(many), ..web("") });
    let error = account.call(security_group_rule::authorize_ingress, input).await.expect_err("61 rules");
    assert_eq!(error.code, "RulesPerSecurityGroupLimitExceeded");
}

#[tokio::test]
async fn a_tasks_interface_shows_its_public_address_until_it_is_released() {
    let account = Account::new().await;
    let app = Arc::clone(&account.test.app);
    let vpc_id = account.default_vpc().await;
    let group_id = account.group("web", &vpc_id).await.expect("made");
    let groups = [group_id.clone()];
    let subnet_id = app.store.read().subnets.values().next().expect("a subnet").id.clone();
    let wanted = AllocateInterface {
        owner: OWNER,
        subnet_id: &subnet_id,
        security_groups: &groups,
        assign_public_ip: true,
        task_id: "0123456789abcdef0123456789abcdef",
        attachment_id: "11111111-2222-3333-4444-555555555555",
    };
    let spec = app.store.write(|state| allocate(&app, state, &wanted)).await.expect("allocated");
    let public = spec.public_address.expect("one").to_string();
    let by_id =
        || DescribeNetworkInterfacesInput { network_interface_ids: Some(vec![spec.id.clone()]), ..Default::default() };
    let found = account.call(network_interface::describe, by_id()).await.expect("described");
    let shown = found.network_interfaces.expect("a list").remove(0);
    assert_eq!(shown.association.and_then(|association| association.public_ip).as_ref(), Some(&public));
    assert_eq!(shown.groups.expect("groups")[0].group_name.as_deref(), Some("web"));
    assert_eq!((shown.status.as_deref(), shown.requester_managed), (Some("in-use"), Some(true)));
    let by_address = filters("association.public-ip", &public);
    let input = DescribeNetworkInterfacesInput { filters: by_address, ..Default::default() };
    let found = account.call(network_interface::describe, input).await.expect("described");
    assert_eq!(found.network_interfaces.map(|list| list.len()), Some(1));
    let input = DeleteSecurityGroupInput { group_id: Some(group_id), ..Default::default() };
    assert_eq!(account.call(security_group::delete, input).await.expect_err("used").code, "DependencyViolation");
    let input = DeleteSubnetInput { subnet_id: subnet_id.clone(), ..Default::default() };
    assert_eq!(account.call(subnet::delete, input).await.expect_err("used").code, "DependencyViolation");
    app.store
        .write(|state| {
            release(state, &spec.id);
            Ok::<_, ServiceError>(())
        })
        .await
        .expect("released");
    let error = account.call(network_interface::describe, by_id()).await.expect_err("gone");
    assert_eq!(error.code, "InvalidNetworkInterfaceID.NotFound");
}

#[tokio::test]
async fn overlapping_vpcs_never_give_one_address_twice() {
    let account = Account::new().await;
    let app = Arc::clone(&account.test.app);
    let mut addresses = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let input = CreateVpcInput { cidr_block: Some("10.77.0.0/16".into()), ..Default::default() };
        let vpc = account.call(vpc::create, input).await.expect("made").vpc.expect("one");
        let input = CreateSubnetInput {
            vpc_id: vpc.vpc_id.expect("an id"),
            cidr_block: Some("10.77.0.0/24".into()),
            ..Default::default()
        };
        let subnet = account.call(subnet::create, input).await.expect("made").subnet.expect("one");
        let subnet_id = subnet.subnet_id.expect("an id");
        for _ in 0..3 {
            let wanted = AllocateInterface {
                owner: OWNER,
                subnet_id: &subnet_id,
                security_groups: &[],
                assign_public_ip: false,
                task_id: "0123456789abcdef0123456789abcdef",
                attachment_id: "11111111-2222-3333-4444-555555555555",
            };
            let spec = app.store.write(|state| allocate(&app, state, &wanted)).await.expect("allocated");
            assert!(addresses.insert(spec.address), "{}", spec.address);
        }
    }
}

#[tokio::test]
async fn tags_filters_pages_and_dry_runs() {
    let account = Account::new().await;
    let vpc_id = account.default_vpc().await;
    let group_id = account.group("web", &vpc_id).await.expect("made");
    let tag = |key: &str| CreateTagsInput {
        resources: vec![vpc_id.clone(), group_id.clone()],
        tags: vec![Tag { key: Some(key.into()), value: Some("1".into()) }],
        ..Default::default()
    };
    account.call(self::tag::create, tag("Name")).await.expect("tagged");
    assert_eq!(
        account.call(self::tag::create, tag("aws:x")).await.expect_err("reserved").code,
        "InvalidParameterValue"
    );
    let input = DescribeTagsInput { filters: filters("key", "N*"), ..Default::default() };
    let tags = account.call(self::tag::describe, input).await.expect("described").tags.expect("a list");
    assert_eq!(tags.len(), 2);
    let input = DescribeSecurityGroupsInput { filters: filters("tag:Name", "1"), ..Default::default() };
    let found = account.call(security_group::describe, input).await.expect("described").security_groups;
    assert_eq!(found.map(|groups| groups.len()), Some(1));
    let input = DescribeVpcsInput { filters: filters("nonsense", "1"), ..Default::default() };
    assert_eq!(account.call(vpc::describe, input).await.expect_err("unknown").code, "InvalidParameterValue");

    let mut seen = Vec::new();
    let mut next_token = None;
    loop {
        let input = DescribeSubnetsInput { max_results: Some(2), next_token, ..Default::default() };
        let page = account.call(subnet::describe, input).await.expect("described");
        seen.extend(page.subnets.into_iter().flatten().filter_map(|subnet| subnet.subnet_id));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3);

    let input = DeleteVpcInput { vpc_id: vpc_id.clone(), dry_run: Some(true) };
    let error = account.call(vpc::delete, input).await.expect_err("a question only");
    assert_eq!((error.code.as_ref(), error.status), ("DryRunOperation", 412));
    let input = DescribeVpcsInput { vpc_ids: Some(vec!["vpc-nonsense".into()]), ..Default::default() };
    assert_eq!(account.call(vpc::describe, input).await.expect_err("malformed").code, "InvalidVpcID.Malformed");
}
