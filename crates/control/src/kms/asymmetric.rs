//! The cryptography of keys with two halves. Private halves are PKCS #8 documents (RFC 5958), public ones
//! SubjectPublicKeyInfo (RFC 5280), both in DER, as KMS gives and takes them.
//!
//! Everything here takes processor time and none of it waits: callers run it beside the runtime's threads
//! ([`beside`]), and make RSA keys only a few at a time ([`generated`]).

use std::time::Duration;

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    self, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair};
use aws_lc_rs::signature::{PqdsaSigningAlgorithm, RsaEncoding, UnparsedPublicKey, VerificationAlgorithm};
use domain::kms::KeySpec;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::error;
use crate::ServiceError;
use crate::limits::{KEY_GENERATION_SECONDS, KEY_GENERATIONS};

/// Both halves of a key.
pub(super) struct KeyPair {
    /// PKCS #8.
    pub(super) private: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo.
    pub(super) public: Vec<u8>,
}

/// What is signed.
#[derive(Clone, Copy)]
pub(super) enum Message<'a> {
    /// The message itself.
    Raw(&'a [u8]),
    /// Its digest.
    Digest(&'a [u8]),
}

/// Why the library did not do it. What it says more would help nobody but an attacker.
#[derive(Debug, thiserror::Error)]
pub(super) enum CryptoError {
    /// The key, the text or the signature is not what it must be.
    #[error("the key, text or signature is not valid")]
    Invalid,
    /// The digest has not the length that the algorithm makes.
    #[error("Digest is invalid length for algorithm {0}.")]
    DigestLength(String),
    /// Nothing here has this spec or algorithm.
    #[error("{0} is not served by Tidegate.")]
    Unsupported(String),
}

impl From<CryptoError> for ServiceError {
    fn from(error: CryptoError) -> Self {
        let code = match error {
            CryptoError::Unsupported(_) => "UnsupportedOperationException",
            CryptoError::Invalid | CryptoError::DigestLength(_) => "ValidationException",
        };
        Self::new(code, error.to_string())
    }
}

macro_rules! invalid_from {
    ($($error:ty),*) => {
        $(impl From<$error> for CryptoError {
            fn from(_: $error) -> Self {
                Self::Invalid
            }
        })*
    };
}
invalid_from!(aws_lc_rs::error::Unspecified, aws_lc_rs::error::KeyRejected);

/// Runs processor-bound work beside the runtime's threads.
///
/// # Errors
/// Those of the work; `KMSInternalException` when it panicked.
pub(super) async fn beside<T: Send + 'static, E: Into<ServiceError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| error::internal())?.map_err(Into::into)
}

/// A new key pair, made beside the runtime. RSA keys take up to seconds, so only a few are made at a time; who waits too
/// long for a turn is throttled, as KMS does it.
pub(super) async fn generated(spec: KeySpec) -> Result<KeyPair, ServiceError> {
    static TURNS: Semaphore = Semaphore::const_new(KEY_GENERATIONS);
    if spec.rsa_bytes().is_none() {
        return beside(move || generate(spec)).await;
    }
    let turn = tokio::time::timeout(Duration::from_secs(KEY_GENERATION_SECONDS), TURNS.acquire()).await;
    let _turn = turn.map_err(|_| error::throttled())?.map_err(|_| error::internal())?;
    beside(move || generate(spec)).await
}

fn generate(spec: KeySpec) -> Result<KeyPair, CryptoError> {
    if let Some(algorithm) = ecdsa(spec) {
        return of_ecdsa(&EcdsaKeyPair::generate(algorithm)?);
    }
    if let Some(algorithm) = ml_dsa(spec) {
        return of_ml_dsa(&PqdsaKeyPair::generate(algorithm)?);
    }
    let size = match spec {
        KeySpec::Rsa2048 => KeySize::Rsa2048,
        KeySpec::Rsa3072 => KeySize::Rsa3072,
        KeySpec::Rsa4096 => KeySize::Rsa4096,
        KeySpec::EccNistEdwards25519 => return of_ed25519(&Ed25519KeyPair::generate()?),
        _ => return Err(CryptoError::Unsupported(format!("A key pair of the spec {}", spec.name()))),
    };
    of_rsa(&rsa::KeyPair::generate(size)?)
}

