//! What no peer may bring about, whatever it does: a crash, a panic, a leak (R15).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Program, Wants, before, signed_in};
use super::origin::{Conversation, OK, Origin};
use super::paths::Surprises;
use super::wire::{Wire, ask, get};
use crate::support::{WECHAT, eventually};

/// An origin that does whatever a seed says, mostly well.
async fn moody(mut conversation: Conversation, seed: Arc<AtomicUsize>) {
    while let Some(request) = conversation.head().await {
        let mut surprises = Surprises(0x5eed ^ (seed.fetch_add(1, Ordering::SeqCst) as u64) << 8);
        let mut request = request;
        match surprises.below(8) {
            0 => return,
            1 => {
                conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nfirst").await;
                return;
            }
            2 => {
                conversation.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
                return;
            }
            3 => {
                conversation.say("nonsense").await;
                return;
            }
            4 => {
                conversation.wire.reset();
                return;
            }
            _ if request.header("upgrade").is_some() => {
                conversation
                    .say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi")
                    .await;
                let _ = tokio::time::timeout(Duration::from_millis(100), conversation.wire.read()).await;
                return;
            }
            _ => {
                if conversation.wire.body(&mut request).await.is_err() {
                    return;
                }
                let body = "x".repeat(surprises.below(100_000));
                conversation.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
            }
        }
    }
}

