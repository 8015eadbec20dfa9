//! Links, addresses, routes and neighbours, by netlink messages that one thread sends and waits for.
//!
//! The messages' types come from the rtnetlink crates; its asynchronous connection is not used, because a socket belongs
//! to the namespace it was opened in and all work here is a few short exchanges. Messages that belong together go to the
//! kernel in one system call.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::time::Duration;

use ipnet::Ipv4Net;
use nix::errno::Errno;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State,
};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::NetworkError;
use crate::wait;

/// The protocol number of our routes, so that they can be told from others (`ip route show proto 116`).
pub(super) const OUR_PROTOCOL: RouteProtocol = RouteProtocol::Other(116);

/// How long a link may take until it sends.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(5);

/// One change and what to call it when it fails.
pub(super) struct Change {
    what: String,
    message: RouteNetlinkMessage,
    flags: u16,
    tolerated: &'static [Errno],
}

/// One end of a veth pair.
pub(super) struct End<'a> {
    pub(super) name: &'a str,
    pub(super) mac_address: [u8; 6],
    pub(super) mtu: u32,
}

/// Where an address is meant to be used as a source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everywhere.
    Everywhere,
    /// Only on its link: never chosen as the source of a packet that goes further.
    Link,
}

/// A route as the kernel has it.
pub(super) struct Route {
    pub(super) range: Ipv4Net,
    pub(super) device: Option<u32>,
    pub(super) kind: RouteType,
    pub(super) protocol: RouteProtocol,
}

