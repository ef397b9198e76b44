//! A site that refuses, breaks off, talks nonsense or says nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Wants, before, before_url};
use super::origin::{OK, Origin, REST};
use super::wire::{TICK_LATE, Wire, ask, get};
use crate::support::{eventually, free_port};

const PAGE: &str = "Accept: text/html\r\nUser-Agent: Mozilla/5.0\r\nSec-Fetch-Mode: navigate\r\n";

fn post(body: &str) -> String {
    format!("POST /open/ HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_site_that_refuses_is_unreachable() {
    let nobody = free_port();
    let world = before_url(&format!("http://{nobody}"), Wants::default()).await;
    for request in [get("/open/", ""), post("body"), get("/open/", "Connection: upgrade\r\nUpgrade: websocket\r\n")] {
        let mut wire = Wire::connect(world.gate).await;
        assert_eq!(wire.ask(request).await.problem(), (502, "upstream-unreachable".to_owned()));
    }
    let mut wire = Wire::connect(world.gate).await;
    let page = wire.ask(get("/open/", PAGE)).await;
    assert_eq!(page.status(), 502);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:?}");
    assert!(page.header("x-request-id").is_some() && page.header("cache-control") == Some("no-store"));
    assert!(!page.text().contains(&nobody.port().to_string()), "a page tells nothing of the inside");

    // It comes back, and so do its visitors.
    let _origin = Origin::at(nobody, |conversation| conversation.always(OK)).await;
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
}

#[tokio::test]
async fn a_site_that_does_not_even_accept_is_unreachable_in_time() {
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    full.listen(0).expect("a listener");
    let address = full.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    // What fits into the queue is accepted by the system; the next one is not answered at all.
    let mut queue = Vec::new();
    while let Ok(Ok(waiting)) =
        tokio::time::timeout(Duration::from_secs(1), tokio::net::TcpStream::connect(address)).await
    {
        queue.push(waiting);
    }
    let world =
        before_url(&format!("http://{address}"), Wants { upstream: "connect_timeout = '500ms'", ..Wants::default() })
            .await;
    let began = Instant::now();
    assert_eq!(ask(world.gate, get("/open/", "")).await.problem(), (502, "upstream-unreachable".to_owned()));
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn nonsense_is_a_broken_upstream() {
    for said in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let origin = Origin::start(move |mut conversation| async move {
            conversation.request().await;
            conversation.say(said).await;
        })
        .await;
        let world = before(&origin, Wants::default()).await;
        for request in [get("/open/", ""), post("body")] {
            let answer = ask(world.gate, request).await;
            assert_eq!(answer.problem(), (502, "upstream-broken".to_owned()), "{said:?}");
        }
        let page = ask(world.gate, get("/open/", PAGE)).await;
        assert!(page.status() == 502 && page.text().contains("<html"), "{said:?}");
        assert_eq!(origin.connections(), 3, "a fresh connection that fails is not tried again: {said:?}");
    }
    let endless = Origin::start(async |mut conversation| {
        conversation.request().await;
        conversation.say("HTTP/1.1 200 OK\r\n").await;
        while conversation.wire.try_send(format!("X-Filler: {}\r\n", "x".repeat(8000))).await.is_ok() {}
    })
    .await;
    let world = before(&endless, Wants::default()).await;
    assert_eq!(ask(world.gate, get("/open/", "")).await.problem(), (502, "upstream-broken".to_owned()));
    endless.is_left_alone().await;
}

#[tokio::test]
async fn a_silent_site_times_out() {
    let origin = Origin::start(async |mut conversation| while conversation.request().await.is_some() {}).await;
    let world = before(&origin, Wants { upstream: "response_timeout = '400ms'", ..Wants::default() }).await;
    for request in [get("/open/", ""), post("body")] {
        let mut wire = Wire::connect(world.gate).await;
        let began = Instant::now();
        assert_eq!(wire.ask(request).await.problem(), (504, "upstream-timeout".to_owned()));
        assert!(began.elapsed() >= Duration::from_millis(400) - TICK_LATE, "too early: {:?}", began.elapsed());
    }
    let mut wire = Wire::connect(world.gate).await;
    assert_eq!(wire.ask(get("/open/", PAGE)).await.status(), 504);
    drop(wire);
    origin.is_left_alone().await;
}

#[tokio::test]
async fn only_the_upstreams_own_time_counts_against_it() {
    const PAUSE: Duration = Duration::from_millis(500);
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await;
            for byte in ["s", "l", "o", "w", "l", "y"] {
                if request.target() == "/open/answer" {
                    tokio::time::sleep(PAUSE).await;
                }
                conversation.say(byte).await;
            }
        }
    })
    .await;
    let limits = "response_timeout = '2s'\nidle_timeout = '1h'";
    let world = before(&origin, Wants { upstream: limits, ..Wants::default() }).await;
    // Both take longer than the limit, and move.
    let upload = async {
        let mut wire = Wire::connect(world.gate).await;
        wire.send("POST /open/upload HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: 6\r\n\r\n").await;
        for byte in ["s", "l", "o", "w", "l", "y"] {
            tokio::time::sleep(PAUSE).await;
            wire.send(byte).await;
        }
        wire.answer().await
    };
    let answer = async { ask(world.gate, get("/open/answer", "")).await };
    let (upload, answer) = tokio::join!(upload, answer);
    assert_eq!((upload.text().as_str(), answer.text().as_str()), ("slowly", "slowly"));
    assert!(origin.requests().iter().any(|seen| seen.text() == "slowly"));
}

