//! Whole documents of each protocol: a request's input from its bytes, an answer or an error to bytes.

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Protocol;
use crate::form::Form;
use crate::query::{self, QueryError};
use crate::xml::{self, XmlError};

const XML_DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Why a request has no input we understand. Its text never repeats a value of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The body is not the JSON that the shape asks for.
    #[error("The request is not valid JSON for this operation: {0}.")]
    Json(String),
    /// The form is not the shape.
    #[error("The request's parameters are not valid for this operation: {0}.")]
    Query(#[from] QueryError),
}

/// Why an answer has no document; only a shape that no model has.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// No JSON.
    #[error("the answer cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// No XML.
    #[error("the answer cannot be written as XML")]
    Xml(#[from] XmlError),
}

/// The names that an answer's document repeats.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The operation.
    pub operation: &'a str,
    /// The service's XML namespace.
    pub namespace: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
    /// What the operation's model says.
    pub content: Content,
}

/// Whether an operation answers with anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It has an output shape.
    Output,
    /// It has none.
    Nothing,
}

impl Protocol {
    /// The content type of its answers.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Query => "text/xml",
            Self::Ec2 => "text/xml;charset=UTF-8",
        }
    }
}

/// Reads a JSON body; an empty one is an empty object.
pub fn input_from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, InputError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| InputError::Json(without_values(&error.to_string())))
}

/// Reads the parameters of a Query request.
pub fn input_from_form<T: DeserializeOwned>(form: &Form<'_>, protocol: Protocol) -> Result<T, InputError> {
    Ok(query::decode(form, protocol)?)
}

/// serde says `invalid type: string "the value", expected i32 at line 1 column 9`, and the value may be a secret.
fn without_values(error: &str) -> String {
    match error.rfind(", expected ").and_then(|at| error.get(at + 2..)) {
        Some(expected) => expected.to_owned(),
        None => error.to_owned(),
    }
}

/// Writes an answer.
pub fn answer<T: Serialize>(protocol: Protocol, about: Answer<'_>, output: &T) -> Result<Vec<u8>, OutputError> {
    let Answer { operation, namespace, request_id, content } = about;
    if protocol == Protocol::Json {
        return match content {
            Content::Output => Ok(serde_json::to_vec(output)?),
            Content::Nothing => Ok(Vec::new()),
        };
    }
    let mut out = String::with_capacity(1024);
    // Writing to a String cannot fail.
    let _ = write!(out, "{XML_DECLARATION}<{operation}Response xmlns=\"{namespace}\">");
    match (protocol, content) {
        (Protocol::Ec2, Content::Output) => {
            xml::write_text(&mut out, "requestId", request_id);
            xml::write_members(&mut out, output, protocol)?;
        }
        (Protocol::Ec2, Content::Nothing) => {
            xml::write_text(&mut out, "requestId", request_id);
            xml::write_text(&mut out, "return", "true");
        }
        (_, content) => {
            if content == Content::Output {
                xml::write_element(&mut out, &format!("{operation}Result"), output, protocol)?;
            }
            out.push_str("<ResponseMetadata>");
            xml::write_text(&mut out, "RequestId", request_id);
            out.push_str("</ResponseMetadata>");
        }
    }
    let _ = write!(out, "</{operation}Response>");
    Ok(out.into_bytes())
}

/// How awsJson's error documents spell the name of their message; services differ, and their older SDKs read one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKey {
    /// `message`
    Small,
    /// `Message`
    Capital,
}

/// An error to be told to a client.
#[derive(Clone, Copy, Debug)]
pub struct ErrorDocument<'a> {
    /// The code that SDKs make an exception of.
    pub code: &'a str,
    /// The sentence.
    pub message: &'a str,
    /// How awsJson spells it.
    pub message_key: MessageKey,
    /// The HTTP status: from 500 it is the server's fault.
    pub status: u16,
    /// The id of the request.
    pub request_id: &'a str,
    /// The service's XML namespace.
    pub namespace: &'a str,
}

