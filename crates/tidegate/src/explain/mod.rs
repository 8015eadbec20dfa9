//! `tidegate explain`: why a task is where it is, or why a call was answered as it was; and the mend.

mod request;
mod task;

use crate::client::Client;

#[cfg(test)]
pub(crate) use task::tests::link;
pub(crate) use task::{ask, link_lines, readable};

/// In which form an explanation is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Readable,
    Json,
}

const WIDTH: usize = 100;

/// Explains what a name means: request ids have dashes, the ids of tasks have none.
pub(crate) async fn run(client: &Client, name: &str, form: Form) -> anyhow::Result<()> {
    if !name.starts_with("arn:") && name.contains('-') {
        request::run(client, name, form).await
    } else {
        task::run(client, name, form).await
    }
}