/// The key pair of a private key that comes from outside, checked.
pub(super) fn parse(spec: KeySpec, private: &[u8]) -> Result<KeyPair, CryptoError> {
    if let Some(algorithm) = ecdsa(spec) {
        return of_ecdsa(&EcdsaKeyPair::from_pkcs8(algorithm, private)?);
    }
    if let Some(algorithm) = ml_dsa(spec) {
        return of_ml_dsa(&PqdsaKeyPair::from_pkcs8(algorithm, private)?);
    }
    if let Some(bytes) = spec.rsa_bytes() {
        let pair = rsa::KeyPair::from_pkcs8(private)?;
        return if pair.public_modulus_len() == bytes { of_rsa(&pair) } else { Err(CryptoError::Invalid) };
    }
    if spec == KeySpec::EccNistEdwards25519 {
        return of_ed25519(&Ed25519KeyPair::from_pkcs8_maybe_unchecked(private)?);
    }
    Err(CryptoError::Unsupported(format!("A key pair of the spec {}", spec.name())))
}

fn of_ecdsa(pair: &EcdsaKeyPair) -> Result<KeyPair, CryptoError> {
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    let private = Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec());
    Ok(KeyPair { private, public: public.as_ref().to_vec() })
}

fn of_ml_dsa(pair: &PqdsaKeyPair) -> Result<KeyPair, CryptoError> {
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    let private = Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec());
    Ok(KeyPair { private, public: public.as_ref().to_vec() })
}

fn of_ed25519(pair: &Ed25519KeyPair) -> Result<KeyPair, CryptoError> {
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    let private = Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec());
    Ok(KeyPair { private, public: public.as_ref().to_vec() })
}

fn of_rsa(pair: &rsa::KeyPair) -> Result<KeyPair, CryptoError> {
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    let private: Pkcs8V1Der<'_> = pair.as_der()?;
    Ok(KeyPair { private: Zeroizing::new(private.as_ref().to_vec()), public: public.as_ref().to_vec() })
}

/// Signs with an algorithm that the key has.
pub(super) fn sign(
    spec: KeySpec,
    algorithm: &str,
    private: &[u8],
    message: Message<'_>,
) -> Result<Vec<u8>, CryptoError> {
    if let Some(curve) = ecdsa(spec) {
        let pair = EcdsaKeyPair::from_pkcs8(curve, private)?;
        return Ok(pair.sign_digest(&digest_of(algorithm, message)?)?.as_ref().to_vec());
    }
    if let Some((_, padding)) = rsa_algorithm(algorithm) {
        let pair = rsa::KeyPair::from_pkcs8(private)?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign_digest(padding, &digest_of(algorithm, message)?, &mut signature)?;
        return Ok(signature);
    }
    let message = whole(algorithm, message)?;
    if let Some(set) = ml_dsa(spec) {
        let pair = PqdsaKeyPair::from_pkcs8(set, private)?;
        let mut signature = vec![0; set.signature_len()];
        let length = pair.sign(message, &mut signature)?;
        signature.truncate(length);
        return Ok(signature);
    }
    Ok(Ed25519KeyPair::from_pkcs8_maybe_unchecked(private)?.try_sign(message)?.as_ref().to_vec())
}

