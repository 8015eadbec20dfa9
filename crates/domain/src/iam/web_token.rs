//! Tokens of identity providers (JSON Web Tokens, RFC 7519): what they say. Whether their signature is good, `control`
//! finds out, because it takes the provider's keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Seconds by which a provider's clock may be off.
const SKEW_SECONDS: i64 = 300;

/// A token, read but not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebToken {
    /// `RS256`, `ES256`
    pub algorithm: String,
    /// Which of the provider's keys signed it.
    pub key_id: Option<String>,
    /// Who issued it: a URL.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// For whom it was issued: `azp` where it is there, and `aud`.
    pub audiences: Vec<String>,
    /// How its subject proved who it is.
    pub methods: Vec<String>,
    /// The signature.
    pub signature: Vec<u8>,
    expires: i64,
    not_before: Option<i64>,
    signed_bytes: usize,
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebTokenError {
    /// It is no token, or lacks what it must say.
    #[error("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")]
    NoToken,
    /// It was good once.
    #[error("Token expired: current date/time {now} must be before the expiration date/time {expires}")]
    Expired {
        /// Now, in seconds since the epoch.
        now: i64,
        /// When it ended.
        expires: i64,
    },
    /// It will be good.
    #[error("The token is not valid yet")]
    NotYet,
    /// It is for somebody else.
    #[error("Incorrect token audience")]
    Audience,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMany,
    azp: Option<String>,
    exp: i64,
    nbf: Option<i64>,
    amr: Option<OneOrMany>,
}

impl WebToken {
    /// Reads a token.
    ///
    /// # Errors
    /// [`WebTokenError::NoToken`]
    pub fn parse(token: &str) -> Result<Self, WebTokenError> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err(WebTokenError::NoToken) };
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| WebTokenError::NoToken);
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| WebTokenError::NoToken)?;
        let claims: Claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| WebTokenError::NoToken)?;
        let mut audiences: Vec<String> = claims.azp.into_iter().collect();
        audiences.extend(claims.aud.all());
        Ok(Self {
            algorithm: header.alg,
            key_id: header.kid,
            issuer: claims.iss,
            subject: claims.sub,
            audiences,
            methods: claims.amr.map(OneOrMany::all).unwrap_or_default(),
            signature: decoded(signature)?,
            expires: claims.exp,
            not_before: claims.nbf,
            signed_bytes: token.len() - signature.len() - 1,
        })
    }

    /// The part of the token's text that is signed.
    pub fn signed<'a>(&self, token: &'a str) -> &'a [u8] {
        token.as_bytes().get(..self.signed_bytes).unwrap_or_default()
    }

    /// The audience for which it is taken, by the time it is good and the audiences that the provider was given.
    ///
    /// # Errors
    /// [`WebTokenError`]
    pub fn check(&self, now_seconds: i64, client_ids: &[String]) -> Result<&str, WebTokenError> {
        if self.expires <= now_seconds {
            return Err(WebTokenError::Expired { now: now_seconds, expires: self.expires });
        }
        if self.not_before.is_some_and(|from| from > now_seconds + SKEW_SECONDS) {
            return Err(WebTokenError::NotYet);
        }
        let taken = self.audiences.iter().find(|audience| client_ids.contains(audience));
        taken.map(String::as_str).ok_or(WebTokenError::Audience)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{WebToken, WebTokenError};

    fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"RS256","kid":"k"}"#), part(claims), part("signature"))
    }

    #[test]
    fn a_token_is_good_in_its_time_and_for_its_audience() {
        let text = token(r#"{"iss":"https://i","sub":"s","aud":["a","b"],"exp":2000,"nbf":1000,"amr":"pwd"}"#);
        let token = WebToken::parse(&text).expect("a token");
        assert_eq!(
            (token.issuer.as_str(), token.subject.as_str(), token.key_id.as_deref()),
            ("https://i", "s", Some("k"))
        );
        assert_eq!(token.signature, b"signature");
        assert_eq!(token.signed(&text), text.rsplit_once('.').expect("three parts").0.as_bytes());
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(token.check(1999, &ids(&["b", "c"])), Ok("b"));
        assert_eq!(token.check(1999, &ids(&["c"])), Err(WebTokenError::Audience));
        assert_eq!(token.check(2000, &ids(&["a"])), Err(WebTokenError::Expired { now: 2000, expires: 2000 }));
        assert_eq!(token.check(699, &ids(&["a"])), Err(WebTokenError::NotYet));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "a.b", "a.b.c", &token("{}"), &token(r#"{"iss":"i","sub":"s","aud":"a"}"#)] {
            assert_eq!(WebToken::parse(text), Err(WebTokenError::NoToken), "{text}");
        }
    }
}
