//! The roads of secrets that could be read, for CheckTaskDefinition. They are read as for a task; the values are let go.

use api::secretsmanager::GetSecretValueInput;
use domain::ecs::SecretReference as VariableSource;
use domain::failure::Link;
use domain::iam::Caller;
use domain::secrets::ValueFrom;

use super::AppTaskServices;
use super::road::{Road, Thing};

impl AppTaskServices {
    /// Reads one variable of a container: role, policy, secret or parameter, key, as far as it came.
    pub(crate) async fn variable_road(&self, caller: &Caller, secret: &VariableSource) -> Vec<Link> {
        if let Err(refused) = self.try_variable(caller, secret).await {
            return refused.chain;
        }
        let detail = format!("It was opened and has a value for the environment variable {}.", secret.name);
        match ValueFrom::parse(&secret.value_from) {
            Ok(ValueFrom::Secret(reference)) => {
                let input = GetSecretValueInput {
                    secret_id: reference.arn,
                    version_id: reference.version_id,
                    version_stage: reference.version_stage,
                };
                Road { app: &self.app, caller, thing: Thing::Secret(&input) }.opened(&detail)
            }
            _ => Road { app: &self.app, caller, thing: Thing::Parameter(&secret.value_from) }.opened(&detail),
        }
    }

    /// The road of registry credentials that were read.
    pub(crate) fn credentials_road(&self, caller: &Caller, parameter: &str) -> Vec<Link> {
        let input = GetSecretValueInput { secret_id: parameter.to_owned(), ..GetSecretValueInput::default() };
        let detail = "It was opened and has a user name and a password.";
        Road { app: &self.app, caller, thing: Thing::Secret(&input) }.opened(detail)
    }
}