/// Verifies with an algorithm that the key has.
///
/// # Errors
/// [`CryptoError::Invalid`] when the signature is not one of the message by this key.
pub(super) fn verify(
    spec: KeySpec,
    algorithm: &str,
    public: &[u8],
    message: Message<'_>,
    signature: &[u8],
) -> Result<(), CryptoError> {
    let (verification, hashed): (&'static dyn VerificationAlgorithm, bool) = match spec {
        KeySpec::EccNistP256 => (&signature::ECDSA_P256_SHA256_ASN1, true),
        KeySpec::EccNistP384 => (&signature::ECDSA_P384_SHA384_ASN1, true),
        KeySpec::EccNistP521 => (&signature::ECDSA_P521_SHA512_ASN1, true),
        KeySpec::EccSecgP256k1 => (&signature::ECDSA_P256K1_SHA256_ASN1, true),
        KeySpec::EccNistEdwards25519 => (&signature::ED25519, false),
        KeySpec::MlDsa44 => (&signature::ML_DSA_44, false),
        KeySpec::MlDsa65 => (&signature::ML_DSA_65, false),
        KeySpec::MlDsa87 => (&signature::ML_DSA_87, false),
        _ => (rsa_algorithm(algorithm).ok_or(CryptoError::Invalid)?.0, true),
    };
    let key = UnparsedPublicKey::new(verification, public);
    if hashed {
        return Ok(key.verify_digest(&digest_of(algorithm, message)?, signature)?);
    }
    Ok(key.verify(whole(algorithm, message)?, signature)?)
}

/// Encrypts with RSAES-OAEP.
pub(super) fn encrypt(algorithm: &str, public: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public)?)?;
    let mut text = vec![0; key.ciphertext_size()];
    let length = key.encrypt(oaep(algorithm)?, plain, &mut text, None)?.len();
    text.truncate(length);
    Ok(text)
}

/// Decrypts with RSAES-OAEP.
pub(super) fn decrypt(algorithm: &str, private: &[u8], text: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let key = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(private)?)?;
    let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
    let length = key.decrypt(oaep(algorithm)?, text, &mut plain, None)?.len();
    plain.truncate(length);
    Ok(plain)
}

/// The secret that the key shares with the owner of another public key (ECDH; SP 800-56A, 5.7.1.2).
pub(super) fn agree(spec: KeySpec, private: &[u8], public: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let curve = match spec {
        KeySpec::EccNistP256 => &ECDH_P256,
        KeySpec::EccNistP384 => &ECDH_P384,
        KeySpec::EccNistP521 => &ECDH_P521,
        _ => return Err(CryptoError::Unsupported(format!("A shared secret of the spec {}", spec.name()))),
    };
    let own = agreement::PrivateKey::from_private_key_der(curve, private)?;
    let other = agreement::UnparsedPublicKey::new(curve, public);
    agreement::agree(&own, other, CryptoError::Invalid, |secret| Ok(Zeroizing::new(secret.to_vec())))
}

