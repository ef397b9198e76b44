//! WebSocket and other protocols pass through a tunnel once the session is known.

use std::net::TcpStream as BlockingStream;
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

use super::gate::{Wants, before, signed_in};
use super::origin::{OK, Origin};
use super::wire::{TICK_LATE, Wire, ask, get};

const SWITCH: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Switches protocols and says everything back; anything but an upgrade gets a plain answer.
async fn echoing() -> Origin {
    Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            if request.header("upgrade").is_none() {
                conversation.say(OK).await;
                continue;
            }
            let switched = SWITCHED.replace("websocket", request.header("upgrade").expect("just seen"));
            conversation.say(switched).await;
            while let Ok(bytes) = conversation.wire.read().await {
                if bytes.is_empty() {
                    return;
                }
                conversation.say(bytes).await;
            }
            return;
        }
    })
    .await
}

#[tokio::test]
async fn a_websocket_needs_a_session() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let page = format!("{SWITCH}Accept: text/html\r\nSec-Fetch-Mode: websocket\r\n");
    for lines in [SWITCH, &page, &format!("{SWITCH}User-Agent: Mozilla/5.0 MicroMessenger/8\r\nAccept: */*\r\n")] {
        let mut wire = Wire::connect(world.gate).await;
        let answer = wire.ask(get("/socket", lines)).await;
        assert_eq!(answer.problem(), (401, "login-required".to_owned()));
        assert!(answer.header("x-wechat-login-url").is_some(), "{answer:?}");
        assert!(answer.all("upgrade").is_empty());
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_thousand_websocket_messages_pass_through_a_tunnel() {
    // The library's own server and client, so that every frame is judged by somebody else.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let site = listener.local_addr().expect("an address");
    let echo = std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut socket) = tungstenite::accept(stream.expect("a connection")) else { continue };
            while let Ok(message) = socket.read() {
                if message.is_close() || (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
                    break;
                }
            }
            let _ = socket.flush();
            return;
        }
    });
    let open = Wants { rest: "[[route]]\npath = '/members/**'\nupstream = 'http://SITE'\n", ..Wants::default() };
    let origin = Origin::saying(OK).await;
    let rest = open.rest.replace("SITE", &site.to_string());
    let world = before(&origin, Wants { rest: &rest, ..open }).await;
    let cookie = signed_in(&world).await;
    let gate = world.gate;
    let client = std::thread::spawn(move || {
        let mut request = format!("ws://{gate}/members/socket").into_client_request().expect("a request");
        let cookie = cookie.trim().strip_prefix("Cookie: ").expect("a line").parse().expect("a value");
        request.headers_mut().insert("cookie", cookie);
        let (mut socket, answer) =
            tungstenite::client(request, BlockingStream::connect(gate).expect("a connection")).expect("a handshake");
        assert_eq!(answer.status(), 101);
        for index in 0..1000_usize {
            let message = if index % 2 == 0 {
                Message::text(format!("message {index} 茶"))
            } else {
                Message::binary(vec![u8::try_from(index % 256).expect("a byte"); index * 13 % 70_000])
            };
            socket.send(message.clone()).expect("sent");
            assert_eq!(socket.read().expect("an echo"), message);
        }
        socket.close(None).expect("closed");
        while socket.read().is_ok() {}
    });
    tokio::task::spawn_blocking(|| (client.join(), echo.join())).await.expect("a thread").0.expect("no failure");
}

