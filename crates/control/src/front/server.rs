//! Connections: the way in, and their end.
//!
//! Everybody is accepted at once; who is too much is decided then (see `guests`), so that nobody who has something to ask
//! stands in the kernel's queue behind those who are silent.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::connections::Places;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::exchange::Door;
use super::guests::{Guests, Pace, Seat};
use super::paced::Paced;
use super::router::Router;
use crate::{App, limits};

/// The places of a process that may have so many file descriptors.
pub fn places(descriptors: u64) -> Places {
    Places::within(descriptors, limits::DESCRIPTORS_RESERVED, limits::CONNECTIONS)
}

/// Serves until `shutdown` is done; then takes no more connections, lets the calls under way end, and returns.
pub async fn serve(
    app: Arc<App>,
    router: Arc<Router>,
    listener: TcpListener,
    places: Places,
    shutdown: impl Future<Output = ()>,
) {
    let door = Arc::new(Door { app, router });
    let guests = Guests::new(places);
    let mut failures = Failures::default();
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let next = async {
            match listener.accept().await {
                Ok((stream, peer)) => Ok((stream, guests.seat(peer.ip()).await)),
                Err(error) => Err(error),
            }
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = next => accepted,
        };
        match accepted {
            Ok((stream, seat)) => {
                connections.spawn(connection(Arc::clone(&door), stream, seat, closed.clone()));
            }
            // Whoever connected has gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Most likely there are no more file descriptors; one that is closed gives one back.
                guests.free_a_descriptor();
                failures.tell(&error);
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

/// Connections that could not be accepted, of which the log tells once in a while.
#[derive(Default)]
struct Failures {
    told: Option<Instant>,
    since_then: u64,
}

impl Failures {
    fn tell(&mut self, error: &io::Error) {
        self.since_then += 1;
        let pause = Duration::from_secs(limits::ACCEPT_WARNING_SECONDS);
        if self.told.is_none_or(|told| told.elapsed() >= pause) {
            tracing::warn!(%error, times = self.since_then, "connections could not be accepted");
            *self = Self { told: Some(Instant::now()), since_then: 0 };
        }
    }
}

async fn connection(door: Arc<Door>, stream: TcpStream, seat: Arc<Seat>, mut closed: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let guest = Arc::clone(&seat);
    let service = service_fn(move |request| {
        let (door, seat) = (Arc::clone(&door), Arc::clone(&guest));
        async move {
            seat.set_pace(Pace::Request);
            let answer = door.answer(request, &seat).await;
            seat.waits();
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        // The stream keeps the time.
        .header_read_timeout(None)
        .max_buf_size(limits::REQUEST_HEADER_BYTES)
        .max_headers(limits::REQUEST_HEADERS)
        .serve_connection(TokioIo::new(Paced::new(stream, Arc::clone(&seat))), service);
    tokio::pin!(connection);
    let served = async {
        tokio::select! {
            result = connection.as_mut() => result,
            _ = closed.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    tokio::select! {
        result = served => {
            if let Err(error) = result {
                tracing::debug!(%error, "a connection broke");
            }
        }
        () = seat.told_to_leave() => tracing::debug!(peer = %seat.peer, "a connection gave way"),
    }
}
