//! An error on its way out: in the protocol's form, with the code and status that the service's clients know.

use api::Service;
use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use wire::Protocol;
use wire::document::{ErrorDocument, MessageKey};

use crate::ServiceError;

/// An error and how to tell it.
pub(super) struct Refusal {
    protocol: Protocol,
    namespace: &'static str,
    message_key: MessageKey,
    pub(super) error: ServiceError,
}

impl Refusal {
    /// A service's error.
    pub(super) fn of(service: &Service, mut error: ServiceError) -> Self {
        if let Some(denied) = denied(service.protocol, &error) {
            error = denied;
        } else if let (400, Some(status)) = (error.status, service.status_of(&error.code)) {
            error.status = status;
        }
        // Secrets Manager's model spells it so; errors that every service has are spelt as everywhere.
        let capital = service.name == "secretsmanager" && service.status_of(&error.code).is_some();
        let message_key = if capital { MessageKey::Capital } else { MessageKey::Small };
        Self { protocol: service.protocol, namespace: service.namespace, message_key, error }
    }

    /// An error of a request of which no service is known.
    pub(super) fn unaddressed(protocol: Protocol, error: ServiceError) -> Self {
        Self { protocol, namespace: "", message_key: MessageKey::Small, error }
    }

    /// The answer.
    pub(super) fn response(&self, request_id: &str) -> Response<Full<Bytes>> {
        let document = ErrorDocument {
            code: &self.error.code,
            message: &self.error.message,
            message_key: self.message_key,
            status: self.error.status,
            request_id,
            namespace: self.namespace,
        };
        response(self.error.status, self.protocol.content_type(), request_id, document.to_bytes(self.protocol))
    }
}

/// The one code for "not allowed" has three spellings.
fn denied(protocol: Protocol, error: &ServiceError) -> Option<ServiceError> {
    if !matches!(error.code.as_ref(), "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") {
        return None;
    }
    let message = error.message.clone();
    Some(match protocol {
        Protocol::Json => ServiceError::new("AccessDeniedException", message),
        Protocol::Query => ServiceError::new("AccessDenied", message).with_status(403),
        Protocol::Ec2 => {
            let message = format!("You are not authorized to perform this operation. {message}");
            ServiceError::new("UnauthorizedOperation", message).with_status(403)
        }
    })
}

/// An answer of any kind.
pub(super) fn response(
    status: u16,
    content_type: &'static str,
    request_id: &str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .header("x-amzn-requestid", request_id)
        .body(Full::new(body.into()));
    // Only a status outside 100..1000 or an id with control characters could fail; neither is ever made.
    response.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use crate::ServiceError;

    fn told(service: &'static api::Service, code: &'static str) -> (String, u16) {
        let refusal = Refusal::of(service, ServiceError::new(code, "No."));
        (format!("{}: {}", refusal.error.code, refusal.error.message), refusal.error.status)
    }

    #[test]
    fn denials_are_spelt_as_the_protocol_does() {
        assert_eq!(told(&api::ecs::SERVICE, "AccessDenied"), ("AccessDeniedException: No.".into(), 400));
        assert_eq!(told(&api::iam::SERVICE, "AccessDeniedException"), ("AccessDenied: No.".into(), 403));
        assert_eq!(
            told(&api::ec2::SERVICE, "AccessDeniedException"),
            ("UnauthorizedOperation: You are not authorized to perform this operation. No.".into(), 403)
        );
    }

    #[test]
    fn the_model_knows_the_status() {
        assert_eq!(told(&api::iam::SERVICE, "NoSuchEntity").1, 404);
        assert_eq!(told(&api::ecs::SERVICE, "ClientException").1, 400);
        assert_eq!(told(&api::ec2::SERVICE, "InvalidVpcID.NotFound").1, 400);
    }
}
