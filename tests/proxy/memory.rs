//! What a connection may cost in memory, as the README promises: whatever its client does, and the site.

use std::time::{Duration, Instant};

use super::gate::{Program, Wants};
use super::origin::{OK, Origin};
use super::wire::{Wire, get};
use crate::support::eventually;

/// Enough that what is not per connection hardly counts.
const CROWD: usize = 150;

/// What each of a crowd costs, in KiB, once nothing has moved for so long. What is more than `most` has some time to be
/// given back.
async fn each(program: &Program, before: u64, calm: Duration, most: u64) -> u64 {
    let (mut last, mut since) = (0, Instant::now());
    let mut cost = 0;
    let began = Instant::now();
    eventually("nothing moves any more", async || {
        let now = program.kib("VmRSS");
        if now != last {
            (last, since) = (now, Instant::now());
            cost = now.saturating_sub(before) / CROWD as u64;
        }
        since.elapsed() > calm && (cost <= most || began.elapsed() > calm * 5)
    })
    .await;
    cost
}

#[tokio::test]
async fn r24_a_connection_costs_what_the_readme_says() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.head().await {
            match request.target() {
                // Sends as long as anybody takes it.
                "/open/down" => {
                    conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
                    let zeros = vec![0; 1 << 18];
                    while conversation.wire.try_send(&zeros).await.is_ok() {}
                }
                "/open/ws" => {
                    let switched =
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
                    conversation.say(switched).await;
                    conversation.wire.rest().await;
                }
                // Takes nothing.
                "/open/up" => {
                    std::future::pending::<()>().await;
                }
                _ => conversation.say(OK).await,
            }
        }
    })
    .await;
    let (head, websocket) =
        ("X: ".to_owned() + &"x".repeat(31 * 1024), "Connection: upgrade\r\nUpgrade: websocket\r\n");
    let upload = "POST /open/up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";
    for (what, request, most) in [
        ("at rest", "", 20),
        ("half a head", get("/open/", &head).trim_end(), 32 + 48),
        ("a tunnel", &get("/open/ws", websocket), 64),
        ("a reader who stops", &get("/open/down", ""), 512),
        ("an upload that the site does not take", upload, 512),
    ] {
        let program = Program::before(&origin, Wants { server: "header_timeout = '1h'", ..Wants::default() }).await;
        assert_eq!(Wire::connect(program.address).await.ask(get("/open/", "")).await.text(), "ok");
        let before = program.kib("VmRSS");
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            let mut wire = Wire::connect(program.address).await;
            if request.is_empty() {
                wire.ask(get("/open/", "")).await;
            } else {
                wire.send(request).await;
            }
            if request == upload {
                let zeros = vec![0; 1 << 18];
                while let Ok(sent) = tokio::time::timeout(Duration::from_millis(20), wire.try_send(&zeros)).await {
                    sent.expect("it is still wanted");
                }
            }
            crowd.push(wire);
        }
        // What serves requests is put away two seconds after the last.
        let calm = Duration::from_millis(if request.is_empty() { 3500 } else { 500 });
        let cost = each(&program, before, calm, most).await;
        assert!(cost <= most, "{what}: {cost} KiB");
        assert!(cost > most / 10, "{what}: {cost} KiB is no measurement");
    }
}