/// A netlink socket of the namespace it was opened in.
pub(super) struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// A socket in the current thread's namespace.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Does all changes in order; answers the first that failed (those after it may have been done).
    pub(super) fn apply(&mut self, changes: Vec<Change>) -> Result<(), NetworkError> {
        let first = self.sequence.wrapping_add(1);
        let mut buffer = Vec::new();
        let mut expected: Vec<(String, &[Errno])> = Vec::with_capacity(changes.len());
        for Change { what, message, flags, tolerated } in changes {
            self.emit(message, flags | NLM_F_ACK, &mut buffer);
            expected.push((what, tolerated));
        }
        self.socket
            .send(&buffer, 0)
            .map_err(|source| NetworkError::Netlink { what: "asking the kernel".into(), source })?;
        let mut failed = None;
        let mut waiting = expected.len();
        while waiting > 0 {
            for answer in self.receive()? {
                let NetlinkPayload::Error(error) = answer.payload else { continue };
                let number = answer.header.sequence_number.wrapping_sub(first) as usize;
                // An answer to something older is not ours.
                let Some((what, tolerated)) = expected.get(number) else { continue };
                waiting -= 1;
                let Some(code) = error.code else { continue };
                let errno = Errno::from_raw(code.get().saturating_neg());
                if !tolerated.contains(&errno) && failed.is_none() {
                    failed = Some(NetworkError::Netlink { what: what.clone(), source: errno.into() });
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The index of a link; `None` when there is none of this name.
    pub(super) fn index(&mut self, name: &str) -> Result<Option<u32>, NetworkError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.into()));
        match self.ask(RouteNetlinkMessage::GetLink(message), 0) {
            Ok(answers) => Ok(answers.into_iter().find_map(|answer| match answer {
                RouteNetlinkMessage::NewLink(link) => Some(link.header.index),
                _ => None,
            })),
            Err(Errno::ENODEV) => Ok(None),
            Err(errno) => Err(NetworkError::Netlink { what: format!("looking for {name}"), source: errno.into() }),
        }
    }

    /// The index of a link that must be there.
    pub(super) fn index_of(&mut self, name: &str) -> Result<u32, NetworkError> {
        self.index(name)?
            .ok_or_else(|| NetworkError::Netlink { what: format!("looking for {name}"), source: Errno::ENODEV.into() })
    }

    /// The MTU of a link.
    pub(super) fn mtu(&mut self, index: u32) -> Result<Option<u32>, NetworkError> {
        Ok(self.attributes(index)?.into_iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(mtu),
            _ => None,
        }))
    }

    /// Waits until a link that was brought up really sends. The kernel gets there a moment after both ends are up;
    /// what is sent before that is lost, and a lost first packet costs a task a whole second.
    pub(super) fn wait_until_active(&mut self, index: u32) -> Result<(), NetworkError> {
        let is_up = |attributes: &[LinkAttribute]| attributes.contains(&LinkAttribute::OperState(State::Up));
        wait::until(ACTIVE_DEADLINE, || match self.attributes(index) {
            Ok(attributes) => is_up(&attributes).then_some(Ok(())),
            Err(error) => Some(Err(error)),
        })
        .unwrap_or_else(|| {
            Err(NetworkError::Netlink { what: format!("waiting for link {index}"), source: Errno::ETIMEDOUT.into() })
        })
    }

    fn attributes(&mut self, index: u32) -> Result<Vec<LinkAttribute>, NetworkError> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        let answers = self.ask(RouteNetlinkMessage::GetLink(message), 0).map_err(|errno| NetworkError::Netlink {
            what: format!("asking for link {index}"),
            source: errno.into(),
        })?;
        let mut links = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewLink(link) => Some(link.attributes),
            _ => None,
        });
        Ok(links.next().unwrap_or_default())
    }

    /// All IPv4 routes of the main table.
    pub(super) fn routes(&mut self) -> Result<Vec<Route>, NetworkError> {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        let answers = self
            .ask(RouteNetlinkMessage::GetRoute(message), NLM_F_DUMP)
            .map_err(|errno| NetworkError::Netlink { what: "listing routes".into(), source: errno.into() })?;
        let routes = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewRoute(route) if route.header.table == RouteHeader::RT_TABLE_MAIN => {
                Some(route_of(&route))
            }
            _ => None,
        });
        Ok(routes.collect())
    }

    /// All IPv4 addresses, with the index of their link and how far they reach.
    pub(super) fn addresses(&mut self) -> Result<Vec<(Ipv4Net, u32, AddressScope)>, NetworkError> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        let answers = self
            .ask(RouteNetlinkMessage::GetAddress(message), NLM_F_DUMP)
            .map_err(|errno| NetworkError::Netlink { what: "listing addresses".into(), source: errno.into() })?;
        let addresses = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewAddress(message) => {
                let address = message.attributes.iter().find_map(|attribute| match attribute {
                    AddressAttribute::Local(IpAddr::V4(address)) => Some(*address),
                    _ => None,
                })?;
                let range = Ipv4Net::new(address, message.header.prefix_len).ok()?;
                Some((range, message.header.index, message.header.scope))
            }
            _ => None,
        });
        Ok(addresses.collect())
    }

    /// One question and everything that is answered to it.
    fn ask(&mut self, message: RouteNetlinkMessage, flags: u16) -> Result<Vec<RouteNetlinkMessage>, Errno> {
        let mut buffer = Vec::new();
        self.emit(message, flags, &mut buffer);
        let to_errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32));
        self.socket.send(&buffer, 0).map_err(to_errno)?;
        let mut found = Vec::new();
        loop {
            let answers = self.receive().map_err(|_| Errno::EIO)?;
            for answer in answers {
                if answer.header.sequence_number != self.sequence {
                    continue;
                }
                match answer.payload {
                    NetlinkPayload::InnerMessage(inner) => found.push(inner),
                    NetlinkPayload::Done(_) => return Ok(found),
                    NetlinkPayload::Error(error) => {
                        return error.code.map_or(Ok(found), |code| Err(Errno::from_raw(code.get().saturating_neg())));
                    }
                    _ => {}
                }
            }
            if flags & NLM_F_DUMP == 0 && !found.is_empty() {
                return Ok(found);
            }
        }
    }

    fn emit(&mut self, message: RouteNetlinkMessage, flags: u16, buffer: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags | NLM_F_REQUEST;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let start = buffer.len();
        buffer.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut buffer[start..]);
    }

    fn receive(&mut self) -> Result<Vec<NetlinkMessage<RouteNetlinkMessage>>, NetworkError> {
        let failed = |source| NetworkError::Netlink { what: "hearing from the kernel".into(), source };
        let (bytes, _) = self.socket.recv_from_full().map_err(failed)?;
        let mut answers = Vec::new();
        let mut rest = bytes.as_slice();
        while rest.len() >= size_of::<u32>() {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            if length == 0 || length > rest.len() {
                break;
            }
            let message = NetlinkMessage::deserialize(&rest[..length]);
            answers.push(message.map_err(|error| failed(io::Error::other(error.to_string())))?);
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        Ok(answers)
    }
}

fn route_of(route: &RouteMessage) -> Route {
    let mut address = Ipv4Addr::UNSPECIFIED;
    let mut device = None;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(destination)) => address = *destination,
            RouteAttribute::Oif(index) => device = Some(*index),
            _ => {}
        }
    }
    let range = Ipv4Net::new(address, route.header.destination_prefix_length.min(32)).unwrap_or_default();
    Route { range, device, kind: route.header.kind, protocol: route.header.protocol }
}

