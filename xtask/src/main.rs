//! The repository's own commands: `codegen`, `compatibility`, `reduce`.
//!
//! They run on a developer's machine and in CI, never in the product.

mod codegen;
mod compatibility;
mod model;
mod operations;
#[cfg(test)]
mod tidy;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "cargo xtask codegen            writes crates/api/src from models/
cargo xtask codegen --check    fails if that would change anything
cargo xtask compatibility [--check]
                               writes COMPATIBILITY.md from models/, or fails if that would change it
cargo xtask reduce --botocore DIRECTORY
                               makes models/*.json from the models in DIRECTORY/data";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = repository_root()?;
    match arguments.as_slice() {
        ["codegen"] => codegen::write(&root),
        ["codegen", "--check"] => codegen::check(&root),
        ["compatibility"] => compatibility::write(&root),
        ["compatibility", "--check"] => compatibility::check(&root),
        ["reduce", "--botocore", botocore] => reduce(&root, Path::new(botocore)),
        _ => bail!("{USAGE}"),
    }
}

fn repository_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask lies in the repository")?.to_path_buf())
}

fn reduce(root: &Path, botocore: &Path) -> Result<()> {
    let script = root.join("xtask/reduce_models.py");
    let status = Command::new("python3")
        .arg(&script)
        .arg(root.join("models"))
        .arg(botocore)
        .status()
        .with_context(|| format!("cannot start python3 {}", script.display()))?;
    if !status.success() {
        bail!("{} failed", script.display());
    }
    Ok(())
}
