//! The PROXY protocol: asked of trusted proxies, believed of them, and nothing of what follows lost (R9, R44).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;

use super::gate::{Program, Wants, before};
use super::origin::{OK, Origin};
use super::wire::{TICK_LATE, Wire, get};

const ASKED: &str = "trusted_proxies = ['127.0.0.1', '10.0.0.0/8']\nproxy_protocol = true";

/// `PROXY` of a TCP connection over IPv4, version 2, with something nobody reads behind the addresses.
fn version_2(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10".to_vec();
    header.extend(source);
    header.extend([127, 0, 0, 1, 0xc0, 0, 1, 0xbb, 4, 0, 1, 0]);
    header
}

/// The same of the proxy's own, for its health checks.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

async fn connected(address: SocketAddr, header: &[u8]) -> Wire {
    let mut wire = Wire::connect(address).await;
    wire.send(header).await;
    wire
}

#[tokio::test]
async fn r9_the_address_that_a_trusted_proxy_tells_is_the_peers() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: ASKED, ..Wants::default() }).await;
    let forged = get("/open/", "X-Forwarded-For: 6.6.6.6\r\n");
    for (header, client, chain) in [
        (&b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n"[..], "203.0.113.9", "203.0.113.9"),
        (&version_2([203, 0, 113, 9]), "203.0.113.9", "203.0.113.9"),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 443\r\n", "203.0.113.9", "203.0.113.9"),
        // Who is told may be a proxy of ours in turn, and be believed in turn.
        (b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 443\r\n", "6.6.6.6", "6.6.6.6, 10.1.2.3"),
        // The proxy speaks for itself.
        (b"PROXY UNKNOWN\r\n", "6.6.6.6", "6.6.6.6, 127.0.0.1"),
        (LOCAL, "6.6.6.6", "6.6.6.6, 127.0.0.1"),
    ] {
        let mut wire = connected(world.gate, header).await;
        for _ in 0..2 {
            assert_eq!(wire.ask(&forged).await.text(), "ok", "{header:?}");
            let seen = origin.last();
            let told = (seen.header("x-real-ip"), seen.header("x-forwarded-for"));
            assert_eq!(told, (Some(client), Some(chain)), "{header:?}");
        }
    }
}

#[tokio::test]
async fn r44_what_follows_a_header_is_a_request_to_the_last_byte() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: ASKED, ..Wants::default() }).await;
    let body = "PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n".repeat(100);
    let request = format!("POST /open/ HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for header in [&b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n"[..], &version_2([203, 0, 113, 9])] {
        let all = [header, request.as_bytes(), get("/open/next", "").as_bytes()].concat();
        // At once; in two pieces that meet anywhere in the header or shortly behind it; byte by byte.
        let pieces: Vec<Vec<&[u8]>> = std::iter::once(vec![&all[..]])
            .chain((1..header.len() + 3).map(|at| vec![&all[..at], &all[at..]]))
            .chain([all.chunks(1).take(100).chain([&all[100..]]).collect()])
            .collect();
        for pieces in pieces {
            let mut wire = Wire::connect(world.gate).await;
            for piece in &pieces {
                wire.send(piece).await;
                tokio::task::yield_now().await;
            }
            assert_eq!((wire.answer().await.text(), wire.answer().await.text()), ("ok".into(), "ok".into()));
            let seen = origin.requests();
            let [.., first, second] = &seen[..] else { panic!("{seen:?}") };
            assert_eq!((first.text(), second.target()), (body.clone(), "/open/next"));
            assert_eq!(second.header("x-real-ip"), Some("203.0.113.9"));
        }
    }
}

#[tokio::test]
async fn r9_without_a_proper_header_a_trusted_proxy_is_not_listened_to() {
    let origin = Origin::saying(OK).await;
    let server = format!("{ASKED}\nheader_timeout = '1h'");
    let world = before(&origin, Wants { server: &server, ..Wants::default() }).await;
    let good = get("/open/", "");
    for header in [
        &b""[..],
        b"PROXY TCP4 203.0.113.9 127.0.0.1 4711\r\n",
        b"PROXY TCP4 203.0.113.999 127.0.0.1 4711 443\r\n",
        b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        &[b"PROXY ", &[b'x'; 200][..]].concat(),
    ] {
        let mut wire = Wire::connect(world.gate).await;
        let _ = wire.try_send([header, good.as_bytes()].concat()).await;
        assert!(wire.is_closed().await, "{header:?} is known at once");
    }
    // One that does not come at all, or not to its end, is waited for as long as a head is.
    let server = server.replace("1h", "800ms");
    let world = before(&origin, Wants { server: &server, ..Wants::default() }).await;
    for begun in [&b""[..], b"PROXY TCP4 203.0.113.9", &LOCAL[..14]] {
        let began = Instant::now();
        let mut wire = connected(world.gate, begun).await;
        assert!(wire.is_closed().await, "{begun:?}");
        assert!(began.elapsed() >= Duration::from_millis(800) - TICK_LATE, "{begun:?}: {:?}", began.elapsed());
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn r9_nobody_else_is_asked_for_a_header_or_believed() {
    let origin = Origin::saying(OK).await;
    let server = "trusted_proxies = ['10.0.0.0/8']\nproxy_protocol = true";
    let world = before(&origin, Wants { server, ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    assert_eq!(origin.last().header("x-real-ip"), Some("127.0.0.1"));
    for header in [&b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 443\r\n"[..], &version_2([10, 1, 2, 3])] {
        let mut wire = connected(world.gate, &[header, get("/open/", "").as_bytes()].concat()).await;
        assert_eq!(wire.answer().await.problem(), (400, "bad-request".to_owned()), "{header:?}");
    }
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn r9_a_unix_socket_is_asked_as_this_machine_is() {
    let origin = Origin::saying(OK).await;
    let listen = "'unix:DIRECTORY/gate.sock'";
    for (trusted, asked) in [("['127.0.0.1']", true), ("['::1']", false)] {
        let server = format!("trusted_proxies = {trusted}\nproxy_protocol = true");
        let program = Program::before(&origin, Wants { listen, server: &server, ..Wants::default() }).await;
        let path = program.file("gate.sock");
        let connect = async || {
            crate::support::eventually("it listens", async || UnixStream::connect(&path).await.is_ok()).await;
            Wire::over_other(UnixStream::connect(&path).await.expect("just done"))
        };
        let mut bare = connect().await;
        bare.send(get("/open/", "")).await;
        assert_eq!(bare.try_answer().await.is_ok(), !asked, "{trusted}");
        let mut told = connect().await;
        let header = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n".to_owned();
        assert_eq!(told.ask(header + &get("/open/", "")).await.status(), if asked { 200 } else { 400 }, "{trusted}");
        assert_eq!(origin.last().header("x-real-ip"), Some(if asked { "203.0.113.9" } else { "127.0.0.1" }));
    }
}
