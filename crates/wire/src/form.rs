//! A form as the Query protocols send it: `Action=RunInstances&Version=…`, in a body or behind a `?`.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The most parameters that are read. RunTask's largest cousin in EC2 needs a few hundred.
const PARAMETERS: usize = 16 * 1024;

/// The decoded parameters, in the order they were sent.
#[derive(Debug, Default)]
pub struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The text is not a form that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A name or value is not UTF-8 once its percent signs are decoded.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// Too many parameters.
    #[error("more than {PARAMETERS} parameters")]
    TooMany,
}

impl<'a> Form<'a> {
    /// Reads `name=value` pairs joined by `&`; `+` is a space.
    pub fn parse(text: &'a [u8]) -> Result<Self, FormError> {
        let mut pairs = Vec::new();
        for pair in text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == PARAMETERS {
                return Err(FormError::TooMany);
            }
            let middle = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(middle);
            pairs.push((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?));
        }
        Ok(Self { pairs })
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// Every parameter.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

fn decoded(text: &[u8]) -> Result<Cow<'_, str>, FormError> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| FormError::NotUtf8);
    }
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| FormError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::{Form, FormError};

    #[test]
    fn pairs_are_decoded() {
        let form = Form::parse(b"Action=ListUsers&&PathPrefix=%2Fa+b%2F&Empty=&Bare").expect("parses");
        let pairs: Vec<_> = form.iter().collect();
        assert_eq!(pairs, [("Action", "ListUsers"), ("PathPrefix", "/a b/"), ("Empty", ""), ("Bare", "")]);
        assert_eq!(form.get("Action"), Some("ListUsers"));
        assert_eq!(form.get("Version"), None);
    }

    #[test]
    fn bad_text_is_refused() {
        assert_eq!(Form::parse(b"a=%ff").expect_err("refused"), FormError::NotUtf8);
        assert_eq!(Form::parse(&b"a&".repeat(20_000)).expect_err("refused"), FormError::TooMany);
    }
}
