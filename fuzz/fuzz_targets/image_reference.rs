#![no_main]
//! Image references: what is read is safe in a URL and a file name, and reads the same when it is written again.

use libfuzzer_sys::fuzz_target;
use domain::image::reference::Reference;

fuzz_target!(|text: &str| {
    let Ok(reference) = text.parse::<Reference>() else { return };
    let written = reference.to_string();
    assert_eq!(written.parse::<Reference>().as_ref(), Ok(&reference), "{written} reads differently");
    let plain = |part: &str, also: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.as_bytes().contains(&byte))
    };
    assert!(plain(reference.host(), "-.:[]"), "a host that is none: {written}");
    assert!(plain(reference.repository(), "-._/"), "a repository that is none: {written}");
    assert!(reference.repository().split('/').all(|part| !part.is_empty() && !part.starts_with('.')), "{written}");
    assert!(plain(&reference.target(), "-._:"), "a target that is none: {written}");
});
