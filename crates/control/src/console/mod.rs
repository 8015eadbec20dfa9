//! Who is signed in to the web console: sessions of twelve hours, and links that begin one without a key.
//!
//! A console session is temporary credentials of whoever signed in, with all rights of that user; AWS's GetSessionToken
//! gives fewer. Each one is recorded, so that it ends at sign-out and with the access key that began it. What a browser
//! gets beneath `/console/` is served by [`crate::front`]; the pages themselves come from the binary.

mod links;
pub mod record;
mod sessions;
#[cfg(test)]
mod tests;

pub use links::{LINK_SECONDS, link, sign_in_by_link};
pub use sessions::{SignedIn, sign_in, sign_out};
pub(crate) use sessions::{is_open, sweep};
