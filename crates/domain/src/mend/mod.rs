//! Mends: what makes a broken link good, as operations of AWS with their inputs.
//!
//! A mend *adds* to what is there and never replaces it: a policy under a name that is free, a statement beside the
//! others, a new revision that carries everything else over. Here a mend is made, purely, from what broke and what is
//! there; whether it mends is tried by the control plane before it is offered. The command line prints it ([`Step::command`]),
//! the console performs it.

mod again;
mod cli;
mod definition;
mod fault;
mod identity;
mod image;
mod login;
mod made;
mod trust;

use serde_json::Value;

pub use again::{again, with_definition, with_public_address};
pub use definition::{definition_input, with_create_group, with_image, with_login};
pub use fault::{Fault, Wanted};
pub use identity::{allow, free_name};
pub use image::{closest, with_tag};
pub use login::{LOGINS, NoLogin, new_login};
pub use made::{
    cancel_key_deletion, create_group, create_role, enable_key, grant, open_port, put_login, restore_secret,
    with_address,
};
pub use trust::trust;

/// What stands in an input for a password, which only a person knows.
pub const PASSWORD: &str = "<password>";
/// The same for a user name.
pub const USER: &str = "<user name>";
/// What a person may have to fill in.
pub const PLACEHOLDERS: &[&str] = &[USER, PASSWORD];

/// One or several operations that together make a broken link good.
#[derive(Clone, Debug, PartialEq)]
pub struct Mend {
    /// What it does, in the words of a button.
    pub title: String,
    /// The operations, in order.
    pub steps: Vec<Step>,
}

/// One operation of an AWS service with its input, in AWS's names and shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// As the AWS CLI calls it: `iam`, `secretsmanager`.
    pub service: &'static str,
    /// `PutRolePolicy`
    pub operation: &'static str,
    /// The region it is done in, where that is not the one that tasks are in.
    pub region: Option<String>,
    /// The input, as JSON. A string of it may hold [`PLACEHOLDERS`].
    pub input: Value,
    /// What must still be so when it is done.
    pub guard: Option<Guard>,
}

/// A reading whose answer must be what it was, because the operation puts a whole document back.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// The operation that reads, of the same service.
    pub operation: &'static str,
    /// Its input.
    pub input: Value,
    /// Where in the answer the document is: names with dots between them.
    pub path: &'static str,
    /// What is there now.
    pub expected: Value,
}

impl Step {
    pub(crate) fn new(service: &'static str, operation: &'static str, input: Value) -> Self {
        Self { service, operation, region: None, input, guard: None }
    }

    /// The same step in the region of a resource, given the region that tasks are in.
    #[must_use]
    pub fn in_region_of(mut self, arn: &str, home: &str) -> Self {
        let region = arn.split(':').nth(3).filter(|region| arn.starts_with("arn:") && !region.is_empty());
        self.region = region.filter(|region| *region != home).map(str::to_owned);
        self
    }

    /// What a person has to fill in.
    pub fn asks(&self) -> impl Iterator<Item = &'static str> {
        let text = self.input.to_string();
        PLACEHOLDERS.iter().copied().filter(move |one| text.contains(one))
    }
}

impl Mend {
    pub(crate) fn of(title: impl Into<String>, step: Step) -> Self {
        Self { title: title.into(), steps: vec![step] }
    }
}
