//! What a key is made of (its spec), what it is for (its usage), and which algorithms follow from the two.
//!
//! The tables are those of the KMS developer guide ("Key spec reference"). Of what KMS knows only SM2 is missing, which
//! AWS itself has in China alone.

use serde::{Deserialize, Serialize};

/// The spec of a key (`KeySpec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeySpec {
    /// AES-256 in GCM, which never leaves KMS.
    SymmetricDefault,
    /// HMAC with SHA-224.
    Hmac224,
    /// HMAC with SHA-256.
    Hmac256,
    /// HMAC with SHA-384.
    Hmac384,
    /// HMAC with SHA-512.
    Hmac512,
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
    /// NIST P-256.
    EccNistP256,
    /// NIST P-384.
    EccNistP384,
    /// NIST P-521.
    EccNistP521,
    /// secp256k1.
    EccSecgP256k1,
    /// Ed25519.
    EccNistEdwards25519,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
}

/// What a key is for (`KeyUsage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyUsage {
    /// Encrypt and decrypt.
    EncryptDecrypt,
    /// Sign and verify.
    SignVerify,
    /// Generate and verify message authentication codes.
    GenerateVerifyMac,
    /// Derive shared secrets.
    KeyAgreement,
}

/// A spec or usage that is not known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not served by Tidegate.")]
pub struct UnknownSpec(pub String);

/// A key that cannot be made, in KMS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Only symmetric encryption keys have a usage of their own.
    #[error("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")]
    Missing,
    /// The spec is for something else.
    #[error("KeyUsage {} is not compatible with KeySpec {}", .usage.name(), .spec.name())]
    Incompatible {
        /// What was asked for.
        usage: KeyUsage,
        /// Of which spec.
        spec: KeySpec,
    },
}

const RSA_SIGNING: &[&str] = &[
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
];

impl KeySpec {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::SymmetricDefault,
        Self::Hmac224,
        Self::Hmac256,
        Self::Hmac384,
        Self::Hmac512,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::EccNistP256,
        Self::EccNistP384,
        Self::EccNistP521,
        Self::EccSecgP256k1,
        Self::EccNistEdwards25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SymmetricDefault => "SYMMETRIC_DEFAULT",
            Self::Hmac224 => "HMAC_224",
            Self::Hmac256 => "HMAC_256",
            Self::Hmac384 => "HMAC_384",
            Self::Hmac512 => "HMAC_512",
            Self::Rsa2048 => "RSA_2048",
            Self::Rsa3072 => "RSA_3072",
            Self::Rsa4096 => "RSA_4096",
            Self::EccNistP256 => "ECC_NIST_P256",
            Self::EccNistP384 => "ECC_NIST_P384",
            Self::EccNistP521 => "ECC_NIST_P521",
            Self::EccSecgP256k1 => "ECC_SECG_P256K1",
            Self::EccNistEdwards25519 => "ECC_NIST_EDWARDS25519",
            Self::MlDsa44 => "ML_DSA_44",
            Self::MlDsa65 => "ML_DSA_65",
            Self::MlDsa87 => "ML_DSA_87",
        }
    }

    /// The spec of this name.
    ///
    /// # Errors
    /// [`UnknownSpec`].
    pub fn parse(name: &str) -> Result<Self, UnknownSpec> {
        let unknown = || UnknownSpec(format!("The key spec {name}"));
        Self::ALL.into_iter().find(|spec| spec.name() == name).ok_or_else(unknown)
    }

    /// The usages that a key of this spec can have; the first is the usual one.
    pub const fn usages(self) -> &'static [KeyUsage] {
        match self {
            Self::SymmetricDefault => &[KeyUsage::EncryptDecrypt],
            Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => &[KeyUsage::GenerateVerifyMac],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[KeyUsage::EncryptDecrypt, KeyUsage::SignVerify],
            Self::EccNistP256 | Self::EccNistP384 | Self::EccNistP521 => {
                &[KeyUsage::SignVerify, KeyUsage::KeyAgreement]
            }
            Self::EccSecgP256k1 | Self::EccNistEdwards25519 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => {
                &[KeyUsage::SignVerify]
            }
        }
    }

    /// The usage of a new key of this spec.
    ///
    /// # Errors
    /// [`UsageError`]: none was given where one must be, or another one than the spec has.
    pub fn usage(self, asked: Option<KeyUsage>) -> Result<KeyUsage, UsageError> {
        let usage = match asked {
            None if self == Self::SymmetricDefault => KeyUsage::EncryptDecrypt,
            None => return Err(UsageError::Missing),
            Some(usage) => usage,
        };
        let fits = self.usages().contains(&usage);
        if fits { Ok(usage) } else { Err(UsageError::Incompatible { usage, spec: self }) }
    }

    /// The names of the algorithms that a key of this spec and usage works with.
    pub const fn algorithms(self, usage: KeyUsage) -> &'static [&'static str] {
        match (self, usage) {
            (Self::SymmetricDefault, _) => &["SYMMETRIC_DEFAULT"],
            (Self::Hmac224, _) => &["HMAC_SHA_224"],
            (Self::Hmac256, _) => &["HMAC_SHA_256"],
            (Self::Hmac384, _) => &["HMAC_SHA_384"],
            (Self::Hmac512, _) => &["HMAC_SHA_512"],
            (Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096, KeyUsage::EncryptDecrypt) => {
                &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
            }
            (Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096, _) => RSA_SIGNING,
            (_, KeyUsage::KeyAgreement) => &["ECDH"],
            (Self::EccNistP256 | Self::EccSecgP256k1, _) => &["ECDSA_SHA_256"],
            (Self::EccNistP384, _) => &["ECDSA_SHA_384"],
            (Self::EccNistP521, _) => &["ECDSA_SHA_512"],
            (Self::EccNistEdwards25519, _) => &["ED25519_SHA_512"],
            (Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87, _) => &["ML_DSA_SHAKE_256"],
        }
    }

    /// Whether it has a private and a public half.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::SymmetricDefault | Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512)
    }

    /// The length of the material in bytes, of a key that has no public half.
    pub const fn secret_bytes(self) -> Option<usize> {
        match self {
            Self::SymmetricDefault | Self::Hmac256 => Some(32),
            Self::Hmac224 => Some(28),
            Self::Hmac384 => Some(48),
            Self::Hmac512 => Some(64),
            _ => None,
        }
    }

    /// The modulus of an RSA key, in bytes.
    pub const fn rsa_bytes(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(256),
            Self::Rsa3072 => Some(384),
            Self::Rsa4096 => Some(512),
            _ => None,
        }
    }

    /// The longest text, in bytes, that an RSA key encrypts with an OAEP algorithm of this name (RFC 8017, 7.1.1).
    pub fn oaep_bytes(self, algorithm: &str) -> Option<usize> {
        let hash = if algorithm.ends_with("SHA_1") { 20 } else { 32 };
        self.rsa_bytes().map(|modulus| modulus - 2 * hash - 2)
    }
}

