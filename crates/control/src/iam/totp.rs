//! Codes that change with time (RFC 6238): six digits, every 30 seconds, HMAC-SHA-1, as virtual MFA devices make them.

use aws_lc_rs::hmac;

/// Seconds for which a code stands.
const STEP_SECONDS: i64 = 30;
/// How many steps a device's clock may be off.
const DRIFT_STEPS: u64 = 1;
/// How far back and ahead two codes in a row are looked for when a device is enabled or set anew.
const SEARCHED_STEPS: u64 = 20;

/// The code of a time step.
fn code(seed: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let number = bytes[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

fn step_at(seconds: i64) -> u64 {
    u64::try_from(seconds / STEP_SECONDS).unwrap_or(0)
}

/// The time step of a code that stands now and comes after the last one that was taken.
pub(super) fn step_of(seed: &[u8], given: &str, now_seconds: i64, last_step: u64) -> Option<u64> {
    let now = step_at(now_seconds);
    (now.saturating_sub(DRIFT_STEPS)..=now + DRIFT_STEPS).find(|step| *step > last_step && is_code(seed, *step, given))
}

/// The time step of the second of two codes in a row.
pub(super) fn step_of_pair(seed: &[u8], first: &str, second: &str, now_seconds: i64) -> Option<u64> {
    let now = step_at(now_seconds);
    (now.saturating_sub(SEARCHED_STEPS)..=now + SEARCHED_STEPS)
        .find(|step| is_code(seed, *step, first) && is_code(seed, step + 1, second))
        .map(|step| step + 1)
}

fn is_code(seed: &[u8], step: u64, given: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(code(seed, step).as_bytes(), given.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{code, step_of, step_of_pair};

    /// RFC 6238, appendix B, its eight digits cut to six.
    const SEED: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SEED, seconds / 30), expected);
        }
    }

    #[test]
    fn a_code_is_taken_once_and_only_near_its_time() {
        let at = 1_111_111_111;
        let step = step_of(SEED, "050471", at, 0).expect("stands");
        assert_eq!(step_of(SEED, "050471", at + 30, 0), Some(step));
        assert_eq!(step_of(SEED, "050471", at + 90, 0), None);
        assert_eq!(step_of(SEED, "050471", at, step), None, "taken already");
        assert_eq!(step_of(SEED, "05047", at, 0), None);
    }

    #[test]
    fn two_codes_must_follow_each_other() {
        let (first, second) = (code(SEED, 1000), code(SEED, 1001));
        assert_eq!(step_of_pair(SEED, &first, &second, 30_000), Some(1001));
        assert_eq!(step_of_pair(SEED, &second, &first, 30_000), None);
        assert_eq!(step_of_pair(SEED, &first, &first, 30_000), None);
        assert_eq!(step_of_pair(SEED, &first, &second, 60_000), None);
    }
}
