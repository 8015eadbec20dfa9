//! Shows what our codecs make of requests and answers, so that `tests/protocols` can hold them against botocore's.
//!
//! One JSON object a line comes in and one goes out:
//! - `{"do": "read", "service": …, "operation": …, "body": …}`: the request's input as we understand it
//! - `{"do": "check", "service": …, "operation": …, "body": …}`: what we find wrong with that input
//! - `{"do": "write", "service": …, "operation": …, "output": …}`: the bytes of that answer
//! - `{"do": "refuse", "service": …, "code": …, "message": …, "status": …}`: the bytes of that error

use std::io::{BufRead as _, Write as _};

use serde::Deserialize;
use serde_json::{Value, json};
use wire::Protocol;
use wire::document::{self, Answer, Content, ErrorDocument, MessageKey};
use wire::form::Form;

const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Job {
    Read { service: String, operation: String, body: String },
    Check { service: String, operation: String, body: String },
    Write { service: String, operation: String, output: Value },
    Refuse { service: String, code: String, message: String, status: u16 },
}

fn input_of<O: api::Operation>(body: &str) -> Result<O::Input, String> {
    match O::SERVICE.protocol {
        Protocol::Json => document::input_from_json(body.as_bytes()).map_err(|error| error.to_string()),
        protocol => {
            let form = Form::parse(body.as_bytes()).map_err(|error| error.to_string())?;
            document::input_from_form(&form, protocol).map_err(|error| error.to_string())
        }
    }
}

fn read<O: api::Operation>(body: &str) -> Result<Value, String>
where
    O::Input: serde::Serialize,
{
    serde_json::to_value(input_of::<O>(body)?).map_err(|error| error.to_string())
}

fn check<O: api::Operation>(body: &str) -> Result<Value, String> {
    let violations = wire::Check::violations_of(&input_of::<O>(body)?);
    Ok(violations.iter().map(ToString::to_string).collect())
}

fn write<O: api::Operation>(output: Value) -> Result<Value, String>
where
    O::Output: serde::de::DeserializeOwned,
{
    let output: O::Output = serde_json::from_value(output).map_err(|error| error.to_string())?;
    let about = Answer {
        operation: O::NAME,
        namespace: O::SERVICE.namespace,
        request_id: REQUEST_ID,
        content: if O::HAS_OUTPUT { Content::Output } else { Content::Nothing },
    };
    let bytes = document::answer(O::SERVICE.protocol, about, &output).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map(Value::String).map_err(|error| error.to_string())
}

fn refuse(service: &str, code: &str, message: &str, status: u16) -> Result<Value, String> {
    let service = api::SERVICES.iter().find(|known| known.name == service).ok_or("no such service")?;
    let document = ErrorDocument {
        code,
        message,
        message_key: MessageKey::Small,
        status,
        request_id: REQUEST_ID,
        namespace: service.namespace,
    };
    let bytes = document.to_bytes(service.protocol);
    String::from_utf8(bytes).map(Value::String).map_err(|error| error.to_string())
}

macro_rules! mirror {
    ($($service:ident::$operation:ident,)*) => {
        fn mirror(job: Job) -> Result<Value, String> {
            match job {
                Job::Read { service, operation, body } => match (service.as_str(), operation.as_str()) {
                    $((stringify!($service), stringify!($operation)) => {
                        read::<api::$service::op::$operation>(&body)
                    })*
                    _ => Err(format!("{service}:{operation} is not served")),
                },
                Job::Check { service, operation, body } => match (service.as_str(), operation.as_str()) {
                    $((stringify!($service), stringify!($operation)) => {
                        check::<api::$service::op::$operation>(&body)
                    })*
                    _ => Err(format!("{service}:{operation} is not served")),
                },
                Job::Write { service, operation, output } => match (service.as_str(), operation.as_str()) {
                    $((stringify!($service), stringify!($operation)) => {
                        write::<api::$service::op::$operation>(output)
                    })*
                    _ => Err(format!("{service}:{operation} is not served")),
                },
                Job::Refuse { service, code, message, status } => refuse(&service, &code, &message, status),
            }
        }
    };
}

api::for_each_operation!(mirror);

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let made = serde_json::from_str(&line?).map_err(|error| error.to_string()).and_then(mirror);
        let answer = match made {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
