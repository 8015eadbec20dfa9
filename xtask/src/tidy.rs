//! The rules of the house that no compiler checks: which room may use which, what a pure room may not touch, how long
//! a file may be, that every file says what it is. Run as a test (`cargo test --package xtask`).
//!
//! It reads text, not syntax: a rule that needs a parser belongs into clippy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A room, the rooms it may use, and the outside crates it must not.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

/// What waits or touches the machine.
const WAITING: &[&str] = &["tokio", "hyper", "reqwest", "nix", "rusqlite", "rand"];

const ROOMS: &[Room] = &[
    Room { name: "wire", may_use: &[], never: WAITING },
    Room { name: "api", may_use: &["wire"], never: WAITING },
    Room { name: "domain", may_use: &["wire", "api"], never: WAITING },
    Room { name: "console", may_use: &[], never: WAITING },
    Room { name: "control", may_use: &["wire", "api", "domain"], never: &["nix", "libcontainer", "rtnetlink"] },
    Room { name: "node", may_use: &["wire", "domain"], never: &["rusqlite"] },
    Room { name: "tidegate", may_use: &["wire", "api", "domain", "console", "control", "node"], never: &["rusqlite"] },
];

/// What the pure rooms must take as an argument instead.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now",
    "TcpStream",
    "UdpSocket",
];

const PURE_ROOMS: &[&str] = &["wire", "api", "domain"];
const FILE_LINES: usize = 600;

/// Every broken rule, one line each; empty when the house is tidy.
fn violations(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for room in ROOMS {
        check_walls(root, room, &mut found)?;
        let sources = rust_files(&root.join("crates").join(room.name))?;
        for path in &sources {
            let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
            check_file(&name, &text, room.name, &mut found);
        }
    }
    check_reasons(root, &mut found)?;
    check_links(root, &mut found)?;
    Ok(found)
}

fn check_walls(root: &Path, rules: &Room, found: &mut Vec<String>) -> Result<()> {
    let path = root.join("crates").join(rules.name).join("Cargo.toml");
    let manifest = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let dependencies = section(&manifest, "[dependencies]");
    for name in dependencies.lines().filter_map(dependency_name) {
        let is_room = ROOMS.iter().any(|other| other.name == name);
        if is_room && !rules.may_use.contains(&name) {
            found.push(format!("crates/{}: must not use the room {name}", rules.name));
        }
        if rules.never.contains(&name) {
            found.push(format!("crates/{}: must not depend on {name}", rules.name));
        }
    }
    Ok(())
}

fn check_file(name: &str, text: &str, room: &str, found: &mut Vec<String>) {
    let generated = name.starts_with("crates/api/src/");
    let lines = text.lines().count();
    if lines > FILE_LINES && !generated {
        found.push(format!("{name}: {lines} lines; the limit is {FILE_LINES}"));
    }
    let first = text.lines().find(|line| !line.starts_with("#!["));
    if !first.is_some_and(|line| line.starts_with("//!")) {
        found.push(format!("{name}: must open with a //! comment that says what it is"));
    }
    for word in ["todo!(", "unimplemented!("] {
        if text.contains(word) {
            found.push(format!("{name}: contains {word})"));
        }
    }
    let is_test = name.contains("/tests") || name.contains("/examples/");
    if PURE_ROOMS.contains(&room) && !is_test {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in IMPURE.iter().filter(|word| code.contains(**word)) {
            found.push(format!("{name}: {word} in a pure room; take it as an argument"));
        }
    }
    let makes_requests =
        ["control/src/audit/recording.rs", "control/src/front/router.rs"].iter().any(|end| name.ends_with(end));
    if room == "control" && !is_test && !name.contains("testing") && !makes_requests {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if code.contains("Request::new(") {
            found.push(format!("{name}: only audit::call makes requests inside the house"));
        }
    }
    let handler = name.starts_with("crates/control/src/") && !name.contains("/reconcile/") && !name.contains("testing");
    if handler && (text.contains("dyn Compute") || text.contains("impl Compute")) {
        found.push(format!("{name}: only a reconciler may hold a compute"));
    }
}

/// Every dependency of the workspace has a line of reason, on its own line or the line above.
fn check_reasons(root: &Path, found: &mut Vec<String>) -> Result<()> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).context("reading Cargo.toml")?;
    let mut above_is_reason = false;
    for line in section(&manifest, "[workspace.dependencies]").lines() {
        if let Some(name) = dependency_name(line)
            && !line.contains("path = ")
            && !line.contains('#')
            && !above_is_reason
        {
            found.push(format!("Cargo.toml: {name} has no reason"));
        }
        above_is_reason = line.trim_start().starts_with('#');
    }
    Ok(())
}

/// Every relative link of a document leads somewhere.
fn check_links(root: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(root).context("reading the root")? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        for part in text.split("](").skip(1) {
            let target = part.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !root.join(target).exists() {
                found.push(format!("{}: the link {target} leads nowhere", path.display()));
            }
        }
    }
    Ok(())
}

fn section<'a>(manifest: &'a str, heading: &str) -> &'a str {
    let body = manifest.split_once(heading).map_or("", |(_, body)| body);
    body.split_once("\n[").map_or(body, |(body, _)| body)
}

fn dependency_name(line: &str) -> Option<&str> {
    let name = line.split(['=', '.']).next()?.trim();
    (!name.is_empty() && !name.starts_with('#') && !name.starts_with('[')).then_some(name)
}

fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        let found = violations(root).expect("readable");
        assert!(found.is_empty(), "{} broken rules:\n{}", found.len(), found.join("\n"));
    }

    #[test]
    fn a_broken_rule_is_found() {
        let mut found = Vec::new();
        check_file("crates/domain/src/x.rs", "use std::fs;\n", "domain", &mut found);
        check_file("crates/control/src/ecs/x.rs", "//! x\nfn f(_: &dyn Compute) {}\n", "control", &mut found);
        check_file("crates/node/src/x.rs", &"//! long\n".repeat(601), "node", &mut found);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
