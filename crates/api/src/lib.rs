//! The AWS shapes: plain serde structs and one marker type per operation, generated from `models/` by
//! `cargo xtask codegen`. Data only.
