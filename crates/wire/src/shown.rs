//! A shape as people may see it: JSON in which every secret and every byte string is `***`.
//!
//! It is for what is written down (the audit), so it goes by types: what the model marks as sensitive is a [`Sensitive`]
//! and cannot slip through under a new name. Members begin with a small letter and times are RFC 3339, as CloudTrail
//! writes them. Strings of which the model does not say that they are secret are shown.

use std::fmt;

use serde::ser::{self, Impossible, Serialize};
use serde_json::{Map, Value};

use crate::{Blob, Sensitive, Timestamp};

/// What stands for a secret.
pub const HIDDEN: &str = "***";

/// A shape that has no such form; only a shape that no model has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be shown")]
pub struct ShownError(String);

impl ser::Error for ShownError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The shape without its secrets; `null` for what is no shape of a model.
pub fn shown<T: Serialize + ?Sized>(value: &T) -> Value {
    value.serialize(Shown).unwrap_or(Value::Null)
}

struct Shown;

struct Items(Vec<Value>);

struct Members {
    members: Map<String, Value>,
    key: String,
}

impl ser::Serializer for Shown {
    type Ok = Value;
    type Error = ShownError;
    type SerializeSeq = Items;
    type SerializeTuple = Impossible<Value, ShownError>;
    type SerializeTupleStruct = Impossible<Value, ShownError>;
    type SerializeTupleVariant = Impossible<Value, ShownError>;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Impossible<Value, ShownError>;

    fn serialize_bool(self, value: bool) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_i8(self, value: i8) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_i16(self, value: i16) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_i32(self, value: i32) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_i64(self, value: i64) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_u8(self, value: u8) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_u16(self, value: u16) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_u32(self, value: u32) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_u64(self, value: u64) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_f32(self, value: f32) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_f64(self, value: f64) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_char(self, value: char) -> Result<Value, ShownError> {
        Ok(value.to_string().into())
    }
    fn serialize_str(self, value: &str) -> Result<Value, ShownError> {
        Ok(value.into())
    }
    fn serialize_bytes(self, _value: &[u8]) -> Result<Value, ShownError> {
        Ok(HIDDEN.into())
    }
    fn serialize_none(self) -> Result<Value, ShownError> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ShownError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, ShownError> {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ShownError> {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, ShownError> {
        Ok(variant.into())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ShownError> {
        if name == Sensitive::NAME || name == Blob::NAME {
            return Ok(HIDDEN.into());
        }
        let value = value.serialize(self)?;
        match value.as_f64() {
            Some(seconds) if name == Timestamp::NAME => {
                #[expect(clippy::cast_possible_truncation, reason = "it was a whole number of milliseconds")]
                let milliseconds = (seconds * 1000.0).round() as i64;
                Ok(Timestamp::from_milliseconds(milliseconds).to_rfc3339().into())
            }
            _ => Ok(value),
        }
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Value, ShownError> {
        Err(ShownError(name.to_owned()))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Items, ShownError> {
        Ok(Items(Vec::with_capacity(length.unwrap_or_default())))
    }
    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple, ShownError> {
        Err(ShownError(String::from("a tuple")))
    }
    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, ShownError> {
        Err(ShownError(name.to_owned()))
    }
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, ShownError> {
        Err(ShownError(name.to_owned()))
    }
    fn serialize_map(self, _length: Option<usize>) -> Result<Members, ShownError> {
        Ok(Members { members: Map::new(), key: String::new() })
    }
    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Members, ShownError> {
        self.serialize_map(None)
    }
    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, ShownError> {
        Err(ShownError(name.to_owned()))
    }
}

impl ser::SerializeSeq for Items {
    type Ok = Value;
    type Error = ShownError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ShownError> {
        self.0.push(value.serialize(Shown)?);
        Ok(())
    }
    fn end(self) -> Result<Value, ShownError> {
        Ok(Value::Array(self.0))
    }
}

/// The keys of a map are the client's own words and stay as they are.
impl ser::SerializeMap for Members {
    type Ok = Value;
    type Error = ShownError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ShownError> {
        let key = key.serialize(Shown)?;
        key.as_str().ok_or_else(|| ShownError(String::from("a key that is no text")))?.clone_into(&mut self.key);
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ShownError> {
        self.members.insert(std::mem::take(&mut self.key), value.serialize(Shown)?);
        Ok(())
    }
    fn end(self) -> Result<Value, ShownError> {
        Ok(Value::Object(self.members))
    }
}

impl ser::SerializeStruct for Members {
    type Ok = Value;
    type Error = ShownError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), ShownError> {
        let mut name = key.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        self.members.insert(name, value.serialize(Shown)?);
        Ok(())
    }
    fn end(self) -> Result<Value, ShownError> {
        Ok(Value::Object(self.members))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::json;

    use super::shown;
    use crate::{Blob, Sensitive, Timestamp};

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Shape {
        name: String,
        secrets: Vec<Sensitive>,
        bytes: Option<Blob>,
        tags: BTreeMap<String, String>,
        at: Timestamp,
        days: i32,
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let shape = Shape {
            name: "db".into(),
            secrets: vec!["hunter2".into()],
            bytes: Some(Blob(b"hunter2".to_vec())),
            tags: BTreeMap::from([("Team".into(), "web".into())]),
            at: Timestamp::from_seconds(0),
            days: 7,
        };
        let expected = json!({"name": "db", "secrets": ["***"], "bytes": "***", "tags": {"Team": "web"},
            "at": "1970-01-01T00:00:00Z", "days": 7});
        assert_eq!(shown(&shape), expected);
        let as_json = serde_json::to_value(&shape).expect("JSON");
        assert_eq!(as_json["Secrets"][0], "hunter2");
        assert_eq!(as_json["Bytes"], "aHVudGVyMg==");
    }
}
