//! The network on the real kernel.
