//! The body of a request: under a limit, and only as long as it makes progress.
//!
//! One that trickles is ended after seconds, whatever it announced, and what all bodies hold together is bounded: see
//! [`Seat::holds`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

use super::guests::{GivesWay, Seat};
use crate::limits;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the request's body did not come in time")]
    TooSlow,
    #[error("the request's body broke off")]
    BrokeOff(#[source] hyper::Error),
    #[error("the server has no room for the request's body now")]
    NoRoom,
}

impl From<GivesWay> for BodyError {
    fn from(GivesWay: GivesWay) -> Self {
        Self::NoRoom
    }
}

/// Reads a whole body of at most so many bytes; with it the request is complete.
pub(super) async fn read(mut body: Incoming, limit: usize, seat: &Seat) -> Result<Bytes, BodyError> {
    // What a client announces is believed at once; what it sends is counted.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge(limit));
    }
    let window = Duration::from_secs(limits::BODY_WINDOW_SECONDS);
    let (mut whole, mut window_end, mut in_window) = (BytesMut::new(), Instant::now() + window, 0);
    loop {
        let Ok(frame) = timeout_at(window_end, body.frame()).await else {
            if in_window < limits::BODY_WINDOW_BYTES {
                return Err(BodyError::TooSlow);
            }
            (window_end, in_window) = (Instant::now() + window, 0);
            continue;
        };
        let Some(frame) = frame.transpose().map_err(BodyError::BrokeOff)? else { break };
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        seat.holds(data.len())?;
        in_window += data.len();
        whole.extend_from_slice(&data);
    }
    seat.works()?;
    Ok(whole.freeze())
}
