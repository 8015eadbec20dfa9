//! The doors of this room that strangers' bytes come through, opened for the fuzz targets in `fuzz/`.
//!
//! The real doors are behind a network, which a fuzzer cannot wait for. This is only there in tests and under
//! cargo-fuzz (`cfg(fuzzing)`), never in a build of the product.

use std::path::Path;

use reqwest::Url;
use zeroize::Zeroizing;

use super::client::Document;
use super::error::ServerWords;
use super::manifest::{Configuration, Manifest, choose};
use super::{auth, challenge, layer, limits};
use domain::image::reference::Digest;

const HOST: &str = "registry.example";

/// Decompresses and unpacks a layer into an empty directory. The error is the words that a person would see.
///
/// # Panics
///
/// A limit did not hold.
pub fn unpack_layer(bytes: &[u8], root: &Path) -> Result<(), String> {
    let unpacked = layer::unpack_bytes(bytes, root).map_err(|error| error.to_string())?;
    assert!(unpacked.entries <= limits::LAYER_ENTRIES && unpacked.bytes <= limits::LAYER_BYTES);
    Ok(())
}

/// Where a token would be asked for, credentials in hand, after this `WWW-Authenticate` of a registry with TLS.
pub fn token_address(header: &[u8]) -> Option<String> {
    let registry = Url::parse(&format!("https://{HOST}/v2/")).ok()?;
    let challenges = challenge::parse([header]);
    let challenge = challenges.iter().find(|challenge| challenge.scheme == "bearer")?;
    let realm = auth::realm(challenge, &registry).ok()??;
    let scopes = auth::scopes(challenge, "library/nginx");
    Some(auth::token_url(&realm, challenge.parameter("service"), &scopes).to_string())
}

/// Reads a manifest or an index and chooses from it, then the same bytes as a configuration.
///
/// # Panics
///
/// A limit did not hold.
pub fn read_manifest(media_type: &str, body: &[u8]) {
    let document = Document { digest: Digest::of(body), media_type: media_type.to_owned(), bytes: body.to_vec() };
    match Manifest::read(&document, HOST) {
        Ok(Manifest::Index(entries)) => {
            assert!(entries.len() <= limits::INDEX_ENTRIES);
            let _ = choose(&entries, "arm64");
        }
        Ok(Manifest::Image(image)) => {
            assert!(image.layers.len() <= limits::LAYERS && image.size() <= limits::IMAGE_BYTES);
        }
        Err(_) => {}
    }
    let _ = Configuration::read(body, 1, HOST);
}

/// Reads a token server's answer.
pub fn read_token(body: &[u8]) -> Option<String> {
    auth::token_of(body).map(|token| token.to_string())
}

/// What is shown of the body of a refusal that may hold the secret.
pub fn words_of_refusal(body: &[u8], secret: &str) -> Option<String> {
    let secrets = [Zeroizing::new(secret.to_owned())];
    ServerWords::new(body, &secrets).map(|words| words.to_string())
}
