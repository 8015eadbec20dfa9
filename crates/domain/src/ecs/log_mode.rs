//! The awslogs options `mode` and `max-buffer-size`: what happens when a container prints faster than its lines are taken.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html>

use api::ecs::LogConfiguration;

use super::Refusal;
use crate::compute::LogMode;

/// The mode of a container's log; `default` (the account setting `defaultLogDriverMode`) where the definition names none.
///
/// # Errors
/// A mode or a size that there is not.
pub(super) fn of(log: &LogConfiguration, default: LogMode) -> Result<LogMode, Refusal> {
    let option = |name: &str| log.options.as_ref().and_then(|options| options.get(name)).map(String::as_str);
    let buffer_bytes = option("max-buffer-size").map(bytes).transpose()?;
    match (option("mode"), default) {
        (Some("blocking"), _) | (None, LogMode::Blocking) => Ok(LogMode::Blocking),
        (Some("non-blocking"), _) | (None, LogMode::NonBlocking { .. }) => Ok(LogMode::NonBlocking { buffer_bytes }),
        (Some(other), _) => Err(Refusal::client(format!(
            "Log driver awslogs: '{other}' is not a valid mode. Valid values: blocking, non-blocking."
        ))),
    }
}

/// A size as Docker reads it: a number, then perhaps `b`, `k`, `m` or `g`, of 1024 each, in either case, with or without a
/// `b` behind it.
fn bytes(size: &str) -> Result<u64, Refusal> {
    let refusal = || {
        Refusal::client(format!(
            "Log driver awslogs: '{size}' is not a valid max-buffer-size. Give a number of bytes, or one followed by k, m \
             or g, such as 25m."
        ))
    };
    let lower = size.to_ascii_lowercase();
    let (number, unit) = lower.split_at(lower.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(lower.len()));
    let factor = match unit.trim_start() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(refusal()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(options: &[(&str, &str)], default: LogMode) -> Result<LogMode, String> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let log = LogConfiguration { log_driver: "awslogs".into(), options: Some(options), ..Default::default() };
        of(&log, default).map_err(|refusal| refusal.message)
    }

    #[test]
    fn the_definition_decides_and_else_the_account() {
        let dropping = |buffer_bytes| Ok(LogMode::NonBlocking { buffer_bytes });
        let account = LogMode::default();
        assert_eq!(mode(&[], account), dropping(None));
        assert_eq!(mode(&[], LogMode::Blocking), Ok(LogMode::Blocking));
        assert_eq!(mode(&[("mode", "blocking")], account), Ok(LogMode::Blocking));
        assert_eq!(mode(&[("mode", "non-blocking")], LogMode::Blocking), dropping(None));
        assert_eq!(mode(&[("mode", "non-blocking"), ("max-buffer-size", "4m")], account), dropping(Some(4 << 20)));
        assert_eq!(mode(&[("max-buffer-size", "4m")], account), dropping(Some(4 << 20)));
        assert_eq!(
            mode(&[("mode", "fast")], account).expect_err("no mode"),
            "Log driver awslogs: 'fast' is not a valid mode. Valid values: blocking, non-blocking."
        );
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let cases =
            [("1", 1), ("512b", 512), ("64k", 65_536), ("25M", 25 << 20), ("10mb", 10 << 20), ("1 GiB", 1 << 30)];
        for (size, expected) in cases {
            assert_eq!(bytes(size).map_err(|refusal| refusal.message), Ok(expected), "{size}");
        }
        for size in ["", "m", "0", "-1", "1.5m", "10x", "99999999999999999999", "18446744073709551615k", "ä"] {
            assert!(bytes(size).is_err(), "{size}");
        }
    }
}
