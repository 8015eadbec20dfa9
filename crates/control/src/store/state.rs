//! All tables of the server. To add one: a line in the list below and a record in the service's `record.rs`.

use super::{Change, StoreError, Table};

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $record:ty => $name:literal,)*) => {
        /// One immutable value of everything the server knows. Cloning it costs next to nothing.
        #[derive(Clone)]
        pub struct State {
            $($(#[$doc])* pub $field: Table<$record>,)*
        }

        impl Default for State {
            fn default() -> Self {
                Self { $($field: Table::new($name),)* }
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
    /// ECS families of task definitions, by ARN without revision.
    task_definition_families: crate::ecs::record::FamilyRecord => "task_definition_families",
    /// ECS tasks, by task id (32 hexadecimal digits).
    tasks: crate::ecs::record::TaskRecord => "tasks",
    /// Client tokens of RunTask, by cluster ARN, a space, the token.
    task_client_tokens: crate::ecs::record::ClientTokenRecord => "task_client_tokens",
    /// ECS account settings, by account, a space, principal ARN or `default`, a space, name.
    account_settings: crate::ecs::record::AccountSettingRecord => "account_settings",
}
