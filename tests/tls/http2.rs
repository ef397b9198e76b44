//! HTTP/2 to clients: requests, WebSockets and the end of a connection (RFC 9113, RFC 8441).

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};

use super::frames::*;
use super::gate::{Gate, echoing};
use crate::support::WECHAT;

pub(super) async fn connect(gate: &Gate) -> SendRequest<Full<Bytes>> {
    let config = Arc::new(gate.authority.client(rustls::ALL_VERSIONS, &["h2"]));
    let stream = gate.connect(&config, "localhost").await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    client
}

pub(super) fn to(gate: &Gate, path: &str) -> http::request::Builder {
    Request::builder().uri(gate.url(path))
}

pub(super) async fn ask(
    client: &mut SendRequest<Full<Bytes>>,
    request: http::request::Builder,
    body: &str,
) -> Response<Bytes> {
    let request = request.body(Full::from(body.to_owned())).expect("a request");
    let (head, body) = client.send_request(request).await.expect("an answer").into_parts();
    Response::from_parts(head, body.collect().await.expect("a body").to_bytes())
}

fn told(answer: &Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(answer.body()).expect("the site answers in JSON")
}

fn values(told: &serde_json::Value, name: &str) -> Vec<String> {
    let pairs = told["headers"].as_array().expect("pairs");
    pairs.iter().filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().expect("text").to_owned()).collect()
}

pub(super) fn slug(answer: &Response<Bytes>) -> (u16, String) {
    let problem = told(answer);
    assert_eq!(answer.headers()["x-request-id"], problem["request_id"].as_str().expect("an id"));
    let slug = problem["type"].as_str().expect("a type").trim_start_matches("urn:wxgate:").to_owned();
    (answer.status().as_u16(), slug)
}

#[tokio::test]
async fn many_requests_share_a_connection_and_the_site_cannot_tell() {
    let gate = Gate::start().await;
    let client = connect(&gate).await;
    let asking: Vec<_> = (0..100)
        .map(|index| {
            let mut client = client.clone();
            let request = to(&gate, &format!("/open/{index}?a=%2F"))
                .method("POST")
                .header("cookie", "a=1")
                .header("cookie", "b=2")
                .header("x-wechat-openid", "forged");
            tokio::spawn(async move { ask(&mut client, request, &"x".repeat(index * 1000)).await })
        })
        .collect();
    for (index, asked) in asking.into_iter().enumerate() {
        let answer = asked.await.expect("answered");
        assert_eq!(answer.status(), 200);
        let told = told(&answer);
        assert_eq!(
            (told["method"].as_str(), told["target"].as_str()),
            (Some("POST"), Some(&*format!("/open/{index}?a=%2F")))
        );
        assert_eq!(told["body"].as_str().map(str::len), Some(index * 1000));
        assert_eq!(values(&told, "cookie"), ["a=1; b=2"]);
        assert_eq!(values(&told, "host"), [format!("localhost:{}", gate.address.port())]);
        assert_eq!(values(&told, "x-forwarded-proto"), ["https"]);
        assert!(values(&told, "x-wechat-openid").is_empty(), "R7: {told}");
    }
}

#[tokio::test]
async fn a_visitor_is_sent_to_wechat_by_http2_as_well() {
    let gate = Gate::start().await;
    let mut client = connect(&gate).await;
    let navigation = || to(&gate, "/welcome").header("user-agent", WECHAT).header("accept", "text/html");
    let answer = ask(&mut client, navigation(), "").await;
    assert_eq!(answer.status(), 302);
    assert!(answer.headers()["location"].to_str().is_ok_and(|to| to.ends_with("#wechat_redirect")), "{answer:?}");
    let answer = ask(&mut client, to(&gate, "/data").header("accept", "application/json"), "").await;
    assert_eq!(slug(&answer), (401, "login-required".to_owned()));
    let length = answer.body().len();
    let head = ask(&mut client, to(&gate, "/data").method("HEAD").header("accept", "application/json"), "").await;
    assert_eq!((head.status().as_u16(), head.body().len()), (401, 0));
    let told: usize = head.headers()["content-length"].to_str().expect("text").parse().expect("a number");
    // The ids in it differ, their lengths do not.
    assert_eq!(told, length);
}

