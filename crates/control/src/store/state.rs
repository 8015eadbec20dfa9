//! All tables of the server. To add one: a line in the list below and a record in the service's `record.rs`.

use super::{Change, StoreError, Table};

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $record:ty => $name:literal $(ordered by $orders:expr)?,)*) => {
        /// One immutable value of everything the server knows. Cloning it costs next to nothing.
        #[derive(Clone)]
        pub struct State {
            $($(#[$doc])* pub $field: Table<$record>,)*
        }

        impl Default for State {
            fn default() -> Self {
                Self { $($field: Table::new($name)$(.ordered_by(&$orders))?,)* }
            }
        }

        impl State {
            /// Takes a record over from the journal. A table that this version does not know is left alone.
            pub(super) fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), StoreError> {
                match table {
                    $($name => self.$field.load(key, value),)*
                    _ => {
                        tracing::warn!(table, key, "a record of an unknown table is left alone");
                        Ok(())
                    }
                }
            }

            /// What changed since the last call.
            pub(super) fn take_changes(&mut self) -> Result<Vec<Change>, StoreError> {
                let mut changes = Vec::new();
                $(self.$field.take_changes(&mut changes)?;)*
                Ok(changes)
            }
        }
    };
}

tables! {
    /// What belongs to the server itself, by name: ids made at first start.
    server: serde_json::Value => "server",
    /// EC2: virtual private clouds.
    vpcs: crate::ec2::record::VpcRecord => "vpcs",
    /// EC2: subnets.
    subnets: crate::ec2::record::SubnetRecord => "subnets",
    /// EC2: internet gateways.
    internet_gateways: crate::ec2::record::InternetGatewayRecord => "internet_gateways",
    /// EC2: route tables with their routes and associations.
    route_tables: crate::ec2::record::RouteTableRecord => "route_tables",
    /// EC2: security groups with their rules.
    security_groups: crate::ec2::record::SecurityGroupRecord => "security_groups",
    /// EC2: the interfaces of tasks.
    network_interfaces: crate::ec2::record::NetworkInterfaceRecord => "network_interfaces",
    /// EC2: taken addresses, by pool and address.
    addresses: crate::ec2::record::AddressRecord => "addresses",
    /// EC2: where the search for a free address goes on, by pool.
    address_pools: crate::ec2::record::AddressPoolRecord => "address_pools",
    /// ECS clusters.
    clusters: crate::ecs::record::ClusterRecord => "clusters",
    /// ECS task definitions, each revision.
    task_definitions: crate::ecs::record::TaskDefinitionRecord => "task_definitions"
        ordered by crate::ecs::record::TASK_DEFINITION_ORDERS,
    /// ECS families of task definitions, by ARN without revision.
    task_definition_families: crate::ecs::record::FamilyRecord => "task_definition_families",
    /// ECS tasks, by task id (32 hexadecimal digits).
    tasks: crate::ecs::record::TaskRecord => "tasks",
    /// Client tokens of RunTask, by cluster ARN, a space, the token.
    task_client_tokens: crate::ecs::record::ClientTokenRecord => "task_client_tokens",
    /// ECS account settings, by account/region, a space, principal ARN or `default`, a space, name.
    account_settings: crate::ecs::record::AccountSettingRecord => "account_settings",
    /// Log groups of CloudWatch Logs.
    log_groups: crate::logs::record::LogGroup => "log_groups",
    /// Log streams of CloudWatch Logs; their events lie in files.
    log_streams: crate::logs::record::LogStream => "log_streams",
    /// KMS keys with their sealed material.
    kms_keys: crate::kms::record::KeyRecord => "kms_keys",
    /// KMS aliases.
    kms_aliases: crate::kms::record::AliasRecord => "kms_aliases",
    /// KMS grants, by key ARN, `/grant/`, grant id.
    kms_grants: crate::kms::record::GrantRecord => "kms_grants",
    /// IAM users, by account and name in lower case.
    iam_users: crate::iam::record::UserRecord => "iam_users",
    /// IAM roles, by account and name in lower case.
    iam_roles: crate::iam::record::RoleRecord => "iam_roles",
    /// IAM groups, by account and name in lower case.
    iam_groups: crate::iam::record::GroupRecord => "iam_groups",
    /// IAM instance profiles, by account and name in lower case.
    iam_instance_profiles: crate::iam::record::InstanceProfileRecord => "iam_instance_profiles",
    /// What IAM knows of whole accounts, by account.
    iam_accounts: crate::iam::record::AccountRecord => "iam_accounts",
    /// IAM managed policies of accounts, by account and name in lower case.
    iam_policies: crate::iam::record::PolicyRecord => "iam_policies",
    /// Virtual MFA devices, by their serial number (an ARN).
    iam_mfa_devices: crate::iam::record::MfaDeviceRecord => "iam_mfa_devices",
    /// OpenID Connect providers, by their ARN.
    iam_oidc_providers: crate::iam::record::OidcProviderRecord => "iam_oidc_providers",
    /// Access keys, by their id.
    iam_access_keys: crate::iam::record::AccessKeyRecord => "iam_access_keys",
    /// Sessions of the web console, by the id of their temporary key.
    console_sessions: crate::console::record::ConsoleSessionRecord => "console_sessions",
    /// Links that begin a session of the web console, by the hash of their token.
    console_links: crate::console::record::ConsoleLinkRecord => "console_links",
    /// When access keys and roles were used last, by access key id or the role's unique id.
    last_uses: crate::audit::last_used::LastUseRecord => "last_uses",
    /// Secrets with their sealed versions.
    secrets: crate::secretsmanager::record::SecretRecord => "secrets" ordered by crate::secretsmanager::record::SECRET_ORDERS,
    /// SSM parameters with their versions.
    parameters: crate::ssm::record::ParameterRecord => "parameters",
}
