//! What of a request and its answer may be written down.
//!
//! First come the types: everything that a model marks as sensitive, and every byte string, is hidden by `wire::shown`.
//! Then come the names of what holds secrets although its model does not say so. A test goes through the models and
//! fails when a member that sounds like a secret is neither hidden nor known to be harmless.

use serde::Serialize;
use serde_json::{Value, json};
use wire::shown::{HIDDEN, shown};

use crate::limits::AUDIT_PARAMETERS_BYTES;

/// Members that are hidden whatever they hold, in lower case.
pub(super) const HIDDEN_MEMBERS: &[&str] = &[
    "clientdata",
    "clientdatatoken",
    "granttoken",
    "granttokens",
    "logevents",
    "password",
    "plaintext",
    "secretaccesskey",
    "secretbinary",
    "secretstring",
    "sessiontoken",
    "tokencode",
    "webidentitytoken",
];
/// Lists of name and value, of which only the names are kept, in lower case.
const HIDDEN_VALUES: &[&str] = &["environment"];

/// The shape as an event keeps it; one that is too long is left out, as CloudTrail does it.
pub(super) fn kept<T: Serialize + ?Sized>(shape: &T) -> Value {
    let mut value = shown(shape);
    hide(&mut value);
    let bytes = serde_json::to_vec(&value).map_or(0, |text| text.len());
    if bytes > AUDIT_PARAMETERS_BYTES {
        return json!({"omitted": true, "originalSize": bytes, "reason": "too large"});
    }
    value
}

fn hide(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.to_ascii_lowercase();
                if HIDDEN_MEMBERS.contains(&name.as_str()) {
                    *member = HIDDEN.into();
                } else if HIDDEN_VALUES.contains(&name.as_str()) {
                    hide_values(member);
                } else {
                    hide(member);
                }
            }
        }
        _ => {}
    }
}

fn hide_values(list: &mut Value) {
    let Value::Array(items) = list else {
        *list = HIDDEN.into();
        return;
    };
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        for (name, value) in item {
            if name != "name" {
                *value = HIDDEN.into();
            }
        }
    }
}
