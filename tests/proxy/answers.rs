//! What a site may say of its answer, and what becomes of that on the way (R44).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::gate::{Wants, before};
use super::origin::{OK, Origin};
use super::wire::{Wire, ask, get};

#[tokio::test]
async fn r44_an_answer_of_two_framings_is_not_passed_on_as_such() {
    for (method, framing, body, said) in [
        ("GET", "Content-Length: 2\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", Some("chunked")),
        ("GET", "Transfer-Encoding: Chunked", "5\r\nhello\r\n0\r\n\r\n", Some("chunked")),
        ("GET", "Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n", None),
        ("GET", "Transfer-Encoding: xchunked", "hello", None),
        ("GET", "Content-Length: 2\r\nContent-Length: 5", "hello", None),
        ("GET", "Content-Length: 5, 2", "hello", None),
        ("GET", "Content-Length: +5", "hello", None),
        ("GET", "Content-Length: 5\r\nContent-Length: 5", "hello", Some("5")),
        ("GET", "Content-Length: 5, 5", "hello", Some("5")),
        ("HEAD", "Content-Length: 5\r\nContent-Length: 5", "", Some("5")),
        ("HEAD", "Content-Length: 5 ,5", "", Some("5")),
        ("HEAD", "Content-Length: 2\r\nContent-Length: 5", "", None),
        ("HEAD", "Content-Length: -5", "", None),
        ("HEAD", "Content-Length:", "", None),
        ("HEAD", "Content-Length: -5\r\nTransfer-Encoding: chunked", "", Some("")),
    ] {
        let origin = Origin::start(move |mut conversation| async move {
            conversation.head().await;
            conversation.say(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}")).await;
        })
        .await;
        let world = before(&origin, Wants::default()).await;
        let mut wire = Wire::connect(world.gate).await;
        wire.send(get("/open/", "").replacen("GET", method, 1)).await;
        let mut answer = wire.head().await.expect("an answer");
        let framings = [answer.all("content-length"), answer.all("transfer-encoding")].concat();
        match said {
            Some(said) => {
                assert_eq!((answer.status(), framings.join(" ").as_str()), (200, said), "{method} {framing}");
                assert!(framings.len() < 2, "{method} {framing}: {answer:?}");
            }
            None => assert_eq!(answer.status(), 502, "{method} {framing}"),
        }
        if method == "GET" {
            wire.body(&mut answer).await.expect("a whole answer");
            match said {
                Some(_) => assert_eq!(answer.text(), "hello", "{framing}"),
                None => assert_eq!(answer.slug(), "upstream-broken", "{framing}"),
            }
        }
    }
}

#[tokio::test]
async fn the_sites_own_words_beside_a_status_are_kept() {
    for (said, heard) in [
        ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
        ("HTTP/1.1 200 Just fine", "HTTP/1.1 200 Just fine"),
        ("HTTP/1.0 404 No such tea", "HTTP/1.1 404 No such tea"),
        ("HTTP/1.1 404 ", "HTTP/1.1 404 Not Found"),
        ("HTTP/1.1 404", "HTTP/1.1 404 Not Found"),
        ("HTTP/1.1 799 Ours", "HTTP/1.1 799 Ours"),
        ("HTTP/1.1 799 ", "HTTP/1.1 799 "),
    ] {
        let origin = Origin::start(move |mut conversation| async move {
            conversation.head().await;
            conversation.say(format!("{said}\r\nContent-Length: 2\r\n\r\nok")).await;
        })
        .await;
        let world = before(&origin, Wants::default()).await;
        let answer = ask(world.gate, get("/open/", "")).await;
        assert_eq!((answer.start.as_str(), answer.text().as_str()), (heard, "ok"), "{said}");
    }
}

#[tokio::test]
async fn who_has_said_all_and_closed_that_half_is_answered() {
    let listening = Arc::new(Notify::new());
    let listens = listening.clone();
    let origin = Origin::start(move |mut conversation| {
        let listens = listens.clone();
        async move {
            while conversation.request().await.is_some() {
                listens.notified().await;
                conversation.say(OK).await;
            }
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let post = "POST /open/ HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: 2\r\n\r\nhi".to_owned();
    let three = [get("/open/1", ""), get("/open/2", ""), get("/closed", "")].concat();
    for (request, statuses) in [
        (get("/open/", ""), &[200][..]),
        (post, &[200]),
        ("GET /open/ HTTP/1.0\r\n\r\n".to_owned(), &[200]),
        (three, &[200, 200, 401]),
    ] {
        while !is_answered(world.gate, &request, statuses, &listening).await {}
    }
}

/// `false` where the machine stood still for longer than such a client is waited for.
async fn is_answered(gate: SocketAddr, request: &str, statuses: &[u16], listening: &Notify) -> bool {
    const MOMENT: Duration = Duration::from_secs(1);
    let mut wire = Wire::connect(gate).await;
    wire.send(request).await;
    let mut moved = Instant::now();
    wire.finish().await;
    for status in statuses {
        listening.notify_one();
        let before = std::mem::replace(&mut moved, Instant::now());
        match wire.try_answer().await {
            Ok(answer) => {
                assert_eq!(answer.status(), *status, "{request}");
                assert_eq!(answer.text() == "ok", *status == 200, "{request}");
            }
            Err(_) if before.elapsed() >= MOMENT => return false,
            Err(error) => panic!("{request}: {error}"),
        }
    }
    assert!(wire.is_closed().await, "there is nothing more to come");
    true
}

/// What a site says too much is nobody's answer: least of all the next visitor's.
#[tokio::test]
async fn r44_an_answer_too_many_is_given_to_nobody() {
    const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let cases: [(&str, &str, String); 6] = [
        ("GET", "two answers", format!("{OK}{POISON}")),
        ("GET", "a longer body than said", OK.replace("ok", "ok-and-poison")),
        ("HEAD", "a body for HEAD", format!("{OK}{POISON}")),
        ("GET", "a body for 204", format!("HTTP/1.1 204 No Content\r\n\r\n{POISON}")),
        ("GET", "a body for 304", format!("HTTP/1.1 304 Not Modified\r\n\r\n{POISON}")),
        ("GET", "more after the last chunk", {
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{POISON}")
        }),
    ];
    for (method, name, said) in cases {
        for late in [false, true] {
            let said = said.clone();
            let origin = Origin::start(move |mut conversation| {
                let said = said.clone();
                async move {
                    while let Some(request) = conversation.request().await {
                        if request.target() == "/open/next" {
                            conversation.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext").await;
                            continue;
                        }
                        let (first, more) = said.split_at(if late { said.len() - 10 } else { said.len() });
                        conversation.say(first).await;
                        tokio::task::yield_now().await;
                        conversation.say(more).await;
                    }
                }
            })
            .await;
            let world = before(&origin, Wants::default()).await;
            for _ in 0..10 {
                let mut wire = Wire::connect(world.gate).await;
                wire.send(get("/open/first", "").replacen("GET", method, 1)).await;
                let mut first = wire.head().await.expect("a head");
                if method == "GET" && first.status() == 200 {
                    wire.body(&mut first).await.expect("a body");
                    assert_eq!(first.text(), "ok", "{name}");
                }
                // Somebody else's request, at once.
                let next = ask(world.gate, get("/open/next", "")).await;
                assert_eq!((next.status(), next.text().as_str()), (200, "next"), "{name}, late: {late}");
            }
        }
    }
}