#[tokio::test]
async fn r44_what_cannot_be_said_of_one_host_and_one_size_is_refused() {
    let gate = Gate::with("max_header_bytes = '4KiB'", "", "").await;
    let mut client = connect(&gate).await;
    let (long, many) = (format!("/open/{}", "x".repeat(4096)), "y".repeat(4096));
    for (request, expected) in [
        (to(&gate, "/open/").header("host", "evil.example"), (400, "bad-request")),
        (to(&gate, "/open/").header("content-length", "0").header("content-length", "0"), (400, "bad-request")),
        (to(&gate, "/open/../x"), (400, "ambiguous-path")),
        (to(&gate, "/open/%2f"), (400, "ambiguous-path")),
        (to(&gate, &long), (414, "header-too-large")),
        (to(&gate, "/open/").header("x-many", &*many), (431, "header-too-large")),
    ] {
        let answer = ask(&mut client, request, "").await;
        assert_eq!(slug(&answer), (expected.0, expected.1.to_owned()));
    }
    let answer = ask(&mut client, to(&gate, "/open/").header("x-many", "y".repeat(20_000)), "").await;
    assert_eq!(answer.status(), 431, "h2 refuses what is far too much by itself");
    assert_eq!(gate.world.site.requests(), 0);
    assert_eq!(ask(&mut client, to(&gate, "/open/"), "").await.status(), 200, "and the connection goes on");
}

#[tokio::test]
async fn a_websocket_is_a_stream_among_others() {
    let (site, echo) = echoing();
    let route = format!("[[route]]\npath = '/socket'\nmethods = ['GET']\nauth = 'none'\nupstream = 'http://{site}'\n");
    let gate = Gate::with("keepalive_timeout = '1h'", "", &route).await;
    let mut client = connect(&gate).await;
    let request = to(&gate, "/socket")
        .method(Method::CONNECT)
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    let mut answer = client.send_request(request.body(Full::default()).expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    for name in ["sec-websocket-accept", "upgrade", "connection"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    let upgraded = TokioIo::new(hyper::upgrade::on(&mut answer).await.expect("a tunnel"));
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let talk = |index: usize| Message::binary(vec![7; index * 997 % 70_000]);
    for index in 0..100 {
        exchange(&mut socket, talk(index)).await;
    }
    // A tunnel is no idle connection.
    gate.reload("keepalive_timeout = '1h'", "keepalive_timeout = '300ms'");
    tokio::time::sleep(Duration::from_millis(900)).await;
    exchange(&mut socket, talk(5)).await;
    assert_eq!(ask(&mut client, to(&gate, "/open/"), "").await.status(), 200, "others go on beside it");
    drop(socket);
    tokio::task::spawn_blocking(|| echo.join()).await.expect("a thread").expect("the site saw the end");
}

async fn exchange<S>(socket: &mut WebSocketStream<S>, message: Message)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(message.clone()).await.expect("sent");
    assert_eq!(socket.next().await.expect("a message").expect("a good one"), message);
}

#[tokio::test]
async fn a_websocket_over_http2_needs_a_session_and_an_upstream_that_agrees() {
    let gate = Gate::start().await;
    let mut client = connect(&gate).await;
    let websocket = |path: &str| {
        to(&gate, path)
            .method(Method::CONNECT)
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
    };
    assert_eq!(slug(&ask(&mut client, websocket("/socket"), "").await), (401, "login-required".to_owned()));
    assert_eq!(gate.world.site.requests(), 0);
    // The site takes it for an ordinary request, and what it says would pass for a tunnel that is open.
    assert_eq!(slug(&ask(&mut client, websocket("/open/socket"), "").await), (502, "upstream-broken".to_owned()));
    assert_eq!(gate.world.site.requests(), 1);
    let udp = to(&gate, "/open/").method(Method::CONNECT).extension(Protocol::from_static("connect-udp"));
    assert_eq!(slug(&ask(&mut client, udp, "").await), (400, "bad-request".to_owned()));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_cut_and_others_go_on() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let site = listener.local_addr().expect("an address");
    let (cut, was_cut) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).expect("a request") > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").expect("said");
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
        cut.send(()).expect("the test waits");
    });
    let route = format!(
        "[[route]]\npath = '/large'\nauth = 'none'\nupstream = {{ url = 'http://{site}', idle_timeout = '500ms' }}\n"
    );
    let gate = Gate::with("", "", &route).await;
    let mut wire = Wire::connect(&gate).await;
    wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/large", &[])).await.expect("said");
    // Nothing is given back of the window that each stream begins with.
    let end = wire.hear_until(|frame| frame.stream == 1 && frame.kind == RST_STREAM).await;
    assert!(end.is_some(), "the whole connection ends");
    tokio::task::spawn_blocking(move || was_cut.recv_timeout(Duration::from_secs(60)))
        .await
        .expect("a thread")
        .expect("the site was told as well");
    // The connection's own window is used up as well: an answer of no bytes needs none.
    wire.say(HEADERS, END_HEADERS | END_STREAM, 3, &request("HEAD", "/open/", &[])).await.expect("said");
    let answer = wire.hear_until(|frame| frame.stream == 3 && frame.kind == HEADERS).await.expect("an answer");
    assert!(answer.flags & END_STREAM != 0, "{answer:?}");
}

