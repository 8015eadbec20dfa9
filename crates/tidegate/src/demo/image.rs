//! The demo's image: busybox and a web page, built without any other tool.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What the container prints when it starts.
pub(super) const LOG_LINE: &str = "the page is ready on port 80";

const BUSYBOX: &str = "/bin/busybox";
const APPLETS: [&str; 6] = ["sh", "httpd", "echo", "sleep", "cat", "kill"];
const START: &str = "#!/bin/sh\ntrap 'echo \"stopped as asked\"; exit 0' TERM\nhttpd -f -p 80 -h /www &\n\
                     echo \"the page is ready on port 80\"\nwait\n";

/// A blob and its digest.
pub(super) struct Blob {
    pub(super) digest: String,
    pub(super) bytes: Vec<u8>,
}

/// An image: its layers and configuration, and the manifest that names them.
pub(super) struct Image {
    pub(super) blobs: Vec<Blob>,
    pub(super) manifest: Vec<u8>,
}

pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The page the container serves.
pub(super) fn page(greeting: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{greeting}</title>\n\
         <style>body{{font:1.2rem/1.6 system-ui;background:#0b1d2a;color:#e8f1f5;display:grid;place-items:center;\
         height:100vh;margin:0}}h1{{color:#6fd3c7}}</style></head>\n\
         <body><main><h1>{greeting}</h1><p>This page came out of a private registry.</p></main></body></html>\n"
    )
}

/// Builds the image of this page.
pub(super) fn build(page: &str) -> anyhow::Result<Image> {
    let busybox = busybox()?;
    let base = layer(|archive| {
        for directory in ["bin", "tmp", "etc", "proc", "sys", "dev"] {
            append_directory(archive, directory)?;
        }
        append_file(archive, "bin/busybox", 0o755, &busybox)?;
        for applet in APPLETS {
            append_link(archive, &format!("bin/{applet}"), "busybox")?;
        }
        append_file(archive, "etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/sh\n")
    })?;
    let site = layer(|archive| {
        append_directory(archive, "www")?;
        append_file(archive, "www/index.html", 0o644, page.as_bytes())?;
        append_file(archive, "start", 0o755, START.as_bytes())
    })?;
    let configuration = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {"Cmd": ["/start"], "Env": ["PATH=/bin"], "WorkingDir": "/", "ExposedPorts": {"80/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": [base.diff_id, site.diff_id]},
    });
    let configuration = Blob::new(serde_json::to_vec(&configuration)?);
    let descriptor = |media_type: &str, blob: &Blob| json!({"mediaType": media_type, "digest": blob.digest, "size": blob.bytes.len()});
    let layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &configuration),
        "layers": [descriptor(layer_type, &base.blob), descriptor(layer_type, &site.blob)],
    });
    let manifest = serde_json::to_vec(&manifest)?;
    Ok(Image { blobs: vec![base.blob, site.blob, configuration], manifest })
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: digest(&bytes), bytes }
    }
}

struct Layer {
    diff_id: String,
    blob: Blob,
}

type Archive = tar::Builder<Vec<u8>>;

fn layer(fill: impl FnOnce(&mut Archive) -> std::io::Result<()>) -> anyhow::Result<Layer> {
    let mut archive = tar::Builder::new(Vec::new());
    fill(&mut archive)?;
    let archive = archive.into_inner()?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, &archive)?;
    Ok(Layer { diff_id: digest(&archive), blob: Blob::new(encoder.finish()?) })
}

fn append_file(archive: &mut Archive, path: &str, mode: u32, contents: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(contents.len() as u64);
    archive.append_data(&mut header, path, contents)
}

fn append_directory(archive: &mut Archive, path: &str) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    archive.append_data(&mut header, path, std::io::empty())
}

fn append_link(archive: &mut Archive, path: &str, target: &str) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_mode(0o777);
    header.set_size(0);
    archive.append_link(&mut header, path, target)
}

fn busybox() -> anyhow::Result<Vec<u8>> {
    if !Path::new(BUSYBOX).exists() {
        bail!("the demo's image needs {BUSYBOX}; install it with: apt install busybox-static");
    }
    let bytes = fs::read(BUSYBOX).with_context(|| format!("cannot read {BUSYBOX}"))?;
    let interpreter = b"/ld-";
    if bytes.windows(interpreter.len()).any(|window| window == interpreter) {
        bail!(
            "{BUSYBOX} is not statically linked, so it cannot run in an image of its own; install: apt install busybox-static"
        );
    }
    Ok(bytes)
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::from("sha256:"), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_blobs_by_their_digests() {
        let image = build(&page("Hello")).expect("an image");
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest).expect("JSON");
        let named = manifest["layers"].as_array().expect("layers").iter().chain([&manifest["config"]]);
        let named: Vec<_> =
            named.map(|descriptor| descriptor["digest"].as_str().expect("a digest").to_owned()).collect();
        assert_eq!(named, image.blobs.iter().map(|blob| blob.digest.clone()).collect::<Vec<_>>());
        assert!(START.contains(LOG_LINE));
    }
}
