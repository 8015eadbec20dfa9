//! `WWW-Authenticate` in all its forms.

use proptest::prelude::*;

use crate::images::challenge::{Challenge, parse};

fn one(value: &str) -> Vec<Challenge> {
    parse([value.as_bytes()])
}

fn schemes(challenges: &[Challenge]) -> Vec<&str> {
    challenges.iter().map(|challenge| challenge.scheme.as_str()).collect()
}

#[test]
fn docker_hubs_challenge() {
    let challenges = one(
        r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:alice/space:pull",error="invalid_token""#,
    );
    assert_eq!(schemes(&challenges), ["bearer"]);
    assert_eq!(challenges[0].parameter("realm"), Some("https://auth.docker.io/token"));
    assert_eq!(challenges[0].parameter("service"), Some("registry.docker.io"));
    assert_eq!(challenges[0].parameter("scope"), Some("repository:alice/space:pull"));
    assert_eq!(challenges[0].parameter("error"), Some("invalid_token"));
}

#[test]
fn several_challenges_in_one_header_or_in_several() {
    let together = one(
        r#"Negotiate abc/+==, Basic realm="a, \"b\"", charset=UTF-8 , Bearer realm="https://x/t",scope="r:a:pull,push""#,
    );
    assert_eq!(schemes(&together), ["negotiate", "basic", "bearer"]);
    assert_eq!(together[1].parameter("realm"), Some("a, \"b\""));
    assert_eq!(together[1].parameter("charset"), Some("UTF-8"));
    assert_eq!(together[2].parameter("scope"), Some("r:a:pull,push"));

    let apart = parse([b"NTLM".as_slice(), b"Basic", b"Bearer realm = \"https://x/t\""]);
    assert_eq!(schemes(&apart), ["ntlm", "basic", "bearer"]);
    assert_eq!(apart[2].parameter("realm"), Some("https://x/t"));
}

#[test]
fn sloppy_registries_are_understood() {
    let unquoted = one("Bearer realm=https://x/token?a=b,service=reg");
    assert_eq!(unquoted[0].parameter("realm"), Some("https://x/token?a=b"));
    assert_eq!(unquoted[0].parameter("service"), Some("reg"));
    let spaces = one(r#"bearer  realm="https://x/t"  service="s""#);
    assert_eq!(spaces[0].parameter("service"), Some("s"));
    let repeated = one(r#"Bearer realm="https://first",realm="https://second""#);
    assert_eq!(repeated[0].parameter("realm"), Some("https://first"));
}

#[test]
fn what_cannot_be_read_is_dropped() {
    assert_eq!(one(""), []);
    assert_eq!(one(",,, ,"), []);
    assert_eq!(one(r#"Bearer realm="https://x"#)[0].parameter("realm"), None);
    assert_eq!(one(&format!("Basic realm=\"{}\"", "x".repeat(10_000))), []);
    assert_eq!(parse([b"Bearer realm=\"\xff\"".as_slice()])[0].parameter("realm"), None);
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4)) {
        let challenges = parse(values.iter().map(Vec::as_slice));
        prop_assert!(challenges.len() <= 4 * 200);
    }

    #[test]
    fn near_misses_do_not_break_it(value in r#"(Bearer|Basic|realm|service|[a-z]{1,4}|[=,"\\ ]){0,40}"#) {
        one(&value);
    }

    #[test]
    fn quoted_values_come_back(realm in "[ -~]{0,40}", service in "[a-z.]{1,20}") {
        let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
        let challenges = one(&format!("Basic realm=\"x\", Bearer realm=\"{quoted}\", service={service}"));
        prop_assert_eq!(challenges[1].parameter("realm"), Some(realm.as_str()));
        prop_assert_eq!(challenges[1].parameter("service"), Some(service.as_str()));
    }
}
