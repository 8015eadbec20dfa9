//! From a shape to XML: the answer side of awsQuery and ec2Query.
//!
//! Lists are wrapped, their elements are called `member` (awsQuery) or `item` (EC2); absent members are left out;
//! times are RFC 3339. Characters that XML cannot hold are replaced by U+FFFD, so that an answer always parses.

use std::fmt::{self, Write as _};

use serde::ser::{self, Impossible, Serialize};

use crate::{Protocol, Timestamp};

/// A shape that has no XML form; only a shape that no model has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no XML form")]
pub struct XmlError(String);

impl ser::Error for XmlError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Writes a shape as the element `name`.
pub fn write_element<T: Serialize + ?Sized>(
    out: &mut String,
    name: &str,
    value: &T,
    protocol: Protocol,
) -> Result<(), XmlError> {
    value.serialize(Element { out, name: Some(name), protocol, number: Number::Plain })
}

/// Writes the members of a structure without an element around them.
pub fn write_members<T: Serialize + ?Sized>(out: &mut String, value: &T, protocol: Protocol) -> Result<(), XmlError> {
    value.serialize(Element { out, name: None, protocol, number: Number::Plain })
}

/// Writes an element that holds text.
pub fn write_text(out: &mut String, name: &str, text: &str) {
    open(out, name);
    escape(out, text);
    close(out, name);
}

fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A parser would make a line feed of it.
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(character),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}

/// What a number means.
#[derive(Clone, Copy)]
enum Number {
    Plain,
    /// Seconds since the epoch.
    Time,
}

/// The element that the next value becomes.
struct Element<'o, 'n> {
    out: &'o mut String,
    /// `None` for the outermost structure, whose element the caller writes.
    name: Option<&'n str>,
    protocol: Protocol,
    number: Number,
}

impl<'o, 'n> Element<'o, 'n> {
    fn text(self, text: &str) {
        match self.name {
            Some(name) => write_text(self.out, name, text),
            None => escape(self.out, text),
        }
    }

    fn shown(self, value: impl fmt::Display) {
        let compound = self.begin();
        // Writing to a String cannot fail.
        let _ = write!(compound.out, "{value}");
        compound.finish();
    }

    fn begin(self) -> Compound<'o, 'n> {
        if let Some(name) = self.name {
            open(self.out, name);
        }
        Compound { out: self.out, name: self.name, protocol: self.protocol }
    }
}

/// An element that holds elements.
struct Compound<'o, 'n> {
    out: &'o mut String,
    name: Option<&'n str>,
    protocol: Protocol,
}

impl Compound<'_, '_> {
    fn child<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), XmlError> {
        write_element(self.out, name, value, self.protocol)
    }

    fn finish(self) {
        if let Some(name) = self.name {
            close(self.out, name);
        }
    }
}

impl<'o, 'n> ser::Serializer for Element<'o, 'n> {
    type Ok = ();
    type Error = XmlError;
    type SerializeSeq = Compound<'o, 'n>;
    type SerializeTuple = Impossible<(), XmlError>;
    type SerializeTupleStruct = Impossible<(), XmlError>;
    type SerializeTupleVariant = Impossible<(), XmlError>;
    type SerializeMap = Compound<'o, 'n>;
    type SerializeStruct = Compound<'o, 'n>;
    type SerializeStructVariant = Impossible<(), XmlError>;

