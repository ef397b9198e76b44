//! What a site says before its answer (RFC 9110 section 15.2): taken and not passed on, whoever asks.

use std::time::{Duration, Instant};

use super::gate::{Wants, before};
use super::origin::{OK, Origin};
use super::wire::{TICK_LATE, Wire, ask, get};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nX-Early: 1\r\n\r\n";
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const ODD: &str = "HTTP/1.1 199 Odd\r\nConnection: close\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nX-Late: 1\r\nContent-Length: 2\r\n\r\n";

#[tokio::test]
async fn what_comes_before_the_answer_leaves_it_whole() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            let mut said = [PROCESSING, HINTS, CONTINUE, ODD, HINTS, ANSWER].concat();
            said += if request.start.starts_with("HEAD") { "" } else { "ok" };
            // In one piece with the answer, or one after another, even in the middle of a line.
            let pieces = if request.target() == "/open/whole" { said.len() } else { 7 };
            for piece in said.as_bytes().chunks(pieces) {
                conversation.say(piece).await;
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut kept = Wire::connect(world.gate).await;
    let began = Instant::now();
    for target in ["/open/whole", "/open/pieces"] {
        for method in ["GET", "HEAD", "POST", "PUT"] {
            let expects = if method == "PUT" { "Expect: 100-continue\r\n" } else { "" };
            let body = if method.starts_with('P') { "body" } else { "" };
            let lines = format!("Host: m.example.com\r\nContent-Length: {}\r\n", body.len());
            check(&mut kept, method, &format!("{method} {target} HTTP/1.1\r\n{lines}{expects}\r\n{body}")).await;
        }
    }
    // What comes early leaves the connection usable.
    origin.had_connections(1, began);
    for target in ["/open/whole", "/open/pieces"] {
        let mut wire = Wire::connect(world.gate).await;
        check(&mut wire, "GET", &format!("GET {target} HTTP/1.0\r\nHost: m.example.com\r\n\r\n")).await;
        assert!(wire.is_closed().await);
    }
    assert_eq!(origin.requests().len(), 10);
}

async fn check(wire: &mut Wire, method: &str, request: &str) {
    wire.send(request).await;
    let mut answer = wire.head().await.expect("a head");
    // Of what is not the answer only a 100 is for the client, if it waits for one, and that is the gate's own.
    if request.contains("Expect") && answer.status() == 100 {
        answer = wire.head().await.expect("a head");
    }
    assert_eq!((answer.status(), answer.header("x-late")), (200, Some("1")), "{request}");
    assert_eq!((answer.header("link"), answer.header("x-early")), (None, None), "{request}");
    if method != "HEAD" {
        wire.body(&mut answer).await.expect("a whole answer");
        assert_eq!(answer.text(), "ok", "{request}");
    }
}

#[tokio::test]
async fn what_comes_early_wins_a_site_no_time() {
    let origin = Origin::start(async |mut conversation| {
        conversation.request().await;
        while conversation.wire.try_send(HINTS).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let world = before(&origin, Wants { upstream: "response_timeout = '800ms'", ..Wants::default() }).await;
    let began = Instant::now();
    assert_eq!(ask(world.gate, get("/open/", "")).await.problem(), (504, "upstream-timeout".to_owned()));
    assert!(began.elapsed() >= Duration::from_millis(800) - TICK_LATE, "{:?}", began.elapsed());
    origin.is_left_alone().await;
}

#[tokio::test]
async fn a_flood_of_it_is_broken_off() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            match request.target() {
                "/open/flood" => while conversation.wire.try_send(HINTS.repeat(1000)).await.is_ok() {},
                // What is said before the answer does not add up over requests.
                _ => conversation.say(HINTS.repeat(5000) + OK).await,
            }
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for _ in 0..4 {
        assert_eq!(wire.ask(get("/open/much", "")).await.text(), "ok");
    }
    assert_eq!(wire.ask(get("/open/flood", "")).await.problem(), (502, "upstream-broken".to_owned()));
    assert_eq!(wire.ask(get("/open/much", "")).await.text(), "ok");
}

#[tokio::test]
async fn what_comes_early_and_never_ends_is_broken_off() {
    let origin = Origin::start(async |mut conversation| {
        conversation.request().await;
        conversation.say(HINTS).await;
        conversation.say("HTTP/1.1 103 Early Hints\r\n").await;
        while conversation.wire.try_send(format!("Link: <{}>\r\n", "x".repeat(8000))).await.is_ok() {}
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    assert_eq!(wire.ask(get("/open/", "")).await.problem(), (502, "upstream-broken".to_owned()));
    origin.is_left_alone().await;
}
