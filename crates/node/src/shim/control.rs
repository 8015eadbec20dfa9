//! The shim's connections: every connection first hears all facts so far, then each new one; it may ask for a stop.
//!
//! Nothing here blocks. A listener that does not read is cut off; it reads the journal when it comes back.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use super::protocol::{Notice, Record, Request};

/// The control socket's name in the task's directory.
pub(crate) const SOCKET_NAME: &str = "control";
/// What may wait to be read by a listener before it is cut off, in bytes.
const BACKLOG_LIMIT: usize = 4 << 20;
/// The longest request, in bytes; the name of a container is its longest part.
const REQUEST_LIMIT: usize = 4096;
/// How many may listen at once.
const CONNECTION_LIMIT: usize = 16;

/// The socket and those who are connected to it.
pub(super) struct Control {
    listener: UnixListener,
    connections: Vec<Connection>,
    fresh_output: BTreeSet<String>,
}

struct Connection {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    open: bool,
}

impl Control {
    /// `first` is the connection the plan came over.
    pub(super) fn new(listener: UnixListener, first: UnixStream) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut control = Self { listener, connections: Vec::new(), fresh_output: BTreeSet::new() };
        control.adopt(first, &[])?;
        Ok(control)
    }

    fn adopt(&mut self, stream: UnixStream, records: &[Record]) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let mut connection = Connection { stream, incoming: Vec::new(), outgoing: Vec::new(), open: true };
        for record in records {
            connection.queue(&Notice::Record(record.clone()));
        }
        connection.flush();
        self.connections.push(connection);
        Ok(())
    }

    /// What to wait for: each descriptor, and whether it has something to write.
    pub(super) fn interests(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Interest)> {
        let listener = std::iter::once((self.listener.as_fd(), Interest::Read));
        listener.chain(self.connections.iter().map(|connection| {
            let interest = if connection.outgoing.is_empty() { Interest::Read } else { Interest::ReadAndWrite };
            (connection.stream.as_fd(), interest)
        }))
    }

    /// Does what can be done without waiting; answers the requests that came.
    pub(super) fn serve(&mut self, records: &[Record]) -> Vec<Request> {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.connections.len() < CONNECTION_LIMIT {
                let _ = self.adopt(stream, records);
            }
        }
        let requests = self.connections.iter_mut().flat_map(Connection::read).collect();
        self.connections.iter_mut().for_each(Connection::flush);
        self.connections.retain(|connection| connection.open);
        requests
    }

    /// Tells everyone who listens now.
    pub(super) fn tell(&mut self, notice: &Notice) {
        for connection in &mut self.connections {
            connection.queue(notice);
            connection.flush();
        }
    }

    /// Remembers that a container printed something; said by [`Self::tell_output`].
    pub(super) fn mark_output(&mut self, container: &str) {
        if !self.fresh_output.contains(container) {
            self.fresh_output.insert(container.to_owned());
        }
    }

    /// Says which containers printed something. Who has unread notices looks anyway and hears nothing new.
    pub(super) fn tell_output(&mut self) {
        for container in std::mem::take(&mut self.fresh_output) {
            for connection in self.connections.iter_mut().filter(|connection| connection.outgoing.is_empty()) {
                connection.queue(&Notice::Output(container.clone()));
                connection.flush();
            }
        }
    }
}

/// What a descriptor waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Something to read.
    Read,
    /// Room to write as well.
    ReadAndWrite,
}

impl Connection {
    fn queue(&mut self, notice: &Notice) {
        if let Ok(mut line) = serde_json::to_vec(notice) {
            line.push(b'\n');
            self.outgoing.append(&mut line);
        }
        if self.outgoing.len() > BACKLOG_LIMIT {
            self.open = false;
            self.outgoing = Vec::new();
        }
    }

    fn flush(&mut self) {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.open = false;
                    return;
                }
            }
        }
    }

    fn read(&mut self) -> Vec<Request> {
        let mut buffer = [0_u8; 1024];
        let mut requests = Vec::new();
        while self.open {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.open = false,
                Ok(count) => {
                    self.incoming.extend_from_slice(&buffer[..count]);
                    self.cut_requests(&mut requests);
                    self.open = self.incoming.len() <= REQUEST_LIMIT;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.open = false,
            }
        }
        requests
    }

    /// A newer server may ask for what this shim does not know: that is passed over.
    fn cut_requests(&mut self, requests: &mut Vec<Request>) {
        while let Some(end) = self.incoming.iter().position(|byte| *byte == b'\n') {
            requests.extend(serde_json::from_slice::<Request>(&self.incoming[..end]));
            self.incoming.drain(..=end);
        }
    }
}
