//! The images room against hostile registries, hostile layers, and Debian's own registry.
