//! The front door over a real socket: signed, unsigned, oversized, late and broken requests.

use std::sync::Arc;
use std::time::Duration;

use api::sts::{GetCallerIdentityInput, GetCallerIdentityOutput};
use domain::connections::Places;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use wire::sigv4::{self, Signer};
use wire::{Sensitive, Timestamp};

use super::guests::{GivesWay, Guests};
use super::{Router, places, serve};
use crate::testing::{ACCOUNT, REGION, TestApp};
use crate::{App, Request, ServiceError, limits};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const IDENTITY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

async fn identity(
    _app: Arc<App>,
    request: Request<GetCallerIdentityInput>,
) -> Result<GetCallerIdentityOutput, ServiceError> {
    let caller = request.without_permission().caller;
    Ok(GetCallerIdentityOutput {
        user_id: Some(caller.user_id()),
        account: Some(caller.account.clone()),
        arn: Some(caller.arn()),
    })
}

async fn panics(
    _app: Arc<App>,
    _request: Request<api::ecs::ListClustersInput>,
) -> Result<api::ecs::ListClustersOutput, ServiceError> {
    panic!("as the test wants")
}

async fn enables(
    _app: Arc<App>,
    _request: Request<api::kms::EnableKeyInput>,
) -> Result<api::kms::EnableKeyOutput, ServiceError> {
    Ok(api::kms::EnableKeyOutput {})
}

