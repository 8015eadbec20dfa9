//! Which addresses a redirect may reach.

use crate::images::transport::{Owner, Reach};

#[test]
fn addresses_have_a_reach() {
    for (address, reach) in [
        ("8.8.8.8", Some(Reach::Public)),
        ("203.0.113.7", Some(Reach::Public)),
        ("2600::1", Some(Reach::Public)),
        ("64:ff9b::808:808", Some(Reach::Public)),
        ("10.0.0.1", Some(Reach::Private)),
        ("172.31.0.2", Some(Reach::Private)),
        ("192.168.1.1", Some(Reach::Private)),
        ("100.64.0.1", Some(Reach::Private)),
        ("fd12::1", Some(Reach::Private)),
        ("::ffff:10.0.0.1", Some(Reach::Private)),
        ("64:ff9b::a00:1", Some(Reach::Private)),
        ("127.0.0.1", Some(Reach::Loopback)),
        ("127.8.8.8", Some(Reach::Loopback)),
        ("::1", Some(Reach::Loopback)),
        ("::ffff:127.0.0.1", Some(Reach::Loopback)),
        ("169.254.169.254", None),
        ("169.254.170.2", None),
        ("::ffff:169.254.169.254", None),
        ("64:ff9b::a9fe:a9fe", None),
        ("fd00:ec2::254", None),
        ("fe80::1", None),
        ("0.0.0.0", None),
        ("::", None),
        ("255.255.255.255", None),
        ("224.0.0.1", None),
        ("ff02::1", None),
    ] {
        assert_eq!(Reach::needed_for(address.parse().expect("an address")), reach, "{address}");
    }
    assert!(Reach::Public < Reach::Private && Reach::Private < Reach::Loopback);
}

#[test]
fn urls_are_shown_without_tickets() {
    let url = reqwest::Url::parse("https://user:pass@cdn.example/a/b?X-Signature=abc#x").expect("a URL");
    assert_eq!(Owner::Registry.shown(&url), "https://cdn.example/a/b");
    assert_eq!(Owner::Foreign.shown(&url), "https://cdn.example/[redacted]");
}
