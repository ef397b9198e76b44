//! Another configuration while TLS and HTTP/2 are spoken: new certificates, a door that closes, rules that change.

use super::frames::{END_HEADERS, END_STREAM, HEADERS, Wire, request};
use super::gate::{Gate, ask, shown};
use crate::support::eventually;

/// The status of a public page on a connection that is open, as the header block's first byte tells it (RFC 7541).
async fn status(wire: &mut Wire, stream: u32) -> u8 {
    let question = request("GET", "/open/", &[("accept", "application/json")]);
    wire.say(HEADERS, END_HEADERS | END_STREAM, stream, &question).await.expect("said");
    let answer = wire.hear_until(|frame| frame.stream == stream && frame.kind == HEADERS).await;
    answer.expect("an answer").payload[0]
}

#[tokio::test]
async fn an_open_http2_connection_is_judged_anew_and_a_new_one_sees_the_new_certificate() {
    const OK: u8 = 0x88;
    let gate = Gate::start().await;
    let mut wire = Wire::connect(&gate).await;
    assert_eq!(status(&mut wire, 1).await, OK);
    let stranger = gate.authority.stranger();
    let before = shown(&gate.connect(&stranger, "localhost").await.expect("a handshake"));

    let texts = gate.authority.sign("localhost");
    gate.authority.put("localhost.cert", &texts.cert);
    gate.authority.put("localhost.key", &texts.key);
    let closed = gate.world.text.replace("path = '/open/**'\nauth = 'none'", "path = '/open/**'\nauth = 'required'");
    gate.world.reload(&closed).expect("a good configuration");

    let after = shown(&gate.connect(&stranger, "localhost").await.expect("a handshake"));
    assert_ne!(before, after, "the new files are in force");
    assert_ne!(status(&mut wire, 3).await, OK, "the page is not public any more");
    gate.world.reload(&gate.world.text).expect("a good configuration");
    assert_eq!(status(&mut wire, 5).await, OK);
}

#[tokio::test]
async fn tls_goes_and_comes_back_and_whoever_is_in_may_stay() {
    let gate = Gate::start().await;
    let stranger = gate.authority.stranger();
    let mut inside = gate.connect(&stranger, "localhost").await.expect("a handshake");
    assert_eq!(ask(&mut inside).await.expect("an answer"), "HTTP/1.1 200 OK");

    let without = gate.world.text.split("[server.tls]").next().expect("the rest");
    let reloaded = gate.world.reload(without).expect("a good configuration");
    assert_eq!(reloaded.closed.len(), 1, "{reloaded:?}");
    eventually("nobody listens", async || gate.connect(&stranger, "localhost").await.is_err()).await;
    assert_eq!(ask(&mut inside).await.expect("an answer"), "HTTP/1.1 200 OK");

    let reloaded = gate.world.reload(&gate.world.text).expect("a good configuration");
    assert_eq!(reloaded.opened.len(), 1, "{reloaded:?}");
    let mut again = gate.connect(&stranger, "localhost").await.expect("a handshake");
    assert_eq!(ask(&mut again).await.expect("an answer"), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn certificates_that_are_broken_refuse_the_whole() {
    let gate = Gate::start().await;
    let stranger = gate.authority.stranger();
    let before = shown(&gate.connect(&stranger, "localhost").await.expect("a handshake"));
    let other = gate.authority.sign("localhost");
    gate.authority.put("localhost.key", &other.key);
    // The configuration is read with its files, as at a start.
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gate.world.reload(&gate.world.text)));
    let said = *refused.expect_err("a key of another certificate").downcast::<String>().expect("a text");
    assert!(said.contains("localhost.key"), "{said}");
    assert_eq!(shown(&gate.connect(&stranger, "localhost").await.expect("a handshake")), before);
}
