//! The limits of tasks' storage.

use std::time::Duration;

/// Blank file systems that are kept in memory, one per size. One of 20 GiB takes 90 KiB, one of 200 GiB 530 KiB.
pub(super) const TEMPLATES: usize = 4;
/// Devices that are tried when others take the free ones away.
pub(super) const ATTEMPTS: usize = 50;
/// For mkfs, which takes some 15 ms.
pub(super) const FORMAT_TIMEOUT: Duration = Duration::from_secs(30);
