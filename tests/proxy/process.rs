//! The program itself, from outside: its memory, its descriptors, its signals and exit codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::gate::{Program, Wants, try_config};
use super::origin::{OK, Origin};
use super::wire::{Wire, ask, get};
use crate::support::{eventually, free_port};

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
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
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
