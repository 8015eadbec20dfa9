//! AWS's published vectors, and requests that must be refused.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{Claim, Expected, Request, SignatureError, Signer, canonical, signed_headers, time_of};
use crate::{Protocol, Sensitive, Timestamp};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request as text: the request line, headers (a line that begins with a space continues the one before), body.
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Sent {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let line = lines.next().expect("a request line").strip_suffix(" HTTP/1.1").expect("HTTP/1.1");
        let (method, target) = line.split_once(' ').expect("a method");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if let (true, Some((_, value))) = (line.starts_with(' '), headers.last_mut()) {
                value.push_str(line);
            } else {
                let (name, value) = line.split_once(':').expect("a header");
                headers.push((name.to_lowercase(), value.to_owned()));
            }
        }
        Self { method: method.into(), path: path.into(), query: query.into(), headers, body: body.into() }
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn borrowed(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn request<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request { method: &self.method, path: &self.path, query: &self.query, headers, body: self.body.as_bytes() }
    }
}

fn vectors() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let entries = std::fs::read_dir(folder).expect("the vectors are there");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

fn expected(now: &str) -> Expected<'static> {
    let now = time_of(now).expect("a time");
    Expected { region: "us-east-1", service: "service", now, skew_seconds: 300 }
}

fn verify(request: &Request<'_>, expected: &Expected<'_>) -> Result<(), SignatureError> {
    let claim = Claim::of(request)?;
    claim.check_scope_and_time(expected)?;
    claim.check_signature(request, &SECRET.into())
}

#[test]
fn the_published_vectors_hold() {
    let folders = vectors();
    assert_eq!(folders.len(), 34);
    for folder in folders {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a vector's file");
        let name = folder.display();
        let authorization = read("authz");
        let mut sent = Sent::read(&read("req")).with_header("authorization", &authorization);
        if folder.ends_with("get-vanilla-with-session-token") {
            // This one gives its token only in the canonical request.
            sent = sent.with_header(
                "x-amz-security-token",
                "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
            );
        }
        let headers = sent.borrowed();
        let request = sent.request(&headers);
        let claim = Claim::of(&request).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(claim.access_key_id, "AKIDEXAMPLE");
        let names: Vec<&str> = claim.signed_headers.iter().map(String::as_str).collect();
        let payload_hash = hex::encode(Sha256::digest(request.body));
        let canonical = canonical::request(&request, &names, &payload_hash).expect("all headers are there");
        assert_eq!(canonical, read("creq"), "{name}");
        verify(&request, &expected("20150830T123600Z")).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn vanilla() -> Sent {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/get-vanilla");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a vector's file");
    Sent::read(&read("req")).with_header("authorization", &read("authz"))
}

fn refusal(sent: &Sent, expected: &Expected<'_>) -> SignatureError {
    let headers = sent.borrowed();
    verify(&sent.request(&headers), expected).expect_err("refused")
}

#[test]
fn time_and_scope_are_checked() {
    let sent = vanilla();
    let late = refusal(&sent, &expected("20150830T124101Z"));
    assert_eq!(
        late.to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
    );
    let early = refusal(&sent, &expected("20150830T123059Z"));
    assert!(early.to_string().starts_with("Signature not yet current: 20150830T123600Z is still later than"));
    let now = expected("20150830T123600Z");
    let region = refusal(&sent, &Expected { region: "eu-west-1", ..now });
    assert!(region.to_string().starts_with("Credential should be scoped to a valid Region, not 'us-east-1'"));
    let service = refusal(&sent, &Expected { service: "ecs", ..now });
    assert!(service.to_string().starts_with("Credential should be scoped to correct service: 'ecs'"));
}

#[test]
fn any_change_is_noticed() {
    let now = expected("20150830T123600Z");
    let changes: [fn(&mut Sent); 5] = [
        |sent| sent.method = "POST".into(),
        |sent| sent.path = "/x".into(),
        |sent| sent.query = "a=b".into(),
        |sent| sent.body = "x".into(),
        |sent| sent.headers[0].1 = "example.com".into(),
    ];
    for change in changes {
        let mut sent = vanilla();
        change(&mut sent);
        assert_eq!(refusal(&sent, &now), SignatureError::Mismatch);
    }
    let unsigned = vanilla().with_header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert!(matches!(refusal(&unsigned, &now), SignatureError::Incomplete(_)));
}

#[test]
fn incomplete_headers_are_refused() {
    let now = expected("20150830T123600Z");
    let good = vanilla().headers.pop().expect("the authorization").1;
    let whole = good.clone() + ", Signature=00";
    for authorization in [
        "",
        "Basic dGVzdDp0ZXN0",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request",
        &good.replace("host;", ""),
        &good.replace("host;", "host;host;"),
        &good.replace("host;", "Host;"),
        &good.replace("/us-east-1", ""),
        &good.replace("Signature=", "Signature=zz"),
        &whole,
    ] {
        let mut sent = vanilla();
        sent.headers.pop();
        let sent = sent.with_header("authorization", authorization);
        assert!(matches!(refusal(&sent, &now), SignatureError::Incomplete(_)), "{authorization}");
    }
    let twice = vanilla().with_header("authorization", &good);
    assert!(matches!(refusal(&twice, &now), SignatureError::Incomplete(_)));
    let target = vanilla().with_header("x-amz-target", "Service.Delete");
    assert!(matches!(refusal(&target, &now), SignatureError::Incomplete(_)));
    let mut unsigned = vanilla();
    unsigned.headers.pop();
    assert_eq!(refusal(&unsigned, &now), SignatureError::Missing);
}

#[test]
fn what_we_sign_verifies() {
    let secret = Sensitive::from(SECRET);
    let now = Timestamp::from_seconds(1_790_000_000);
    let headers = [("host", "127.0.0.1:4566"), ("content-type", "application/x-amz-json-1.1")];
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: b"{}" };
    let signer = Signer {
        access_key_id: "ASIAEXAMPLE",
        secret_access_key: &secret,
        session_token: Some("token"),
        region: "us-east-1",
        service: "ecs",
    };
    let added = signed_headers(&request, &signer, now);
    let mut headers = headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let request = Request { headers: &headers, ..request };
    let expected = Expected { region: "us-east-1", service: "ecs", now, skew_seconds: 300 };
    verify(&request, &expected).expect("verifies");
    let claim = Claim::of(&request).expect("a claim");
    assert_eq!((claim.access_key_id.as_str(), claim.session_token.as_deref()), ("ASIAEXAMPLE", Some("token")));
}

