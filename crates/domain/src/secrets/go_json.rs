//! What Go's `encoding/json` says of a text that is no JSON, or no JSON object.
//!
//! The agent that fills a container's variables is written in Go and passes these words on; people look for them. The
//! words quote one character of the text at most, as Go's do.

/// Why a text cannot be read into Go's `map[string]interface{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoJsonError {
    /// It ends too early.
    #[error("unexpected end of JSON input")]
    End,
    /// A byte stands where it may not.
    #[error("invalid character {} {context}", quoted(*.byte))]
    Character {
        /// The byte.
        byte: u8,
        /// Where it stands.
        context: &'static str,
    },
    /// Arrays and objects are nested too deep.
    #[error("exceeded max depth")]
    Depth,
    /// It is JSON of another kind.
    #[error("json: cannot unmarshal {0} into Go value of type map[string]interface {{}}")]
    Kind(&'static str),
}

/// How deep Go follows arrays and objects.
const DEPTH: usize = 10_000;

/// Reads the text as Go does when it wants an object. Also `null` is taken, for an object without keys.
///
/// # Errors
/// [`GoJsonError`]; the first that is wrong.
pub(super) fn check_object(text: &str) -> Result<(), GoJsonError> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.document()?;
    match text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first() {
        Some(b'{' | b'n') => Ok(()),
        Some(b'[') => Err(GoJsonError::Kind("array")),
        Some(b'"') => Err(GoJsonError::Kind("string")),
        Some(b't' | b'f') => Err(GoJsonError::Kind("bool")),
        _ => Err(GoJsonError::Kind("number")),
    }
}

