//! Which operation of which service a request asks for.
//!
//! awsJson says it in `X-Amz-Target`. A Query request names an `Action` and the `Version` of its service; without a
//! version the action's name decides, which is enough as no two of our services share one.

use api::Service;
use wire::Protocol;
use wire::form::Form;

use super::refusal::Refusal;
use crate::ServiceError;

/// An operation that AWS has, served here or not.
pub(super) struct Call<'a> {
    pub(super) service: &'static Service,
    pub(super) operation: &'a str,
}

impl<'a> Call<'a> {
    /// The call of an awsJson request.
    pub(super) fn of_target(target: &'a str) -> Result<Self, Refusal> {
        let unknown = || {
            let message = format!("'{target}' is not an operation of a service that Tidegate serves.");
            Refusal::unaddressed(Protocol::Json, ServiceError::new("UnknownOperationException", message))
        };
        let (prefix, operation) = target.rsplit_once('.').ok_or_else(unknown)?;
        let service = api::SERVICES
            .iter()
            .find(|service| service.protocol == Protocol::Json && service.target_prefix == prefix)
            .filter(|service| service.has_operation(operation))
            .ok_or_else(unknown)?;
        Ok(Self { service, operation })
    }

    /// The call of a Query request.
    pub(super) fn of_form(form: &'a Form<'_>) -> Result<Self, Refusal> {
        let refuse = |code, message| Refusal::unaddressed(Protocol::Query, ServiceError::new(code, message));
        let Some(action) = form.get("Action") else {
            return Err(refuse(
                "MissingAction",
                String::from("The request names no operation: X-Amz-Target, or the parameter Action, is expected."),
            ));
        };
        let version = form.get("Version");
        let mut services = api::SERVICES.iter().filter(|service| {
            service.protocol != Protocol::Json && version.is_none_or(|version| version == service.version)
        });
        let service = services.find(|service| service.has_operation(action)).ok_or_else(|| {
            let version = version.unwrap_or("(none)");
            refuse("InvalidAction", format!("Could not find operation {action} for version {version}"))
        })?;
        Ok(Self { service, operation: action })
    }

    /// The refusal of an operation that AWS has and we do not serve.
    pub(super) fn not_served(&self) -> ServiceError {
        let code = match self.service.protocol {
            Protocol::Json => "UnknownOperationException",
            Protocol::Query | Protocol::Ec2 => "InvalidAction",
        };
        let message = format!("Tidegate does not serve {}:{}.", self.service.name, self.operation);
        ServiceError::new(code, message)
    }
}

#[cfg(test)]
mod tests {
    use wire::form::Form;

    use super::Call;

    #[test]
    fn a_target_names_service_and_operation() {
        let call = Call::of_target("AmazonEC2ContainerServiceV20141113.RunTask").ok().expect("a call");
        assert_eq!((call.service.name, call.operation), ("ecs", "RunTask"));
        for target in ["RunTask", "AmazonEC2ContainerServiceV20141113.Fly", "Other.RunTask", "."] {
            assert!(Call::of_target(target).is_err(), "{target}");
        }
    }

    #[test]
    fn a_form_names_action_and_version() {
        for (form, service) in [
            ("Action=ListUsers&Version=2010-05-08", "iam"),
            ("Version=2011-06-15&Action=AssumeRole", "sts"),
            ("Action=DescribeVpcs", "ec2"),
        ] {
            let form = Form::parse(form.as_bytes()).expect("a form");
            assert_eq!(Call::of_form(&form).ok().expect("a call").service.name, service);
        }
        for form in ["", "Action=Fly&Version=2010-05-08", "Action=ListUsers&Version=2011-06-15", "Version=2010-05-08"] {
            let form = Form::parse(form.as_bytes()).expect("a form");
            assert!(Call::of_form(&form).is_err());
        }
    }
}
