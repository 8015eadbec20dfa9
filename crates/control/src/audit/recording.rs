//! The end of a call, which makes its event; and the calls that a service makes for its caller.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use api::{Operation, Service};
use domain::audit::{Budget, Ended, Keeping, Who, is_read_only};
use domain::iam::{Caller, Identity, Ruling};
use wire::Timestamp;

use super::event::{Decisions, Event, VERSION};
use super::keeper::AuditError;
use super::trail::{self, Gathered, Trail};
use super::{identity, resources};
use crate::app::Stage;
use crate::limits::AUDIT_TEXT_CHARACTERS;
use crate::store::State;
use crate::{App, Request, ServiceError};

/// Where a call came from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A client of the front door.
    Client {
        /// Its address.
        peer: IpAddr,
        /// What it calls itself.
        user_agent: Option<String>,
    },
    /// A service that calls another one for its caller: `secretsmanager.amazonaws.com`.
    Service(&'static str),
}

/// A call whose event is to be made.
#[derive(Clone)]
pub(crate) struct Recording {
    pub(crate) app: Arc<App>,
    pub(crate) service: &'static Service,
    pub(crate) operation: String,
    pub(crate) request_id: String,
    pub(crate) origin: Origin,
    /// Who asks, or the access key of a request that is nobody's.
    pub(crate) caller: Result<Caller, Option<String>>,
    pub(crate) trail: Trail,
}

impl Recording {
    /// Writes the event of a call that was refused with this error, and answers its decisions.
    pub(crate) fn refused(&self, error: &ServiceError) -> Vec<Ruling> {
        // What could not be written is told by the audit itself.
        self.end(Some(error)).0
    }

    /// Writes the event of a call that was done, and answers its decisions.
    ///
    /// # Errors
    /// The call is about to give somebody the value of a secret, and nobody could find out later: it must not.
    pub(crate) fn done(&self) -> Result<Vec<Ruling>, ServiceError> {
        // What a service opens with a key for its own call, that call gives or withholds.
        let is_inner = self.service.name == "kms" && matches!(self.origin, Origin::Service(_));
        match self.end(None) {
            (_, Keeping::Whole(Budget::Secrets), Err(error)) if !is_inner => Err(withheld(&error)),
            (rulings, ..) => Ok(rulings),
        }
    }

    fn end(&self, error: Option<&ServiceError>) -> (Vec<Ruling>, Keeping, Result<(), AuditError>) {
        let gathered = self.trail.take();
        let rulings = gathered.rulings.clone();
        let state = self.app.store.read();
        let event = self.event(gathered, error, &state);
        let keeping = domain::audit::keeping(&domain::audit::Call {
            service: self.service.name,
            operation: &self.operation,
            parameters: event.request_parameters.as_ref(),
            who: self.who(error, &state),
            ended: if error.is_some() { Ended::Refused } else { Ended::Done },
        });
        if let Ok(caller) = &self.caller {
            self.remember_use(caller, &event.aws_region);
        }
        let kept = match self.app.stage {
            // What would change something has not happened.
            Stage::Rehearsal if !event.read_only => Ok(()),
            _ => self.app.audit.keep(event, keeping, self.app.now()),
        };
        (rulings, keeping, kept)
    }

    fn who(&self, error: Option<&ServiceError>, state: &State) -> Who {
        match &self.caller {
            Err(_) => Who::Nobody,
            // Who cannot sign is known by what the call brings, if it is good.
            Ok(Caller { identity: Identity::Anonymous, .. }) if error.is_some() => Who::Nobody,
            Ok(caller) if state.console_sessions.contains(&caller.access_key_id) => Who::Console,
            Ok(_) => Who::Known,
        }
    }

