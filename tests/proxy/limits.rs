//! Limits on what a client may send, and on how long it may take over it (R24).

use std::time::{Duration, Instant};

use super::gate::{Wants, before};
use super::origin::{OK, Origin};
use super::wire::{TICK_LATE, Wire, ask, get};
use crate::support::eventually;

/// A GET whose head is this long.
fn head_of(bytes: usize) -> String {
    let bare = get("/open/", "X-Filler: \r\n").len();
    get("/open/", &format!("X-Filler: {}\r\n", "x".repeat(bytes - bare)))
}

#[tokio::test]
async fn r24_heads_and_request_lines_have_a_size() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "max_header_bytes = '16KiB'", ..Wants::default() }).await;
    for bytes in [1000, 8 * 1024, 16 * 1024 - 200] {
        assert_eq!(ask(world.gate, head_of(bytes)).await.status(), 200, "{bytes}");
    }
    let long_line = |bytes: usize| get(&format!("/open/{}", "x".repeat(bytes)), "");
    assert_eq!(ask(world.gate, long_line(15 * 1024)).await.status(), 200);
    for (request, expected) in [
        (head_of(17 * 1024), (431, "header-too-large")),
        (head_of(1024 * 1024), (431, "header-too-large")),
        (get("/open/", &"X-Many: 1\r\n".repeat(200)), (431, "header-too-large")),
        (long_line(17 * 1024), (414, "header-too-large")),
        (long_line(1024 * 1024), (414, "header-too-large")),
    ] {
        // Alone, and behind a good request on the same connection.
        for ahead in [false, true] {
            let mut wire = Wire::connect(world.gate).await;
            if ahead {
                assert_eq!(wire.ask(get("/open/", "")).await.status(), 200);
            }
            // The gate may close before all of it is sent.
            let _ = wire.try_send(&request).await;
            let answer = wire.try_answer().await;
            let Ok(answer) = answer else {
                assert!(request.len() > 100 * 1024, "an answer can be lost to a reset only while more is being sent");
                continue;
            };
            assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()));
            assert_eq!(answer.header("connection"), Some("close"));
            drop(wire.rest().await);
        }
    }
    assert_eq!(origin.requests().iter().filter(|seen| seen.header("x-many").is_some()).count(), 0);
}