#[tokio::test]
async fn bodies_that_stand_still_are_cut() {
    let origin = Origin::start(async |mut conversation| {
        let request = conversation.head().await;
        if request.is_some_and(|request| request.start.starts_with("GET")) {
            conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst").await;
        }
        conversation.wire.rest().await;
    })
    .await;
    let slow = format!(
        "[[route]]\npath = '/slow/**'\nauth = 'none'\nupstream = {{ idle_timeout = '1h', url = 'http://{}' }}\n",
        origin.address
    );
    let world = before(&origin, Wants { upstream: "idle_timeout = '400ms'", rest: &slow, ..Wants::default() }).await;

    let mut wire = Wire::connect(world.gate).await;
    wire.send(get("/open/", "")).await;
    let mut head = wire.head().await.expect("a head");
    assert!(wire.body(&mut head).await.is_err(), "an answer that stands still is cut");

    let mut wire = Wire::connect(world.gate).await;
    wire.send("POST /open/ HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: 100\r\n\r\nfirst").await;
    let answer = wire.answer().await;
    assert_eq!(answer.problem(), (408, "bad-request".to_owned()));
    assert!(wire.is_closed().await);
    origin.is_left_alone().await;
}

#[tokio::test]
async fn a_site_that_takes_no_more_of_an_upload_times_out() {
    let origin = Origin::start(async |mut conversation| {
        conversation.head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = "response_timeout = '1h'\nidle_timeout = '2s'";
    let world = before(&origin, Wants { upstream: limits, ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send("POST /open/ HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: 1000000000\r\n\r\n").await;
    wire.send_until_answered(&vec![0; 1 << 20]).await;
    assert_eq!(wire.answer().await.problem(), (504, "upstream-timeout".to_owned()));
}

#[tokio::test]
async fn a_client_that_takes_no_more_of_an_answer_is_cut() {
    let origin = Origin::start(async |mut conversation| {
        conversation.head().await;
        conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        while conversation.wire.try_send(vec![0; 1 << 20]).await.is_ok() {}
    })
    .await;
    let world = before(&origin, Wants { upstream: "idle_timeout = '800ms'", ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(get("/open/", "")).await;
    assert_eq!(wire.head().await.expect("a head").status(), 200);
    origin.is_left_alone().await;
    assert!(wire.rest().await.len() < 1_000_000_000);
}

/// Answers once per connection, then closes it a moment later without a word.
async fn forgetful() -> (Origin, Arc<AtomicUsize>) {
    let closed = Arc::new(AtomicUsize::new(0));
    let closing = closed.clone();
    let origin = Origin::start(move |mut conversation| {
        let closing = closing.clone();
        async move {
            if conversation.request().await.is_some() {
                conversation.say(OK).await;
            }
            conversation.leave().await;
            closing.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    (origin, closed)
}

#[tokio::test]
async fn connections_the_site_has_closed_are_replaced_unseen() {
    let (origin, closed) = forgetful().await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for round in 0..40 {
        let request = if round % 2 == 0 { get("/open/", "") } else { post("body") };
        assert_eq!(wire.ask(request).await.text(), "ok", "round {round}");
        eventually("the site closes", async || closed.load(Ordering::SeqCst) == round + 1).await;
    }
    assert_eq!(origin.requests().len(), 40, "each came exactly once");
}

#[tokio::test]
async fn a_read_that_meets_a_dying_connection_is_sent_again_and_a_write_is_not() {
    // The second request of each connection is read and met with silence and a close: was it done or not?
    for (request, status, times) in [
        (get("/open/", ""), 200, 2),
        (get("/open/", "").replacen("GET", "HEAD", 1), 200, 2),
        (get("/open/", "").replacen("GET", "DELETE", 1), 200, 2),
        (post("body"), 502, 1),
        (post(""), 502, 1),
        (post("body").replacen("POST", "PUT", 1), 502, 1),
        (
            "POST /open/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n".to_owned(),
            502,
            1,
        ),
    ] {
        while !meets_a_dying_connection(&request, status, times).await {}
    }
}

/// `false` where the machine stood still for so long that there was no connection left to die.
async fn meets_a_dying_connection(request: &str, status: u16, times: usize) -> bool {
    let origin = Origin::start(async |mut conversation| {
        conversation.request().await;
        conversation.say(OK).await;
        conversation.request().await;
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let began = Instant::now();
    assert_eq!(wire.ask(get("/open/first", "")).await.text(), "ok");
    wire.send(request).await;
    let answer = wire.head().await.expect("a head");
    if began.elapsed() >= REST {
        return false;
    }
    assert_eq!(answer.status(), status, "{request}");
    let came = origin.requests().iter().filter(|seen| seen.target() == "/open/").count();
    assert_eq!(came, times, "{request}");
    true
}

#[tokio::test]
async fn a_site_that_restarts_is_found_again() {
    let mut origin = Origin::saying(OK).await;
    let address = origin.address;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for _ in 0..5 {
        assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
        drop(origin);
        eventually("the gate notices", async || Wire::connect(world.gate).await.ask(post("x")).await.status() == 502)
            .await;
        origin = Origin::at(address, |conversation| conversation.always(OK)).await;
        // What is at rest may not have heard of it: that is nothing to a request that can be repeated, and gone after it.
        for request in [get("/open/", ""), post("x")] {
            assert_eq!(wire.ask(request).await.text(), "ok");
        }
    }
}