impl ErrorDocument<'_> {
    /// The document in a protocol's form.
    pub fn to_bytes(self, protocol: Protocol) -> Vec<u8> {
        let text = match protocol {
            Protocol::Json => self.json(),
            Protocol::Query => self.query(),
            Protocol::Ec2 => self.ec2(),
        };
        text.into_bytes()
    }

    fn json(self) -> String {
        let mut document = serde_json::json!({ "__type": self.code });
        // AWS leaves a message out that says nothing.
        if !self.message.is_empty() {
            let key = match self.message_key {
                MessageKey::Small => "message",
                MessageKey::Capital => "Message",
            };
            document[key] = self.message.into();
        }
        if self.code == "AccessDeniedException" {
            // Some services spell it so, and some clients read only that.
            document["Message"] = self.message.into();
        }
        document.to_string()
    }

    fn query(self) -> String {
        let mut out = format!("<ErrorResponse xmlns=\"{}\"><Error>", self.namespace);
        xml::write_text(&mut out, "Type", if self.status >= 500 { "Receiver" } else { "Sender" });
        xml::write_text(&mut out, "Code", self.code);
        xml::write_text(&mut out, "Message", self.message);
        out.push_str("</Error>");
        xml::write_text(&mut out, "RequestId", self.request_id);
        out.push_str("</ErrorResponse>");
        out
    }

    fn ec2(self) -> String {
        let mut out = format!("{XML_DECLARATION}<Response><Errors><Error>");
        xml::write_text(&mut out, "Code", self.code);
        xml::write_text(&mut out, "Message", self.message);
        out.push_str("</Error></Errors>");
        xml::write_text(&mut out, "RequestID", self.request_id);
        out.push_str("</Response>");
        out
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::{Answer, Content, ErrorDocument, MessageKey, answer, input_from_json};
    use crate::Protocol;

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Shape {
        count: i32,
    }

    const ABOUT: Answer<'_> =
        Answer { operation: "GetX", namespace: "urn:x", request_id: "id", content: Content::Output };

    fn written(protocol: Protocol, content: Content) -> String {
        let bytes = answer(protocol, Answer { content, ..ABOUT }, &Shape { count: 1 }).expect("writes");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn answers_have_each_protocols_form() {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<GetXResponse xmlns=\"urn:x\">";
        let metadata = "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetXResponse>";
        assert_eq!(written(Protocol::Json, Content::Output), "{\"count\":1}");
        assert_eq!(written(Protocol::Json, Content::Nothing), "");
        assert_eq!(
            written(Protocol::Query, Content::Output),
            format!("{head}<GetXResult><count>1</count></GetXResult>{metadata}")
        );
        assert_eq!(written(Protocol::Query, Content::Nothing), format!("{head}{metadata}"));
        assert_eq!(
            written(Protocol::Ec2, Content::Output),
            format!("{head}<requestId>id</requestId><count>1</count></GetXResponse>")
        );
        assert_eq!(
            written(Protocol::Ec2, Content::Nothing),
            format!("{head}<requestId>id</requestId><return>true</return></GetXResponse>")
        );
    }

    #[test]
    fn errors_have_each_protocols_form() {
        let error = ErrorDocument {
            code: "NoSuchX",
            message: "a < b",
            message_key: MessageKey::Small,
            status: 404,
            request_id: "id",
            namespace: "urn:x",
        };
        let written = |protocol| String::from_utf8(error.to_bytes(protocol)).expect("UTF-8");
        assert_eq!(written(Protocol::Json), r#"{"__type":"NoSuchX","message":"a < b"}"#);
        let capital = ErrorDocument { message_key: MessageKey::Capital, ..error };
        assert_eq!(capital.to_bytes(Protocol::Json), br#"{"Message":"a < b","__type":"NoSuchX"}"#);
        assert_eq!(
            written(Protocol::Query),
            "<ErrorResponse xmlns=\"urn:x\"><Error><Type>Sender</Type><Code>NoSuchX</Code><Message>a &lt; b</Message>\
             </Error><RequestId>id</RequestId></ErrorResponse>"
        );
        assert_eq!(
            written(Protocol::Ec2),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>NoSuchX</Code>\
             <Message>a &lt; b</Message></Error></Errors><RequestID>id</RequestID></Response>"
        );
    }

    #[test]
    fn a_bad_value_is_not_repeated() {
        let error = input_from_json::<Shape>(br#"{"count":"hunter2"}"#).expect_err("refused").to_string();
        assert!(error.contains("expected i32") && !error.contains("hunter2"), "{error}");
        assert_eq!(input_from_json::<Shape>(b"").expect("reads").count, 0);
    }
}