#[tokio::test]
async fn a_tunnel_passes_any_bytes_and_ends_with_either_side() {
    let origin = echoing().await;
    let world = before(&origin, Wants::default()).await;
    let every_byte: Vec<u8> = b"###\r\n# GET /#x HTTP/1.1\r\n\r\n\0".iter().copied().chain(0..=255).collect();
    for (target, protocol) in [("/open/ws", "websocket"), ("/open/other", "raw/1.0, smth")] {
        let mut wire = Wire::connect(world.gate).await;
        wire.send(get(target, &SWITCH.replace("websocket", protocol))).await;
        let head = wire.head().await.expect("a head");
        assert_eq!((head.status(), head.header("upgrade")), (101, Some(protocol)), "{head:?}");
        assert_eq!(head.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
        assert!(head.header("sec-websocket-accept").is_some());
        let seen = origin.last();
        assert_eq!((seen.header("upgrade"), seen.header("connection")), (Some(protocol), Some("upgrade")));
        wire.send(&every_byte).await;
        assert_eq!(wire.exactly(every_byte.len()).await.expect("an echo"), every_byte);
        drop(wire);
        origin.is_left_alone().await;
    }
}

#[tokio::test]
async fn what_a_client_sends_ahead_of_the_switch_is_not_lost() {
    let origin = echoing().await;
    let world = before(&origin, Wants::default()).await;
    for ahead in ["#", "# GET / HTTP/1.1\r\n\r\n", &"#\n".repeat(20_000)] {
        let mut wire = Wire::connect(world.gate).await;
        wire.send(get("/open/ws", SWITCH) + ahead).await;
        assert_eq!(wire.head().await.expect("a head").status(), 101);
        assert_eq!(wire.exactly(ahead.len()).await.expect("an echo"), ahead.as_bytes());
        wire.send("#more").await;
        assert_eq!(wire.exactly(5).await.expect("an echo"), b"#more");
    }
}

#[tokio::test]
async fn a_site_that_ends_a_tunnel_ends_it_for_the_client() {
    let origin = Origin::start(async |mut conversation| {
        conversation.request().await;
        conversation.say(format!("{SWITCHED}bye")).await;
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(get("/open/ws", SWITCH)).await;
    assert_eq!(wire.head().await.expect("a head").status(), 101);
    assert_eq!(wire.exactly(3).await.expect("the last words"), b"bye");
    drop(wire.rest());
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn r44_h2c_goes_no_further() {
    let origin = echoing().await;
    let world = before(&origin, Wants::default()).await;
    for lines in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: Upgrade\r\nUpgrade: H2C\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: keep-alive\r\nUpgrade: websocket\r\n",
        "Upgrade: h2c\r\n",
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ] {
        let answer = Wire::connect(world.gate).await.ask(get("/open/", lines)).await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"), "{lines}");
        let seen = format!("{:?}", origin.last().headers).to_ascii_lowercase();
        for gone in ["h2c", "http2-settings", "\"upgrade\""] {
            assert!(!seen.contains(gone), "{lines}: {seen}");
        }
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_changes_no_protocol() {
    let origin = echoing().await;
    let world = before(&origin, Wants::default()).await;
    let answer = ask(world.gate, get("/open/ws", SWITCH).replacen("HTTP/1.1", "HTTP/1.0", 1)).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    assert_eq!((origin.last().header("upgrade"), origin.last().header("connection")), (None, None));
}

#[tokio::test]
async fn a_site_that_will_not_switch_answers_as_usual() {
    let origin = Origin::saying("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno").await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for _ in 0..2 {
        let answer = wire.ask(get("/open/ws", SWITCH)).await;
        assert_eq!((answer.status(), answer.text().as_str()), (426, "no"));
    }
    let origin = Origin::saying(SWITCHED).await;
    let world = before(&origin, Wants::default()).await;
    let answer = Wire::connect(world.gate).await.ask(get("/open/", "")).await;
    assert_eq!(answer.problem(), (502, "upstream-broken".to_owned()), "switching unasked");
}

#[tokio::test]
async fn a_tunnel_that_stands_still_is_cut() {
    const LIMIT: Duration = Duration::from_secs(2);
    let origin = echoing().await;
    let world = before(&origin, Wants { upstream: "idle_timeout = '2s'", ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(get("/open/ws", SWITCH)).await;
    assert_eq!(wire.head().await.expect("a head").status(), 101);
    // As long as bytes move it lives, longer than the limit in all.
    let began = Instant::now();
    let mut spoke = began;
    while spoke.duration_since(began) <= LIMIT {
        tokio::time::sleep(LIMIT / 10).await;
        let before = Instant::now();
        wire.send("tick").await;
        assert_eq!(wire.exactly(4).await.expect("an echo"), b"tick");
        spoke = before;
    }
    assert!(wire.is_closed().await);
    assert!(spoke.elapsed() >= LIMIT - TICK_LATE, "{:?}", spoke.elapsed());
    origin.is_left_alone().await;
}
