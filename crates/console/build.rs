//! Puts what `npm run build` left in `console/dist` into the binary, compressed once.
//!
//! It never runs npm: a build of Rust needs no Node. Without a `dist` the console is a page that says how to build it,
//! unless `CONSOLE_REQUIRED=1` makes that an error, as the make targets and the checks do.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let dist = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../console/dist");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // Cargo would run this every time if it had to watch a directory that is not there.
    if let Err(error) = fs::create_dir_all(&dist) {
        println!("cargo::warning={} cannot be made: {error}", dist.display());
    }
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-env-changed=CONSOLE_REQUIRED");
    let mut paths = Vec::new();
    collect(&dist, &mut paths)?;
    paths.sort();
    let is_whole = dist.join("index.html").is_file();
    if !is_whole && std::env::var_os("CONSOLE_REQUIRED").is_some_and(|value| value == "1") {
        println!("cargo::error=console/dist is not built; run: make console");
    }
    let mut table = String::from("&[\n");
    for (number, path) in paths.iter().enumerate().filter(|_| is_whole) {
        let bytes = fs::read(path)?;
        let packed = out.join(format!("{number}.gz"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        fs::write(&packed, encoder.finish()?)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let name = path.strip_prefix(&dist)?.display();
        writeln!(
            table,
            "    ({:?}, {:?}, include_bytes!({:?})),",
            name.to_string(),
            format!("\"{:016x}\"", hasher.finish()),
            packed.display().to_string()
        )?;
    }
    table.push(']');
    fs::write(out.join("files.rs"), table)?;
    Ok(())
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { collect(&path, paths)? } else { paths.push(path) }
    }
    Ok(())
}
