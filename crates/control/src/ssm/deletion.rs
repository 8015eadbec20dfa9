//! DeleteParameter, DeleteParameters, and the end of parameters that expire.

use std::sync::Arc;

use api::ssm::{DeleteParameterInput, DeleteParameterOutput, DeleteParametersInput, DeleteParametersOutput};

use super::lookup::Parameters;
use crate::iam::authorization::authorize;
use crate::{App, Authorized, Request, ServiceError};

/// DeleteParameter.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteParameterInput>,
) -> Result<DeleteParameterOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Parameters::new(&app, state, caller).access("ssm:DeleteParameter", &input.name))
    })?;
    app.store
        .write(|state| {
            let arn = Parameters::new(&app, state, &caller).find(&input.name)?.arn.clone();
            state.parameters.remove(&arn);
            Ok(DeleteParameterOutput {})
        })
        .await
}

/// DeleteParameters.
pub(super) async fn delete_many(
    app: Arc<App>,
    request: Request<DeleteParametersInput>,
) -> Result<DeleteParametersOutput, ServiceError> {
    const ACTION: &str = "ssm:DeleteParameters";
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let parameters = Parameters::new(&app, state, caller);
        // The first stands for the call; each of the others is authorised below, with its own tags.
        Ok(parameters.access(ACTION, input.names.first().map_or("", String::as_str)))
    })?;
    {
        let state = app.store.read();
        for name in input.names.iter().skip(1) {
            authorize(&app, &state, &caller, &Parameters::new(&app, &state, &caller).access(ACTION, name))?;
        }
    }
    app.store
        .write(|state| {
            let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
            for name in input.names {
                let arn = Parameters::new(&app, state, &caller).find(&name).map(|parameter| parameter.arn.clone());
                match arn {
                    Ok(arn) => {
                        state.parameters.remove(&arn);
                        deleted.push(name);
                    }
                    Err(_) => invalid.push(name),
                }
            }
            Ok(DeleteParametersOutput { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
        })
        .await
}

/// Deletes the parameters that have expired. To be called now and then; a late call changes nothing that a caller can
/// see, because a parameter is gone for them at its time.
pub async fn sweep(app: &App) -> Result<(), ServiceError> {
    let now = app.now();
    if !app.store.read().parameters.values().any(|parameter| parameter.is_gone(now)) {
        return Ok(());
    }
    app.store
        .write(|state| {
            let gone = state.parameters.values().filter(|parameter| parameter.is_gone(now));
            let gone: Vec<String> = gone.map(|parameter| parameter.arn.clone()).collect();
            for arn in gone {
                state.parameters.remove(&arn);
            }
            Ok(())
        })
        .await
}
