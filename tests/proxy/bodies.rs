//! Bodies are streamed both ways as they come, trailers and interruptions included.

use std::sync::Arc;

use tokio::sync::Notify;

use super::gate::{Wants, before};
use super::origin::{Conversation, OK, Origin};
use super::wire::{Wire, ask, get};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn upload(lines: &str) -> String {
    format!("POST /open/ HTTP/1.1\r\nHost: m.example.com\r\n{lines}\r\n")
}

#[tokio::test]
async fn a_streams_first_event_arrives_before_its_second_is_sent() {
    let first_arrived = Arc::new(Notify::new());
    let arrived = first_arrived.clone();
    let origin = Origin::start(move |mut conversation| {
        let arrived = arrived.clone();
        async move {
            conversation.request().await;
            let head = CHUNKED.replace("\r\n\r\n", "\r\nContent-Type: text/event-stream\r\n\r\n");
            conversation.say(format!("{head}d\r\ndata: first\n\n\r\n")).await;
            arrived.notified().await;
            conversation.say("e\r\ndata: second\n\n\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(get("/open/events", "Accept: text/event-stream\r\n")).await;
    let head = wire.head().await.expect("a head");
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(wire.chunk().await.expect("a chunk").as_deref(), Some(&b"data: first\n\n"[..]));
    first_arrived.notify_one();
    assert_eq!(wire.chunk().await.expect("a chunk").as_deref(), Some(&b"data: second\n\n"[..]));
    assert_eq!(wire.chunk().await.expect("an end"), None);
}

#[tokio::test]
async fn an_uploads_first_part_arrives_before_its_second_is_sent() {
    let first_arrived = Arc::new(Notify::new());
    let arrived = first_arrived.clone();
    let origin = Origin::start(move |mut conversation| {
        let arrived = arrived.clone();
        async move {
            conversation.head().await;
            assert_eq!(conversation.wire.chunk().await.expect("a chunk").as_deref(), Some(&b"first"[..]));
            arrived.notify_one();
            assert_eq!(conversation.wire.chunk().await.expect("a chunk").as_deref(), Some(&b"second"[..]));
            conversation.say(OK).await;
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(upload("Transfer-Encoding: chunked\r\n") + "5\r\nfirst\r\n").await;
    first_arrived.notified().await;
    wire.send("6\r\nsecond\r\n0\r\n\r\n").await;
    assert_eq!(wire.answer().await.text(), "ok");
}

/// Says what it says only when the whole body has come, and waits for it patiently.
async fn swallow(conversation: Conversation) {
    conversation.always(OK).await;
}

#[tokio::test]
async fn expectations_are_met_once_access_is_granted() {
    let origin = Origin::start(swallow).await;
    let world = before(&origin, Wants::default()).await;
    let lines = "Content-Length: 4\r\nExpect: 100-continue\r\n";

    let mut wire = Wire::connect(world.gate).await;
    wire.send(upload(lines)).await;
    assert_eq!(wire.head().await.expect("a head").status(), 100);
    wire.send("body").await;
    assert_eq!(wire.answer().await.text(), "ok");
    assert_eq!((origin.last().text().as_str(), origin.last().header("expect")), ("body", None));

    // No session: the first thing said is the refusal, and the body is not wanted.
    wire.send(upload(lines).replacen("/open/", "/closed", 1)).await;
    let refused = wire.answer().await;
    assert_eq!(refused.problem(), (401, "login-required".to_owned()));
    assert!(wire.is_closed().await);
    assert_eq!(origin.requests().len(), 1);

    // A client that does not wait gets no less.
    let mut wire = Wire::connect(world.gate).await;
    wire.send(upload(lines) + "body").await;
    assert_eq!(wire.answer_after_continue().await.text(), "ok");
    let refused = ask(world.gate, upload(lines).replacen("/open/", "/open/%2f", 1)).await;
    assert_eq!(refused.problem(), (400, "ambiguous-path".to_owned()));
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let origin = Origin::start(async |mut conversation| {
        while conversation.request().await.is_some() {
            let head = CHUNKED.replace("\r\n\r\n", "\r\nTrailer: X-Sum, X-More\r\n\r\n");
            conversation.say(format!("{head}2\r\nok\r\n0\r\nX-Sum: 7\r\nX-More: 8\r\n\r\n")).await;
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let request =
        upload("Transfer-Encoding: chunked\r\nTrailer: X-Up\r\nTE: trailers\r\n") + "2\r\nup\r\n0\r\nX-Up: 6\r\n\r\n";
    let answer = wire.ask(&request).await;
    let seen = origin.last();
    assert_eq!((seen.text().as_str(), &seen.trailers[..]), ("up", &[("x-up".to_owned(), "6".to_owned())][..]));
    assert_eq!(seen.header("te"), Some("trailers"));
    let expected = [("x-sum".to_owned(), "7".to_owned()), ("x-more".to_owned(), "8".to_owned())];
    assert_eq!((answer.text().as_str(), &answer.trailers[..]), ("ok", &expected[..]));
    // What no header announced is dropped on the way, as RFC 9110 section 6.5.1 lets it be.
    let request = upload("Transfer-Encoding: chunked\r\n") + "2\r\nup\r\n0\r\nX-Up: 6\r\n\r\n";
    assert_eq!(wire.ask(&request).await.text(), "ok");
    assert_eq!((origin.last().text().as_str(), origin.last().trailers.len()), ("up", 0));
    // Whoever did not ask for trailers gets the body alone.
    let answer = wire.ask(get("/open/", "")).await;
    assert_eq!((answer.text().as_str(), answer.trailers.len()), ("ok", 0));
}

/// An origin that waits for its client to go, at a point of `when`'s choosing.
async fn watched(answer: &'static str) -> (Origin, Arc<Notify>) {
    let reached = Arc::new(Notify::new());
    let here = reached.clone();
    let origin = Origin::start(move |mut conversation| {
        let here = here.clone();
        async move {
            conversation.head().await;
            conversation.say(answer).await;
            here.notify_one();
            conversation.wire.rest().await;
        }
    })
    .await;
    (origin, reached)
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_request_at_the_site() {
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst";
    let waiting = get("/open/", "");
    let uploading = upload("Content-Length: 1000\r\n") + "first";
    let chunking = upload("Transfer-Encoding: chunked\r\n") + "5\r\nfirst\r\n";
    for (name, answer, request) in [
        ("before the answer", "", &waiting),
        ("within a chunked answer", chunk, &waiting),
        ("within an answer", length, &waiting),
        ("within an upload", "", &uploading),
        ("within a chunked upload", "", &chunking),
        ("within both", chunk, &uploading),
    ] {
        for reset in [false, true] {
            let (origin, reached) = watched(answer).await;
            let world = before(&origin, Wants::default()).await;
            let mut wire = Wire::connect(world.gate).await;
            wire.send(request).await;
            reached.notified().await;
            if !answer.is_empty() {
                assert_eq!(wire.head().await.expect("a head").status(), 200, "{name}");
            }
            if reset {
                wire.reset();
            } else {
                drop(wire);
            }
            origin.is_left_alone().await;
            assert_eq!(origin.connections(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_early_ends_the_upload_in_good_order() {
    for (answer, is_last) in [
        ("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge", true),
        ("HTTP/1.0 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge", true),
        ("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge", false),
    ] {
        let origin = Origin::start(move |mut conversation| async move {
            conversation.head().await;
            conversation.say(answer).await;
            conversation.wire.rest().await;
        })
        .await;
        let world = before(&origin, Wants::default()).await;
        let mut wire = Wire::connect(world.gate).await;
        wire.send(upload("Content-Length: 1000000\r\n") + "begin").await;
        let heard = wire.answer().await;
        assert_eq!((heard.status(), heard.text().as_str()), (413, "large"));
        // A site that goes takes no more of the body; nobody should send a next request behind that.
        assert_eq!(heard.header("connection"), is_last.then_some("close"), "{answer}");
        if is_last {
            // What of the body is on its way is read, for nobody, and no reset overtakes the answer.
            wire.send(vec![b'x'; 100_000]).await;
            wire.finish().await;
            assert!(wire.is_closed().await);
        }
        drop(wire);
        origin.is_left_alone().await;
    }
}

#[tokio::test]
async fn an_upload_goes_on_unchanged_while_the_answer_is_already_there() {
    // An answer complete before the body is: what follows is still the body, '#' and line ends and all.
    let origin = Origin::start(async |mut conversation| {
        let mut request = conversation.head().await.expect("a head");
        conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        conversation.wire.body(&mut request).await.expect("a body");
        assert_eq!(request.text(), "GET /#one HTTP/1.1\r\n\r\n# two\n");
        conversation.say(OK).await;
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(upload("Content-Length: 28\r\n")).await;
    assert_eq!(wire.answer().await.text(), "ok");
    let mut sent = Ok(());
    for piece in ["GET /#one", " HTTP/1.1\r\n\r\n", "# two\n"] {
        sent = wire.try_send(piece).await;
    }
    // Either the body was taken to its end or the connection was closed; a wrong byte would fail the origin's task.
    if sent.is_ok() {
        drop(wire);
    }
    origin.is_left_alone().await;
}

#[tokio::test]
async fn a_site_that_dies_within_a_body_leaves_a_visibly_broken_answer() {
    let origin = Origin::start(async |mut conversation| {
        let Some(request) = conversation.request().await else { return };
        conversation
            .say(match request.target() {
                "/open/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
                "/open/chunk" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nfirst",
                "/open/size" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\nxx\r\nsecond",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst",
            })
            .await;
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    for target in ["/open/chunked", "/open/chunk", "/open/size", "/open/length"] {
        let mut wire = Wire::connect(world.gate).await;
        wire.send(get(target, "")).await;
        let mut head = wire.head().await.expect("a head");
        assert_eq!(head.status(), 200, "{target}");
        let broken = wire.body(&mut head).await;
        assert!(broken.is_err(), "{target} looks whole: {head:?}");
    }
    origin.is_left_alone().await;
}

#[tokio::test]
async fn who_is_refused_while_sending_a_body_is_told_so_and_not_reset() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    for (framing, body) in [
        ("Content-Length: 8388608\r\n", vec![b'x'; 8 << 20]),
        ("Transfer-Encoding: chunked\r\n", [&b"1\r\nx\r\n".repeat(1 << 20)[..], b"0\r\n\r\n"].concat()),
    ] {
        let mut wire = Wire::connect(world.gate).await;
        let head =
            format!("POST /members HTTP/1.1\r\nHost: m.example.com\r\nAccept: application/json\r\n{framing}\r\n");
        wire.send(head).await;
        // The gate has answered before much of this is sent.
        for part in body.chunks(64 * 1024) {
            wire.send(part).await;
        }
        let answer = wire.answer().await;
        assert_eq!((answer.status(), answer.header("connection")), (401, Some("close")));
        assert!(wire.is_closed().await);
    }
    assert_eq!(ask(world.gate, upload("Content-Length: 2\r\n") + "hi").await.header("connection"), None);
}
