//! From a form to a shape: the request side of awsQuery and ec2Query, driven by the shape's own serde description.
//!
//! awsQuery names a list's elements `Names.member.1` and a map's `Tags.entry.1.key`; ec2Query `Filter.1.Value.2`.
//! A form is first made a tree, one level for each dot, and the tree is then read as the shape asks. Parameters that the
//! shape does not know are ignored, as AWS does.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::Protocol;
use crate::form::Form;

/// The deepest nesting that is read, in dots of a name. The deepest shape served needs seven.
const DEPTH: usize = 16;

/// Why a form is not the shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A name has too many parts.
    #[error("a parameter is nested more than {DEPTH} deep")]
    TooDeep,
    /// The same name twice.
    #[error("the parameter {0} is given twice")]
    Twice(String),
    /// A list whose elements are not numbered.
    #[error("the elements of a list are numbered: .1, .2, ...")]
    NotNumbered,
    /// A value that is not of its type.
    #[error("{0}")]
    Value(String),
}

impl de::Error for QueryError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

/// Reads a form as a shape.
pub fn decode<T: DeserializeOwned>(form: &Form<'_>, protocol: Protocol) -> Result<T, QueryError> {
    let mut root = Node::default();
    for (name, value) in form.iter() {
        root.insert(name, value)?;
    }
    T::deserialize(Cursor { node: &root, protocol })
}

/// One level of the parameters' names.
#[derive(Default)]
struct Node<'a> {
    value: Option<&'a str>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn insert(&mut self, name: &'a str, value: &'a str) -> Result<(), QueryError> {
        let mut node = self;
        for (depth, part) in name.split('.').enumerate() {
            if depth == DEPTH {
                return Err(QueryError::TooDeep);
            }
            node = node.children.entry(part).or_default();
        }
        if node.value.replace(value).is_some() {
            return Err(QueryError::Twice(name.to_owned()));
        }
        Ok(())
    }

    /// The numbered children in the order of their numbers, which may have gaps.
    fn elements(&self) -> Result<Vec<&Self>, QueryError> {
        let mut numbered = Vec::with_capacity(self.children.len());
        for (number, child) in &self.children {
            numbered.push((number.parse::<u32>().map_err(|_| QueryError::NotNumbered)?, child));
        }
        numbered.sort_by_key(|(number, _)| *number);
        Ok(numbered.into_iter().map(|(_, child)| child).collect())
    }
}

/// A place in the tree that can be read as a value.
#[derive(Clone, Copy)]
struct Cursor<'n, 'a> {
    node: &'n Node<'a>,
    protocol: Protocol,
}

impl<'n, 'a> Cursor<'n, 'a> {
    fn text(self) -> Result<&'a str, QueryError> {
        self.node.value.ok_or_else(|| QueryError::Value(String::from("a value is expected, not a structure")))
    }

    fn parsed<T: std::str::FromStr>(self, what: &str) -> Result<T, QueryError> {
        let text = self.text()?;
        text.parse().map_err(|_| QueryError::Value(format!("'{text}' is not {what}")))
    }

    /// The level on which a list's or map's elements are numbered; `None` for `Names=`, the empty list.
    fn numbered(self, wrapper: &str) -> Result<Option<&'n Node<'a>>, QueryError> {
        match (self.protocol, self.node.value) {
            (_, Some("")) if self.node.children.is_empty() => Ok(None),
            (_, Some(_)) => Err(QueryError::NotNumbered),
            (Protocol::Ec2, None) => Ok(Some(self.node)),
            (_, None) => Ok(self.node.children.get(wrapper)),
        }
    }
}

