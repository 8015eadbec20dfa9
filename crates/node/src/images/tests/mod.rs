//! The images room against hostile registries, hostile layers, and Debian's own registry.

mod authentication;
mod challenge;
mod content;
mod debian;
mod fixture;
mod fuzzing;
mod inspect;
mod manifest;
mod registries;
mod server;
mod snapshot;
mod tar;
mod transport;
mod unpack;
