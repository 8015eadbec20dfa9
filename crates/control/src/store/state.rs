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
}