impl<'a> IntoDeserializer<'a, QueryError> for Cursor<'_, 'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'a> de::Deserializer<'a> for Cursor<'_, 'a> {
    type Error = QueryError;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_bool(self.parsed("true or false")?)
    }

    fn deserialize_i32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_i32(self.parsed("a whole number")?)
    }

    fn deserialize_i64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_i64(self.parsed("a whole number")?)
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_f32(self.parsed("a number")?)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_f64(self.parsed("a number")?)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let elements = self.numbered("member")?.map(Node::elements).transpose()?.unwrap_or_default();
        let protocol = self.protocol;
        visitor.visit_seq(SeqDeserializer::new(elements.into_iter().map(|node| Cursor { node, protocol })))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        let entries = self.numbered("entry")?.map(Node::elements).transpose()?.unwrap_or_default();
        let mut pairs = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = entry.children.get("key").and_then(|key| key.value);
            let value = entry.children.get("value");
            let (Some(key), Some(node)) = (key, value) else {
                return Err(QueryError::Value(String::from("an entry of a map has a key and a value")));
            };
            pairs.push((BorrowedStrDeserializer::new(key), Cursor { node, protocol: self.protocol }));
        }
        visitor.visit_map(MapDeserializer::new(pairs.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        let protocol = self.protocol;
        let members = self.node.children.iter();
        let members = members.map(|(&name, node)| (BorrowedStrDeserializer::new(name), Cursor { node, protocol }));
        visitor.visit_map(MapDeserializer::new(members))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        i8 i16 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::{QueryError, decode};
    use crate::form::Form;
    use crate::{Blob, Protocol, Sensitive, Timestamp};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Shape {
        name: String,
        flag: Option<bool>,
        count: Option<i32>,
        at: Option<Timestamp>,
        secret: Option<Sensitive>,
        bytes: Option<Blob>,
        names: Option<Vec<String>>,
        labels: Option<BTreeMap<String, String>>,
        filter: Vec<Shape>,
    }

    fn read(text: &str, protocol: Protocol) -> Result<Shape, QueryError> {
        decode(&Form::parse(text.as_bytes()).expect("a form"), protocol)
    }

    #[test]
    fn both_forms_are_read() {
        let expected = Shape {
            name: "a".into(),
            flag: Some(true),
            count: Some(-3),
            at: Some(Timestamp::from_seconds(0)),
            secret: Some("s".into()),
            bytes: Some(Blob(vec![0, 1])),
            names: Some(vec!["x".into(), "y".into(), "z".into()]),
            labels: None,
            filter: vec![Shape { names: Some(vec!["v".into()]), ..Shape::default() }],
        };
        let scalars = "Action=X&Name=a&Flag=true&Count=-3&At=1970-01-01T00:00:00Z&Secret=s&Bytes=AAE=";
        let ec2 = format!("{scalars}&Names.2=y&Names.1=x&Names.10=z&Filter.1.Names.1=v");
        assert_eq!(read(&ec2, Protocol::Ec2).expect("reads"), expected);
        let query = format!(
            "{scalars}&Names.member.2=y&Names.member.1=x&Names.member.10=z&Filter.member.1.Names.member.1=v&\
             Labels.entry.1.key=k&Labels.entry.1.value=v"
        );
        let labels = Some(BTreeMap::from([(String::from("k"), String::from("v"))]));
        assert_eq!(read(&query, Protocol::Query).expect("reads"), Shape { labels, ..expected });
    }

    proptest! {
        #[test]
        fn no_form_breaks_the_decoder(text in "((Name|Names|Filter|Labels|member|entry|key|value|[0-9]{1,12}|[.=&%+]){1,3}[.=&]){0,20}") {
            for protocol in [Protocol::Query, Protocol::Ec2] {
                // It may be read or refused; it must come back.
                let _ = read(&text.replace('%', "%41"), protocol);
            }
        }
    }

    #[test]
    fn an_empty_list_is_there() {
        assert_eq!(read("Names=", Protocol::Query).expect("reads").names, Some(vec![]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["Count=x", "Flag=yes", "Name.1=a", "Names=a", "Names.x=a", "Name=a&Name=b", "Bytes=?", "At=noon"] {
            read(text, Protocol::Ec2).expect_err(text);
        }
        assert_eq!(read(&"a.".repeat(20), Protocol::Ec2).expect_err("deep"), QueryError::TooDeep);
    }
}
