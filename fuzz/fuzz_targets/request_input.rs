#![no_main]
//! The decoders of requests: the form of the Query protocols, the JSON of the others, and the models' checks.
//!
//! Whatever arrives is read or refused. What is refused is refused without repeating a secret; see `wire::document`.

use libfuzzer_sys::fuzz_target;
use wire::form::Form;
use wire::{Check, Checked, Protocol, document};

fuzz_target!(|data: &[u8]| {
    if let Ok(form) = Form::parse(data) {
        from_form::<api::ec2::AuthorizeSecurityGroupIngressInput>(&form, Protocol::Ec2);
        from_form::<api::ec2::DescribeSubnetsInput>(&form, Protocol::Ec2);
        from_form::<api::iam::CreateRoleInput>(&form, Protocol::Query);
        from_form::<api::iam::SimulateCustomPolicyInput>(&form, Protocol::Query);
        from_form::<api::sts::AssumeRoleInput>(&form, Protocol::Query);
    }
    from_json::<api::ecs::RegisterTaskDefinitionInput>(data);
    from_json::<api::secretsmanager::CreateSecretInput>(data);
    from_json::<api::kms::EncryptInput>(data);
});

fn from_form<T: serde::de::DeserializeOwned + Checked>(form: &Form<'_>, protocol: Protocol) {
    if let Ok(input) = document::input_from_form::<T>(form, protocol) {
        input.check(&mut Check::default());
    }
}

fn from_json<T: serde::de::DeserializeOwned + Checked>(body: &[u8]) {
    if let Ok(input) = document::input_from_json::<T>(body) {
        input.check(&mut Check::default());
    }
}
