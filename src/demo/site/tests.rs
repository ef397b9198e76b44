//! The sample site over a real socket, spoken to as the gate would.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{Options, serve};

/// Far more than anything here takes; only a hung test meets it.
const LONG: Duration = Duration::from_secs(20);

const MEMBER: &str = "X-Wechat-Openid: o6_bmjrPTlm6_2sgVt7hMZOPfL2M\r\nX-Wechat-Nickname: %E8%8C%B6%E5%8F%8B\r\n";

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    site: JoinHandle<()>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let site = tokio::spawn(serve(listener, Options::default(), async {
        let _ = stopped.await;
    }));
    Running { address, stop, site }
}

impl Running {
    async fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let request = format!("{method} {path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await.expect("in time").expect("text");
        answer
    }

    async fn stop(self) {
        self.stop.send(()).expect("still running");
        tokio::time::timeout(LONG, self.site).await.expect("stops in time").expect("no panic");
    }
}

#[tokio::test]
async fn every_page_answers_with_its_status() {
    let site = start().await;
    for (method, path, headers, status, part) in [
        ("GET", "/", "", "200", "打开微信"),
        ("GET", "/?from=x", "", "200", "微信进入"),
        ("GET", "/", MEMBER, "200", "欢迎回来，茶友"),
        ("GET", "/home", MEMBER, "200", "What this site was told"),
        ("GET", "/home", "", "401", "past the gate"),
        ("GET", "/home", "X-Wechat-Openid: \r\n", "401", "past the gate"),
        ("GET", "/api/whoami", MEMBER, "200", "\"nickname\": \"茶友\""),
        ("GET", "/api/whoami", "", "200", "\"signed_in\": false"),
        ("GET", "/nowhere", "", "404", "no such page"),
        ("POST", "/home", MEMBER, "405", "allow: GET, HEAD"),
        ("GET", "/ws", "", "426", "sec-websocket-version: 13"),
    ] {
        let answer = site.ask(method, path, headers).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answer}");
        assert!(answer.contains(part), "{method} {path}: {part} in {answer}");
        assert!(answer.contains("cache-control: no-store"), "{method} {path}");
    }
    let head = site.ask("HEAD", "/", "").await;
    assert!(head.ends_with("\r\n\r\n"), "no body: {head}");
    site.stop().await;
}

#[tokio::test]
async fn a_thousand_messages_come_back_in_order() {
    let site = start().await;
    let address = site.address;
    let talk = tokio::task::spawn_blocking(move || {
        let mut socket = socket(address);
        let mut exchange = |said: Message, expected: Message| {
            socket.send(said).expect("sent");
            assert_eq!(socket.read().expect("an answer"), expected);
        };
        for number in 0..1000 {
            let line = Message::text(format!("第{number}句"));
            exchange(line.clone(), line);
        }
        let binary = Message::binary(vec![0xff; 60_000]);
        exchange(binary.clone(), binary);
        exchange(Message::Ping("hi".into()), Message::Pong("hi".into()));
        socket.close(None).expect("closing");
        assert!(matches!(socket.read(), Ok(Message::Close(_))));
    });
    talk.await.expect("no panic");
    site.stop().await;
}

#[tokio::test]
async fn a_stopping_site_leaves_its_sockets_and_streams_politely() {
    let site = start().await;
    let address = site.address;
    let (open, opened) = oneshot::channel();
    let talk = tokio::task::spawn_blocking(move || {
        let mut socket = socket(address);
        socket.send(Message::text("a")).expect("sent");
        socket.read().expect("the echo");
        open.send(()).expect("still waited for");
        match socket.read().expect("a close frame") {
            Message::Close(Some(close)) => assert_eq!(close.code, CloseCode::Away),
            other => panic!("{other:?}"),
        }
    });
    let mut events = stream_of_events(address).await;
    assert!(next_event(&mut events).await.contains("\"celsius\":20"));
    opened.await.expect("a conversation");
    site.stop().await;
    talk.await.expect("no panic");
    let mut rest = String::new();
    events.read_to_string(&mut rest).await.expect("the end of the stream");
    assert!(rest.ends_with("0\r\n\r\n"), "an ended body, not a cut one: {rest}");
}

#[tokio::test]
async fn the_first_event_arrives_before_the_second_is_sent() {
    let site = start().await;
    let mut events = stream_of_events(site.address).await;
    let first = next_event(&mut events).await;
    assert!(first.contains("\"second\":0"), "{first}");
    let second = next_event(&mut events).await;
    assert!(second.contains("\"second\":1"), "{second}");
    site.stop().await;
}

#[tokio::test]
async fn r15_nonsense_closes_one_connection_and_no_more() {
    let site = start().await;
    for nonsense in ["\u{16}\u{3}\u{1}", "GET / HTTP/1.1\r\nHost site\r\n\r\n", "GET  \r\n\r\n", "\0"] {
        let mut stream = TcpStream::connect(site.address).await.expect("a connection");
        stream.write_all(nonsense.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("half closed");
        let mut answer = Vec::new();
        // A reset is as good an end as any.
        let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("in time");
    }
    assert!(site.ask("GET", "/", "").await.starts_with("HTTP/1.1 200"));
    site.stop().await;
}

fn socket(address: SocketAddr) -> WebSocket<std::net::TcpStream> {
    let stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    tungstenite::client(format!("ws://{address}/ws"), stream).expect("a handshake").0
}

async fn stream_of_events(address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: site\r\n\r\n").await.expect("sent");
    BufReader::new(stream)
}

async fn next_event(events: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    while !line.starts_with("data:") {
        line.clear();
        let read = tokio::time::timeout(LONG, events.read_line(&mut line)).await.expect("in time");
        assert_ne!(read.expect("readable"), 0, "the stream ended");
    }
    line
}
