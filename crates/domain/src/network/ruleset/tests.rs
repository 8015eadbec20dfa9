//! What is rendered, word by word, and that the number of rules does not grow with tasks.

use expect_test::expect;

use super::*;
use crate::network::SubnetPlan;

fn cidr(text: &str) -> Ipv4Net {
    text.parse().expect("a range")
}

fn plan(tasks: u8) -> NetworkPlan {
    let group = |id: &str, ingress: Vec<RulePlan>| SecurityGroupPlan {
        id: id.into(),
        ingress,
        egress: vec![RulePlan { protocol: Protocol::All, peer: Peer::Cidr(cidr("0.0.0.0/0")) }],
    };
    NetworkPlan {
        vpcs: vec![VpcPlan {
            id: "vpc-1".into(),
            cidr_blocks: vec![cidr("10.213.0.0/16")],
            subnets: vec![SubnetPlan { id: "subnet-1".into(), cidr_block: cidr("10.213.0.0/24"), internet: true }],
        }],
        interfaces: (0..tasks)
            .map(|number| InterfacePlan {
                id: format!("eni-{number}"),
                task_id: format!("{number:032x}").chars().rev().collect(),
                vpc_id: "vpc-1".into(),
                subnet_id: "subnet-1".into(),
                address: Ipv4Addr::new(10, 213, 0, 4 + number),
                mac_address: format!("02:00:00:00:00:{number:02x}"),
                public_address: (number == 0).then(|| Ipv4Addr::new(198, 51, 100, 1)),
                security_groups: vec!["sg-web".into(), if number == 0 { "sg-db".into() } else { "sg-web".into() }],
            })
            .collect(),
        security_groups: vec![
            group(
                "sg-web",
                vec![
                    RulePlan { protocol: Protocol::Tcp(80, 80), peer: Peer::Cidr(cidr("0.0.0.0/0")) },
                    RulePlan { protocol: Protocol::Udp(1000, 2000), peer: Peer::Cidr(cidr("192.0.2.0/24")) },
                    RulePlan { protocol: Protocol::Icmp(Some(8), None), peer: Peer::Cidr(cidr("0.0.0.0/0")) },
                ],
            ),
            group(
                "sg-db",
                vec![
                    RulePlan { protocol: Protocol::Tcp(0, 65535), peer: Peer::Group("sg-web".into()) },
                    RulePlan { protocol: Protocol::Icmp(None, None), peer: Peer::Group("sg-web".into()) },
                    RulePlan { protocol: Protocol::Icmp(Some(3), Some(4)), peer: Peer::Group("sg-web".into()) },
                    RulePlan { protocol: Protocol::Number(47), peer: Peer::Cidr(cidr("10.0.0.0/8")) },
                ],
            ),
        ],
        public_ranges: vec![cidr("198.51.100.0/24")],
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one ruleset, as it is loaded")]
fn the_router() {
    expect![[r#"
        table inet tidegate
        delete table inet tidegate
        table inet tidegate {
        	set vpc_ranges { type ipv4_addr; flags interval; auto-merge; elements = { 10.213.0.0/16 }; }
        	set resolvers { type ipv4_addr; elements = { 10.213.0.2 }; }
        	set senders { type ifname . ipv4_addr . ether_addr; elements = { "tg-000000000000" . 10.213.0.4 . 02:00:00:00:00:00, "tg-100000000000" . 10.213.0.5 . 02:00:00:00:00:01 }; }
        	set internet { type ifname; elements = { "tg-000000000000" }; }
        	map public_to_private { type ipv4_addr : ipv4_addr; elements = { 198.51.100.1 : 10.213.0.4 }; }
        	map private_to_public { type ipv4_addr : ipv4_addr; elements = { 10.213.0.4 : 198.51.100.1 }; }
        	set vpc_0 { type ipv4_addr; elements = { 10.213.0.4, 10.213.0.5 }; }
        	set members_sg_web { type ipv4_addr; elements = { 10.213.0.4, 10.213.0.5 }; }
        	chain into_sg_web {
        		tcp dport 80 accept
        		ip saddr 192.0.2.0/24 udp dport 1000-2000 accept
        		icmp type 8 accept
        	}
        	chain out_of_sg_web {
        		accept
        	}
        	chain into_sg_db {
        		ip saddr @members_sg_web meta l4proto tcp accept
        		ip saddr @members_sg_web ip protocol icmp accept
        		ip saddr @members_sg_web icmp type 3 icmp code 4 accept
        		ip saddr 10.0.0.0/8 meta l4proto 47 accept
        	}
        	chain out_of_sg_db {
        		accept
        	}
        	chain entering_0 {
        		ip saddr != @vpc_0 ct status & dnat != dnat drop
        		jump into_sg_db
        		jump into_sg_web
        		drop
        	}
        	chain leaving_0 {
        		ip daddr @vpc_ranges ip daddr != @vpc_0 drop
        		jump out_of_sg_db
        		jump out_of_sg_web
        		drop
        	}
        	chain entering_1 {
        		ip saddr != @vpc_0 ct status & dnat != dnat drop
        		jump into_sg_web
        		drop
        	}
        	chain leaving_1 {
        		ip daddr @vpc_ranges ip daddr != @vpc_0 drop
        		jump out_of_sg_web
        		drop
        	}
        	map entering { type ifname : verdict; elements = { "tg-000000000000" : goto entering_0, "tg-100000000000" : goto entering_1 }; }
        	map leaving { type ifname : verdict; elements = { "tg-000000000000" : goto leaving_0, "tg-100000000000" : goto leaving_1 }; }
        	chain translate_destination {
        		type nat hook prerouting priority dstnat; policy accept;
        		iifname "tg-*" ip daddr @resolvers dnat ip to 169.254.169.253
        		dnat ip to ip daddr map @public_to_private
        	}
        	chain translate_source {
        		type nat hook postrouting priority srcnat; policy accept;
        		oifname "uplink" snat ip to ip saddr map @private_to_public
        		ct status dnat snat ip to ip saddr map @private_to_public
        	}
        	chain arriving {
        		type filter hook prerouting priority raw; policy accept;
        		iifname "tg-*" iifname . ip saddr . ether saddr @senders accept
        		iifname "tg-*" drop
        		ip saddr @vpc_ranges drop
        	}
        	chain leaving_task {
        		type filter hook prerouting priority dstnat - 10; policy accept;
        		iifname != "tg-*" accept
        		ct state established,related accept
        		ct state invalid drop
        		ip daddr { 169.254.169.253, 169.254.170.2 } accept
        		ip daddr @resolvers accept
        		ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } drop
        		ip daddr != @vpc_ranges iifname != @internet drop
        		iifname vmap @leaving
        		drop
        	}
        	chain entering_task {
        		type filter hook postrouting priority srcnat + 10; policy accept;
        		oifname != "tg-*" accept
        		ct state established,related accept
        		ct state invalid drop
        		oifname vmap @entering
        		drop
        	}
        	chain through {
        		type filter hook forward priority filter; policy accept;
        		iifname "uplink" oifname "uplink" drop
        	}
        	chain to_router {
        		type filter hook input priority filter; policy accept;
        		iifname "lo" accept
        		ct state established,related accept
        		iifname "tg-*" ip daddr 169.254.169.253 meta l4proto { tcp, udp } th dport 53 accept
        		iifname "tg-*" ip daddr 169.254.170.2 tcp dport 80 accept
        		drop
        	}
        }
    "#]].assert_eq(&render(&plan(2)));
}

#[test]
fn the_host() {
    expect![[r#"
        table inet tidegate_tg
        delete table inet tidegate_tg
        table inet tidegate_tg {
        	set pool { type ipv4_addr; flags interval; auto-merge; elements = { 198.51.100.0/24 }; }
        	set vpc_ranges { type ipv4_addr; flags interval; auto-merge; elements = { 10.213.0.0/16 }; }
        	chain translate_source {
        		type nat hook postrouting priority srcnat; policy accept;
        		oifname "tg-host" ip saddr @vpc_ranges masquerade
        		oifname != "tg-host" ip saddr @pool ip saddr { 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 } masquerade
        	}
        	chain through {
        		type filter hook forward priority filter; policy accept;
        		iifname "tg-host" ip saddr != @pool drop
        		iifname "tg-host" meta nfproto ipv6 drop
        	}
        }
    "#]]
    .assert_eq(&render_host(&plan(2), "tg", "tg-host"));
}

#[test]
fn more_tasks_are_more_elements_and_no_more_lines() {
    assert_eq!(render(&plan(3)).lines().count(), render(&plan(200)).lines().count());
}

#[test]
fn without_anything_it_is_still_a_ruleset_that_drops() {
    let script = render(&NetworkPlan::default());
    assert!(script.contains("map entering { type ifname : verdict; }"), "{script}");
}
