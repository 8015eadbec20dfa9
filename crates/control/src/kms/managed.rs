//! AWS managed keys: one per service, region and account, behind `alias/aws/<service>`, made when it is first needed.

use domain::kms::{KeySpec, KeyState, KeyUsage, Rotation, key_arn, managed_key_policy};

use super::material;
use super::record::{AliasRecord, KeyManager, KeyRecord, Origin};
use crate::seal::KEY_BYTES;
use crate::store::State;
use crate::{App, ServiceError};

/// The services whose keys DescribeKey makes when it is asked for them by their alias.
const SERVICES: [&str; 20] = [
    "acm",
    "backup",
    "dynamodb",
    "ebs",
    "ecr",
    "elasticfilesystem",
    "es",
    "fsx",
    "glue",
    "kinesis",
    "lambda",
    "rds",
    "redshift",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "workspaces",
    "xray",
];

/// The service of an alias of AWS's.
pub(super) fn service_of_alias(key_id: &str) -> Option<&'static str> {
    let name = key_id.strip_prefix("alias/aws/")?;
    SERVICES.into_iter().find(|service| *service == name)
}

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
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        manager: KeyManager::Aws,
        origin: Origin::AwsKms,
        multi_region: false,
        primary_arn: None,
        state: KeyState::Enabled,
        created_at: now,
        deletion_at: None,
        deletion_window_days: None,
        policy: managed_key_policy(service, region, account),
        tags: std::collections::BTreeMap::new(),
        rotation: Some(Rotation::starting(now, None)),
        materials: vec![material::secret(app, &arn, KEY_BYTES)?],
        next_material: None,
    };
    state.kms_keys.put(&arn, key);
    let alias = AliasRecord { arn: alias_arn.clone(), name, target_arn: arn.clone(), created_at: now, updated_at: now };
    state.kms_aliases.put(&alias_arn, alias);
    Ok(arn)
}
