//! The generated file of one service: what it is, its operations, its shapes, its constraints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};

use super::{GENERATED, constraints, names, shapes};
use crate::model::{Kind, Model};

/// A model with what codegen needs to know about its use.
pub(super) struct Service<'a> {
    pub(super) model: &'a Model,
    /// Shape name -> Rust type, for the shapes that are an operation's input or output.
    pub(super) roots: BTreeMap<&'a str, String>,
    /// Further names of such types, where operations share a shape: name, Rust type.
    aliases: Vec<(String, String)>,
    /// The shapes that inputs reach.
    pub(super) inputs: BTreeSet<&'a str>,
    /// The shapes that anything served reaches.
    pub(super) reached: BTreeSet<&'a str>,
}

/// The whole text, not yet formatted.
pub(super) fn file(name: &str, operations: &[String], model: &Model) -> Result<String> {
    let service = Service::new(operations, model)?;
    let mut text = format!("//! The shapes and operations of `{name}`.\n\n{GENERATED}\n");
    text += "#![allow(missing_docs, reason = \"AWS documents its shapes\")]\n";
    text += "#![allow(clippy::pedantic, reason = \"generated: names and lengths are the model's\")]\n\n";
    text += &header(name, model)?;
    text += &markers(operations, model)?;
    for root in operations {
        text += &empty_shapes(root, model);
    }
    for &shape in &service.reached {
        if model.shape(shape)?.kind == Kind::Structure {
            text += &shapes::structure(&service, shape)?;
        }
    }
    for (alias, structure) in &service.aliases {
        writeln!(text, "/// The same as [`{structure}`].\npub type {alias} = {structure};\n")?;
    }
    text += &constraints::all(&service, operations)?;
    Ok(text)
}

impl<'a> Service<'a> {
    fn new(operations: &[String], model: &'a Model) -> Result<Self> {
        let mut service = Self {
            model,
            roots: BTreeMap::new(),
            aliases: Vec::new(),
            inputs: BTreeSet::new(),
            reached: BTreeSet::new(),
        };
        for name in operations {
            let operation = model.operations.get(name).with_context(|| {
                format!("{name} is not in the model: run `cargo xtask reduce --botocore DIRECTORY`")
            })?;
            if let Some(input) = &operation.input {
                service.add_root(&input.shape, format!("{name}Input"));
                reach(model, &input.shape, &mut service.inputs)?;
                reach(model, &input.shape, &mut service.reached)?;
            }
            if let Some(output) = &operation.output {
                service.add_root(&output.shape, format!("{name}Output"));
                reach(model, &output.shape, &mut service.reached)?;
            }
        }
        Ok(service)
    }

    fn add_root(&mut self, shape: &'a str, name: String) {
        if let Some(first) = self.roots.get(shape) {
            // Two operations that answer alike: one structure, and a second name for it.
            self.aliases.push((name, first.clone()));
        } else {
            self.roots.insert(shape, name);
        }
    }

    /// The Rust name of a structure.
    pub(super) fn type_name(&self, shape: &str) -> String {
        self.roots.get(shape).cloned().unwrap_or_else(|| names::type_name(shape))
    }
}

fn reach<'a>(model: &'a Model, name: &'a str, found: &mut BTreeSet<&'a str>) -> Result<()> {
    if !found.insert(name) {
        return Ok(());
    }
    let shape = model.shape(name)?;
    ensure!(!shape.flattened, "{name} is flattened, which the codecs do not know");
    ensure!(!shape.document, "{name} is a document, which codegen does not know");
    ensure!(shape.timestamp_format.is_none(), "{name} has a time format of its own, which the codecs do not know");
    for reference in shape.references() {
        reach(model, &reference.shape, found)?;
    }
    Ok(())
}

fn header(name: &str, model: &Model) -> Result<String> {
    let metadata = &model.metadata;
    let protocol = match metadata.protocol.as_str() {
        "json" => "Json",
        "query" => "Query",
        "ec2" => "Ec2",
        other => bail!("protocol {other} is not known"),
    };
    let signing_name = metadata.signing_name.as_deref().unwrap_or(&metadata.endpoint_prefix);
    let mut text = String::from("/// The service.\npub static SERVICE: crate::Service = crate::Service {\n");
    writeln!(text, "name: {name:?},\nsigning_name: {signing_name:?},\nprotocol: wire::Protocol::{protocol},")?;
    writeln!(text, "target_prefix: {:?},", metadata.target_prefix.as_deref().unwrap_or_default())?;
    writeln!(text, "version: {:?},", metadata.api_version)?;
    writeln!(text, "namespace: {:?},", metadata.xml_namespace.as_deref().unwrap_or_default())?;
    writeln!(text, "operations: &{:?},", model.all_operations)?;
    writeln!(text, "errors: &{:?},", model.errors.iter().collect::<Vec<_>>())?;
    text += "};\n\n";
    Ok(text)
}

fn markers(operations: &[String], model: &Model) -> Result<String> {
    let mut text = String::from("/// One type for each served operation.\npub mod op {\n");
    for name in operations {
        let has_output = model.operations.get(name).is_some_and(|operation| operation.output.is_some());
        writeln!(text, "/// `{name}`.\npub enum {name} {{}}\n")?;
        writeln!(text, "impl crate::Operation for {name} {{")?;
        writeln!(text, "const SERVICE: &'static crate::Service = &super::SERVICE;")?;
        writeln!(text, "const NAME: &'static str = {name:?};")?;
        writeln!(text, "const HAS_OUTPUT: bool = {has_output};")?;
        writeln!(text, "type Input = super::{name}Input;\ntype Output = super::{name}Output;\n}}\n")?;
    }
    text += "}\n\n";
    Ok(text)
}

/// The model gives some operations no input or no output; a handler has both all the same.
fn empty_shapes(name: &str, model: &Model) -> String {
    let operation = model.operations.get(name);
    let mut text = String::new();
    for (suffix, absent) in [
        ("Input", operation.is_some_and(|operation| operation.input.is_none())),
        ("Output", operation.is_some_and(|operation| operation.output.is_none())),
    ] {
        if absent {
            text += shapes::DERIVES;
            text += &["pub struct ", name, suffix, " {}\n\n"].concat();
        }
    }
    text
}
