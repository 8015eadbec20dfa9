//! Pulls one image into a fresh directory and says how long each stage took; then once more with a warm cache.
//!
//! ```text
//! REGISTRY_PASSWORD=… cargo run --release -p node --example pull -- 127.0.0.1:5000/alice/large:v1 alice [REGISTRIES_FILE]
//! ```
//!
//! Needs root, as unpacking does.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::compute::RegistryCredentials;
use node::images::{Images, PullProgress, Registries};

/// OCI's name of this machine's architecture.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let reference = arguments.next().ok_or("usage: pull REFERENCE [USER] [REGISTRIES_FILE]")?;
    let username = arguments.next();
    let registries =
        arguments.next().map_or_else(|| Ok(Registries::default()), |file| Registries::load(Path::new(&file)))?;
    let password = std::env::var("REGISTRY_PASSWORD").unwrap_or_default();
    let credentials = username.map(|username| RegistryCredentials { username, password: password.into() });

    let directory = std::env::temp_dir().join(format!("pull-example-{}", std::process::id()));
    let images = Images::open(&directory, registries)?;
    for cache in ["cold", "warm"] {
        pull(&images, &reference, credentials.clone(), cache).await?;
    }
    drop(images);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it tells what it measured")]
async fn pull(
    images: &Images,
    reference: &str,
    credentials: Option<RegistryCredentials>,
    cache: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let progress = Arc::new(PullProgress::default());
    let start = Instant::now();
    let pulling = images.pull(reference, credentials, ARCHITECTURE, progress.clone());
    tokio::pin!(pulling);
    let (mut manifest, mut bytes) = (None, None);
    let image = loop {
        tokio::select! {
            image = &mut pulling => break image?,
            () = tokio::time::sleep(Duration::from_millis(1)) => {
                if progress.total_bytes() > 0 {
                    manifest.get_or_insert_with(|| start.elapsed());
                    if progress.ready_bytes() == progress.total_bytes() {
                        bytes.get_or_insert_with(|| start.elapsed());
                    }
                }
            }
        }
    };
    let total = start.elapsed();
    let speed = u128::from(progress.total_bytes()) / 1000 / total.as_millis().max(1);
    println!(
        "{cache}: manifest after {:?}, last byte after {:?}, ready after {total:?}; {} layers, {} bytes compressed, {speed} MB/s",
        manifest.unwrap_or(total),
        bytes.unwrap_or(total),
        image.layers.len(),
        progress.total_bytes(),
    );
    Ok(())
}
