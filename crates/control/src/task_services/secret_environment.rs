//! A container's `secrets`: environment variables from secrets and parameters, read with the execution role.

use std::collections::BTreeMap;

use api::secretsmanager::GetSecretValueInput;
use domain::ecs::{SecretReference as VariableSource, Task};
use domain::failure::{Failure, FailureName, Link, LinkKind};
use domain::iam::Caller;
use domain::secrets::{SecretReference, ValueFrom, json_value};
use wire::Sensitive;

use super::parameters::{self, Values};
use super::road::{self, Road, Thing};
use super::{AppTaskServices, container_of, in_region_of, read_secret};

const PREFIX: &str = "unable to pull secrets or registry auth: execution resource retrieval failed";

/// Why one variable has no value: the agent's text, and the chain.
pub(super) struct Refused {
    pub(super) text: String,
    pub(super) chain: Vec<Link>,
}

/// Values that were read for one container, so that each version of a secret is asked for once.
type AlreadyRead = BTreeMap<(String, Option<String>, Option<String>), Sensitive>;

impl AppTaskServices {
    /// The variables of a container, in the order of its definition.
    pub(super) async fn secret_variables(
        &self,
        task_id: &str,
        container: &str,
    ) -> Result<Vec<(String, Sensitive)>, Failure> {
        let task = self.task(task_id)?;
        let secrets = &container_of(&task, container)?.secrets;
        if secrets.is_empty() {
            return Ok(Vec::new());
        }
        let caller = self.execution_session(&task).await?;
        let (mut variables, mut refused, mut already_read) = (Vec::new(), Vec::new(), AlreadyRead::new());
        let parameters = match self.parameters(&caller, secrets).await {
            Ok(parameters) => parameters,
            Err(reason) => {
                refused.push(reason);
                Values::new()
            }
        };
        for secret in secrets {
            match self.variable(&caller, &secret.value_from, &parameters, &mut already_read).await {
                Ok(Some(value)) => variables.push((secret.name.clone(), value)),
                // A parameter that could not be read; the reason is told once for all of them.
                Ok(None) => {}
                Err(reason) => refused.push(reason),
            }
        }
        if refused.is_empty() { Ok(variables) } else { Err(failure(refused).of_container(container)) }
    }

    /// The values of those that are parameters.
    async fn parameters(&self, caller: &Caller, secrets: &[VariableSource]) -> Result<Values, Refused> {
        let is_parameter =
            |secret: &&VariableSource| matches!(ValueFrom::parse(&secret.value_from), Ok(ValueFrom::Parameter(_)));
        let names: Vec<&str> = secrets.iter().filter(is_parameter).map(|secret| secret.value_from.as_str()).collect();
        parameters::read(&self.app, caller, &names).await
    }

    async fn execution_session(&self, task: &Task) -> Result<Caller, Failure> {
        let missing = || {
            let message = format!("{PREFIX}: unable to find execution role credentials");
            Failure::new(FailureName::ResourceInitializationError, message).with_link(road::no_role(task))
        };
        self.execution_role(task).await.ok_or_else(missing)?
    }

    /// Reads the value of one variable and lets go of it at once.
    pub(super) async fn try_variable(&self, caller: &Caller, secret: &VariableSource) -> Result<(), Refused> {
        let parameters = self.parameters(caller, std::slice::from_ref(secret)).await?;
        self.variable(caller, &secret.value_from, &parameters, &mut AlreadyRead::new()).await.map(drop)
    }

    async fn variable(
        &self,
        caller: &Caller,
        value_from: &str,
        parameters: &Values,
        already_read: &mut AlreadyRead,
    ) -> Result<Option<Sensitive>, Refused> {
        match ValueFrom::parse(value_from) {
            Ok(ValueFrom::Secret(reference)) => self.secret_variable(caller, &reference, already_read).await.map(Some),
            Ok(ValueFrom::Parameter(name)) => Ok(parameters.get(&name).cloned()),
            Err(error) => Err(Refused {
                text: asm(&error.to_string()),
                chain: vec![Link::broken(
                    LinkKind::Secret,
                    value_from,
                    "valueFrom is neither the ARN of a secret nor an ARN with all three further parts.",
                    "Write it as <secret ARN>, or as <secret ARN>:<JSON key>:<version stage>:<version id> with all colons \
                     (parts may be empty).",
                )],
            }),
        }
    }

    async fn secret_variable(
        &self,
        caller: &Caller,
        reference: &SecretReference,
        already_read: &mut AlreadyRead,
    ) -> Result<Sensitive, Refused> {
        let input = GetSecretValueInput {
            secret_id: reference.arn.clone(),
            version_id: reference.version_id.clone(),
            version_stage: reference.version_stage.clone(),
        };
        let caller = in_region_of(&input.secret_id, caller.clone());
        let road = Road { app: &self.app, caller: &caller, thing: Thing::Secret(&input) };
        let version = (input.secret_id.clone(), input.version_stage.clone(), input.version_id.clone());
        let text = if let Some(text) = already_read.get(&version) {
            text.clone()
        } else {
            let text = self.text(&road, &input).await?;
            already_read.insert(version, text.clone());
            text
        };
        let Some(key) = &reference.json_key else { return Ok(text) };
        json_value(text.expose(), key).map_err(|error| Refused {
            text: asm(&error.to_string()),
            chain: road.malformed(
                format!("The key {key} is asked for, but {error}."),
                "Correct the JSON key in valueFrom (case counts), or the secret's JSON object.",
                None,
            ),
        })
    }

    async fn text(&self, road: &Road<'_>, input: &GetSecretValueInput) -> Result<Sensitive, Refused> {
        let arn = &input.secret_id;
        let request_id = self.app.uuid();
        let value = read_secret(&self.app, road.caller, input, &request_id).await.map_err(|error| Refused {
            text: asm(&format!(
                "failed to fetch secret {arn} from secrets manager: {}",
                road::secret_text(&error, &request_id)
            )),
            chain: road.broken_by(error.chain),
        })?;
        value.secret_string.ok_or_else(|| Refused {
            text: asm(&format!("retrieved secret {arn} from Secrets Manager has no text value")),
            chain: road.malformed(
                "The secret's value is binary.",
                "Give the secret a text value (SecretString).",
                None,
            ),
        })
    }
}

fn asm(text: &str) -> String {
    format!("unable to retrieve secret from asm: service call has been retried 1 time(s): {text}")
}

/// All reasons in one failure, joined as the agent joins them; the chain is that of the first.
fn failure(refused: Vec<Refused>) -> Failure {
    let texts: Vec<&str> = refused.iter().map(|reason| reason.text.as_str()).collect();
    let message = format!("{PREFIX}: {}", texts.join(";"));
    let chain = refused.into_iter().next().map(|first| first.chain).unwrap_or_default();
    Failure { chain, ..Failure::new(FailureName::ResourceInitializationError, message) }
}