/// Makes a veth pair: one end here, the other in `peer_namespace`. An end can only come up when both are there.
pub(super) fn add_pair(here: &End<'_>, peer: &End<'_>, peer_namespace: BorrowedFd<'_>) -> Change {
    let end = |end: &End<'_>| {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(end.name.into()));
        message.attributes.push(LinkAttribute::Address(end.mac_address.to_vec()));
        message.attributes.push(LinkAttribute::Mtu(end.mtu));
        message
    };
    let mut there = end(peer);
    there.attributes.push(LinkAttribute::NetNsFd(peer_namespace.as_raw_fd()));
    let mut message = end(here);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(there))),
    ]));
    Change {
        what: format!("making the pair {} and {}", here.name, peer.name),
        message: RouteNetlinkMessage::NewLink(message),
        flags: NLM_F_CREATE | NLM_F_EXCL,
        tolerated: &[],
    }
}

/// Takes a link away (with its peer); one that is not there is no error.
pub(super) fn delete_link(name: &str) -> Change {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.into()));
    Change {
        what: format!("taking {name} away"),
        message: RouteNetlinkMessage::DelLink(message),
        flags: 0,
        tolerated: &[Errno::ENODEV],
    }
}

pub(super) fn link_up(name: &str) -> Change {
    let mut message = LinkMessage::default();
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.push(LinkAttribute::IfName(name.into()));
    Change {
        what: format!("bringing {name} up"),
        message: RouteNetlinkMessage::NewLink(message),
        flags: 0,
        tolerated: &[],
    }
}

/// An address without the route that the kernel would add to its range.
pub(super) fn add_address(device: u32, address: Ipv4Net, reach: Reach) -> Change {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = address.prefix_len();
    message.header.index = device;
    message.header.scope = if reach == Reach::Link { AddressScope::Link } else { AddressScope::Universe };
    message.attributes.push(AddressAttribute::Local(address.addr().into()));
    message.attributes.push(AddressAttribute::Address(address.addr().into()));
    message.attributes.push(AddressAttribute::Flags(AddressFlags::Noprefixroute));
    Change {
        what: format!("adding the address {address}"),
        message: RouteNetlinkMessage::NewAddress(message),
        flags: NLM_F_CREATE | NLM_F_EXCL,
        tolerated: &[Errno::EEXIST],
    }
}

/// Says for good which hardware address an address has, so that nobody asks.
pub(super) fn set_neighbour(device: u32, address: Ipv4Addr, mac_address: [u8; 6]) -> Change {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = device;
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::Destination(NeighbourAddress::Inet(address)));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac_address.to_vec()));
    Change {
        what: format!("adding the neighbour {address}"),
        message: RouteNetlinkMessage::NewNeighbour(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        tolerated: &[],
    }
}

/// A route straight to what is on a device.
pub(super) fn set_link_route(device: u32, range: Ipv4Net) -> Change {
    let mut message = route(range, RouteType::Unicast);
    message.header.scope = RouteScope::Link;
    message.attributes.push(RouteAttribute::Oif(device));
    replace_route(range, message)
}

/// A route through a gateway.
pub(super) fn set_gateway_route(device: u32, range: Ipv4Net, gateway: Ipv4Addr) -> Change {
    let mut message = route(range, RouteType::Unicast);
    message.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet(gateway)));
    message.attributes.push(RouteAttribute::Oif(device));
    replace_route(range, message)
}

/// A route that ends here: whatever has no better one is answered with "host unreachable".
pub(super) fn set_unreachable_route(range: Ipv4Net) -> Change {
    replace_route(range, route(range, RouteType::Unreachable))
}

/// Takes one of our routes away; one that is not there is no error.
pub(super) fn delete_route(range: Ipv4Net, kind: RouteType) -> Change {
    let mut message = route(range, kind);
    message.header.scope = RouteScope::NoWhere;
    Change {
        what: format!("taking the route to {range} away"),
        message: RouteNetlinkMessage::DelRoute(message),
        flags: 0,
        tolerated: &[Errno::ESRCH],
    }
}

fn replace_route(range: Ipv4Net, message: RouteMessage) -> Change {
    Change {
        what: format!("setting the route to {range}"),
        message: RouteNetlinkMessage::NewRoute(message),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        tolerated: &[],
    }
}

fn route(range: Ipv4Net, kind: RouteType) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = range.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = OUR_PROTOCOL;
    message.header.kind = kind;
    if range.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(range.network())));
    }
    message
}

/// Reads `02:00:00:00:00:01`.
pub(super) fn mac_address(text: &str) -> Result<[u8; 6], NetworkError> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2);
        *byte = part
            .and_then(|part| u8::from_str_radix(part, 16).ok())
            .ok_or_else(|| NetworkError::MacAddress(text.into()))?;
    }
    if parts.next().is_some() { Err(NetworkError::MacAddress(text.into())) } else { Ok(bytes) }
}