    fn serialize_bool(self, value: bool) -> Result<(), XmlError> {
        self.shown(value);
        Ok(())
    }
    fn serialize_i8(self, value: i8) -> Result<(), XmlError> {
        self.serialize_i64(i64::from(value))
    }
    fn serialize_i16(self, value: i16) -> Result<(), XmlError> {
        self.serialize_i64(i64::from(value))
    }
    fn serialize_i32(self, value: i32) -> Result<(), XmlError> {
        self.serialize_i64(i64::from(value))
    }
    fn serialize_i64(self, value: i64) -> Result<(), XmlError> {
        self.shown(value);
        Ok(())
    }
    fn serialize_u8(self, value: u8) -> Result<(), XmlError> {
        self.serialize_u64(u64::from(value))
    }
    fn serialize_u16(self, value: u16) -> Result<(), XmlError> {
        self.serialize_u64(u64::from(value))
    }
    fn serialize_u32(self, value: u32) -> Result<(), XmlError> {
        self.serialize_u64(u64::from(value))
    }
    fn serialize_u64(self, value: u64) -> Result<(), XmlError> {
        self.shown(value);
        Ok(())
    }
    fn serialize_f32(self, value: f32) -> Result<(), XmlError> {
        self.shown(value);
        Ok(())
    }
    fn serialize_f64(self, value: f64) -> Result<(), XmlError> {
        match self.number {
            Number::Plain => self.shown(value),
            Number::Time => {
                #[expect(clippy::cast_possible_truncation, reason = "it was a whole number of milliseconds")]
                let milliseconds = (value * 1000.0).round() as i64;
                self.shown(Timestamp::from_milliseconds(milliseconds).to_rfc3339());
            }
        }
        Ok(())
    }
    fn serialize_char(self, value: char) -> Result<(), XmlError> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }
    fn serialize_str(self, value: &str) -> Result<(), XmlError> {
        self.text(value);
        Ok(())
    }
    fn serialize_bytes(self, _value: &[u8]) -> Result<(), XmlError> {
        Err(XmlError(String::from("a byte string")))
    }
    fn serialize_none(self) -> Result<(), XmlError> {
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), XmlError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), XmlError> {
        Ok(())
    }
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), XmlError> {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), XmlError> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), XmlError> {
        let number = if name == Timestamp::NAME { Number::Time } else { self.number };
        value.serialize(Element { number, ..self })
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), XmlError> {
        Err(XmlError(name.to_owned()))
    }
    fn serialize_seq(self, _length: Option<usize>) -> Result<Self::SerializeSeq, XmlError> {
        Ok(self.begin())
    }
    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple, XmlError> {
        Err(XmlError(String::from("a tuple")))
    }
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, XmlError> {
        Err(XmlError(name.to_owned()))
    }
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, XmlError> {
        Err(XmlError(name.to_owned()))
    }
    fn serialize_map(self, _length: Option<usize>) -> Result<Self::SerializeMap, XmlError> {
        Ok(self.begin())
    }
    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Self::SerializeStruct, XmlError> {
        Ok(self.begin())
    }
    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, XmlError> {
        Err(XmlError(name.to_owned()))
    }
}

impl ser::SerializeSeq for Compound<'_, '_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        let name = if self.protocol == Protocol::Ec2 { "item" } else { "member" };
        self.child(name, value)
    }
    fn end(self) -> Result<(), XmlError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), XmlError> {
        open(self.out, "entry");
        self.child("key", key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), XmlError> {
        self.child("value", value)?;
        close(self.out, "entry");
        Ok(())
    }
    fn end(self) -> Result<(), XmlError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = XmlError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), XmlError> {
        self.child(name, value)
    }
    fn end(self) -> Result<(), XmlError> {
        self.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::{write_element, write_members};
    use crate::{Blob, Protocol, Sensitive, Timestamp};

    #[derive(Default, Serialize)]
    struct Shape {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<String>,
        at: Timestamp,
        secret: Option<Sensitive>,
        bytes: Blob,
        flag: bool,
        count: i32,
        names: Vec<String>,
        labels: BTreeMap<String, String>,
        children: Vec<Shape>,
    }

    fn shape() -> Shape {
        Shape {
            name: "<a&\"\r\u{1}é".into(),
            at: Timestamp::from_milliseconds(1500),
            secret: Some("s".into()),
            bytes: Blob(vec![0, 1]),
            names: vec!["x".into(), String::new()],
            labels: BTreeMap::from([(String::from("k"), String::from("v"))]),
            ..Shape::default()
        }
    }

    const MEMBERS: &str = "<name>&lt;a&amp;&quot;&#xD;\u{fffd}é</name><at>1970-01-01T00:00:01.5Z</at><secret>s</secret>\
                           <bytes>AAE=</bytes><flag>false</flag><count>0</count>\
                           <names><member>x</member><member></member></names>\
                           <labels><entry><key>k</key><value>v</value></entry></labels><children></children>";

    #[test]
    fn aws_query_calls_elements_member() {
        let mut out = String::new();
        write_element(&mut out, "XResult", &shape(), Protocol::Query).expect("writes");
        assert_eq!(out, format!("<XResult>{MEMBERS}</XResult>"));
    }

    #[test]
    fn ec2_calls_elements_item() {
        let mut out = String::new();
        write_members(&mut out, &shape(), Protocol::Ec2).expect("writes");
        assert_eq!(out, MEMBERS.replace("member>", "item>"));
    }
}
