//! Requests that HTTP/2 has beside each other have places, as many in all as there may be connections; and whatever
//! becomes of a request, its place is given back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::frames::*;
use super::gate::Gate;
use super::http2::{ask, connect, slug, to};
use super::site;
use crate::support::eventually;

/// Longer than what a client of small window takes, and short enough for the gate to have all of it in hand.
const PAGE: usize = 2_000;

/// A site that answers when it may.
struct Site {
    address: SocketAddr,
    /// How often it was asked for something that it waits with.
    asked: Arc<AtomicUsize>,
    /// One permit for each answer.
    may_answer: Arc<Semaphore>,
}

impl Site {
    async fn start() -> Self {
        let (asked, may_answer) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let (counting, waiting) = (asked.clone(), may_answer.clone());
        let address = site::listen(move |stream| converse(stream, counting.clone(), waiting.clone())).await;
        Self { address, asked, may_answer }
    }

    /// A gate in front of it with places for so many.
    async fn behind(places: usize) -> (Self, Gate) {
        let site = Self::start().await;
        let route = format!("[[route]]\npath = '/held/**'\nauth = 'none'\nupstream = 'http://{}'\n", site.address);
        let gate = Gate::with(&format!("max_connections = {places}"), "", &route).await;
        (site, gate)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn converse(mut stream: TcpStream, asked: Arc<AtomicUsize>, may_answer: Arc<Semaphore>) -> std::io::Result<()> {
    while let Some(path) = site::asked(&mut stream).await? {
        let whole = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let chunked =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{PAGE:x}\r\n{}\r\n0\r\n", "x".repeat(PAGE));
        let switched =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".to_owned();
        match &*path {
            "/held/wait" => {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::select! {
                    permit = may_answer.acquire() => permit.expect("it is never closed").forget(),
                    _ = stream.readable() => return Ok(()),
                }
                stream.write_all(whole("ok").as_bytes()).await?;
            }
            "/held/page" => stream.write_all(whole(&"x".repeat(PAGE)).as_bytes()).await?,
            "/held/chunks" => stream.write_all((chunked + "\r\n").as_bytes()).await?,
            "/held/trailers" => stream.write_all((chunked + "X-Late: 1\r\n\r\n").as_bytes()).await?,
            "/held/cut" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await?;
                return Ok(());
            }
            "/held/nothing" => return Ok(()),
            // Says nothing, and reads until the visitor leaves.
            "/held/socket" => {
                stream.write_all(switched.as_bytes()).await?;
                while stream.read(&mut [0; 1024]).await? > 0 {}
                return Ok(());
            }
            // Says at once that it will say nothing more.
            "/held/listens" => {
                stream.write_all(switched.as_bytes()).await?;
                stream.shutdown().await?;
                while stream.read(&mut [0; 1024]).await? > 0 {}
                return Ok(());
            }
            // Before it has read what comes with the request.
            _ => {
                stream.write_all(whole("early").as_bytes()).await?;
                let mut body = Vec::new();
                while !body.ends_with(b"ce.") {
                    if stream.read_buf(&mut body).await? == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

impl Wire {
    async fn get(&mut self, stream: u32, path: &str) {
        let head = request("GET", path, &[("te", "trailers")]);
        self.say(HEADERS, END_HEADERS | END_STREAM, stream, &head).await.expect("said");
    }

    async fn websocket(&mut self, stream: u32, path: &str) {
        let head = request("CONNECT", path, &[]);
        let protocol = block(&[(":protocol", "websocket")]);
        let more = block(&[("sec-websocket-version", "13")]);
        self.say(HEADERS, END_HEADERS, stream, &[protocol, head, more].concat()).await.expect("said");
        assert!(self.is_let_through(stream).await, "a tunnel");
    }

    async fn reset(&mut self, stream: u32) {
        self.say(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await.expect("said");
    }

    /// Whether this stream's answer begins with 200.
    async fn is_let_through(&mut self, stream: u32) -> bool {
        let head = self.hear_until(|frame| frame.stream == stream && frame.kind == HEADERS).await.expect("an answer");
        head.payload.first() == Some(&OK)
    }

    async fn hear_end(&mut self, stream: u32) {
        let is_end = |frame: &Frame| {
            frame.stream == stream
                && (frame.kind == RST_STREAM || matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0)
        };
        self.hear_until(is_end).await.expect("an end");
    }

    /// Asks again and again, from this stream on, and is never let through. Gives the next stream.
    async fn finds_no_place(&mut self, mut stream: u32) -> u32 {
        for _ in 0..30 {
            self.get(stream, "/held/page").await;
            assert!(!self.is_let_through(stream).await, "a place");
            stream += 2;
        }
        stream
    }

    /// Asks from this stream on until it is let through.
    async fn finds_a_place(&mut self, mut stream: u32) -> u32 {
        eventually("a place", async || {
            self.get(stream, "/held/page").await;
            stream += 2;
            self.is_let_through(stream - 2).await
        })
        .await;
        stream
    }
}

/// How many of so many requests at once are let through on a connection of their own.
async fn let_through(gate: &Gate, site: &Site, requests: usize) -> usize {
    let mut wire = Wire::connect(gate).await;
    let before = site.asked();
    for index in 0..requests {
        wire.get(u32::try_from(2 * index + 1).expect("few"), "/held/wait").await;
    }
    let (refused, mut ended) = (AtomicUsize::new(0), 0);
    let mut hearing = std::pin::pin!(async {
        while ended < requests {
            let frame = wire.hear().await.expect("the connection lives on");
            let is_refused = frame.kind == HEADERS && frame.payload.first() != Some(&OK);
            refused.fetch_add(usize::from(is_refused), Ordering::SeqCst);
            ended += usize::from(matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0);
        }
    });
    let settled = eventually("each is let through or not", async || {
        site.asked() - before + refused.load(Ordering::SeqCst) == requests
    });
    tokio::select! {
        () = &mut hearing => {}
        () = settled => {}
    }
    // They leave as they came, so that nobody finds their places taken.
    site.may_answer.add_permits(requests);
    hearing.await;
    site.may_answer.forget_permits(usize::MAX);
    requests - refused.load(Ordering::SeqCst)
}

/// Whether every place is free: one connection gets all of them, and the one of its own.
async fn all_are_free(gate: &Gate, site: &Site, places: usize) {
    eventually("all places are free", async || let_through(gate, site, places + 3).await == places + 1).await;
}

#[tokio::test]
async fn r24_requests_beside_each_other_are_bounded_for_all_connections_together() {
    let (site, gate) = Site::behind(3).await;
    let (first, second) = (connect(&gate).await, connect(&gate).await);
    let asking = |client: &SendRequest<Full<Bytes>>| {
        let (mut client, request) = (client.clone(), to(&gate, "/held/wait"));
        tokio::spawn(async move { ask(&mut client, request, "").await })
    };
    // One on each connection is its own, three more are anybody's.
    let mut waiting: Vec<_> = [&first, &first, &first, &second].map(asking).into();
    eventually("these are let through", async || site.asked() == 4).await;
    waiting.push(asking(&second));
    eventually("so is this", async || site.asked() == 5).await;
    for mut client in [first.clone(), second.clone()] {
        for request in [to(&gate, "/held/wait"), to(&gate, "/held/wait").method("POST"), to(&gate, "/")] {
            let answer = ask(&mut client, request, "and what is sent with it").await;
            assert_eq!(slug(&answer), (503, "overloaded".to_owned()));
            let pause = answer.headers()["retry-after"].to_str().expect("text").parse::<u32>();
            assert!(pause.is_ok_and(|pause| pause > 0), "{answer:?}");
        }
        let page = to(&gate, "/").header("accept", "text/html").header("sec-fetch-mode", "navigate");
        let page = ask(&mut client, page, "").await;
        assert!(
            page.status() == 503 && page.headers()["content-type"].as_bytes().starts_with(b"text/html"),
            "{page:?}"
        );
    }
    assert_eq!(site.asked(), 5, "the site is not bothered");
    // Whoever has been answered makes room, on whatever connection.
    site.may_answer.add_permits(5);
    for answered in waiting {
        assert_eq!(answered.await.expect("answered").body(), "ok");
    }
    all_are_free(&gate, &site, 3).await;
}

#[tokio::test]
async fn r24_a_place_is_given_back_however_a_request_ends() {
    const PLACES: usize = 8;
    let (site, gate) = Site::behind(PLACES).await;
    for path in ["/held/page", "/held/chunks", "/held/trailers", "/held/cut", "/held/nothing", "/data", "/held/%2f"] {
        let mut wire = Wire::connect(&gate).await;
        for stream in [1, 3, 5] {
            // Room for three pages on the connection.
            wire.say(WINDOW_UPDATE, 0, 0, &100_000_u32.to_be_bytes()).await.expect("said");
            wire.get(stream, path).await;
        }
        let mut ends = 0;
        while ends < 3 {
            let frame = wire.hear().await.expect("the connection lives on");
            let is_last = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
            ends += usize::from(frame.kind == RST_STREAM || is_last);
        }
        all_are_free(&gate, &site, PLACES).await;
    }
    let before = site.asked();
    let mut wire = Wire::connect(&gate).await;
    for stream in [1, 3, 5] {
        wire.get(stream, "/held/wait").await;
    }
    eventually("they are under way", async || site.asked() == before + 3).await;
    for stream in [1, 3, 5] {
        wire.reset(stream).await;
    }
    all_are_free(&gate, &site, PLACES).await;
    for stream in [7, 9, 11] {
        wire.websocket(stream, "/held/socket").await;
    }
    wire.reset(7).await;
    wire.say(DATA, END_STREAM, 9, b"").await.expect("said");
    wire.say(DATA, END_STREAM, 11, b"").await.expect("said");
    all_are_free(&gate, &site, PLACES).await;
    // All at once, with the connection: tunnels, pages that nobody takes, and what the site has not answered.
    let mut wire = Wire::with(&gate, &[(INITIAL_WINDOW, 1)]).await;
    wire.websocket(1, "/held/socket").await;
    wire.websocket(3, "/held/socket").await;
    wire.get(5, "/held/page").await;
    assert!(wire.is_let_through(5).await);
    wire.get(7, "/held/wait").await;
    wire.get(9, "/held/wait").await;
    drop(wire);
    all_are_free(&gate, &site, PLACES).await;
}

#[tokio::test]
async fn r24_storms_of_resets_leave_no_place_taken() {
    const PLACES: usize = 8;
    let (site, gate) = Site::behind(PLACES).await;
    for at_a_time in [1, 7, 20, 300] {
        let mut wire = Wire::connect(&gate).await;
        for round in 0..(600 / at_a_time) {
            let mut said = Vec::new();
            for index in 0..at_a_time {
                let stream = 2 * (round * at_a_time + index) + 1;
                let head = request("GET", ["/held/wait", "/held/page", "/data"][index as usize % 3], &[]);
                said.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
                said.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            }
            // Somebody has had enough of it by now.
            if wire.raw(&said).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        all_are_free(&gate, &site, PLACES).await;
    }
}

#[tokio::test]
async fn r24_what_its_client_does_not_take_keeps_its_place() {
    for path in ["/held/page", "/held/chunks", "/held/trailers"] {
        let (_site, gate) = Site::behind(1).await;
        let mut wire = Wire::with(&gate, &[(INITIAL_WINDOW, 1)]).await;
        wire.get(1, path).await;
        assert!(wire.is_let_through(1).await);
        wire.get(3, path).await;
        assert!(wire.is_let_through(3).await, "the only place beside the connection's own");
        let next = wire.finds_no_place(5).await;
        for stream in [0, 3] {
            wire.say(WINDOW_UPDATE, 0, stream, &1_000_000_u32.to_be_bytes()).await.expect("said");
        }
        wire.hear_end(3).await;
        wire.finds_a_place(next).await;
    }
}

#[tokio::test]
async fn r24_a_tunnel_keeps_its_place_until_both_sides_have_ended() {
    for path in ["/held/socket", "/held/listens"] {
        let (site, gate) = Site::behind(1).await;
        let mut wire = Wire::connect(&gate).await;
        wire.websocket(1, path).await;
        if path == "/held/listens" {
            wire.hear_end(1).await;
        }
        wire.get(3, "/held/wait").await;
        eventually("it is let through", async || site.asked() == 1).await;
        let next = wire.finds_no_place(5).await;
        wire.say(DATA, END_STREAM, 1, b"").await.expect("said");
        wire.finds_a_place(next).await;
    }
}

#[tokio::test]
async fn r24_an_upload_keeps_its_place_though_its_answer_came_early() {
    let (site, gate) = Site::behind(1).await;
    let mut wire = Wire::connect(&gate).await;
    wire.say(HEADERS, END_HEADERS, 1, &request("POST", "/held/early", &[("content-length", "5")])).await.expect("said");
    wire.say(DATA, 0, 1, b"on").await.expect("said");
    wire.hear_end(1).await;
    wire.get(3, "/held/wait").await;
    eventually("it is let through", async || site.asked() == 1).await;
    let next = wire.finds_no_place(5).await;
    wire.say(DATA, END_STREAM, 1, b"ce.").await.expect("said");
    wire.finds_a_place(next).await;
}

#[tokio::test]
async fn r24_another_configuration_brings_more_or_fewer_places() {
    let (site, gate) = Site::behind(2).await;
    all_are_free(&gate, &site, 2).await;
    for places in [6, 1, 3] {
        gate.world
            .reload(&gate.world.text.replace("max_connections = 2", &format!("max_connections = {places}")))
            .expect("taken");
        all_are_free(&gate, &site, places).await;
    }
}
