//! The front door: HTTP in, AWS's errors and answers out.
//!
//! - `server`: connections, the way in and the end
//! - `guests`: which connections are open, and which gives way
//! - `paced`, `body`: how long a client may take
//! - `exchange`: the road of one request, in a list that one reads in a minute
//! - `call`: which service and operation is asked for
//! - `authentication`: who signed
//! - `console`: the pages beneath `/console/` and how one signs in there
//! - `router`: which handler serves it, and decode, check, encode
//! - `violations`: what is wrong with an input, in the service's words
//! - `refusal`: an error in the protocol's form
//!
//! It decides nothing about what a call means and never looks into an input.

mod authentication;
mod body;
mod call;
mod console;
mod exchange;
mod guests;
mod paced;
mod refusal;
mod router;
mod server;
#[cfg(test)]
mod tests;
pub(crate) mod violations;

pub use console::Pages;
pub use router::Router;
pub use server::{places, serve};
