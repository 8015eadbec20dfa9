#![no_main]
//! Signature Version 4: what a request claims, in its header or its query string.
//!
//! The first lines of the input are the query string, the `Authorization` header and `X-Amz-Date`; the rest is the body.
//! Nobody here knows the secret, so no claim may ever turn out true.

use libfuzzer_sys::fuzz_target;
use wire::sigv4::{Claim, Expected, Request};
use wire::{Sensitive, Timestamp};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut line = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let (query, authorization, date) = (line(), line(), line());
    let mut headers = vec![("host", "localhost"), ("x-amz-target", "X.Y"), ("x-amz-date", date)];
    if !authorization.is_empty() {
        headers.push(("authorization", authorization));
    }
    let body = parts.next().unwrap_or_default();
    let request = Request { method: "POST", path: query, query, headers: &headers, body };
    if let Ok(claim) = Claim::of(&request) {
        let now = Timestamp::from_seconds(1_795_000_000);
        let expected = Expected { regions: &["us-east-1"], service: "ecs", now, skew_seconds: 300 };
        let _ = claim.check_scope_and_time(&expected);
        let secret = Sensitive::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        assert!(claim.check_signature(&request, &secret).is_err(), "a signature without the secret");
    }
});
