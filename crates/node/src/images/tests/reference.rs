//! Image references as Docker reads them.

use proptest::prelude::*;

use crate::images::reference::{Digest, Reference, ReferenceError};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn names_are_completed_as_docker_does() {
    let digest = format!("sha256:{HEX}");
    let table = [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("alice/space", "docker.io/alice/space:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/alice/space:1", "docker.io/alice/space:1"),
        ("localhost/space", "localhost/space:latest"),
        ("localhost:5000/space", "localhost:5000/space:latest"),
        ("127.0.0.1:5000/alice/space:v1", "127.0.0.1:5000/alice/space:v1"),
        ("[::1]:5000/space", "[::1]:5000/space:latest"),
        ("registry.example.com/a/b/c/d:x_y.z-1", "registry.example.com/a/b/c/d:x_y.z-1"),
        ("LOCALHOST/space", "localhost/space:latest"),
        ("a__b/c.d/e--f", "docker.io/a__b/c.d/e--f:latest"),
        ("127.0.0.1:1/alice/space", "127.0.0.1:1/alice/space:latest"),
    ];
    for (text, full) in table {
        assert_eq!(text.parse::<Reference>().map(|reference| reference.to_string()), Ok(full.to_owned()), "{text}");
    }
    let both: Reference = format!("nginx:1@{digest}").parse().expect("valid");
    assert_eq!(both.target(), digest);
    assert_eq!(both.to_string(), format!("docker.io/library/nginx:1@{digest}"));
    let only: Reference = format!("r.io/nginx@{digest}").parse().expect("valid");
    assert_eq!((only.tag(), only.target()), (None, digest));
}

#[test]
fn what_is_no_reference_is_refused() {
    use ReferenceError::{Host, Repository, Scheme, Tag, TooLong};
    let long_tag = format!("nginx:{}", "t".repeat(129));
    let long_name = format!("r.io/{}", "n".repeat(251));
    let very_long = "n".repeat(2000);
    let table = [
        ("", Repository),
        ("https://r.io/nginx", Scheme),
        ("r.io/UPPER", Repository),
        ("Nginx", Repository),
        ("a//b", Repository),
        ("a/", Repository),
        ("-a", Repository),
        ("a_-b", Repository),
        ("a___b", Repository),
        ("a..b/c..d", Host),
        ("r.io/../etc", Repository),
        ("r_x.io/a", Host),
        ("Registry/space", Host),
        ("r.io:99999/a", Host),
        ("r.io:/a", Host),
        ("[::1/a", Host),
        ("nginx:", Tag),
        ("nginx:.x", Tag),
        ("nginx:a b", Tag),
        (&long_tag, Tag),
        (&long_name, TooLong),
        (&very_long, TooLong),
        ("nginx@sha256:abc", ReferenceError::Digest),
        ("nginx@sha512:00", ReferenceError::Digest),
        (HEX, Repository),
    ];
    for (text, error) in table {
        assert_eq!(text.parse::<Reference>(), Err(error), "{text}");
    }
}

#[test]
fn a_digest_is_lower_case_sha256() {
    assert_eq!(Digest::of(b"").to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert!(format!("sha256:{}", HEX.to_uppercase()).parse::<Digest>().is_err());
    assert!("sha256:../../../etc/passwd".parse::<Digest>().is_err());
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser_and_the_full_form_is_stable(text in "\\PC{0,80}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
    }

    #[test]
    fn valid_names_are_kept(
        host in "[a-z][a-z0-9]{0,8}\\.[a-z]{2,5}(:[1-9][0-9]{0,3})?",
        path in "[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}",
        tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}",
    ) {
        let text = format!("{host}/{path}:{tag}");
        let reference: Reference = text.parse().expect("valid");
        prop_assert_eq!(reference.host(), host.as_str());
        // `docker.io` is the one host that changes a path.
        if host != "docker.io" {
            prop_assert_eq!(reference.repository(), path.as_str());
        }
        prop_assert_eq!(reference.tag(), Some(tag.as_str()));
    }
}
