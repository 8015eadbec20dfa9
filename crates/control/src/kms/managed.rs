//! AWS managed keys: one per service, region and account, behind `alias/aws/<service>`, made when it is first needed.

use domain::kms::{KeyState, Rotation, key_arn, managed_key_policy};

use super::material;
use super::record::{AliasRecord, KeyManager, KeyRecord};
use crate::store::State;
use crate::{App, ServiceError};

/// The ARN of the account's key for a service (`secretsmanager`) in a region; it is made if it is not there.
pub fn ensure(
    app: &App,
    state: &mut State,
    service: &str,
    region: &str,
    account: &str,
) -> Result<String, ServiceError> {
    let name = format!("alias/aws/{service}");
    let alias_arn = format!("arn:aws:kms:{region}:{account}:{name}");
    if let Some(alias) = state.kms_aliases.get(&alias_arn) {
        return Ok(alias.target_arn.clone());
    }
    let now = app.now();
    let id = app.uuid();
    let arn = key_arn(region, account, &id);
    let key = KeyRecord {
        arn: arn.clone(),
        id,
        account: account.to_owned(),
        description: format!("The key of {service} for this account when no other is chosen"),
        spec: "SYMMETRIC_DEFAULT".into(),
        usage: "ENCRYPT_DECRYPT".into(),
        manager: KeyManager::Aws,
        multi_region: false,
        state: KeyState::Enabled,
        created_at: now,
        deletion_at: None,
        policy: managed_key_policy(service, region, account),
        tags: std::collections::BTreeMap::new(),
        rotation: Some(Rotation::starting(now, None)),
        materials: vec![material::generate(app, &arn)?],
    };
    state.kms_keys.put(&arn, key);
    let alias = AliasRecord { arn: alias_arn.clone(), name, target_arn: arn.clone(), created_at: now, updated_at: now };
    state.kms_aliases.put(&alias_arn, alias);
    Ok(arn)
}
