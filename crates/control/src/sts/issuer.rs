//! The keys of an identity provider: found as OpenID Connect Discovery says, asked anew for every token, and used to
//! verify its signature. Only https is spoken; http only with this machine itself, for tests.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::iam::WebToken;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ServiceError;

/// How long a provider may take for each of its two documents.
const DEADLINE: Duration = Duration::from_secs(5);
/// How large each may be.
const DOCUMENT_BYTES: usize = 256 * 1024;

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// A JSON Web Key (RFC 7517), as far as it matters here.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// Verifies that the token's issuer signed it.
///
/// # Errors
/// `IDPCommunicationError` when the provider does not tell its keys, `InvalidIdentityToken` when none of them signed.
pub(super) async fn verify(token: &WebToken, text: &str) -> Result<(), ServiceError> {
    let issuer = token.issuer.trim_end_matches('/');
    let configuration: Configuration = fetch(&format!("{issuer}/.well-known/openid-configuration")).await?;
    if configuration.issuer.trim_end_matches('/') != issuer {
        return Err(no_keys("the issuer of its configuration is another one"));
    }
    let set: KeySet = fetch(&configuration.jwks_uri).await?;
    let named = set.keys.iter().filter(|key| token.key_id.is_none() || key.kid == token.key_id);
    if named.into_iter().any(|key| key.signed(token, text)) {
        return Ok(());
    }
    Err(ServiceError::new("InvalidIdentityToken", "The signature of the token could not be verified."))
}

impl Key {
    fn signed(&self, token: &WebToken, text: &str) -> bool {
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let (message, signature) = (token.signed(text), token.signature.as_slice());
        match (token.algorithm.as_str(), self.kty.as_str()) {
            ("RS256", "RSA") => {
                let key = RsaPublicKeyComponents { n: number(&self.n), e: number(&self.e) };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            ("ES256", "EC") if self.crv == "P-256" => {
                let point = [&[4_u8][..], &number(&self.x), &number(&self.y)].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

async fn fetch<T: DeserializeOwned>(address: &str) -> Result<T, ServiceError> {
    let address = Url::parse(address).map_err(|_| no_keys("an address of it is none"))?;
    let is_here = matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if address.scheme() != "https" && !(address.scheme() == "http" && is_here) {
        return Err(no_keys("it must be asked over https"));
    }
    // A redirect would lead where nobody looked.
    let client = Client::builder().timeout(DEADLINE).redirect(reqwest::redirect::Policy::none()).build();
    let failed = |error: reqwest::Error| {
        tracing::info!(%error, "an identity provider does not answer");
        no_keys("it does not answer as it should; see the server's log")
    };
    let answer = client.map_err(failed)?.get(address).send().await.map_err(failed)?;
    let mut answer = match answer.status().as_u16() {
        200 => answer,
        status => return Err(no_keys(&format!("it answers with status {status}"))),
    };
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > DOCUMENT_BYTES {
            return Err(no_keys("its answer is too large"));
        }
    }
    serde_json::from_slice(&body).map_err(|_| no_keys("its answer is not what OpenID Connect says"))
}

fn no_keys(reason: &str) -> ServiceError {
    let message = format!("Couldn't retrieve verification key from your identity provider: {reason}.");
    ServiceError::new("IDPCommunicationError", message)
}
