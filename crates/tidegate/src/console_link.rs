//! `tidegate console`: a link that signs a browser in, for whoever holds the server's key.

use serde::Deserialize;

use crate::client::Client;
use crate::output::say;

/// What the server answers.
#[derive(Deserialize)]
struct Link {
    token: String,
}

/// Prints a new link.
pub(crate) async fn run(client: &Client) -> anyhow::Result<()> {
    let link: Link = client.console("link").await?;
    Ok(say(address(client.endpoint(), &link.token))?)
}

/// The address that signs a browser in. What follows the `#` stays in the browser.
pub(crate) fn address(endpoint: &str, token: &str) -> String {
    format!("{}/console/#token={token}", endpoint.trim_end_matches('/'))
}
