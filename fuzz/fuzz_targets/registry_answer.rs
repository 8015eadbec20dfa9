#![no_main]
//! What a registry or its token server answers: challenges, manifests and indexes, configurations, tokens, refusals.
//!
//! The first line of the input is a header's value and the rest a body; every door gets both. Credentials go nowhere but
//! over TLS, and a secret that the server sends back is not shown.

use libfuzzer_sys::fuzz_target;
use node::images::fuzzing;

const SECRET: &str = "hunter 2";

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (header, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(address) = fuzzing::token_address(header) {
        assert!(address.starts_with("https://") && address.contains("scope="), "credentials would go to {address}");
    }
    fuzzing::read_manifest(&String::from_utf8_lossy(header), body);
    fuzzing::read_token(body);
    if let Some(words) = fuzzing::words_of_refusal(body, SECRET) {
        assert!(!words.contains(SECRET), "the secret is shown: {words}");
        assert!(!words.contains(char::is_control), "control characters are shown: {words:?}");
    }
});