/// A server on a free port, and the root user's key.
struct Served {
    test: TestApp,
    address: String,
    key: crate::iam::RootAccessKey,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(places(20_000)).await
    }

    async fn start_with(places: Places) -> Self {
        let test = TestApp::new();
        let app = Arc::clone(&test.app);
        let key = app.store.write(|state| crate::iam::root_access_key(&app, state, None)).await.expect("a root key");
        let mut router = Router::new();
        router.add::<api::sts::op::GetCallerIdentity, _, _>(identity);
        router.add::<api::ecs::op::ListClusters, _, _>(panics);
        router.add::<api::kms::op::EnableKey, _, _>(enables);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(app, Arc::new(router), listener, places, async {
            let _ = stopped.await;
        }));
        Self { test, address, key, stop, server }
    }

    /// A request signed by the root user at this time.
    fn signed(&self, service: &str, headers: &[(&str, &str)], body: &[u8], at: Timestamp) -> Vec<u8> {
        self.signed_with(&self.key.secret_access_key, (service, REGION), headers, body, at)
    }

    /// The same question, which leaves the connection open.
    fn signed_on_a_kept_connection(&self) -> Vec<u8> {
        let request = self.signed("sts", &[FORM], IDENTITY, self.test.app.now());
        let text = String::from_utf8(request).expect("UTF-8");
        text.replace("connection: close\r\n", "").into_bytes()
    }

    fn signed_with(
        &self,
        secret: &Sensitive,
        (service, region): (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
        at: Timestamp,
    ) -> Vec<u8> {
        let mut all = vec![("host", self.address.as_str())];
        all.extend(headers);
        let request = sigv4::Request { method: "POST", path: "/", query: "", headers: &all, body };
        let access_key_id = &self.key.access_key_id;
        let signer = Signer { access_key_id, secret_access_key: secret, session_token: None, region, service };
        let added = sigv4::signed_headers(&request, &signer, at);
        all.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        unsigned(&all, body)
    }

    async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.expect("connects");
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

/// The bytes of a request that asks for its connection's end.
fn unsigned(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = String::from("POST / HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &[*name, ": ", *value, "\r\n"].concat();
    }
    text += &["content-length: ", body.len().to_string().as_str(), "\r\n\r\n"].concat();
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[tokio::test]
async fn a_signed_call_is_answered() {
    let served = Served::start().await;
    let answer = served.send(&served.signed("sts", &[FORM], IDENTITY, served.test.app.now())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains(&["<Arn>arn:aws:iam::", ACCOUNT, ":root</Arn>"].concat()), "{}", answer.body);
    assert!(answer.head.contains("content-type: text/xml") && answer.head.contains("x-amzn-requestid: "));
    let headers = [JSON, ("x-amz-target", "TrentService.EnableKey")];
    let answer = served.send(&served.signed("kms", &headers, b"{\"KeyId\":\"k\"}", served.test.app.now())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[tokio::test]
async fn who_is_not_who_he_says_is_refused() {
    let served = Served::start().await;
    let now = served.test.app.now();
    let wrong = Sensitive::from("wrong");
    let key = &served.key.secret_access_key;
    let mut unknown = served.signed("sts", &[FORM], IDENTITY, now);
    let place = String::from_utf8_lossy(&unknown).find(&served.key.access_key_id).expect("the key's id");
    unknown[place + 4] = b'_';
    let here = ("sts", REGION);
    for (request, code, text) in [
        (unsigned(&[("host", "x"), FORM], IDENTITY), "MissingAuthenticationToken", ""),
        (served.signed_with(&wrong, here, &[FORM], IDENTITY, now), "SignatureDoesNotMatch", "does not match"),
        (unknown, "InvalidClientTokenId", "The security token included in the request is invalid."),
        (served.signed("sts", &[FORM], IDENTITY, now.plus_seconds(-301)), "SignatureDoesNotMatch", "Signature expired"),
        (served.signed("sts", &[FORM], IDENTITY, now.plus_seconds(301)), "SignatureDoesNotMatch", "not yet current"),
        (served.signed("iam", &[FORM], IDENTITY, now), "SignatureDoesNotMatch", "correct service: 'sts'"),
        (served.signed_with(key, ("sts", "mars-1"), &[FORM], IDENTITY, now), "SignatureDoesNotMatch", "'mars-1'"),
    ] {
        let answer = served.send(&request).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(&["<Code>", code, "</Code>"].concat()), "{code}: {}", answer.body);
        assert!(answer.body.contains(text), "{text}: {}", answer.body);
    }
    let headers = [JSON, ("x-amz-target", "TrentService.EnableKey")];
    let request = served.signed_with(&wrong, ("kms", REGION), &headers, b"{}", now);
    let answer = served.send(&request).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains(r#""__type":"InvalidSignatureException""#), "{}", answer.body);
}

#[tokio::test]
async fn what_is_not_served_is_named() {
    let served = Served::start().await;
    let target = ("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateService");
    for (headers, body, status, text) in [
        (vec![JSON, target], &b"{}"[..], 400, r#""message":"Tidegate does not serve ecs:CreateService.""#),
        (vec![JSON, ("x-amz-target", "Nobody.Knows")], b"{}", 400, "UnknownOperationException"),
        (vec![FORM], b"Action=CreateGroup&Version=2010-05-08", 400, "Tidegate does not serve iam:CreateGroup."),
        (vec![FORM], b"Action=Fly&Version=2010-05-08", 400, "<Code>InvalidAction</Code>"),
        (vec![FORM], b"", 400, "<Code>MissingAction</Code>"),
        (vec![FORM], b"Action=%ff", 400, "<Code>MalformedQueryString</Code>"),
    ] {
        let mut all = vec![("host", "x")];
        all.extend(headers);
        let answer = served.send(&unsigned(&all, body)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(text), "{text}: {}", answer.body);
    }
}

#[tokio::test]
async fn bad_input_is_told() {
    let served = Served::start().await;
    let now = served.test.app.now();
    let headers = [JSON, ("x-amz-target", "TrentService.EnableKey")];
    for (body, text) in [
        (&b"{"[..], "SerializationException"),
        (b"{\"KeyId\":1}", "SerializationException"),
        (
            b"{}",
            "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
        ),
    ] {
        let answer = served.send(&served.signed("kms", &headers, body, now)).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains(text), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_oversized_body_is_refused_unread() {
    let served = Served::start().await;
    let announced = limits::REQUEST_BODY_BYTES + 1;
    let head = ["POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ", &announced.to_string(), "\r\n\r\n"].concat();
    assert_eq!(served.send(head.as_bytes()).await.status, 413);
    let mut chunked = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend(std::iter::repeat_n(b'a', 0x10_0000));
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(served.send(&chunked).await.status, 413);
}

#[tokio::test]
async fn a_panic_is_an_error_of_one_call() {
    let served = Served::start().await;
    let headers = [JSON, ("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters")];
    let answer = served.send(&served.signed("ecs", &headers, b"{}", served.test.app.now())).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("InternalFailure"), "{}", answer.body);
    let answer = served.send(&served.signed("sts", &[FORM], IDENTITY, served.test.app.now())).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn health_is_told_and_the_server_ends() {
    let served = Served::start().await;
    let answer = served.send(b"GET /_tidegate/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ok"}"#));
    let answer = served.send(b"GET /elsewhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.status, 404);
    // A connection that is kept alive does not keep the server.
    let mut idle = TcpStream::connect(&served.address).await.expect("connects");
    idle.write_all(b"GET /_tidegate/health HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("writes");
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.expect("an answer");
    served.stop.send(()).expect("the server runs");
    timeout(Duration::from_secs(5), served.server).await.expect("in time").expect("ends well");
}

macro_rules! listed {
    ($($service:ident::$operation:ident,)*) => {
        [$((&api::$service::SERVICE, stringify!($operation)),)*]
    };
}

#[test]
fn everything_listed_is_served() {
    let router = crate::router(&crate::testing::images(), &crate::testing::usage());
    for (service, operation) in api::for_each_operation!(listed) {
        assert!(
            router.serves(service, operation),
            "{}:{operation} is in operations.toml and has no handler",
            service.name
        );
    }
}

#[tokio::test]
async fn silent_connections_shut_nobody_out() {
    // Sixteen places, four of them kept; as many strangers as like.
    let served = Served::start_with(Places { all: 16, kept_for_known: 4 }).await;
    let mut known = TcpStream::connect(&served.address).await.expect("connects");
    let request = served.signed_on_a_kept_connection();
    assert!(asked(&mut known, &request).await.starts_with("HTTP/1.1 200"));
    let mut silent = Vec::new();
    for number in 0..100 {
        let mut stream = TcpStream::connect(&served.address).await.expect("connects");
        let begin: &[u8] = match number % 3 {
            0 => b"",
            1 => b"POST / HTTP/1.1\r\nhost: x\r\nx-half: ",
            _ => b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc",
        };
        let _ = stream.write_all(begin).await;
        silent.push(stream);
    }
    // A newcomer is served at once, and who is known was not shut out.
    let began = Instant::now();
    let answer = served.send(&served.signed("sts", &[FORM], IDENTITY, served.test.app.now())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(began.elapsed() < Duration::from_secs(limits::FIRST_BYTE_SECONDS), "{:?}", began.elapsed());
    assert!(asked(&mut known, &request).await.starts_with("HTTP/1.1 200"));
    // The oldest gave way, the newest did not.
    let mut first = silent.swap_remove(0);
    let end = timeout(Duration::from_secs(5), first.read(&mut [0; 1])).await.expect("in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn what_does_not_come_in_time_is_ended() {
    let served = Served::start().await;
    let silent = TcpStream::connect(&served.address).await.expect("connects");
    let mut half = TcpStream::connect(&served.address).await.expect("connects");
    half.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nx-half: ").await.expect("writes");
    let mut body = TcpStream::connect(&served.address).await.expect("connects");
    body.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc").await.expect("writes");
    for (mut stream, seconds, text) in [
        (silent, limits::FIRST_BYTE_SECONDS, ""),
        (half, limits::REQUEST_HEAD_SECONDS, ""),
        (body, limits::BODY_WINDOW_SECONDS, "408"),
    ] {
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(seconds + 20), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "still open after {seconds} s: {text}");
        assert!(String::from_utf8_lossy(&answer).contains(text), "{text}");
    }
}

#[tokio::test]
async fn memory_of_bodies_is_bounded() {
    let guests = Guests::new(Places { all: 200, kept_for_known: 0 });
    let peer = "127.0.0.1".parse().expect("an address");
    let mut seats = Vec::new();
    for _ in 0..100 {
        let seat = guests.seat(peer).await;
        seat.holds(limits::REQUEST_BODY_BYTES).expect("somebody slower gives way");
        seats.push(seat);
    }
    let still_there = seats.iter().filter(|seat| seat.works().is_ok()).count();
    assert_eq!(still_there, limits::REQUEST_BYTES_TOGETHER / limits::REQUEST_BODY_BYTES);
    // All that are left are being worked on: nobody can give way.
    let seat = guests.seat(peer).await;
    assert_eq!(seat.holds(limits::REQUEST_BODY_BYTES), Err(GivesWay));
    for seat in &seats {
        seat.waits();
    }
    assert_eq!(guests.seat(peer).await.holds(limits::REQUEST_BODY_BYTES), Ok(()));
}

/// One request on a connection that stays open, and what its answer begins with.
async fn asked(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.expect("writes");
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("</GetCallerIdentityResponse>") {
        let mut part = [0; 4096];
        let read = timeout(Duration::from_secs(10), stream.read(&mut part)).await.expect("in time").expect("readable");
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..read]);
    }
    String::from_utf8(answer).expect("UTF-8")
}
