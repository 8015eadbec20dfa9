//! The demo's private registry: Debian's `docker-registry` with a password, and the push of an image to it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use wire::Sensitive;

use super::image::{Image, MANIFEST_TYPE};
use super::process::Process;

/// The user of the demo's registry.
pub(super) const USER: &str = "alice";

/// A running registry. It is cut off when this is dropped, unless it was left.
pub(super) struct Registry {
    process: Process,
    /// `127.0.0.1:port`
    pub(super) host: String,
    /// The only password it takes.
    pub(super) password: Sensitive,
}

impl Registry {
    /// Starts it on a free port of loopback, its files in this directory.
    pub(super) async fn start(directory: &Path) -> anyhow::Result<Self> {
        let password = Sensitive::new(random_text()?);
        fs::create_dir_all(directory)?;
        let passwords = directory.join("htpasswd");
        fs::write(&passwords, password_file(&password)?)?;
        let host = free_address()?.to_string();
        let configuration = directory.join("config.yml");
        fs::write(
            &configuration,
            format!(
                "version: 0.1\nlog: {{ level: warn, accesslog: {{ disabled: true }} }}\n\
                 storage: {{ filesystem: {{ rootdirectory: '{data}' }} }}\n\
                 http: {{ addr: '{host}', secret: '{secret}' }}\n\
                 auth: {{ htpasswd: {{ realm: private, path: '{passwords}' }} }}\n",
                data = directory.join("data").display(),
                secret = random_text()?,
                passwords = passwords.display(),
            ),
        )?;
        let log = directory.join("registry.log");
        let mut process = Process::start(Command::new("docker-registry").arg("serve").arg(&configuration), &log)
            .map_err(|error| missing("docker-registry", "docker-registry", error))?;
        process.wait_until_it_answers(&host, &log).await.context("docker-registry")?;
        Ok(Self { process, host, password })
    }

    /// Pushes the image as `<host>/<repository>:<tag>` and answers that name.
    pub(super) async fn push(&self, image: &Image, repository: &str, tag: &str) -> anyhow::Result<String> {
        let client = reqwest::Client::new();
        let base = format!("http://{}/v2/{repository}", self.host);
        for blob in &image.blobs {
            let begun = client.post(format!("{base}/blobs/uploads/")).basic_auth(USER, Some(self.password.expose()));
            let begun = begun.send().await?.error_for_status()?;
            let place =
                begun.headers().get(LOCATION).context("the registry named no place for the upload")?.to_str()?;
            let place = if place.starts_with('/') { format!("http://{}{place}", self.host) } else { place.to_owned() };
            let separator = if place.contains('?') { '&' } else { '?' };
            client
                .put(format!("{place}{separator}digest={}", blob.digest))
                .basic_auth(USER, Some(self.password.expose()))
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(blob.bytes.clone())
                .send()
                .await?
                .error_for_status()?;
        }
        client
            .put(format!("{base}/manifests/{tag}"))
            .basic_auth(USER, Some(self.password.expose()))
            .header(CONTENT_TYPE, MANIFEST_TYPE)
            .body(image.manifest.clone())
            .send()
            .await?
            .error_for_status()?;
        Ok(format!("{}/{repository}:{tag}", self.host))
    }

    /// Whether it refuses who has no password.
    pub(super) async fn refuses_strangers(&self) -> anyhow::Result<bool> {
        let answer = reqwest::get(format!("http://{}/v2/", self.host)).await?;
        Ok(answer.status() == reqwest::StatusCode::UNAUTHORIZED)
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Leaves it running.
    pub(super) fn leave(self) {
        self.process.leave();
    }
}

/// The password goes to `htpasswd` over a pipe, so that no process list shows it.
fn password_file(password: &Sensitive) -> anyhow::Result<Vec<u8>> {
    let mut process = Command::new("htpasswd")
        .args(["-Bbin", USER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing("htpasswd", "apache2-utils", error))?;
    let mut stdin = process.stdin.take().context("htpasswd has no standard input")?;
    stdin.write_all(password.expose().as_bytes())?;
    drop(stdin);
    let output = process.wait_with_output()?;
    if !output.status.success() {
        bail!("htpasswd failed: {}", output.status);
    }
    Ok(output.stdout)
}

fn missing(program: &str, package: &str, error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            anyhow::anyhow!("the demo needs the program {program}; install it with: apt install {package}")
        }
        _ => anyhow::Error::new(error).context(format!("cannot start {program}")),
    }
}

/// An address of loopback that nobody listens on at this moment.
pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// 32 random hexadecimal digits.
pub(super) fn random_text() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
