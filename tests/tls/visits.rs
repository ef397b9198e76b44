//! Visitors who come by TLS, and those who come in the clear and are sent there.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ALL_VERSIONS, ClientConnection, StreamOwned};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{self, Message};

use super::gate::{Gate, echoing};
use crate::support::{Browser, WECHAT};

fn browser(gate: &Gate) -> Browser {
    let mut browser = gate.world.browser(WECHAT);
    browser.tls = Some(Arc::new(gate.authority.client(ALL_VERSIONS, &["http/1.1"])));
    browser
}

#[tokio::test]
async fn a_visitor_signs_in_by_tls_and_keeps_a_cookie_for_this_host_alone() {
    let gate = Gate::start().await;
    gate.world.auto("lin").await;
    let mut browser = browser(&gate);
    let answer = browser.follow(&gate.url("/welcome")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    let header = |name: &str| {
        let all = told["headers"].as_array().expect("pairs");
        all.iter().find(|pair| pair[0] == name).map(|pair| pair[1].as_str().expect("text").to_owned())
    };
    assert!(header("x-wechat-openid").is_some(), "{told}");
    assert_eq!(header("x-forwarded-proto").as_deref(), Some("https"));
    let jar = &browser.cookies[&format!("localhost:{}", gate.address.port())];
    assert!(jar.contains_key("__Host-wxgate"), "{jar:?}");
}

#[tokio::test]
async fn who_comes_in_the_clear_is_sent_to_the_same_place_by_tls() {
    let verify = "[sign_in]\nverify_files = ['MP_verify_0123456789abcdef.txt']\n";
    let gate = Gate::with("", "redirect_http = true", verify).await;
    let mut browser = browser(&gate);
    for (method, target) in [
        (http::Method::GET, "/"),
        (http::Method::GET, "/a%20b/c;d?e=f&g=%2F%0A#h"),
        (http::Method::POST, "/open/x?y"),
        (http::Method::GET, "/_wechat/login?rd=/x"),
    ] {
        let forged =
            [("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https"), ("forwarded", "proto=https")];
        let answer = browser.send(method, &gate.world.url(target), &forged, bytes::Bytes::new()).await;
        let sent = target.split('#').next().expect("a target");
        assert_eq!(answer.status, 308, "{target}");
        assert_eq!(answer.header("location"), Some(gate.url(sent).as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some() && answer.header("set-cookie").is_none(), "{answer:?}");
    }
    let proof = browser.get(&gate.world.url("/MP_verify_0123456789abcdef.txt")).await;
    assert_eq!((proof.status.as_u16(), proof.text().as_str()), (200, "0123456789abcdef"));
    assert_eq!(browser.get(&gate.world.url("/a/../b")).await.status, 308, "a browser has resolved that itself");
    assert_eq!(gate.world.site.requests(), 0);
    assert_eq!(browser.get(&gate.url("/open/x")).await.status, 200, "not whoever came by TLS");
}

#[tokio::test]
async fn who_came_to_a_trusted_proxy_by_tls_is_sent_nowhere() {
    let gate = Gate::with("trusted_proxies = ['127.0.0.1']", "redirect_http = true", "").await;
    let mut browser = browser(&gate);
    let url = gate.world.url("/open/x");
    for (proto, status) in
        [(Some("https"), 200), (Some("HTTPS, http"), 200), (Some("http"), 308), (Some(""), 308), (None, 308)]
    {
        let headers: Vec<_> = proto.into_iter().map(|proto| ("x-forwarded-proto", proto)).collect();
        let answer = browser.send(http::Method::GET, &url, &headers, bytes::Bytes::new()).await;
        assert_eq!(answer.status, status, "{proto:?}");
    }
}

#[tokio::test]
async fn without_the_switch_nobody_is_sent_anywhere() {
    let gate = Gate::start().await;
    assert_eq!(browser(&gate).get(&gate.world.url("/open/x")).await.status, 200);
}

#[tokio::test]
async fn a_websocket_passes_through_tls() {
    let (site, echo) = echoing();
    let route = format!("[[route]]\npath = '/socket'\nauth = 'none'\nupstream = 'http://{site}'\n");
    let gate = Gate::with("", "", &route).await;
    let (config, address) = (gate.authority.stranger(), gate.address);
    let client = std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(config, name).expect("a client");
        let stream = StreamOwned::new(session, TcpStream::connect(address).expect("a connection"));
        let (mut socket, _) = tungstenite::client("wss://localhost/socket", stream).expect("a handshake");
        for index in 0..200_usize {
            let message = Message::binary(vec![7; index * 997 % 70_000]);
            socket.send(message.clone()).expect("sent");
            assert_eq!(socket.read().expect("an echo"), message);
        }
        socket.close(None).expect("closed");
        while socket.read().is_ok() {}
    });
    tokio::task::spawn_blocking(move || client.join().expect("every message came back")).await.expect("a thread");
    echo.join().expect("the site is content");
}

#[tokio::test]
async fn r9_a_proxy_tells_who_is_there_ahead_of_the_handshake() {
    let gate = Gate::with("trusted_proxies = ['127.0.0.1']\nproxy_protocol = true", "", "").await;
    let shake_hands = async |header: &str| {
        let mut stream = tokio::net::TcpStream::connect(gate.address).await.expect("it listens");
        stream.write_all(header.as_bytes()).await.expect("it reads");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(gate.authority.stranger()).connect(name, stream).await
    };
    let mut stream = shake_hands("PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n").await.expect("a handshake");
    let request = "GET /open/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer and a proper end");
    assert!(answer.contains(r#"["x-real-ip","203.0.113.9"]"#), "{answer}");
    assert!(shake_hands("").await.is_err(), "a hello is no header");
}
