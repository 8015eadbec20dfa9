//! Container images, as far as they are decided and not fetched: what a reference names, and which layers count.

pub mod layers;
pub mod reference;
