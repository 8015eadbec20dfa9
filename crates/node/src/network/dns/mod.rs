//! The tasks' resolver, at 169.254.169.253 (and at every VPC's second address): names of the VPC are answered here,
//! everything else goes to the host's own resolvers.
//!
//! One pair of sockets in the router serves all tasks; who asks is known by the address, which the ruleset makes true.
//! Nothing is cached. Everything is limited: questions at a time, their size, and how long each may take; what is too much
//! is not answered, as by any busy resolver. While the server is down, nobody answers.

mod message;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdTcpListener, UdpSocket as StdUdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::network::NetworkPlan;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

pub(super) use domain::network::ruleset::RESOLVER;

use self::message::{Answer, Question};
use super::NetworkError;
use super::loader::Loaded;
use super::router::Router;

const PORT: u16 = 53;
/// Questions over UDP that are answered at a time.
const UDP_QUESTIONS: usize = 512;
/// Connections at a time.
const TCP_CONNECTIONS: usize = 64;
/// The largest question. Real ones are below 512 bytes.
const QUESTION_BYTES: usize = 4096;
/// The largest answer over UDP.
const UDP_ANSWER_BYTES: usize = 4096;
/// How long one of the host's resolvers may take before the next is asked.
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may say nothing.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
/// As many of the host's resolvers are asked, as by its own library.
const UPSTREAMS: usize = 3;

/// What answers are made from.
struct Resolver {
    plan: watch::Receiver<Loaded>,
    internal_domain: String,
    resolv_conf: PathBuf,
}

/// Opens the sockets in the router and answers on the current tokio runtime until the loader ends.
pub(super) fn start(router: &Router, plan: watch::Receiver<Loaded>) -> Result<(), NetworkError> {
    let failed = |source| NetworkError::Open { what: format!("the resolver at {RESOLVER}"), source };
    let address = SocketAddr::from((RESOLVER, PORT));
    let open = || -> io::Result<_> {
        let (udp, tcp) = (StdUdpSocket::bind(address)?, StdTcpListener::bind(address)?);
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        Ok((udp, tcp))
    };
    let (udp, tcp) = router.inside(open).map_err(failed)?.map_err(failed)?;
    let udp = Arc::new(UdpSocket::from_std(udp).map_err(failed)?);
    let tcp = TcpListener::from_std(tcp).map_err(failed)?;
    let resolver = Arc::new(Resolver {
        plan,
        internal_domain: router.settings.internal_domain.clone(),
        resolv_conf: router.settings.resolv_conf.clone(),
    });
    tokio::spawn(serve_udp(Arc::clone(&resolver), udp));
    tokio::spawn(serve_tcp(resolver, tcp));
    Ok(())
}

async fn serve_udp(resolver: Arc<Resolver>, socket: Arc<UdpSocket>) {
    let limit = Arc::new(Semaphore::new(UDP_QUESTIONS));
    let mut ended = resolver.plan.clone();
    let mut buffer = vec![0; QUESTION_BYTES];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = until_ended(&mut ended) => return,
        };
        // A single bad packet is no reason to end (an ICMP error of an earlier answer arrives here).
        let Ok((length, from)) = received else { continue };
        let Ok(permit) = Arc::clone(&limit).try_acquire_owned() else { continue };
        let query = buffer[..length].to_vec();
        let (resolver, socket) = (Arc::clone(&resolver), Arc::clone(&socket));
        tokio::spawn(async move {
            if let Some(answer) = resolver.answer(&query, from.ip(), Transport::Udp).await {
                // Who asked and went away needs no answer.
                let _ = socket.send_to(&answer, from).await;
            }
            drop(permit);
        });
    }
}

async fn serve_tcp(resolver: Arc<Resolver>, listener: TcpListener) {
    let limit = Arc::new(Semaphore::new(TCP_CONNECTIONS));
    let mut ended = resolver.plan.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = until_ended(&mut ended) => return,
        };
        let Ok((stream, from)) = accepted else { continue };
        let Ok(permit) = Arc::clone(&limit).try_acquire_owned() else { continue };
        tokio::spawn(serve_connection(Arc::clone(&resolver), stream, from.ip(), permit));
    }
}