fn ecdsa(spec: KeySpec) -> Option<&'static EcdsaSigningAlgorithm> {
    match spec {
        KeySpec::EccNistP256 => Some(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeySpec::EccNistP384 => Some(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        KeySpec::EccNistP521 => Some(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
        KeySpec::EccSecgP256k1 => Some(&signature::ECDSA_P256K1_SHA256_ASN1_SIGNING),
        _ => None,
    }
}

fn ml_dsa(spec: KeySpec) -> Option<&'static PqdsaSigningAlgorithm> {
    match spec {
        KeySpec::MlDsa44 => Some(&signature::ML_DSA_44_SIGNING),
        KeySpec::MlDsa65 => Some(&signature::ML_DSA_65_SIGNING),
        KeySpec::MlDsa87 => Some(&signature::ML_DSA_87_SIGNING),
        _ => None,
    }
}

fn rsa_algorithm(name: &str) -> Option<(&'static dyn VerificationAlgorithm, &'static dyn RsaEncoding)> {
    Some(match name {
        "RSASSA_PKCS1_V1_5_SHA_256" => (&signature::RSA_PKCS1_2048_8192_SHA256, &signature::RSA_PKCS1_SHA256),
        "RSASSA_PKCS1_V1_5_SHA_384" => (&signature::RSA_PKCS1_2048_8192_SHA384, &signature::RSA_PKCS1_SHA384),
        "RSASSA_PKCS1_V1_5_SHA_512" => (&signature::RSA_PKCS1_2048_8192_SHA512, &signature::RSA_PKCS1_SHA512),
        "RSASSA_PSS_SHA_256" => (&signature::RSA_PSS_2048_8192_SHA256, &signature::RSA_PSS_SHA256),
        "RSASSA_PSS_SHA_384" => (&signature::RSA_PSS_2048_8192_SHA384, &signature::RSA_PSS_SHA384),
        "RSASSA_PSS_SHA_512" => (&signature::RSA_PSS_2048_8192_SHA512, &signature::RSA_PSS_SHA512),
        _ => return None,
    })
}

fn oaep(algorithm: &str) -> Result<&'static OaepAlgorithm, CryptoError> {
    match algorithm {
        "RSAES_OAEP_SHA_1" => Ok(&OAEP_SHA1_MGF1SHA1),
        "RSAES_OAEP_SHA_256" => Ok(&OAEP_SHA256_MGF1SHA256),
        other => Err(CryptoError::Unsupported(format!("The algorithm {other}"))),
    }
}

fn digest_of(algorithm: &str, message: Message<'_>) -> Result<Digest, CryptoError> {
    let hash = match algorithm.rsplit('_').next() {
        Some("256") => &digest::SHA256,
        Some("384") => &digest::SHA384,
        _ => &digest::SHA512,
    };
    match message {
        Message::Raw(message) => Ok(digest::digest(hash, message)),
        Message::Digest(bytes) => {
            Digest::import_less_safe(bytes, hash).map_err(|_| CryptoError::DigestLength(algorithm.to_owned()))
        }
    }
}

/// The message of an algorithm that must see all of it.
fn whole<'a>(algorithm: &str, message: Message<'a>) -> Result<&'a [u8], CryptoError> {
    match message {
        Message::Raw(message) => Ok(message),
        Message::Digest(_) => Err(CryptoError::Unsupported(format!("The message type DIGEST with {algorithm}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asymmetric_spec_signs_what_it_says() {
        for spec in KeySpec::ALL.into_iter().filter(|spec| spec.is_asymmetric() && spec.rsa_bytes() != Some(512)) {
            let pair = generate(spec).expect("a key pair");
            assert_eq!(parse(spec, &pair.private).expect("parses").public, pair.public, "{}", spec.name());
            for algorithm in spec.algorithms(domain::kms::KeyUsage::SignVerify) {
                let message = Message::Raw(b"message");
                let signature = sign(spec, algorithm, &pair.private, message).expect("signs");
                let verified = |message| verify(spec, algorithm, &pair.public, message, &signature);
                assert!(verified(message).is_ok(), "{algorithm}");
                assert!(verified(Message::Raw(b"another")).is_err(), "{algorithm}");
                if !algorithm.contains("SHAKE") && !algorithm.starts_with("ED25519") {
                    let digest = digest_of(algorithm, message).expect("a digest");
                    assert!(verified(Message::Digest(digest.as_ref())).is_ok(), "{algorithm}");
                    let short = verified(Message::Digest(b"short")).expect_err("refused").to_string();
                    assert_eq!(short, format!("Digest is invalid length for algorithm {algorithm}."));
                }
            }
        }
    }

    #[test]
    fn a_private_key_of_another_spec_is_refused() {
        let pair = generate(KeySpec::EccNistP256).expect("a key pair");
        for spec in [KeySpec::EccNistP384, KeySpec::Rsa2048, KeySpec::EccNistEdwards25519, KeySpec::MlDsa44] {
            assert!(parse(spec, &pair.private).is_err(), "{}", spec.name());
        }
    }
}
