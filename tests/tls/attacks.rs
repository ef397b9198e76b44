//! HTTP/2 as only an attacker speaks it, or a client that is broken (RFC 9113): it is sent away, and others are served.

use std::time::Duration;

use super::frames::*;
use super::gate::Gate;
use super::http2::{ask, connect, to};
use crate::support::eventually;

#[tokio::test]
async fn who_resets_most_of_what_it_asks_for_is_sent_away() {
    let gate = Gate::start().await;
    let mut wire = Wire::connect(&gate).await;
    // CVE-2023-44487: each asked for and reset in the same breath, and again until somebody has enough.
    let mut said = Vec::new();
    for number in 0..5000_u32 {
        let stream = 2 * number + 1;
        said.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &request("GET", "/open/", &[])));
        said.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    let _ = wire.raw(&said).await;
    wire.is_over().await;
    assert!(gate.world.site.requests() < 1000, "{} reached the site", gate.world.site.requests());
    still_serves(&gate).await;
}

#[tokio::test]
async fn resets_a_few_at_a_time_end_the_same_way() {
    let gate = Gate::start().await;
    let mut wire = Wire::connect(&gate).await;
    let mut stream = 1;
    // Slow enough for every one of them to reach the site.
    while wire.say(HEADERS, END_HEADERS | END_STREAM, stream, &request("GET", "/open/", &[])).await.is_ok() {
        tokio::task::yield_now().await;
        if wire.say(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await.is_err() {
            break;
        }
        stream += 2;
        assert!(stream < 400_000, "nobody minds");
    }
    still_serves(&gate).await;
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let gate = Gate::start().await;
    for more in [&b""[..], &block(&[("x-many", &"y".repeat(1000))])] {
        let mut wire = Wire::connect(&gate).await;
        wire.say(HEADERS, END_STREAM, 1, &request("GET", "/open/", &[])).await.expect("said");
        let mut frames = 0;
        while wire.say(CONTINUATION, 0, 1, more).await.is_ok() {
            frames += 1;
            assert!(frames < 1_000_000, "CVE-2024-27316");
        }
        wire.is_over().await;
    }
    assert_eq!(gate.world.site.requests(), 0);
    still_serves(&gate).await;
}

#[tokio::test]
async fn who_stops_in_the_middle_of_a_head_or_asks_nothing_is_sent_away() {
    let limits = "header_timeout = '1h'\nkeepalive_timeout = '1h'";
    let gate = Gate::with(limits, "", "").await;
    let mut silent = Wire::connect(&gate).await;
    let mut halfway = Wire::connect(&gate).await;
    halfway.say(HEADERS, END_STREAM, 1, &request("GET", "/open/", &[])).await.expect("said");
    let mut idle = Wire::connect(&gate).await;
    idle.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/open/", &[])).await.expect("said");
    idle.hear_until(|frame| frame.stream == 1 && frame.flags & END_STREAM != 0).await.expect("an answer");
    gate.reload(limits, &limits.replace("1h", "300ms"));
    // Whoever only pings asks nothing.
    let goodbye = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let _ = idle.say(PING, 0, 0, &[7; 8]).await;
            match idle.hear().await {
                Some(frame) if frame.kind != GOAWAY => {}
                other => break other,
            }
        }
    });
    assert!(goodbye.await.expect("in time").is_none_or(|frame| frame.kind == GOAWAY));
    for wire in [&mut silent, &mut halfway, &mut idle] {
        wire.is_over().await;
    }
}

#[tokio::test]
async fn what_is_no_http2_ends_the_connection_and_nothing_else() {
    let gate = Gate::start().await;
    let long = frame(DATA, 0, 1, &[0; 20_000]);
    for nonsense in [
        &frame(DATA, 0, 0, b"x")[..],
        &frame(HEADERS, END_HEADERS, 2, &request("GET", "/open/", &[])),
        &frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 40]),
        &frame(WINDOW_UPDATE, 0, 0, &0_u32.to_be_bytes()),
        &frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]),
        &frame(PING, 0, 0, b"short"),
        &frame(CONTINUATION, END_HEADERS, 1, b""),
        &long,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut wire = Wire::connect(&gate).await;
        wire.raw(nonsense).await.expect("said");
        wire.is_over().await;
    }
    // Nor is a request that comes before the client's settings.
    let mut wire = Wire::unsettled(&gate).await;
    wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/open/", &[])).await.expect("said");
    assert_eq!(wire.hear_until(|frame| frame.stream == 1).await, None);
    // Nothing malformed (RFC 9113 section 8.1.1) is answered with 200.
    let bad: &[&[(&str, &str)]] = &[
        &[("connection", "close")],
        &[("transfer-encoding", "chunked")],
        &[("te", "gzip")],
        &[("Upper", "case")],
        &[(":late", "pseudo")],
        &[(":path", "/open/again")],
        &[("content-length", "5")],
        &[("content-length", "x")],
        &[("content-length", "+0")],
        &[("keep-alive", "5")],
        &[("proxy-connection", "x")],
        &[("upgrade", "h2c")],
        &[("host", "evil.example")],
        &[("", "no name")],
        &[("a b", "x")],
        &[("a:b", "x")],
        &[("a\u{1}b", "x")],
        &[("é", "x")],
        &[("x", "a\0b")],
        &[("x", "a\r\nb")],
    ];
    for more in bad {
        let mut wire = Wire::connect(&gate).await;
        wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/open/", more)).await.expect("said");
        let end = wire.hear_until(|frame| frame.stream == 1 || frame.kind == GOAWAY).await;
        let answered = end.as_ref().is_some_and(|end| end.kind == HEADERS && end.payload.first() == Some(&OK));
        assert!(!answered, "{more:?}: {end:?}");
    }
    assert_eq!(gate.world.site.requests(), 0);
    still_serves(&gate).await;
}

#[tokio::test]
async fn who_only_pings_is_idle_however_often() {
    let gate = Gate::with("keepalive_timeout = '500ms'\nheader_timeout = '500ms'", "", "").await;
    for asks in [false, true] {
        let mut wire = Wire::connect(&gate).await;
        if asks {
            wire.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/open/", &[])).await.expect("said");
            wire.hear_until(|frame| frame.kind == DATA && frame.flags & END_STREAM != 0).await.expect("an answer");
        }
        let sent_away = async { while pinged(&mut wire, 20).await {} };
        tokio::time::timeout(Duration::from_secs(60), sent_away).await.expect("sent away");
        wire.is_over().await;
    }
}

/// Whether so many pings at once are all replied to.
async fn pinged(wire: &mut Wire, count: usize) -> bool {
    let mut replies = 0;
    if wire.raw(&frame(PING, 0, 0, &[7; 8]).repeat(count)).await.is_ok() {
        let is_word = |frame: &Frame| frame.kind == PING || frame.kind == GOAWAY;
        let mut is_reply = async || wire.hear_until(is_word).await.is_some_and(|frame| frame.kind == PING);
        while replies < count && is_reply().await {
            replies += 1;
        }
    }
    replies == count
}

async fn still_serves(gate: &Gate) {
    eventually("the gate serves others", async || {
        let mut client = connect(gate).await;
        ask(&mut client, to(gate, "/open/"), "").await.status() == 200
    })
    .await;
}
