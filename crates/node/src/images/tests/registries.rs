//! The operator's file.

use std::path::Path;

use crate::images::registries::{Registries, Wire};
use domain::image::reference::Reference;

fn load(text: &str) -> Result<Registries, String> {
    let directory = tempfile::tempdir().expect("temporary");
    let file = directory.path().join("registries.toml");
    std::fs::write(&file, text).expect("written");
    std::fs::write(directory.path().join("empty.pem"), "nothing").expect("written");
    Registries::load(&file).map_err(|error| error.to_string().replace(&*directory.path().to_string_lossy(), ""))
}

fn reference(text: &str) -> Reference {
    text.parse().expect("valid")
}

#[test]
fn without_a_file_names_lead_where_docker_leads_them() {
    let none = Registries::default();
    let place = |text: &str| none.endpoints(&reference(text)).registry;
    assert_eq!((place("nginx").host.as_str(), place("nginx").wire), ("registry-1.docker.io", Wire::Tls));
    for (image, wire) in [
        ("127.0.0.1:5000/a", Wire::Either),
        ("localhost/a", Wire::Either),
        ("[::1]:5000/a", Wire::Either),
        ("127.9.9.9/a", Wire::Either),
        ("10.0.0.1:5000/a", Wire::Tls),
        ("localhost.example.com/a", Wire::Tls),
        ("127.0.0.1.example.com/a", Wire::Tls),
    ] {
        assert_eq!(place(image).wire, wire, "{image}");
    }
}

#[test]
fn a_file_renames_mirrors_and_allows_plain_http() {
    let registries = load(
        r#"
        [registry."docker.io"]
        rename = "hub.internal:5000/proxy/hub"
        plain_http = true
        [[registry."docker.io".mirror]]
        host = "one.internal"
        [[registry."docker.io".mirror]]
        host = "two.internal"
        credentials = true
        [registry."localhost:5000"]
        plain_http = false
        "#,
    )
    .expect("valid");
    let endpoints = registries.endpoints(&reference("nginx"));
    assert_eq!((endpoints.registry.host.as_str(), endpoints.registry.wire), ("hub.internal:5000", Wire::Plain));
    assert_eq!(endpoints.registry.repository("library/nginx"), "proxy/hub/library/nginx");
    let mirrors: Vec<_> =
        endpoints.mirrors.iter().map(|(place, trusted)| (place.host.as_str(), place.wire, *trusted)).collect();
    assert_eq!(mirrors, [("one.internal", Wire::Tls, false), ("two.internal", Wire::Tls, true)]);
    assert_eq!(registries.endpoints(&reference("localhost:5000/a")).registry.wire, Wire::Tls);
    assert!(registries.known("two.internal").is_some() && registries.known("three.internal").is_none());
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    for (text, words) in [
        ("registry = 1", "is no registries file"),
        ("[registry.\"a.io\"]\nskip_verify = true", "unknown field `skip_verify`"),
        ("[registry.\"a.io\"]\nrename = \"https://b.io\"", "\"https://b.io\" is no registry host"),
        ("[registry.\"a.io/x\"]", "\"a.io/x\" is no registry host"),
        ("[registry.\"a.io\"]\nca = \"missing.pem\"", "cannot read /missing.pem"),
        ("[registry.\"a.io\"]\nca = \"empty.pem\"", "/empty.pem has no PEM certificate"),
        ("[[registry.\"a.io\".mirror]]\nhost = \"-x\"", "is no registry host"),
    ] {
        let error = load(text).expect_err(words);
        assert!(error.contains(words), "{words}: {error}");
    }
    let missing = Registries::load(Path::new("/no/such/file")).expect_err("missing");
    assert_eq!(missing.to_string(), "cannot read /no/such/file");
}