#[tokio::test]
async fn r24_a_head_must_come_in_time() {
    const LIMIT: Duration = Duration::from_secs(1);
    let origin = Origin::saying(OK).await;
    let limits = "header_timeout = '1h'\nkeepalive_timeout = '1h'";
    let (generous, limits) = (limits, limits.replacen("1h", "1s", 1));
    // Nobody has to be quick about a first request where these begin.
    let generous = before(&origin, Wants { server: generous, ..Wants::default() }).await;
    let (mut rested, mut early) = (Wire::connect(generous.gate).await, Wire::connect(generous.gate).await);
    for wire in [&mut rested, &mut early] {
        assert_eq!(wire.ask(get("/open/", "")).await.status(), 200);
    }
    generous.reload(&generous.text.replacen("header_timeout = '1h'", "header_timeout = '1s'", 1)).expect("it is taken");

    let world = before(&origin, Wants { server: &limits, ..Wants::default() }).await;
    // Who has begun a request is told; to anybody else it would be the answer to a request that is yet to come.
    for (begun, told) in [("", false), ("\r\n", false), ("G", true), ("GET /open/ HTTP/1.1\r\nHost: a\r\n", true)] {
        let began = Instant::now();
        let mut wire = Wire::connect(world.gate).await;
        wire.send(begun).await;
        if told {
            assert_eq!(wire.answer().await.problem(), (408, "bad-request".to_owned()), "{begun:?}");
        }
        assert!(wire.is_closed().await, "{begun:?}");
        assert!(began.elapsed() >= LIMIT - TICK_LATE, "{begun:?}: {:?}", began.elapsed());
    }
    // Bytes that trickle in do not help.
    let mut wire = Wire::connect(world.gate).await;
    eventually("a trickle is cut", async || wire.try_send("G").await.is_err()).await;

    // A next request's time begins with its first byte, not before; also when it was begun early.
    let began = Instant::now();
    rested.send("GET ").await;
    assert_eq!(rested.answer().await.status(), 408);
    assert!(rested.is_closed().await);
    assert!(began.elapsed() >= LIMIT - TICK_LATE, "{:?}", began.elapsed());
    assert_eq!(early.ask(get("/open/", "") + "GET ").await.status(), 200);
    assert_eq!(early.answer().await.status(), 408);
    assert!(early.is_closed().await);
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn r24_connections_at_rest_are_closed_in_time() {
    const LIMIT: Duration = Duration::from_secs(3);
    let origin = Origin::saying(OK).await;
    let limits = "header_timeout = '1h'\nkeepalive_timeout = '3s'";
    let world = before(&origin, Wants { server: limits, ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    let began = Instant::now();
    let mut asked = began;
    while asked.duration_since(began) <= LIMIT {
        tokio::time::sleep(LIMIT / 6).await;
        let before = Instant::now();
        assert_eq!(wire.ask(get("/open/", "")).await.status(), 200);
        asked = before;
    }
    assert!(wire.is_closed().await);
    assert!(asked.elapsed() >= LIMIT - TICK_LATE, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn r24_more_connections_than_allowed_are_told_so() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "max_connections = 3", ..Wants::default() }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::connect(world.gate).await;
        assert_eq!(wire.ask(get("/open/", "")).await.status(), 200);
        held.push(wire);
    }
    for request in [String::new(), get("/open/", ""), get("/", "")] {
        let mut wire = Wire::connect(world.gate).await;
        let _ = wire.try_send(request).await;
        let answer = wire.answer().await;
        assert_eq!(answer.problem(), (503, "overloaded".to_owned()));
        assert!(answer.header("retry-after").is_some_and(|pause| pause.parse::<u32>().is_ok_and(|pause| pause > 0)));
        assert!(wire.is_closed().await);
    }
    // Those inside notice nothing, and whoever leaves makes room.
    assert_eq!(held[0].ask(get("/open/", "")).await.status(), 200);
    drop(held.pop());
    eventually("there is room again", async || {
        let mut wire = Wire::connect(world.gate).await;
        wire.try_send(get("/open/", "")).await.is_ok()
            && wire.try_answer().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
}

#[tokio::test]
async fn r24_a_tunnel_counts_as_the_connection_it_is() {
    let origin =
        Origin::saying("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    let world = before(&origin, Wants { server: "max_connections = 1", ..Wants::default() }).await;
    let mut tunnel = Wire::connect(world.gate).await;
    tunnel.send(get("/open/", "Connection: upgrade\r\nUpgrade: websocket\r\n")).await;
    assert_eq!(tunnel.head().await.expect("a head").status(), 101);
    assert_eq!(Wire::connect(world.gate).await.answer().await.problem(), (503, "overloaded".to_owned()));
    drop(tunnel);
    eventually("there is room again", async || {
        let mut wire = Wire::connect(world.gate).await;
        wire.try_send(get("/open/", "")).await.is_ok()
            && wire.try_answer().await.is_ok_and(|answer| answer.status() != 503)
    })
    .await;
}

#[tokio::test]
async fn every_error_of_the_gates_own_is_a_problem_with_an_id() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut ids = Vec::new();
    for (request, status, slug) in [
        (get("/", ""), 401, "login-required"),
        (get("/open/..", ""), 400, "ambiguous-path"),
        ("GET /open/ HTTP/1.1\r\n\r\n".to_owned(), 400, "bad-request"),
        ("nonsense\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /open/ HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_owned(), 400, "bad-request"),
        (get("/open/", &format!("X: {}\r\n", "x".repeat(40_000))), 431, "header-too-large"),
        (get(&format!("/open/{}", "x".repeat(40_000)), ""), 414, "header-too-large"),
        (get("/_wechat/callback?code=a&code=b&state=c", ""), 400, "bad-request"),
    ] {
        let answer = ask(world.gate, &request).await;
        assert_eq!(answer.problem(), (status, slug.to_owned()), "{}", &request[..40.min(request.len())]);
        let id = answer.header("x-request-id").expect("just seen").to_owned();
        assert!(!ids.contains(&id), "an id used twice");
        ids.push(id);
    }
    assert_eq!(origin.connections(), 0);
}
