//! GetRandomPassword.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::secretsmanager::{GetRandomPasswordInput, GetRandomPasswordOutput};
use domain::secrets::{CharacterType, PasswordRules, random_password};

use super::error;
use crate::{Access, App, Authorized, Request, ServiceError};

const DEFAULT_LENGTH: i64 = 32;

/// GetRandomPassword.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<GetRandomPasswordInput>,
) -> Result<GetRandomPasswordOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("secretsmanager:GetRandomPassword")))?;
    let types: BTreeSet<CharacterType> = [
        (CharacterType::Lowercase, input.exclude_lowercase != Some(true)),
        (CharacterType::Uppercase, input.exclude_uppercase != Some(true)),
        (CharacterType::Numbers, input.exclude_numbers != Some(true)),
        (CharacterType::Punctuation, input.exclude_punctuation != Some(true)),
        (CharacterType::Space, input.include_space == Some(true)),
    ]
    .into_iter()
    .filter_map(|(kind, wanted)| wanted.then_some(kind))
    .collect();
    let length = usize::try_from(input.password_length.unwrap_or(DEFAULT_LENGTH)).unwrap_or_default();
    let required = if input.require_each_included_type == Some(false) { BTreeSet::new() } else { types.clone() };
    let rules = PasswordRules { length, types, excluded: input.exclude_characters.unwrap_or_default(), required };
    let password = random_password(&rules, |below| uniform(&app, below))
        .map_err(|error| error::invalid_parameter(error.to_string()))?;
    Ok(GetRandomPasswordOutput { random_password: Some(password) })
}

/// A uniformly random number below `below`: draws that would lean towards the small numbers are thrown away.
fn uniform(app: &App, below: usize) -> usize {
    let below = below as u64;
    let fair = u64::MAX - u64::MAX % below;
    loop {
        let drawn = u64::from_ne_bytes(app.random_bytes());
        if drawn < fair {
            return usize::try_from(drawn % below).unwrap_or_default();
        }
    }
}