async fn serve_connection(resolver: Arc<Resolver>, mut stream: TcpStream, from: IpAddr, _permit: OwnedSemaphorePermit) {
    while let Ok(Ok(query)) = timeout(TCP_TIMEOUT, read_message(&mut stream)).await {
        let Some(answer) = resolver.answer(&query, from, Transport::Tcp).await else { return };
        if timeout(TCP_TIMEOUT, write_message(&mut stream, &answer)).await.is_err() {
            return;
        }
    }
}

/// Resolves when the loader is gone, and with it the network.
async fn until_ended(plan: &mut watch::Receiver<Loaded>) {
    while plan.changed().await.is_ok() {}
}

#[derive(Clone, Copy)]
enum Transport {
    Udp,
    Tcp,
}

impl Resolver {
    /// The answer to a question; `None` for what is no question at all.
    async fn answer(&self, query: &[u8], from: IpAddr, transport: Transport) -> Option<Vec<u8>> {
        let question = message::question(query)?;
        let plan = Arc::clone(&self.plan.borrow().plan);
        if let Some(answer) = internal(&plan, &self.internal_domain, &question, from) {
            return Some(message::answer(query, &question, answer));
        }
        for upstream in self.upstreams() {
            let asked = match transport {
                Transport::Udp => timeout(UPSTREAM_TIMEOUT, ask_udp(query, &question, upstream)).await,
                Transport::Tcp => timeout(UPSTREAM_TIMEOUT, ask_tcp(query, upstream)).await,
            };
            if let Ok(Ok(answer)) = asked
                && message::answers(&answer, query, &question)
            {
                return Some(answer);
            }
        }
        Some(message::answer(query, &question, Answer::Failure))
    }

    /// The host's resolvers, read anew because networks come and go.
    fn upstreams(&self) -> Vec<SocketAddr> {
        let text = fs::read_to_string(&self.resolv_conf).unwrap_or_default();
        let addresses = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
        addresses
            .filter_map(|rest| rest.trim().parse::<IpAddr>().ok())
            .map(|address| SocketAddr::new(address, PORT))
            .take(UPSTREAMS)
            .collect()
    }
}

/// Answers a name of the VPC: `ip-172-31-0-4.ec2.internal`, for tasks of the same VPC. `None` for other names.
fn internal(plan: &NetworkPlan, domain: &str, question: &Question, from: IpAddr) -> Option<Answer> {
    let host = question.name.strip_suffix(domain)?;
    let host = if host.is_empty() { host } else { host.strip_suffix('.')? };
    let vpc_of = |address: IpAddr| {
        plan.interfaces.iter().find(|interface| IpAddr::V4(interface.address) == address).map(|found| &found.vpc_id)
    };
    let address = host.strip_prefix("ip-").and_then(|digits| digits.replace('-', ".").parse::<Ipv4Addr>().ok());
    let known = address.filter(|address| {
        let vpc = vpc_of(IpAddr::V4(*address));
        vpc.is_some() && vpc == vpc_of(from)
    });
    Some(match known {
        Some(address) if question.kind == message::KIND_A => Answer::Address(address),
        Some(_) => Answer::NoData,
        None if host.is_empty() => Answer::NoData,
        None => Answer::NoSuchName,
    })
}

/// Asks over a socket of its own (so from a fresh port) with an id of its own.
async fn ask_udp(query: &[u8], question: &Question, upstream: SocketAddr) -> io::Result<Vec<u8>> {
    let local: SocketAddr = if upstream.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(upstream).await?;
    let sent = message::with_id(query, message::random_id());
    socket.send(&sent).await?;
    let mut buffer = vec![0; UDP_ANSWER_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if message::answers(&buffer[..length], &sent, question) {
            return Ok(message::with_id(&buffer[..length], message::id(query)));
        }
    }
}

async fn ask_tcp(query: &[u8], upstream: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(upstream).await?;
    write_message(&mut stream, query).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = usize::from(stream.read_u16().await?);
    if length > QUESTION_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut framed = Vec::with_capacity(message.len() + 2);
    framed.extend(length.to_be_bytes());
    framed.extend(message);
    stream.write_all(&framed).await
}