/// Sends some of a request, reads some of an answer, goes away somehow.
async fn capricious(address: std::net::SocketAddr, mut surprises: Surprises) {
    let mut wire = Wire::connect(address).await;
    for _ in 0..=surprises.below(3) {
        let body = "b".repeat(surprises.below(50_000));
        let request = match surprises.below(4) {
            0 => get("/open/x", ""),
            1 => format!("POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
            2 => format!(
                "POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len().max(1)
            ),
            _ => get("/open/x", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        };
        let cut = if surprises.below(3) == 0 { surprises.below(request.len()) } else { request.len() };
        if wire.try_send(&request.as_bytes()[..cut]).await.is_err() || cut < request.len() {
            break;
        }
        match surprises.below(3) {
            0 => break,
            1 => {
                let _ = wire.head().await;
                break;
            }
            _ if wire.try_answer().await.is_err() => break,
            _ => {}
        }
    }
    if surprises.below(2) == 0 {
        wire.reset();
    }
}

#[tokio::test]
async fn r15_connections_cut_anywhere_crash_nothing_and_leak_nothing() {
    let seed = Arc::new(AtomicUsize::new(0));
    let moods = seed.clone();
    let origin = Origin::start(move |conversation| moody(conversation, moods.clone())).await;
    let limits = Wants {
        server: "header_timeout = '3s'\nkeepalive_timeout = '1s'",
        upstream: "response_timeout = '2s'\nidle_timeout = '1s'",
        ..Wants::default()
    };
    let mut program = Program::before(&origin, limits).await;
    let _ = ask(program.address, get("/open/%2f", "")).await;
    // The connections so far are closed at some moment of these.
    let (mut before, mut looks) = (usize::MAX, 0);
    eventually("it is at rest", async || {
        before = before.min(program.descriptors());
        looks += 1;
        looks > 30
    })
    .await;

    let mut surprises = Surprises(0xcafe);
    for _ in 0..10 {
        let mut visits = tokio::task::JoinSet::new();
        for _ in 0..50 {
            visits.spawn(capricious(program.address, Surprises(surprises.below(1 << 30) as u64 + 1)));
        }
        while let Some(visited) = visits.join_next().await {
            visited.expect("a client does not fail");
        }
        assert!(program.ended().is_none(), "the program is gone");
    }
    drop(origin);
    eventually("every descriptor is given back", async || program.descriptors() <= before).await;
    assert_eq!(ask(program.address, get("/open/", "")).await.problem(), (502, "upstream-unreachable".to_owned()));
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
}

#[tokio::test]
async fn r15_running_out_of_descriptors_passes() {
    let origin = Origin::saying(OK).await;
    let (mut program, said) = Program::with_limit(&origin, "-n 60").await;
    let mut inside = Wire::connect(program.address).await;
    assert_eq!(inside.ask(get("/open/", "")).await.text(), "ok");
    let mut crowd = Vec::new();
    for _ in 0..100 {
        let mut wire = Wire::connect(program.address).await;
        wire.send(get("/open/", "")).await;
        crowd.push(wire);
    }
    eventually("it is full", async || program.descriptors() >= 60).await;
    // Somebody waits to be accepted all the while, which must not keep a processor busy once the others are served.
    eventually("it rests", async || {
        let (before, began) = (program.cpu(), Instant::now());
        tokio::time::sleep(Duration::from_millis(600)).await;
        program.cpu() - before < began.elapsed() / 4
    })
    .await;
    // Who is inside is answered, if only with regret.
    let answer = inside.ask(get("/open/", "")).await;
    assert!([200, 502].contains(&answer.status()), "{answer:?}");
    drop(crowd);
    eventually("there is room again", async || {
        let mut wire = Wire::connect(program.address).await;
        wire.try_send(get("/open/", "")).await.is_ok()
            && wire.try_answer().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    assert!(program.ended().is_none());
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    let said = said.join().expect("it was heard");
    assert!(said.contains("20000 connections can take 40256 files and sockets, and the system allows 60"), "{said}");
    let complaints = said.matches("cannot accept connections").count();
    assert!((1..20).contains(&complaints), "{complaints} lines: {said}");
}

#[tokio::test]
async fn as_many_files_as_the_system_allows_are_used() {
    let origin = Origin::saying(OK).await;
    let (program, _) = Program::with_limit(&origin, "-Sn 60").await;
    let (soft, hard) = program.most_descriptors();
    assert_eq!(soft, hard);
    assert_ne!(hard, "60", "the system allows more");
}

#[tokio::test]
async fn a_site_or_wechat_that_is_killed_takes_nothing_along() {
    let origin = Origin::saying(OK).await;
    let address = origin.address;
    let mut world = before(&origin, Wants::default()).await;
    let cookie = signed_in(&world).await;
    world.kill_wechat();
    assert_eq!(ask(world.gate, get("/", &cookie)).await.text(), "ok", "a visitor does not notice");
    let mut stranger = world.browser(WECHAT);
    assert_eq!(stranger.get(&world.url("/")).await.status, 302, "sign-ins begin without asking WeChat");
    drop(origin);
    eventually("the site is gone", async || ask(world.gate, get("/", &cookie)).await.status() == 502).await;
    let _again = Origin::at(address, |conversation| conversation.always(OK)).await;
    assert_eq!(ask(world.gate, get("/", &cookie)).await.text(), "ok");
}

#[tokio::test]
async fn r15_any_byte_anywhere_makes_no_panic() {
    let origin = Origin::saying(OK).await;
    let (mut program, said) = Program::heard(&origin, Wants::default()).await;
    for byte in 0..=255_u8 {
        let mut wire = Wire::connect(program.address).await;
        let mut request = get("/open/?q", "Cookie: a\r\nX-Forwarded-For: b\r\nTE: c\r\n").into_bytes();
        let at = usize::from(byte) * request.len() / 256;
        request[at] = byte;
        // What is nonsense by its first bytes may be answered, and the connection closed, before the rest of it.
        let _ = wire.try_send(&request).await;
        let _ = wire.try_send("\r\n\r\n").await;
        // Some of these are no whole request: what is asked for is that the gate outlives them.
        let _ = tokio::time::timeout(Duration::from_millis(50), wire.head()).await;
    }
    assert!(!origin.requests().is_empty(), "some are harmless");
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    let said = said.join().expect("it was heard");
    assert!(said.contains("listening") && !said.contains("panick"), "{said}");
}
