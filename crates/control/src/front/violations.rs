//! What is wrong with an input, in the words of the service that was asked.

use api::Service;
use wire::Protocol;
use wire::constraint::{Requirement, Violation, told};

use crate::ServiceError;

/// The error for at least one violation.
pub(crate) fn error(service: &Service, violations: &[Violation]) -> ServiceError {
    match (service.protocol, service.name) {
        (Protocol::Ec2, _) => ec2(violations),
        (Protocol::Query, "iam") => iam(violations),
        (Protocol::Query, _) => ServiceError::new("ValidationError", told(violations)),
        (Protocol::Json, "ecs") => ecs(violations),
        (Protocol::Json, "logs" | "tidegate") => ServiceError::new("InvalidParameterException", told(violations)),
        (Protocol::Json, _) => ServiceError::new("ValidationException", told(violations)),
    }
}

/// IAM's pattern of names, for which it has a sentence.
const NAME: &str = r"[\w+=,.@-]+";

/// IAM repeats no value, and no list of the values that it knows.
fn iam(violations: &[Violation]) -> ServiceError {
    let message = if let [Violation { path, requirement: Requirement::Pattern(NAME), .. }] = violations {
        format!(
            "The specified value for {path} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )
    } else {
        let quietly = |one: &Violation| {
            let requirement = match &one.requirement {
                Requirement::OneOf(_) => Requirement::OneOf(&[]),
                other => other.clone(),
            };
            Violation { path: one.path.clone(), value: None, requirement }
        };
        told(&violations.iter().map(quietly).collect::<Vec<_>>())
    };
    ServiceError::new("ValidationError", message)
}

/// EC2 tells one parameter at a time.
fn ec2(violations: &[Violation]) -> ServiceError {
    let Some(Violation { path, value, requirement }) = violations.first() else {
        return ServiceError::new("InvalidParameterValue", "A parameter is invalid.");
    };
    if *requirement == Requirement::Present {
        return ServiceError::new("MissingParameter", format!("The request must contain the parameter {path}"));
    }
    let value = value.as_deref().unwrap_or_default();
    let message = format!("Value ({value}) for parameter {path} is invalid. {requirement}.");
    ServiceError::new("InvalidParameterValue", message)
}

fn ecs(violations: &[Violation]) -> ServiceError {
    let missing = violations.iter().find(|violation| violation.requirement == Requirement::Present);
    let message = match missing {
        Some(Violation { path, .. }) => format!("{} should not be null or empty.", path.replace(".member", "")),
        None => told(violations),
    };
    ServiceError::new("ClientException", message)
}

#[cfg(test)]
mod tests {
    use wire::constraint::{Requirement, Violation};

    use super::error;

    fn text(service: &api::Service, requirement: Requirement) -> String {
        let value = Some(String::from("x"));
        error(service, &[Violation { path: String::from("name"), value, requirement }]).to_string()
    }

    #[test]
    fn each_service_has_its_words() {
        let too_short =
            "Value 'x' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2";
        for (service, code) in [
            (&api::kms::SERVICE, "ValidationException"),
            (&api::logs::SERVICE, "InvalidParameterException"),
            (&api::ecs::SERVICE, "ClientException"),
        ] {
            let expected = format!("{code}: 1 validation error detected: {too_short}");
            assert_eq!(text(service, Requirement::LengthAtLeast(2)), expected);
        }
        assert_eq!(
            text(&api::iam::SERVICE, Requirement::OneOf(&["a", "b"])),
            "ValidationError: 1 validation error detected: Value at 'name' failed to satisfy constraint: Member must \
             satisfy enum value set"
        );
        assert_eq!(
            text(&api::ecs::SERVICE, Requirement::Present),
            "ClientException: name should not be null or empty."
        );
        assert_eq!(
            text(&api::ec2::SERVICE, Requirement::Present),
            "MissingParameter: The request must contain the parameter name"
        );
        assert_eq!(
            text(&api::ec2::SERVICE, Requirement::AtLeast(5)),
            "InvalidParameterValue: Value (x) for parameter name is invalid. Member must have value greater than or equal to 5."
        );
    }
}
