//! The connections that are open: who may come in, who gives way, and what each is doing.
//!
//! `domain::connections` decides; here is the list it decides on. A connection that gives way is told and counts on until
//! its socket is closed, a few of which may be under way, so that there are never many more sockets than places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::connections::{self, Admission, Doing, Guest, Places, Standing};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use crate::limits;

/// All open connections.
pub(super) struct Guests {
    places: Places,
    began: Instant,
    list: Mutex<List>,
    /// Somebody left, or has become one who can give way.
    changed: Notify,
}

#[derive(Default)]
struct List {
    last_id: u64,
    inside: HashMap<u64, Entry>,
    /// Those that were told to leave and have not.
    leaving: usize,
    held_bytes: usize,
}

struct Entry {
    guest: Guest,
    leave: Arc<Notify>,
}

/// The connection gives way to another one, or there is no memory for what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivesWay;

/// What a connection is waiting for, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// The first request's first byte.
    FirstByte(Instant),
    /// The next request's first byte; its answer has been taken, as far as it has been.
    NextRequest(Instant),
    /// The rest of a head.
    Head(Instant),
    /// Nothing that this end of the connection watches: a body, or the answer.
    Request,
}

impl Pace {
    /// When its time is over.
    pub(super) fn deadline(self) -> Option<Instant> {
        let (since, seconds) = match self {
            Self::FirstByte(since) => (since, limits::FIRST_BYTE_SECONDS),
            Self::NextRequest(since) => (since, limits::KEEP_ALIVE_SECONDS),
            Self::Head(since) => (since, limits::REQUEST_HEAD_SECONDS),
            Self::Request => return None,
        };
        Some(since + Duration::from_secs(seconds))
    }
}

impl Guests {
    pub(super) fn new(places: Places) -> Arc<Self> {
        Arc::new(Self { places, began: Instant::now(), list: Mutex::default(), changed: Notify::new() })
    }

    /// A seat for a newcomer, as soon as there is one; another connection may have to leave for it.
    pub(super) async fn seat(self: &Arc<Self>, peer: IpAddr) -> Arc<Seat> {
        loop {
            if let Some(seat) = self.try_seat(peer) {
                return Arc::new(seat);
            }
            self.changed.notified().await;
        }
    }

    fn try_seat(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let mut list = self.list();
        if list.leaving >= limits::CONNECTIONS_LEAVING {
            return None;
        }
        let admission = connections::admit(&list.guests(), self.places);
        match admission {
            Admission::Enter => {}
            Admission::InsteadOf(id) => list.tell_to_leave(id),
            Admission::Wait => return None,
        }
        list.last_id += 1;
        let (id, leave) = (list.last_id, Arc::new(Notify::new()));
        let guest = Guest { id, source: peer, standing: Standing::Stranger, doing: self.waiting(), held_bytes: 0 };
        list.inside.insert(id, Entry { guest, leave: Arc::clone(&leave) });
        let pace = Mutex::new(Pace::FirstByte(Instant::now()));
        Some(Seat { guests: Arc::clone(self), id, peer, leave, pace })
    }

    /// Closes one connection, so that its descriptor can be used for another one.
    pub(super) fn free_a_descriptor(&self) {
        let mut list = self.list();
        if let Some(id) = connections::gives_way(list.guests()) {
            list.tell_to_leave(id);
        }
    }

    fn waiting(&self) -> Doing {
        Doing::Waiting(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn guests(&self) -> impl Iterator<Item = &Guest> + Clone {
        self.inside.values().map(|entry| &entry.guest)
    }

    fn tell_to_leave(&mut self, id: u64) {
        if let Some(entry) = self.inside.remove(&id) {
            self.held_bytes -= entry.guest.held_bytes;
            self.leaving += 1;
            entry.leave.notify_one();
        }
    }
}

/// The place of one connection, which is free again when this is dropped.
pub(super) struct Seat {
    guests: Arc<Guests>,
    id: u64,
    /// Whose connection it is.
    pub(super) peer: IpAddr,
    leave: Arc<Notify>,
    pace: Mutex<Pace>,
}

impl Seat {
    /// Waits until another connection needs the place.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// What the connection is waiting for.
    pub(super) fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_pace(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
    }

    /// Counts bytes of the request that have come, and makes room for them where there is none.
    pub(super) fn holds(&self, bytes: usize) -> Result<(), GivesWay> {
        let mut list = self.guests.list();
        let entry = list.inside.get_mut(&self.id).ok_or(GivesWay)?;
        entry.guest.held_bytes += bytes;
        list.held_bytes += bytes;
        while list.held_bytes > limits::REQUEST_BYTES_TOGETHER {
            let id = connections::gives_memory(list.guests(), self.id).ok_or(GivesWay)?;
            list.tell_to_leave(id);
        }
        Ok(())
    }

    /// The request is whole: from now on nobody can take the place.
    pub(super) fn works(&self) -> Result<(), GivesWay> {
        let mut list = self.guests.list();
        list.inside.get_mut(&self.id).ok_or(GivesWay)?.guest.doing = Doing::Working;
        Ok(())
    }

    /// Somebody has signed.
    pub(super) fn is_known(&self) {
        if let Some(entry) = self.guests.list().inside.get_mut(&self.id) {
            entry.guest.standing = Standing::Known;
        }
    }

    /// The request has its answer.
    pub(super) fn waits(&self) {
        self.set_pace(Pace::NextRequest(Instant::now()));
        let mut list = self.guests.list();
        let waiting = self.guests.waiting();
        let Some(entry) = list.inside.get_mut(&self.id) else { return };
        let was_working = entry.guest.doing == Doing::Working;
        entry.guest.doing = waiting;
        let bytes = std::mem::take(&mut entry.guest.held_bytes);
        list.held_bytes -= bytes;
        drop(list);
        if was_working {
            self.guests.changed.notify_one();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut list = self.guests.list();
        match list.inside.remove(&self.id) {
            Some(entry) => list.held_bytes -= entry.guest.held_bytes,
            None => list.leaving -= 1,
        }
        drop(list);
        self.guests.changed.notify_one();
    }
}