/// What a value lies in.
#[derive(Clone, Copy)]
enum Inside {
    Object,
    Array,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), GoJsonError> {
        let mut inside = Vec::new();
        loop {
            if let Some(begun) = self.value()? {
                inside.push(begun);
                if inside.len() > DEPTH {
                    return Err(GoJsonError::Depth);
                }
                continue;
            }
            if self.end_values(&mut inside)? {
                return Ok(());
            }
        }
    }

    /// Reads a value, or the beginning of one that has others in it.
    fn value(&mut self) -> Result<Option<Inside>, GoJsonError> {
        match self.token()? {
            b'{' => {
                if self.skip_if(b'}') {
                    return Ok(None);
                }
                self.key()?;
                return Ok(Some(Inside::Object));
            }
            b'[' if self.skip_if(b']') => {}
            b'[' => return Ok(Some(Inside::Array)),
            b'"' => self.string()?,
            b'-' => {
                let digit = self.byte()?;
                self.number(digit, "in numeric literal")?;
            }
            digit @ b'0'..=b'9' => self.number(digit, "")?,
            b't' => self.literal(&[
                (b'r', "in literal true (expecting 'r')"),
                (b'u', "in literal true (expecting 'u')"),
                (b'e', "in literal true (expecting 'e')"),
            ])?,
            b'f' => self.literal(&[
                (b'a', "in literal false (expecting 'a')"),
                (b'l', "in literal false (expecting 'l')"),
                (b's', "in literal false (expecting 's')"),
                (b'e', "in literal false (expecting 'e')"),
            ])?,
            b'n' => self.literal(&[
                (b'u', "in literal null (expecting 'u')"),
                (b'l', "in literal null (expecting 'l')"),
                (b'l', "in literal null (expecting 'l')"),
            ])?,
            byte => return Err(GoJsonError::Character { byte, context: "looking for beginning of value" }),
        }
        Ok(None)
    }

    /// After a value: what it lies in goes on, or ends as well. Answers whether the text is over.
    fn end_values(&mut self, inside: &mut Vec<Inside>) -> Result<bool, GoJsonError> {
        loop {
            let Some(place) = inside.last() else {
                return match self.token() {
                    Ok(byte) => Err(GoJsonError::Character { byte, context: "after top-level value" }),
                    Err(_) => Ok(true),
                };
            };
            match (place, self.token()?) {
                (Inside::Object, b',') => return self.key().map(|()| false),
                (Inside::Array, b',') => return Ok(false),
                (Inside::Object, b'}') | (Inside::Array, b']') => drop(inside.pop()),
                (Inside::Object, byte) => {
                    return Err(GoJsonError::Character { byte, context: "after object key:value pair" });
                }
                (Inside::Array, byte) => return Err(GoJsonError::Character { byte, context: "after array element" }),
            }
        }
    }

    fn key(&mut self) -> Result<(), GoJsonError> {
        match self.token()? {
            b'"' => self.string()?,
            byte => {
                return Err(GoJsonError::Character { byte, context: "looking for beginning of object key string" });
            }
        }
        match self.token()? {
            b':' => Ok(()),
            byte => Err(GoJsonError::Character { byte, context: "after object key" }),
        }
    }

    fn string(&mut self) -> Result<(), GoJsonError> {
        loop {
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.byte()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.byte()?;
                            if !byte.is_ascii_hexdigit() {
                                let context = "in \\u hexadecimal character escape";
                                return Err(GoJsonError::Character { byte, context });
                            }
                        }
                    }
                    byte => return Err(GoJsonError::Character { byte, context: "in string escape code" }),
                },
                byte @ ..0x20 => return Err(GoJsonError::Character { byte, context: "in string literal" }),
                _ => {}
            }
        }
    }

    /// A number from its first digit on.
    fn number(&mut self, first: u8, context: &'static str) -> Result<(), GoJsonError> {
        match first {
            // Nothing but a fraction or an exponent follows a zero.
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            byte => return Err(GoJsonError::Character { byte, context }),
        }
        if self.skip_if_next(b".") {
            self.some_digits("after decimal point in numeric literal")?;
        }
        if self.skip_if_next(b"eE") {
            self.skip_if_next(b"+-");
            self.some_digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn some_digits(&mut self, context: &'static str) -> Result<(), GoJsonError> {
        let byte = self.byte()?;
        if !byte.is_ascii_digit() {
            return Err(GoJsonError::Character { byte, context });
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.skip_if_next(b"0123456789") {}
    }

    fn literal(&mut self, rest: &[(u8, &'static str)]) -> Result<(), GoJsonError> {
        for (expected, context) in rest {
            let byte = self.byte()?;
            if byte != *expected {
                return Err(GoJsonError::Character { byte, context });
            }
        }
        Ok(())
    }

    /// The next byte that is no blank.
    fn token(&mut self) -> Result<u8, GoJsonError> {
        while self.skip_if_next(b" \t\r\n") {}
        self.byte()
    }

    fn byte(&mut self) -> Result<u8, GoJsonError> {
        let byte = *self.bytes.get(self.at).ok_or(GoJsonError::End)?;
        self.at += 1;
        Ok(byte)
    }

    /// Passes over blanks and this byte, if it is the next one.
    fn skip_if(&mut self, byte: u8) -> bool {
        while self.skip_if_next(b" \t\r\n") {}
        self.skip_if_next(&[byte])
    }

    fn skip_if_next(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.bytes.get(self.at).is_some_and(|byte| bytes.contains(byte));
        self.at += usize::from(is_next);
        is_next
    }
}

/// A byte as Go quotes it: taken for a character of its own.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0x00..=0x1f | 0x7f => format!(r"'\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_gos() {
        let cases = [
            ("{}", "ok"),
            (" \t\r\n{ \"a\" : [1, -0.5e+3, true, null, \"\\u00e9\\n\", {}, [] ] } ", "ok"),
            ("null", "ok"),
            ("{'a':'b'}", r"invalid character '\'' looking for beginning of object key string"),
            ("'a'", r"invalid character '\'' looking for beginning of value"),
            ("s3cret", "invalid character 's' looking for beginning of value"),
            ("user:pass", "invalid character 'u' looking for beginning of value"),
            ("\u{e9}", "invalid character 'Ã' looking for beginning of value"),
            ("", "unexpected end of JSON input"),
            ("  ", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{\"a\"", "unexpected end of JSON input"),
            ("{\"a\":\"b\"", "unexpected end of JSON input"),
            ("{\"a\" \"b\"}", "invalid character '\"' after object key"),
            ("{\"a\" = 1}", "invalid character '=' after object key"),
            ("{\"a\":1 \"b\":2}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":1;}", "invalid character ';' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("012", "invalid character '1' after top-level value"),
            ("tru", "unexpected end of JSON input"),
            ("trap", "invalid character 'a' in literal true (expecting 'u')"),
            ("False", "invalid character 'F' looking for beginning of value"),
            ("fog", "invalid character 'o' in literal false (expecting 'a')"),
            ("nil", "invalid character 'i' in literal null (expecting 'u')"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.a", "invalid character 'a' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("10.0.0.1", "invalid character '.' after top-level value"),
            ("{\"a\":\"\\x\"}", "invalid character 'x' in string escape code"),
            ("{\"a\":\"\\u00g0\"}", "invalid character 'g' in \\u hexadecimal character escape"),
            ("{\"a\":\"line\nbreak\"}", r"invalid character '\n' in string literal"),
            ("{\"a\":\"\u{1}\"}", r"invalid character '\x01' in string literal"),
            ("\"text\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"),
            ("7", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
            ("-7", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
            ("false", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
            ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ];
        for (text, expected) in cases {
            let found = check_object(text).map_or_else(|error| error.to_string(), |()| "ok".to_owned());
            assert_eq!(found, expected, "{text:?}");
        }
        assert_eq!(check_object(&"[".repeat(20_000)), Err(GoJsonError::Depth));
    }

    #[test]
    fn what_it_takes_is_json() {
        use proptest::prelude::*;
        proptest!(|(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\ u'trueflsn]{0,12}")| {
            let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            let found = check_object(&text);
            // Numbers beyond what serde reads are JSON nevertheless.
            if is_json {
                prop_assert!(matches!(found, Ok(()) | Err(GoJsonError::Kind(_))), "{text}: {found:?}");
            } else if !text.contains(['e', 'E', 'u']) {
                prop_assert!(!matches!(found, Ok(()) | Err(GoJsonError::Kind(_))), "{text}: {found:?}");
            }
        });
    }
}
