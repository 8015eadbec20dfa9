//! Reads `models/operations.toml`: per service the list of operations that are served.
//!
//! Only what that file uses of TOML is understood: sections, one list of strings each, comments.

use anyhow::{Result, bail};

/// The services in the file's order, each with its operations in the file's order.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, Vec<String>)>> {
    let mut services: Vec<(String, Vec<String>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "operations = [" || line == "]" {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            services.push((name.to_owned(), Vec::new()));
            continue;
        }
        let operation = line.strip_prefix('"').and_then(|rest| rest.strip_suffix("\","));
        match (operation, services.last_mut()) {
            (Some(operation), Some((_, operations))) => operations.push(operation.to_owned()),
            _ => bail!("models/operations.toml:{}: a section, or one operation a line, is expected", index + 1),
        }
    }
    Ok(services)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sections_hold_operations() {
        let services =
            parse("# text\n[ecs]\noperations = [\n    \"RunTask\",\n    \"StopTask\",\n]\n[sts]\n").expect("parses");
        let ecs = (String::from("ecs"), vec![String::from("RunTask"), String::from("StopTask")]);
        assert_eq!(services, vec![ecs, (String::from("sts"), vec![])]);
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        let error = parse("[ecs]\nversion = 1\n").expect_err("refused");
        assert!(error.to_string().starts_with("models/operations.toml:2"));
    }
}
