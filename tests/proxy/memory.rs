//! What a connection may cost in memory, as the README promises: whatever its client does, and the site.

use std::time::Duration;

use super::gate::{Program, Wants};
use super::origin::{OK, Origin};
use super::wire::{Wire, get};
use crate::support::eventually;

/// Enough that what is not per connection hardly counts.
const CROWD: usize = 200;

/// What each of a crowd costs, in KiB, once nothing moves any more.
async fn each(program: &Program, before: u64) -> u64 {
    let (mut last, mut still) = (0, 0);
    eventually("nothing moves any more", async || {
        let now = program.kib("VmRSS");
        still = if now == last { still + 1 } else { 0 };
        last = now;
        still > 300
    })
    .await;
    last.saturating_sub(before) / CROWD as u64
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
    for (what, request, most) in [
        ("at rest", String::new(), 800),
        ("half a head", get("/open/", &format!("X: {}\r\n", "x".repeat(31 * 1024))).trim_end().to_owned(), 800),
        ("a tunnel", get("/open/ws", "Connection: upgrade\r\nUpgrade: websocket\r\n"), 640),
        ("a reader who stops", get("/open/down", ""), 4000),
        (
            "an upload that the site does not take",
            "POST /open/up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n".to_owned(),
            400,
        ),
    ] {
        let program = Program::before(&origin, Wants::default()).await;
        assert_eq!(Wire::connect(program.address).await.ask(get("/open/", "")).await.text(), "ok");
        let before = program.kib("VmRSS");
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            let mut wire = Wire::connect(program.address).await;
            if request.is_empty() {
                wire.ask(get("/open/", "")).await;
            } else {
                wire.send(&request).await;
            }
            if request.starts_with("POST") {
                let zeros = vec![0; 1 << 16];
                while tokio::time::timeout(Duration::from_millis(5), wire.try_send(&zeros)).await.is_ok() {}
            }
            crowd.push(wire);
        }
        let cost = each(&program, before).await;
        eprintln!("{what}: {cost} KiB, before {before}");
        assert!(cost <= most, "{what}: {cost} KiB");
    }
}
