//! Names, paths, ARNs, unique ids, and the way from an ARN to a record.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wire::Timestamp;

use super::error::validation;
use super::managed;
use super::record::{PolicyRecord, RoleRecord, UserRecord};
use crate::store::State;
use crate::{App, ServiceError};

/// The key of the record of a user, role or policy.
pub(crate) fn key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

/// `arn:aws:iam::<account>:<kind><path><name>`
pub(super) fn arn(account: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}{path}{name}")
}

/// Account and name of an ARN of this kind (`role`, `user`, `policy`).
fn parts<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let (account, resource) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    let name = resource.strip_prefix(kind)?.strip_prefix('/')?.rsplit('/').next()?;
    Some((account, name))
}

/// The role of an ARN.
pub fn role_by_arn<'a>(state: &'a State, arn: &str) -> Option<&'a Arc<RoleRecord>> {
    let (account, name) = parts(arn, "role")?;
    state.iam_roles.get(&key(account, name)).filter(|role| role.entity.arn == arn)
}

/// The user of an ARN.
pub(crate) fn user_by_arn<'a>(state: &'a State, arn: &str) -> Option<&'a Arc<UserRecord>> {
    let (account, name) = parts(arn, "user")?;
    state.iam_users.get(&key(account, name)).filter(|user| user.entity.arn == arn)
}

/// The names of the inline policies of a role or user.
pub(crate) fn inline_names(state: &State, arn: &str) -> Vec<String> {
    let of_role = role_by_arn(state, arn).map(|role| &role.entity);
    let entity = of_role.or_else(|| user_by_arn(state, arn).map(|user| &user.entity));
    entity.iter().flat_map(|entity| entity.inline.keys().cloned()).collect()
}

/// The managed policy of an ARN: AWS's, or one of the account's.
pub(crate) fn policy_by_arn<'a>(state: &'a State, arn: &str) -> Option<&'a PolicyRecord> {
    let (account, name) = parts(arn, "policy")?;
    if account == "aws" {
        return managed::by_arn(arn);
    }
    state.iam_policies.get(&key(account, name)).map(|policy| &**policy).filter(|policy| policy.arn == arn)
}

/// An error for what is no ARN.
pub(super) fn check_arn(arn: &str) -> Result<(), ServiceError> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() == Some("arn") && parts.count() == 5 {
        return Ok(());
    }
    Err(validation("Invalid ARN:  Could not be parsed!"))
}

/// A path that may be absent.
pub(super) fn path(given: Option<&str>) -> Result<String, ServiceError> {
    let path = given.unwrap_or("/");
    let valid = path == "/"
        || (path.len() > 2
            && path.starts_with('/')
            && path.ends_with('/')
            && path.len() <= 512
            && !path.contains("//"));
    if !valid || path.bytes().any(|byte| !(0x21..=0x7f).contains(&byte)) {
        return Err(validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    Ok(path.to_owned())
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A unique id: the prefix and 17 characters.
pub(super) fn unique_id(app: &App, prefix: &str) -> String {
    let random: [u8; 17] = app.random_bytes();
    random.iter().fold(prefix.to_owned(), |mut id, byte| {
        id.push(char::from(BASE32[usize::from(byte & 31)]));
        id
    })
}

/// Bytes in base 32 (RFC 4648) without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            let digit = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
            text.push(char::from(BASE32[digit]));
        }
    }
    text
}

/// An access key id: the prefix and 16 characters that carry the account as AWS's do, so that GetAccessKeyInfo can
/// tell the account of any key.
pub(crate) fn access_key_id(app: &App, prefix: &str, account: &str) -> String {
    let mut bytes: [u8; 10] = app.random_bytes();
    let number: u64 = account.parse().unwrap_or_default();
    let head = (number << 7).to_be_bytes();
    for (byte, account_bits) in bytes.iter_mut().zip(&head[2..]).take(5) {
        *byte = *account_bits;
    }
    bytes[0] |= 0x80;
    bytes[5] = (head[7] & 0x80) | (bytes[5] & 0x7f);
    let bits = bytes.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    (0..16).rev().fold(prefix.to_owned(), |mut id, place| {
        id.push(char::from(BASE32[usize::try_from(bits >> (place * 5) & 31).unwrap_or_default()]));
        id
    })
}

/// The account that an access key id carries; `None` if it carries none.
pub(crate) fn account_of_access_key(id: &str) -> Option<String> {
    let digits = id.get(4..).filter(|digits| id.len() == 20 && digits.is_ascii())?;
    let mut bits = 0_u128;
    for digit in digits.bytes() {
        let value = BASE32.iter().position(|known| *known == digit)?;
        bits = bits << 5 | u128::try_from(value).ok()?;
    }
    let head = (bits >> 32) & 0x7fff_ffff_ff80;
    Some(format!("{:012}", head >> 7))
}

/// A secret access key: 40 characters.
pub(crate) fn secret_access_key(app: &App) -> wire::Sensitive {
    use base64::Engine as _;
    let mut random: [u8; 30] = app.random_bytes();
    let secret = base64::engine::general_purpose::STANDARD.encode(random);
    zeroize::Zeroize::zeroize(&mut random);
    secret.into()
}

/// Now, in whole seconds, as IAM keeps its dates.
pub(crate) fn now(app: &App) -> Timestamp {
    Timestamp::from_seconds(app.now().seconds())
}

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A document as IAM's answers carry it (RFC 3986).
pub(super) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, UNRESERVED).to_string()
}
