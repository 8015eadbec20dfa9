//! Debian's own registry (`docker-registry`), with a password and with tokens, plain and over TLS.
//!
//! The image is pushed with `skopeo`, by its own client and rules. Tests are left out, and say so, where these programs
//! are not installed; the project's test command installs them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::fixture::{PASSWORD, USER, basic, credentials, file_in, is_written_anywhere, room, room_with};
use super::server::{Received, Reply, Server};
use crate::images::Registries;

/// A program that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn have(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| !Path::new("/usr/bin").join(program).exists());
    if let Some(program) = missing {
        eprintln!("left out: {program} is not installed");
    }
    missing.is_none()
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> Vec<u8> {
    let output =
        Command::new(program).args(arguments).current_dir(directory).stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Starts a registry and pushes `alice/space:v1`, a layer with the file `hello`. Gives its host.
async fn registry(directory: &Path, tls: &str, auth: &str) -> (Program, String) {
    let host = format!("127.0.0.1:{}", free_port());
    let data = directory.join("data");
    let config = format!(
        "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp:\n  addr: {host}\n{tls}\nauth: {{ {auth} }}\n",
        data.display()
    );
    std::fs::write(directory.join("config.yml"), config).expect("written");
    let program = Command::new("docker-registry")
        .args(["serve", "config.yml"])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let program = Program(program.expect("it starts"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(&host).is_err() {
        assert!(Instant::now() < deadline, "the registry does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let content =
        super::fixture::Content::image("v1", &[super::fixture::tar_of(&[("hello", b"from Debian's registry")])]);
    let layout = directory.join("layout");
    std::fs::create_dir_all(layout.join("blobs/sha256")).expect("made");
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    let documents = content
        .manifests
        .iter()
        .filter(|(name, _)| name.starts_with("sha256:"))
        .map(|(name, (_, bytes))| (name, bytes));
    for (digest, bytes) in content.blobs.iter().chain(documents) {
        std::fs::write(layout.join("blobs").join(digest.replace(':', "/")), bytes).expect("written");
    }
    let (_, manifest) = &content.manifests["v1"];
    let entry = json!({
        "mediaType": super::fixture::MANIFEST, "size": manifest.len(),
        "digest": domain::image::reference::Digest::of(manifest).to_string(),
        "annotations": {"org.opencontainers.image.ref.name": "v1"},
    });
    std::fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [entry]}).to_string())
        .expect("written");
    let login = format!("{USER}:{PASSWORD}");
    let to = format!("docker://{host}/alice/space:v1");
    run("skopeo", &["copy", "-q", "--dest-tls-verify=false", "--dest-creds", &login, "oci:layout:v1", &to], directory);
    (program, host)
}

fn htpasswd(directory: &Path) -> String {
    let line = run("htpasswd", &["-Bbn", USER, PASSWORD], directory);
    std::fs::write(directory.join("htpasswd"), line).expect("written");
    format!("htpasswd: {{ realm: private, path: {}/htpasswd }}", directory.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_password() {
    if !have(&["docker-registry", "skopeo", "htpasswd"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary");
    let auth = htpasswd(directory.path());
    let (_program, host) = registry(directory.path(), "", &auth).await;
    let room = room();
    let image = room.pull(&format!("{host}/alice/space:v1"), credentials(PASSWORD)).await.expect("pulled");
    assert_eq!(file_in(&image, 0, "hello"), b"from Debian's registry");
    let failure = room.pull(&format!("{host}/alice/space:v1"), credentials("wr0ng")).await.expect_err("refused");
    assert!(failure.to_string().ends_with("failed with status code [manifests v1]: 401 Unauthorized"), "{failure}");
    let failure = room.pull(&format!("{host}/alice/space:none"), credentials(PASSWORD)).await.expect_err("missing");
    assert!(failure.to_string().ends_with("alice/space:none: not found"), "{failure}");
    assert!(!is_written_anywhere(&room.content(), PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_with_a_certificate_authority_of_its_own() {
    if !have(&["docker-registry", "skopeo", "htpasswd", "openssl"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary");
    let here = directory.path();
    let openssl = |arguments: &str| run("openssl", &arguments.split(' ').collect::<Vec<_>>(), here);
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca",
    );
    openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.csr -subj /CN=registry");
    std::fs::write(here.join("extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1").expect("written");
    openssl("x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out tls.pem");
    let tls = format!("  tls: {{ certificate: {0}/tls.pem, key: {0}/tls.key }}", here.display());
    let auth = htpasswd(here);
    let (_program, host) = registry(here, &tls, &auth).await;

    let failure = room()
        .pull(&format!("{host}/alice/space:v1"), credentials(PASSWORD))
        .await
        .expect_err("nobody knows this authority");
    assert!(failure.to_string().contains("x509: certificate signed by unknown authority"), "{failure}");
    assert!(failure.chain[0].mend.contains("`ca`"), "{failure:?}");

    std::fs::write(here.join("registries.toml"), format!("[registry.\"{host}\"]\nca = \"ca.pem\"\n")).expect("written");
    let room = room_with(Registries::load(&here.join("registries.toml")).expect("valid"));
    room.pull(&format!("{host}/alice/space:v1"), credentials(PASSWORD)).await.expect("pulled");
}

/// A token server as Docker's, which signs with a key that the registry knows.
async fn token_server(directory: &Path) -> Server {
    let directory = directory.to_owned();
    Server::start(move |received| {
        let user = received.header("authorization").is_some_and(|header| header == basic(USER, PASSWORD));
        if received.header("authorization").is_some() && !user {
            return Reply::new(401)
                .body(r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#);
        }
        let access = if user { scopes(received) } else { Vec::new() };
        let token = signed(&directory, &access);
        Reply::new(200).body(json!({"token": token, "expires_in": 60}).to_string())
    })
    .await
}

fn scopes(received: &Received) -> Vec<serde_json::Value> {
    let query = received
        .path
        .split_once('?')
        .map_or("", |(_, query)| query)
        .replace("%3A", ":")
        .replace("%2F", "/")
        .replace("%2C", ",");
    let scopes = query.split('&').filter_map(|pair| pair.strip_prefix("scope=repository:"));
    let scopes = scopes.filter_map(|scope| scope.rsplit_once(':'));
    scopes.map(|(name, actions)| json!({"type": "repository", "name": name, "actions": actions.split(',').collect::<Vec<_>>()})).collect()
}

fn signed(directory: &Path, access: &[serde_json::Value]) -> String {
    let pem = std::fs::read_to_string(directory.join("token.pem")).expect("there");
    let certificate: String = pem.lines().filter(|line| !line.contains("CERTIFICATE")).collect();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [certificate]});
    let claims = json!({"iss": "test", "sub": USER, "aud": "registry.test", "exp": now + 60, "nbf": now - 5, "iat": now, "access": access});
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let file = tempfile::NamedTempFile::new_in(directory).expect("made");
    std::fs::write(file.path(), &text).expect("written");
    let path = file.path().to_string_lossy();
    format!(
        "{text}.{}",
        URL_SAFE_NO_PAD.encode(run("openssl", &["dgst", "-sha256", "-sign", "token.key", &path], directory))
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tokens() {
    if !have(&["docker-registry", "skopeo", "openssl"]) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary");
    let here = directory.path();
    let arguments = "req -x509 -newkey rsa:2048 -nodes -keyout token.key -out token.pem -days 2 -subj /CN=token";
    run("openssl", &arguments.split(' ').collect::<Vec<_>>(), here);
    let tokens = token_server(here).await;
    let auth = format!(
        "token: {{ realm: 'http://{}/token', service: registry.test, issuer: test, rootcertbundle: {}/token.pem }}",
        tokens.host,
        here.display()
    );
    let (_program, host) = registry(here, "", &auth).await;
    let room = room();
    let image = room.pull(&format!("{host}/alice/space:v1"), credentials(PASSWORD)).await.expect("pulled");
    assert_eq!(file_in(&image, 0, "hello"), b"from Debian's registry");
    for wrong in [credentials("wr0ng"), None] {
        let failure = room.pull(&format!("{host}/alice/space:v1"), wrong).await.expect_err("refused");
        assert!(failure.to_string().ends_with("insufficient_scope: authorization failed"), "{failure}");
    }
    assert!(!is_written_anywhere(&room.content(), PASSWORD));
}
