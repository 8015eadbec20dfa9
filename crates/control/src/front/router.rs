//! Which handler serves which operation, and the three steps that all handlers share: decode, check, encode.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use api::{Operation, Service};
use domain::iam::Caller;
use wire::Check;
use wire::document::{self, Answer, Content};
use wire::form::Form;

use super::console::Pages;
use super::violations;
use crate::audit::Trail;
use crate::{App, Rehearsal, Request, ServiceError, audit};

/// The served operations.
#[derive(Default)]
pub struct Router {
    /// By service, then by operation.
    routes: HashMap<&'static str, HashMap<&'static str, Route>>,
    pages: Option<Box<Pages>>,
}

/// One served operation.
pub(super) struct Route {
    begin: Box<Begin>,
}

/// Reads the parameters and begins the handler, which owns all it needs.
type Begin = dyn Fn(Arc<App>, Parameters<'_>, Caller, String) -> Result<Running, ServiceError> + Send + Sync;

/// A handler at work; it ends with the bytes of the answer.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, ServiceError>> + Send>>;

/// What a request says beside its call.
#[derive(Clone, Copy)]
pub(super) enum Parameters<'a> {
    /// The body of an awsJson request.
    Json(&'a [u8]),
    /// The parameters of a Query request.
    Form(&'a Form<'a>),
}

impl Router {
    /// Nothing is served yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves an operation with a handler.
    pub fn add<O, F, Answering>(&mut self, handler: F)
    where
        O: Operation,
        F: Fn(Arc<App>, Request<O::Input>) -> Answering + Send + Sync + 'static,
        Answering: Future<Output = Result<O::Output, ServiceError>> + Send + 'static,
    {
        let begin = move |app, parameters: Parameters<'_>, caller, id: String| -> Result<Running, ServiceError> {
            let input = input_of::<O>(parameters)?;
            audit::asked::<O>(&input);
            let answering = handler(app, Request::new(input, caller, id.clone()));
            Ok(Box::pin(async move {
                let output = answering.await?;
                audit::answered::<O>(&output);
                written::<O>(&output, &id)
            }))
        };
        let of_service = self.routes.entry(O::SERVICE.name).or_default();
        of_service.insert(O::NAME, Route { begin: Box::new(begin) });
    }

    /// Serves these pages beneath `/console/`.
    #[must_use]
    pub fn with_pages(mut self, pages: Box<Pages>) -> Self {
        self.pages = Some(pages);
        self
    }

    pub(super) fn pages(&self) -> Option<&Pages> {
        self.pages.as_deref()
    }

    /// Whether an operation is served.
    pub fn serves(&self, service: &Service, operation: &str) -> bool {
        self.find(service, operation).is_some()
    }

    /// Does an operation on a copy of the records, with the rights of this caller. It is no call of anybody's: no event
    /// tells of it.
    ///
    /// # Errors
    /// Those of the operation, or that it is not served.
    pub(crate) async fn rehearse(
        &self,
        rehearsal: &Rehearsal,
        (service, operation): (&str, &str),
        input: &[u8],
        caller: Caller,
    ) -> Result<(), ServiceError> {
        let route = self.routes.get(service).and_then(|operations| operations.get(operation)).ok_or_else(|| {
            ServiceError::new("UnknownOperationException", format!("Tidegate does not serve {service}:{operation}."))
        })?;
        let (app, trail) = (rehearsal.app(), Trail::default());
        let begin = || route.begin(Arc::clone(app), Parameters::Json(input), caller, app.uuid());
        let running = trail.follow_now(begin)?;
        trail.follow(running).await.map(drop)
    }

    pub(super) fn find(&self, service: &Service, operation: &str) -> Option<&Route> {
        self.routes.get(service.name)?.get(operation)
    }
}

impl Route {
    pub(super) fn begin(
        &self,
        app: Arc<App>,
        parameters: Parameters<'_>,
        caller: Caller,
        id: String,
    ) -> Result<Running, ServiceError> {
        (self.begin)(app, parameters, caller, id)
    }
}

fn input_of<O: Operation>(parameters: Parameters<'_>) -> Result<O::Input, ServiceError> {
    let input = match parameters {
        Parameters::Json(body) => document::input_from_json(body)
            .map_err(|error| ServiceError::new("SerializationException", error.to_string()))?,
        Parameters::Form(form) => document::input_from_form(form, O::SERVICE.protocol)
            .map_err(|error| ServiceError::new("MalformedInput", error.to_string()))?,
    };
    let violations = Check::violations_of(&input);
    if violations.is_empty() { Ok(input) } else { Err(violations::error(O::SERVICE, &violations)) }
}

fn written<O: Operation>(output: &O::Output, request_id: &str) -> Result<Vec<u8>, ServiceError> {
    let about = Answer {
        operation: O::NAME,
        namespace: O::SERVICE.namespace,
        request_id,
        content: if O::HAS_OUTPUT { Content::Output } else { Content::Nothing },
    };
    document::answer(O::SERVICE.protocol, about, output).map_err(|error| {
        tracing::error!(%error, operation = O::NAME, "the answer has no document");
        ServiceError::new("InternalFailure", "The answer could not be written.").with_status(500)
    })
}
