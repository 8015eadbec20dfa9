//! The checks of inputs: one static `Constraint` per constrained shape, one `Checked` per structure that holds any.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::names;
use super::service::Service;
use crate::model::{Kind, Model, Shape};

/// The implementations for every input, and the statics they use.
pub(super) fn all(service: &Service<'_>, operations: &[String]) -> Result<String> {
    let model = service.model;
    let mut text = String::new();
    for &name in &service.inputs {
        let is_root = service.roots.contains_key(name);
        if model.shape(name)?.kind != Kind::Structure {
            continue;
        }
        if is_root || holds_checks(model, name, &mut BTreeSet::new())? {
            text += &structure(service, name)?;
        }
        if is_element_of_constrained(service, name)? {
            write!(text, "impl wire::Value for {} {{}}\n\n", service.type_name(name))?;
        }
    }
    for name in operations {
        if model.operations.get(name).is_some_and(|operation| operation.input.is_none()) {
            write!(text, "impl wire::Checked for {name}Input {{ fn check(&self, _: &mut wire::Check) {{}} }}\n\n")?;
        }
    }
    let mut statics = String::new();
    for &name in &service.inputs {
        if is_constrained(model, name)? {
            statics += &constraint(model, name)?;
        }
    }
    if !statics.is_empty() {
        write!(text, "mod constraint {{\nuse wire::Constraint;\n\n{statics}}}\n")?;
    }
    Ok(text)
}

fn structure(service: &Service<'_>, name: &str) -> Result<String> {
    let model = service.model;
    let shape = model.shape(name)?;
    let mut body = String::new();
    for (member, reference) in &shape.members.0 {
        let target = model.shape(&reference.shape)?;
        let field = names::field(member);
        let told = names::lower_first(&names::on_the_wire(model, member, reference).0);
        let must_be_there = shape.required.contains(member)
            && target.min != Some(0)
            && matches!(target.kind, Kind::String | Kind::Blob);
        let constraint = if is_constrained(model, &reference.shape)? {
            format!("&constraint::{}", names::static_name(&reference.shape))
        } else {
            String::from("&wire::Constraint::NONE")
        };
        if must_be_there {
            writeln!(body, "check.required({told:?}, &self.{field}, {constraint});")?;
        } else if is_constrained(model, &reference.shape)? {
            writeln!(body, "check.value({told:?}, &self.{field}, {constraint});")?;
        }
        if holds_checks(model, &reference.shape, &mut BTreeSet::new())? {
            writeln!(body, "check.within({told:?}, &self.{field});")?;
        }
    }
    let check = if body.is_empty() { "_" } else { "check" };
    Ok(format!(
        "impl wire::Checked for {} {{\nfn check(&self, {check}: &mut wire::Check) {{\n{body}}}\n}}\n\n",
        service.type_name(name)
    ))
}

/// Whether a value of this shape holds a structure with checks (a list of strings does not, it is a value).
fn holds_checks<'a>(model: &'a Model, name: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<bool> {
    if !seen.insert(name) {
        return Ok(false);
    }
    let shape = model.shape(name)?;
    match shape.kind {
        Kind::Structure => {
            for (member, reference) in &shape.members.0 {
                let target = model.shape(&reference.shape)?;
                let required = shape.required.contains(member) && matches!(target.kind, Kind::String | Kind::Blob);
                if required || is_constrained(model, &reference.shape)? || holds_checks(model, &reference.shape, seen)?
                {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Kind::List | Kind::Map => {
            for reference in shape.member.iter().chain(&shape.value) {
                if holds_checks(model, &reference.shape, seen)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// Whether a list or map of this structure has a limited length, so that the structure must pass for a value.
fn is_element_of_constrained(service: &Service<'_>, name: &str) -> Result<bool> {
    for &container in &service.inputs {
        let shape = service.model.shape(container)?;
        let holds_it = shape.member.iter().chain(&shape.value).any(|reference| reference.shape == name);
        if holds_it && is_constrained(service.model, container)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a value of this shape is checked as a value: by its length, range, pattern, enum, or its scalar elements.
fn is_constrained(model: &Model, name: &str) -> Result<bool> {
    let shape = model.shape(name)?;
    if shape.kind == Kind::Structure {
        return Ok(false);
    }
    let own = shape.min.is_some() || shape.max.is_some() || expressible(shape).is_some() || !shape.values.is_empty();
    if own {
        return Ok(true);
    }
    for reference in shape.references() {
        if is_constrained(model, &reference.shape)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn constraint(model: &Model, name: &str) -> Result<String> {
    let shape = model.shape(name)?;
    let is_float = matches!(shape.kind, Kind::Float | Kind::Double);
    ensure!(!is_float || (shape.min.is_none() && shape.max.is_none()), "{name} has a range of fractions");
    let mut text = format!("pub(super) static {}: Constraint = Constraint::NONE", names::static_name(name));
    if let Some(minimum) = shape.min {
        write!(text, ".at_least({minimum})")?;
    }
    if let Some(maximum) = shape.max {
        write!(text, ".at_most({maximum})")?;
    }
    if let Some(pattern) = expressible(shape) {
        write!(text, ".matching({{ static PATTERN: wire::Pattern = wire::Pattern::new({pattern:?}); &PATTERN }})")?;
    }
    if !shape.values.is_empty() {
        write!(text, ".one_of(&{:?})", shape.values)?;
    }
    for reference in shape.key.iter().filter(|reference| is_constrained(model, &reference.shape).unwrap_or(false)) {
        write!(text, ".with_keys(&{})", names::static_name(&reference.shape))?;
    }
    for reference in shape.member.iter().chain(&shape.value) {
        if is_constrained(model, &reference.shape)? {
            write!(text, ".with_members(&{})", names::static_name(&reference.shape))?;
        }
    }
    text += ";\n\n";
    Ok(text)
}

/// The pattern, if our small regular expressions can say it; Unicode classes they cannot.
fn expressible(shape: &Shape) -> Option<&str> {
    shape.pattern.as_deref().filter(|pattern| regex_lite::Regex::new(pattern).is_ok())
}
