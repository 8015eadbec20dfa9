//! EC2's errors as its clients know them.

use ipnet::Ipv4Net;

use crate::ServiceError;

/// `The <noun> '<id>' does not exist`
pub(super) fn not_found(code: &'static str, noun: &str, id: &str) -> ServiceError {
    ServiceError::new(code, format!("The {noun} '{id}' does not exist"))
}

/// Something else still needs it.
pub(super) fn dependency(message: impl Into<String>) -> ServiceError {
    ServiceError::new("DependencyViolation", message)
}

/// Something that AWS has and Tidegate does not.
pub(super) fn unsupported(what: &str) -> ServiceError {
    ServiceError::new("UnsupportedOperation", format!("Tidegate does not have {what}."))
}

/// A parameter that must be there is not.
pub(super) fn missing_parameter(name: &str) -> ServiceError {
    ServiceError::new("MissingParameter", format!("The request must contain the parameter {name}"))
}

/// An IPv4 range; bits behind the prefix are dropped, as EC2 does.
pub(super) fn cidr(text: &str) -> Result<Ipv4Net, ServiceError> {
    text.parse::<Ipv4Net>().map(|range| range.trunc()).map_err(|_| {
        ServiceError::new(
            "InvalidParameterValue",
            format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."),
        )
    })
}
