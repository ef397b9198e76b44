//! The program itself, from outside: its memory, its descriptors, its signals and exit codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::gate::{Program, Wants, before, try_config};
use super::origin::{Conversation, OK, Origin};
use super::paths::Surprises;
use super::wire::{Wire, ask, get};
use crate::support::{WECHAT, eventually, free_port};

const GIB: usize = 1 << 30;
const PIECE: usize = 1 << 18;

/// What a gigabyte may leave behind: buffers, not bodies. The whole body would be two hundred times as much.
const GROWTH_KIB: u64 = 5 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_passes_down_and_up_in_flat_memory() {
    let origin = Origin::start(async |mut conversation| {
        let zeros = vec![0; PIECE];
        while let Some(request) = conversation.head().await {
            match request.target() {
                "/open/down" => {
                    conversation.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n")).await;
                    for _ in 0..GIB / PIECE {
                        conversation.say(&zeros).await;
                    }
                }
                "/open/up" => {
                    let mut left = GIB;
                    while left > 0 {
                        left -= conversation.wire.read().await.expect("a body").len();
                    }
                    conversation.say(OK).await;
                }
                _ => conversation.say(OK).await,
            }
        }
    })
    .await;
    let program = Program::before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(program.address).await;
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    let before = program.kib("VmHWM");

    wire.send(get("/open/down", "")).await;
    let head = wire.head().await.expect("a head");
    assert_eq!(head.header("content-length"), Some(GIB.to_string().as_str()));
    let mut left = GIB;
    while left > 0 {
        let bytes = wire.read().await.expect("a body");
        assert!(!bytes.is_empty(), "{left} bytes are missing");
        left -= bytes.len();
    }
    let zeros = vec![0; PIECE];
    wire.send(format!("PUT /open/up HTTP/1.1\r\nHost: a\r\nContent-Length: {GIB}\r\n\r\n")).await;
    for _ in 0..GIB / PIECE {
        wire.send(&zeros).await;
    }
    assert_eq!(wire.answer().await.text(), "ok");
    let growth = program.kib("VmHWM") - before;
    assert!(growth < GROWTH_KIB, "{growth} KiB more than before");
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_site_not_the_memory() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let origin = Origin::start(move |mut conversation| {
        let count = count.clone();
        async move {
            if conversation.head().await.is_none() {
                return;
            }
            conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
            let zeros = vec![0; PIECE];
            while tokio::time::timeout(Duration::from_secs(1), conversation.wire.try_send(&zeros))
                .await
                .is_ok_and(|sent| sent.is_ok())
            {
                count.fetch_add(PIECE, Ordering::SeqCst);
            }
        }
    })
    .await;
    let program = Program::before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(program.address).await;
    wire.send(get("/open/", "")).await;
    assert_eq!(wire.head().await.expect("a head").status(), 200);
    // Nobody reads on: the site is stopped by full buffers.
    origin.is_left_alone().await;
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 64 << 20, "{sent} bytes went somewhere");
}

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
        server: "header_timeout = '1s'\nkeepalive_timeout = '1s'",
        upstream: "response_timeout = '2s'\nidle_timeout = '1s'",
        ..Wants::default()
    };
    let mut program = Program::before(&origin, limits).await;
    let _ = ask(program.address, get("/open/%2f", "")).await;
    eventually("the first connection is gone", async || program.descriptors() > 0).await;
    let before = program.descriptors();

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
async fn a_site_or_wechat_that_is_killed_takes_nothing_along() {
    let origin = Origin::saying(OK).await;
    let address = origin.address;
    let mut world = before(&origin, Wants::default()).await;
    let cookie = super::gate::signed_in(&world).await;
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
async fn told_to_stop_it_finishes_what_is_in_flight() {
    for signal in ["TERM", "INT"] {
        let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (asked.clone(), answer.clone());
        let origin = Origin::start(move |mut conversation| {
            let (tell, wait) = (tell.clone(), wait.clone());
            async move {
                while let Some(request) = conversation.request().await {
                    if request.target() == "/open/slow" {
                        conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot ").await;
                        tell.notify_one();
                        wait.notified().await;
                        conversation.say("yet.!").await;
                    } else {
                        conversation.say(OK).await;
                    }
                }
            }
        })
        .await;
        let mut program = Program::before(&origin, Wants::default()).await;
        let mut resting = Wire::connect(program.address).await;
        assert_eq!(resting.ask(get("/open/", "")).await.text(), "ok");
        let mut busy = Wire::connect(program.address).await;
        busy.send(get("/open/slow", "")).await;
        asked.notified().await;

        program.signal(signal);
        assert!(resting.is_closed().await, "who asks nothing is let go");
        eventually("new connections are refused", async || {
            tokio::net::TcpStream::connect(program.address).await.is_err()
        })
        .await;
        assert!(program.ended().is_none(), "somebody is still being served");
        answer.notify_one();
        assert_eq!(busy.answer().await.text(), "not yet.!");
        assert!(busy.is_closed().await);
        assert_eq!(program.exit_code().await, Some(0));
    }
}

#[tokio::test]
async fn what_does_not_finish_in_the_grace_period_is_cut() {
    let origin = Origin::start(async |mut conversation| while conversation.request().await.is_some() {}).await;
    let mut program = Program::before(&origin, Wants { server: "shutdown_grace = '500ms'", ..Wants::default() }).await;
    let mut wire = Wire::connect(program.address).await;
    wire.send(get("/open/", "")).await;
    eventually("the site is asked", async || !origin.requests().is_empty()).await;
    let began = Instant::now();
    program.signal("TERM");
    assert!(wire.try_answer().await.is_err());
    assert_eq!(program.exit_code().await, Some(0));
    assert!((400..10_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_hangup_does_not_kill() {
    let origin = Origin::saying(OK).await;
    let mut program = Program::before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(program.address).await;
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    for _ in 0..3 {
        program.signal("HUP");
        assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    }
    assert!(program.ended().is_none());
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_bad_configuration_are_exit_code_2() {
    let origin = Origin::saying(OK).await;
    let program = Program::before(&origin, Wants::default()).await;
    // Several workers share their port with each other, and with nobody else.
    let (code, said) = program.twin().await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("server.listen") && said.contains(&program.address.to_string()), "{said}");
    assert_eq!(ask(program.address, get("/open/", "")).await.text(), "ok", "the first one goes on");

    let stranger = std::net::TcpListener::bind(free_port()).expect("a free port");
    let taken = stranger.local_addr().expect("an address");
    for (text, part) in [
        ("", "public_url"),
        ("nonsense", "config.toml"),
        ("[server]\nlissten = 'x'", "listen"),
        (
            &format!(
                "public_url = 'http://{taken}'\nupstream = 'http://127.0.0.1:9'\n[server]\nlisten = '{taken}'\n\
                 [official_account]\napp_id = 'wx0123456789abcdef'\napp_secret = 'secret'\n"
            ),
            "server.listen",
        ),
    ] {
        let (code, said) = try_config(text).await;
        assert_eq!(code, Some(2), "{text}: {said}");
        assert!(said.contains(part), "{text}: {said}");
        assert!(!said.contains("'secret'"), "{said}");
    }
}

#[tokio::test]
async fn r15_any_byte_anywhere_makes_no_panic() {
    // The same storm as above, with the program's own words kept.
    let seen = Arc::new(AtomicBool::new(false));
    let storm = seen.clone();
    let origin = Origin::start(move |conversation| {
        storm.store(true, Ordering::SeqCst);
        conversation.always(OK)
    })
    .await;
    let (mut program, said) = Program::heard(&origin, Wants::default()).await;
    for byte in 0..=255_u8 {
        let mut wire = Wire::connect(program.address).await;
        let mut request = get("/open/?q", "Cookie: a\r\nX-Forwarded-For: b\r\nTE: c\r\n").into_bytes();
        let at = usize::from(byte) * request.len() / 256;
        request[at] = byte;
        wire.send(&request).await;
        wire.send("\r\n\r\n").await;
        // Some of these are no whole request: what is asked for is that the gate outlives them.
        let _ = tokio::time::timeout(Duration::from_millis(50), wire.head()).await;
    }
    assert!(seen.load(Ordering::SeqCst));
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    let said = said.join().expect("it was heard");
    assert!(said.contains("listening") && !said.contains("panick"), "{said}");
}
