//! The endpoint 169.254.170.2 inside each task: metadata version 3 and 4, statistics, and the task role's credentials.
//!
//! The caller is known by the socket it came in through, because each listener belongs to one task's interface; an id in a
//! path only chooses among that task's containers. Paths are those of the ECS agent; what we do not serve (task protection,
//! fault injection) answers 404 as an unknown path does.

mod answer;
mod documents;
mod rate;
pub(crate) mod statistics;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::failure::{Failure, FailureName};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::answer::{Answer, Context};
use self::rate::Bucket;
use crate::network::METADATA_ADDRESS;
use crate::tasks::{Inner, Task};

/// How many connections of one task are served at once.
const CONNECTION_LIMIT: usize = 64;
/// How long a request's head may take to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The agent's default limit: steady requests per second, and burst.
const STEADY_RATE: f64 = 40.0;
const BURST: f64 = 60.0;

/// Serves a task's endpoint until the task is released. The task's network must be there.
pub(crate) fn serve(node: &Arc<Inner>, task: &Arc<Task>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("failed to serve the task metadata endpoint: {error}");
        Failure::new(FailureName::ResourceInitializationError, message)
    };
    let listener = node.network.bind_in_namespace(&task.spec.task_id, METADATA_ADDRESS).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let context = Arc::new(Context { task: Arc::downgrade(task), node: Arc::clone(node) });
    task.in_background(tokio::spawn(accept(listener, context)).abort_handle());
    Ok(())
}

async fn accept(listener: TcpListener, context: Arc<Context>) {
    let bucket = Arc::new(Bucket::new(STEADY_RATE, BURST));
    let slots = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or the interface is gone and the task with it.
                tracing::debug!("metadata endpoint: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (context, bucket) = (Arc::clone(&context), Arc::clone(&bucket));
        tokio::spawn(async move {
            let service = service_fn(|request| handle(Arc::clone(&context), Arc::clone(&bucket), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A caller that hangs up is no event.
            let _ = connection.await;
            drop(slot);
        });
    }
}

async fn handle(
    context: Arc<Context>,
    bucket: Arc<Bucket>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = if !bucket.take() {
        Answer::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
    } else if request.method() != Method::GET {
        Answer::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
    } else {
        context.answer(request.uri().path(), request.uri().query().unwrap_or("")).await
    };
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
