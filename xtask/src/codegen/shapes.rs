//! Structures of the model as Rust structs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

use super::names;
use super::service::Service;
use crate::model::{Kind, Model, Reference};

/// What a struct without secrets derives.
pub(super) const DERIVES: &str = "#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]\n";
const DERIVES_WITHOUT_DEBUG: &str = "#[derive(Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]\n";

/// One struct.
pub(super) fn structure(service: &Service<'_>, name: &str) -> Result<String> {
    let shape = service.model.shape(name)?;
    let hidden: BTreeSet<&str> = shape
        .members
        .0
        .iter()
        .filter(|(_, member)| shape.sensitive || is_hidden(service.model, member))
        .map(|(member, _)| member.as_str())
        .collect();
    let type_name = service.type_name(name);
    let mut text = String::from(if hidden.is_empty() { DERIVES } else { DERIVES_WITHOUT_DEBUG });
    writeln!(text, "#[serde(default)]\npub struct {type_name} {{")?;
    for (member, reference) in &shape.members.0 {
        text += &member_field(service, name, member, reference)?;
    }
    text += "}\n\n";
    if !hidden.is_empty() {
        text += &debug(&type_name, shape.members.0.iter().map(|(member, _)| member.as_str()), &hidden)?;
    }
    Ok(text)
}

/// Sensitive strings and blobs hide themselves; a list or map of plain strings cannot.
fn is_hidden(model: &Model, member: &Reference) -> bool {
    model.shapes.get(&member.shape).is_some_and(|shape| shape.sensitive && matches!(shape.kind, Kind::List | Kind::Map))
}

fn debug<'a>(type_name: &str, members: impl Iterator<Item = &'a str>, hidden: &BTreeSet<&str>) -> Result<String> {
    let mut text = format!("impl std::fmt::Debug for {type_name} {{\n");
    text += "fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {\n";
    writeln!(text, "formatter.debug_struct({type_name:?})")?;
    for member in members {
        let field = names::field(member);
        if hidden.contains(member) {
            writeln!(text, ".field({field:?}, &format_args!(\"***\"))")?;
        } else {
            writeln!(text, ".field({field:?}, &self.{field})")?;
        }
    }
    text += ".finish()\n}\n}\n\n";
    Ok(text)
}

fn member_field(service: &Service<'_>, structure: &str, member: &str, reference: &Reference) -> Result<String> {
    let shape = service.model.shape(structure)?;
    let (answer, request) = names::on_the_wire(service.model, member, reference);
    let field = names::field(member);
    let rename = if answer != request {
        format!("rename(serialize = {answer:?}, deserialize = {request:?})")
    } else if answer == field {
        String::new()
    } else {
        format!("rename = {answer:?}")
    };
    let mut rust_type = rust_type(service, &reference.shape)?;
    if reaches_itself(service.model, &reference.shape, structure, &mut BTreeSet::new())? {
        rust_type = format!("Box<{rust_type}>");
    }
    let required = shape.required.iter().any(|name| name == member);
    let (skip, rust_type) = if required {
        ("", rust_type)
    } else {
        ("skip_serializing_if = \"Option::is_none\"", format!("Option<{rust_type}>"))
    };
    let attributes: Vec<&str> = [rename.as_str(), skip].into_iter().filter(|attribute| !attribute.is_empty()).collect();
    let mut text = String::new();
    if !attributes.is_empty() {
        writeln!(text, "#[serde({})]", attributes.join(", "))?;
    }
    writeln!(text, "pub {field}: {rust_type},")?;
    Ok(text)
}

fn rust_type(service: &Service<'_>, name: &str) -> Result<String> {
    let shape = service.model.shape(name)?;
    Ok(match shape.kind {
        Kind::Structure => service.type_name(name),
        Kind::List => {
            let member = shape.member.as_ref().with_context(|| format!("list {name} has no member"))?;
            format!("Vec<{}>", rust_type(service, &member.shape)?)
        }
        Kind::Map => {
            let key = shape.key.as_ref().with_context(|| format!("map {name} has no key"))?;
            if service.model.shape(&key.shape)?.kind != Kind::String {
                bail!("map {name} has keys that are not strings");
            }
            let value = shape.value.as_ref().with_context(|| format!("map {name} has no value"))?;
            format!("std::collections::BTreeMap<String, {}>", rust_type(service, &value.shape)?)
        }
        Kind::String if shape.sensitive => String::from("wire::Sensitive"),
        Kind::String => String::from("String"),
        Kind::Blob => String::from("wire::Blob"),
        Kind::Timestamp => String::from("wire::Timestamp"),
        Kind::Boolean => String::from("bool"),
        Kind::Integer => String::from("i32"),
        Kind::Long => String::from("i64"),
        Kind::Float => String::from("f32"),
        Kind::Double => String::from("f64"),
    })
}

/// Whether a value of `from` would hold a `target` directly, not through a list or map.
fn reaches_itself<'a>(model: &'a Model, from: &'a str, target: &str, seen: &mut BTreeSet<&'a str>) -> Result<bool> {
    let shape = model.shape(from)?;
    if shape.kind != Kind::Structure || !seen.insert(from) {
        return Ok(false);
    }
    if from == target {
        return Ok(true);
    }
    for (_, member) in &shape.members.0 {
        if reaches_itself(model, &member.shape, target, seen)? {
            return Ok(true);
        }
    }
    Ok(false)
}