#[tokio::test]
async fn what_a_site_says_before_its_answer_goes_no_further() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let site = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                while stream.read(&mut head).is_ok_and(|read| read > 0) {
                    let early =
                        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(3);
                    let said = early + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Late: 1\r\n\r\nok";
                    stream.write_all(said.as_bytes()).expect("said");
                }
            });
        }
    });
    let route = format!("[[route]]\npath = '/early'\nauth = 'none'\nupstream = {{ url = 'http://{site}' }}\n");
    let gate = Gate::with("", "", &route).await;
    let mut client = connect(&gate).await;
    for _ in 0..2 {
        let answer = ask(&mut client, to(&gate, "/early"), "").await;
        let headers = answer.headers();
        assert_eq!((answer.status().as_u16(), &answer.body()[..], headers.get("link")), (200, &b"ok"[..], None));
        assert_eq!(headers["x-late"], "1");
    }
    // hyper's client would pass over what is none of the answer.
    let mut wire = Wire::connect(&gate).await;
    wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/early", &[])).await.expect("said");
    let first = wire.hear_until(|frame| frame.stream == 1).await.expect("an answer");
    assert!(first.kind == HEADERS && first.payload.first() == Some(&OK), "{first:?}");
}

#[tokio::test]
async fn a_gate_that_stops_says_so_and_finishes_what_is_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let site = listener.local_addr().expect("an address");
    let (asked, was_asked) = std::sync::mpsc::channel();
    let (answer, may_answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        assert!(stream.read(&mut [0; 4096]).expect("a request") > 0);
        asked.send(()).expect("the test waits");
        may_answer.recv().expect("the test says when");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").expect("said");
    });
    let route = format!("[[route]]\npath = '/slow'\nauth = 'none'\nupstream = 'http://{site}'\n");
    let mut gate = Gate::with("", "", &route).await;
    gate.reload("shutdown_grace = '2s'", "shutdown_grace = '1m'");
    let mut wire = Wire::connect(&gate).await;
    wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/slow", &[])).await.expect("said");
    tokio::task::spawn_blocking(move || was_asked.recv()).await.expect("a thread").expect("asked");
    gate.world.ask_gate_to_stop();
    wire.hear_until(|frame| frame.kind == GOAWAY).await.expect("a word");
    answer.send(()).expect("the site waits");
    let data = wire.hear_until(|frame| frame.kind == DATA).await.expect("the answer");
    assert_eq!((data.stream, &*data.payload), (1, &b"hello"[..]));
    wire.is_over().await;
}

/// As long as somebody listens: else the client is sent a reset, which can overtake the end of the answer.
#[tokio::test]
async fn who_still_speaks_when_everything_is_said_is_heard_out() {
    let mut gate = Gate::start().await;
    let mut wire = Wire::connect(&gate).await;
    wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/open/", &[])).await.expect("said");
    wire.hear_until(|frame| frame.kind == DATA && frame.flags & END_STREAM != 0).await.expect("an answer");
    gate.world.ask_gate_to_stop();
    wire.is_over().await;
    // To close takes the gate a moment.
    for _ in 0..2000 {
        wire.say(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).await.expect("no reset");
        tokio::task::yield_now().await;
    }
}