/// Made with botocore 1.43.11's `SigV4QueryAuth` for the vectors' key.
#[test]
fn a_presigned_request_counts_for_its_time() {
    let query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\
                 AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&\
                 X-Amz-SignedHeaders=host&X-Amz-Signature=0c5c45e4472b6fa30a235657c8f5ac0d8b0864f2dd92ac7dfe9f9ae61437410a";
    let mut sent = Sent::read("GET / HTTP/1.1\nHost:example.amazonaws.com");
    sent.query = query.to_owned();
    let headers = sent.borrowed();
    verify(&sent.request(&headers), &expected("20150830T123659Z")).expect("verifies");
    assert!(matches!(refusal(&sent, &expected("20150830T123701Z")), SignatureError::Expired { .. }));
    let mut longer = sent;
    longer.query = query.replace("Expires=60", "Expires=600");
    assert_eq!(refusal(&longer, &expected("20150830T123659Z")), SignatureError::Mismatch);
    longer.query = query.replace("Expires=60", "Expires=604801");
    assert!(matches!(refusal(&longer, &expected("20150830T123659Z")), SignatureError::Incomplete(_)));
}

#[test]
fn each_protocol_has_its_code() {
    let codes =
        |error: &SignatureError| [Protocol::Json, Protocol::Query, Protocol::Ec2].map(|protocol| error.code(protocol));
    assert_eq!(codes(&SignatureError::Mismatch), ["InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"]);
    assert_eq!(
        codes(&SignatureError::UnknownKey),
        ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"]
    );
    assert_eq!(codes(&SignatureError::SessionExpired), ["ExpiredTokenException", "ExpiredToken", "RequestExpired"]);
}

proptest! {
    #[test]
    fn no_header_breaks_the_parser(authorization in "(AWS4-HMAC-SHA256 )?[ -~]{0,80}", date in "[0-9TZ]{0,20}", query in "[ -~]{0,60}") {
        let headers = [("host", "x"), ("x-amz-date", date.as_str()), ("authorization", authorization.as_str())];
        let request = Request { method: "POST", path: "/", query: &query, headers: &headers, body: b"" };
        prop_assert!(verify(&request, &expected("20150830T123600Z")).is_err());
    }

    #[test]
    fn no_field_breaks_the_parser(fields in proptest::collection::vec("(Credential|SignedHeaders|Signature)=[a-z0-9/;=-]{0,40}", 0..5)) {
        let authorization = format!("AWS4-HMAC-SHA256 {}", fields.join(", "));
        let headers = [("host", "x"), ("x-amz-date", "20150830T123600Z"), ("authorization", authorization.as_str())];
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
        prop_assert!(verify(&request, &expected("20150830T123600Z")).is_err());
    }

    #[test]
    fn no_path_or_query_breaks_the_canonical_request(path in "[ -~]{0,40}", query in "[ -~]{0,40}") {
        let request = Request { method: "GET", path: &path, query: &query, headers: &[("host", "x")], body: b"" };
        prop_assert!(canonical::request(&request, &["host"], "").is_some());
    }
}
