//! Connections: how many, how long they may be silent, and their end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::exchange::Door;
use super::router::Router;
use crate::{App, limits};

/// Serves until `shutdown` is done; then takes no more connections, lets the calls under way end, and returns.
pub async fn serve(app: Arc<App>, router: Arc<Router>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let door = Arc::new(Door { app, router });
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let next = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served = connection(Arc::clone(&door), stream, peer, closed.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Most likely there are no more file descriptors; connections that end will give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(limits::ACCEPT_PAUSE_MILLISECONDS)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(closing);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(Duration::from_secs(limits::SHUTDOWN_SECONDS), ended).await.is_err() {
        tracing::warn!("calls under way did not end in time; their connections are cut");
    }
}

async fn connection(door: Arc<Door>, stream: TcpStream, peer: SocketAddr, mut closed: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request, peer.ip()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits::REQUEST_READ_SECONDS))
        .max_buf_size(limits::REQUEST_HEADER_BYTES)
        .max_headers(limits::REQUEST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}