impl KeyUsage {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EncryptDecrypt => "ENCRYPT_DECRYPT",
            Self::SignVerify => "SIGN_VERIFY",
            Self::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
            Self::KeyAgreement => "KEY_AGREEMENT",
        }
    }

    /// The usage of this name.
    ///
    /// # Errors
    /// [`UnknownSpec`].
    pub fn parse(name: &str) -> Result<Self, UnknownSpec> {
        let all = [Self::EncryptDecrypt, Self::SignVerify, Self::GenerateVerifyMac, Self::KeyAgreement];
        let unknown = || UnknownSpec(format!("The key usage {name}"));
        all.into_iter().find(|usage| usage.name() == name).ok_or_else(unknown)
    }
}

impl From<KeySpec> for String {
    fn from(spec: KeySpec) -> Self {
        spec.name().to_owned()
    }
}

impl TryFrom<String> for KeySpec {
    type Error = UnknownSpec;

    fn try_from(name: String) -> Result<Self, UnknownSpec> {
        Self::parse(&name)
    }
}

impl From<KeyUsage> for String {
    fn from(usage: KeyUsage) -> Self {
        usage.name().to_owned()
    }
}

impl TryFrom<String> for KeyUsage {
    type Error = UnknownSpec;

    fn try_from(name: String) -> Result<Self, UnknownSpec> {
        Self::parse(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for spec in KeySpec::ALL {
            assert_eq!(KeySpec::parse(spec.name()), Ok(spec));
            assert!(spec.usages().iter().all(|usage| !spec.algorithms(*usage).is_empty()));
        }
        let unknown = KeySpec::parse("SM2").expect_err("not served").to_string();
        assert_eq!(unknown, "The key spec SM2 is not served by Tidegate.");
    }

    #[test]
    fn a_usage_must_be_said_and_fit() {
        assert_eq!(KeySpec::SymmetricDefault.usage(None), Ok(KeyUsage::EncryptDecrypt));
        assert_eq!(KeySpec::Hmac256.usage(None), Err(UsageError::Missing));
        let refused = KeySpec::Rsa2048.usage(Some(KeyUsage::KeyAgreement)).expect_err("refused").to_string();
        assert_eq!(refused, "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048");
    }

    #[test]
    fn oaep_leaves_what_rfc_8017_says() {
        // The numbers of the KMS API reference, Encrypt.
        let sizes = [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096]
            .map(|spec| [spec.oaep_bytes("RSAES_OAEP_SHA_1"), spec.oaep_bytes("RSAES_OAEP_SHA_256")]);
        assert_eq!(sizes, [[Some(214), Some(190)], [Some(342), Some(318)], [Some(470), Some(446)]]);
        assert_eq!(KeySpec::EccNistP256.oaep_bytes("RSAES_OAEP_SHA_1"), None);
    }
}
