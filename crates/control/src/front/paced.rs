//! A connection's stream under deadlines: for the first byte, for a head, for the next request, for taking an answer.
//!
//! A body has a pace of its own, see `body`.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::guests::{Pace, Seat};
use crate::limits;

/// The stream of a seat.
pub(super) struct Paced {
    stream: TcpStream,
    seat: Arc<Seat>,
    timer: Pin<Box<Sleep>>,
    /// Since when the client takes nothing of what is to be written.
    stuck_since: Option<Instant>,
}

impl Paced {
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>) -> Self {
        Self { stream, seat, timer: Box::pin(sleep_until(Instant::now())), stuck_since: None }
    }

    /// Waits on, until the deadline.
    fn wait<T>(&mut self, context: &mut Context<'_>, deadline: Option<Instant>) -> Poll<io::Result<T>> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn written(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if polled.is_pending() {
            let since = *self.stuck_since.get_or_insert_with(Instant::now);
            return self.wait(context, Some(since + Duration::from_secs(limits::ANSWER_STUCK_SECONDS)));
        }
        self.stuck_since = None;
        if let Pace::NextRequest(_) = self.seat.pace() {
            self.seat.set_pace(Pace::NextRequest(Instant::now()));
        }
        polled
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => {
                let deadline = self.seat.pace().deadline();
                self.wait(context, deadline)
            }
            read @ Poll::Ready(_) => {
                if buffer.filled().len() > before
                    && let Pace::FirstByte(_) | Pace::NextRequest(_) = self.seat.pace()
                {
                    self.seat.set_pace(Pace::Head(Instant::now()));
                }
                read
            }
        }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