    fn event(&self, gathered: Gathered, error: Option<&ServiceError>, state: &State) -> Event {
        let Gathered { parameters, answer, rulings, task } = gathered;
        let app = &self.app;
        let region = self.caller.as_ref().map_or(&app.settings.region, |caller| &caller.region);
        let (source, user_agent, invoked_by) = match &self.origin {
            Origin::Client { peer, user_agent } => (peer.to_canonical().to_string(), user_agent.as_deref(), None),
            Origin::Service(name) => ((*name).to_owned(), Some(*name), Some(*name)),
        };
        // Who did not sign has no account; the call is about the server's own one.
        let account = self.caller.as_ref().map(|caller| &caller.account).ok().filter(|account| !account.is_empty());
        let account = account.unwrap_or(&app.settings.account);
        Event {
            event_version: VERSION.to_owned(),
            user_identity: match &self.caller {
                Ok(caller) => identity::of_caller(caller, invoked_by),
                Err(key) => identity::of_nobody(key.as_deref(), account),
            },
            event_time: Timestamp::from_seconds(app.now().seconds()).to_rfc3339(),
            event_source: source_of(self.service),
            event_name: self.operation.clone(),
            aws_region: region.to_owned(),
            source_ip_address: source,
            user_agent: user_agent.map(shortened),
            error_code: error.map(|error| error.code.clone().into_owned()),
            error_message: error.map(|error| shortened(&error.message)),
            request_parameters: parameters,
            response_elements: answer,
            request_id: self.request_id.clone(),
            event_id: app.uuid(),
            read_only: is_read_only(self.service.name, &self.operation),
            resources: resources::of_rulings(&rulings),
            event_type: "AwsApiCall".to_owned(),
            management_event: true,
            recipient_account_id: account.clone(),
            event_category: "Management".to_owned(),
            additional_event_data: Decisions {
                decisions: rulings,
                task: task.or_else(|| identity::task_of(state, self.caller.as_ref().ok()?)),
                counted: None,
            },
        }
    }

    fn remember_use(&self, caller: &Caller, region: &str) {
        let uses = &self.app.last_uses;
        let (now, service) = (self.app.now(), self.service.name);
        if caller.access_key_id.starts_with("AKIA")
            || self.app.store.read().iam_access_keys.contains(&caller.access_key_id)
        {
            uses.note(&caller.access_key_id, now, service, region);
        }
        if let Identity::Role { role_id, .. } = &caller.identity {
            uses.note(role_id, now, service, region);
        }
    }
}

/// What a client is told instead of a secret.
fn withheld(error: &AuditError) -> ServiceError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let message = format!(
        "The value is withheld, because the audit cannot record that it was read: {error}: {cause}. Make room on the \
         server's disk or mend it, then ask again."
    );
    ServiceError::new("InternalFailure", message).with_status(500)
}

/// The name by which events know a service.
fn source_of(service: &Service) -> String {
    if service.name == api::tidegate::SERVICE.name {
        return service.name.to_owned();
    }
    format!("{}.amazonaws.com", service.name)
}

fn shortened(text: &str) -> String {
    text.chars().take(AUDIT_TEXT_CHARACTERS).collect()
}

/// Calls a handler for a caller, as the front door does: with an event of its own. What was decided about it is noted for
/// the caller's own call too, because it can be the reason for its end.
///
/// # Errors
/// Those of the handler.
pub(crate) async fn call<O, F, Answering>(
    app: &Arc<App>,
    through: &'static str,
    (input, caller, request_id): (O::Input, Caller, String),
    handler: F,
) -> Result<O::Output, ServiceError>
where
    O: Operation,
    F: FnOnce(Arc<App>, Request<O::Input>) -> Answering,
    Answering: Future<Output = Result<O::Output, ServiceError>>,
{
    let recording = Recording {
        app: Arc::clone(app),
        service: O::SERVICE,
        operation: O::NAME.to_owned(),
        request_id: request_id.clone(),
        origin: Origin::Service(through),
        caller: Ok(caller.clone()),
        trail: Trail::default(),
    };
    let running = async {
        trail::asked::<O>(&input);
        let output = handler(Arc::clone(app), Request::new(input, caller, request_id)).await?;
        trail::answered::<O>(&output);
        Ok(output)
    };
    let mut answer = recording.trail.follow(running).await;
    let rulings = match &answer {
        Ok(_) => recording.done(),
        Err(error) => Ok(recording.refused(error)),
    };
    match rulings {
        Ok(rulings) => {
            for ruling in rulings {
                trail::note(Ruling { through: Some(through.to_owned()), ..ruling });
            }
        }
        Err(error) => answer = Err(error),
    }
    answer
}
