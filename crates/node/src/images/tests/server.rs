//! A small HTTP server on a loopback port whose answers a test decides, and which remembers what it was asked.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Break the connection after so many bytes of the body.
    pub(super) cut_after: Option<usize>,
}

impl Reply {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut_after: None }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn cut_after(mut self, bytes: usize) -> Self {
        self.cut_after = Some(bytes);
        self
    }
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

/// The server; it ends when dropped.
pub(super) struct Server {
    /// `127.0.0.1:<port>`.
    pub(super) host: String,
    log: Arc<Mutex<Vec<Received>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(|_| handler).await
    }

    /// For handlers that must know their own host.
    pub(super) async fn start_with<H: Fn(&Received) -> Reply + Send + Sync + 'static>(
        make: impl FnOnce(&str) -> H,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let host = listener.local_addr().expect("bound").to_string();
        let handler: Arc<Handler> = Arc::new(make(&host));
        let log: Arc<Mutex<Vec<Received>>> = Arc::default();
        let seen = log.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, seen) = (handler.clone(), seen.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(request, handler.clone(), seen.clone()));
                    // A test that breaks the connection makes this an error.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { host, log, task }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.log.lock().expect("no panic in a handler").clone()
    }

    /// How often a path with this beginning was asked with this method.
    pub(super) fn count(&self, method: &str, path: &str) -> usize {
        self.received().iter().filter(|received| received.method == method && received.path.starts_with(path)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    handler: Arc<Handler>,
    log: Arc<Mutex<Vec<Received>>>,
) -> Result<hyper::Response<CutBody>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let headers = head.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    log.lock().expect("no panic in a handler").push(received.clone());
    let reply = handler(&received);
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    if !reply.headers.iter().any(|(name, _)| name == "content-length") {
        response = response.header("content-length", reply.body.len());
    }
    let body = if received.method == "HEAD" { Vec::new() } else { reply.body };
    let (body, fails) = match reply.cut_after {
        Some(bytes) => (body[..bytes.min(body.len())].to_vec(), true),
        None => (body, false),
    };
    Ok(response
        .body(CutBody { data: Some(body.into()).filter(|body: &Bytes| !body.is_empty()), fails })
        .expect("a valid reply"))
}

/// A body that may break off.
struct CutBody {
    data: Option<Bytes>,
    fails: bool,
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.data.take() {
            // An empty piece after the data gives the connection a chance to send before it breaks.
            Some(data) if !data.is_empty() && self.fails => {
                self.data = Some(Bytes::new());
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(data) if !data.is_empty() => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(_) => {
                let waker = context.waker().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    waker.wake();
                });
                Poll::Pending
            }
            None if self.fails => Poll::Ready(Some(Err(std::io::Error::other("cut")))),
            None => Poll::Ready(None),
        }
    }
}
