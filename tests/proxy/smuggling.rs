//! Nothing smuggles a second request to the site (R44).

use super::gate::{Wants, before};
use super::origin::{OK, Origin};
use super::wire::{Wire, ask, get};

/// The request that would be smuggled; the site must never see its path.
const SMUGGLED: &str = "GET /open/smuggled HTTP/1.1\r\nHost: m.example.com\r\n\r\n";

fn post(lines: &str, body: &str) -> String {
    format!("POST /open/ HTTP/1.1\r\nHost: m.example.com\r\n{lines}\r\n{body}")
}

#[tokio::test]
async fn r44_ambiguous_framing_is_refused() {
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let cases: Vec<(&str, String)> = vec![
        ("both framings", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", &chunked)),
        ("both framings, the other way", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &chunked)),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 74\r\n", SMUGGLED)),
        ("one length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab")),
        ("a list of lengths", post("Content-Length: 2, 2\r\n", "ab")),
        ("a list of different lengths", post("Content-Length: 0, 74\r\n", SMUGGLED)),
        ("a signed length", post("Content-Length: +2\r\n", "ab")),
        ("a negative length", post("Content-Length: -1\r\n", "ab")),
        ("a hexadecimal length", post("Content-Length: 0x2\r\n", "ab")),
        ("an empty length", post("Content-Length: \r\n", SMUGGLED)),
        ("a length beyond numbers", post("Content-Length: 99999999999999999999999\r\n", "ab")),
        ("a folded header", post("X-A: b\r\n Content-Length: 74\r\n", SMUGGLED)),
        ("a header folded by a tab", post("X-A: b\r\n\tc\r\n", "")),
        ("a folded first header", post(" X-A: b\r\n", "")),
        ("a folded transfer coding", post("Transfer-Encoding:\r\n chunked\r\n", &chunked)),
        ("a bare line feed between headers", post("X-A: b\nContent-Length: 74\r\n", SMUGGLED)),
        ("a bare line feed after the first line", get("/open/", "").replacen("\r\n", "\n", 1)),
        ("a bare line feed at the head's end", get("/open/", "X-A: b\r\n").replacen("b\r\n\r\n", "b\r\n\n", 1)),
        ("bare line feeds alone", get("/open/", "").replace("\r\n", "\n")),
        ("a bare carriage return", post("X-A: b\rContent-Length: 74\r\n", SMUGGLED)),
        ("a space before the colon", post("Content-Length : 74\r\n", SMUGGLED)),
        ("a tab before the colon", post("Transfer-Encoding\t: chunked\r\n", &chunked)),
        ("no colon", post("Content-Length 74\r\n", SMUGGLED)),
        ("no name", post(": 74\r\n", "")),
        ("a NUL in a value", post("X-A: b\0c\r\n", "")),
        ("a NUL in a name", post("X\0A: b\r\n", "")),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", &chunked)),
        ("identity", post("Transfer-Encoding: identity\r\nContent-Length: 74\r\n", SMUGGLED)),
        ("identity alone", post("Transfer-Encoding: identity\r\n", SMUGGLED)),
        ("chunked first", post("Transfer-Encoding: chunked, identity\r\n", &chunked)),
        ("another coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", &chunked)),
        ("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", &chunked)),
        ("chunked in two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", &chunked)),
        ("chunked behind a control", post("Transfer-Encoding: \u{b}chunked\r\n", &chunked)),
        ("chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", &chunked)),
        ("chunks under HTTP/1.0", post("Transfer-Encoding: chunked\r\n", &chunked).replacen("HTTP/1.1", "HTTP/1.0", 1)),
        ("an old version", get("/open/", "").replacen("HTTP/1.1", "HTTP/0.9", 1)),
        ("a new version", get("/open/", "").replacen("HTTP/1.1", "HTTP/2.0", 1)),
        ("a version in small letters", get("/open/", "").replacen("HTTP/1.1", "http/1.1", 1)),
        ("no version", get("/open/", "").replacen(" HTTP/1.1", "", 1)),
        ("two spaces", get("/open/", "").replacen("GET ", "GET  ", 1)),
        ("a tab for a space", get("/open/", "").replacen("GET ", "GET\t", 1)),
        ("a space in the target", get("/open/ x", "")),
        ("a method that is no token", get("/open/", "").replacen("GET", "G(T", 1)),
        ("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
    ];
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    for (name, request) in &cases {
        // Alone, and behind a good one: hyper reads the two alike, and so must the gate.
        for ahead in ["", &get("/open/good", "")] {
            let mut wire = Wire::connect(world.gate).await;
            wire.send(format!("{ahead}{request}")).await;
            if !ahead.is_empty() {
                assert_eq!(wire.answer().await.status(), 200, "{name}");
            }
            let answer = wire.answer().await;
            assert_eq!(answer.problem(), (400, "bad-request".to_owned()), "{name}: {}", answer.text());
            assert!(!answer.text().contains("smuggled"), "{name}");
        }
    }
    for seen in origin.requests() {
        assert_eq!(seen.target(), "/open/good");
    }
}

/// As scanners try it: whatever byte is put around the name or the value, nobody further on is left to make sense of it.
#[tokio::test]
async fn r44_no_byte_hides_a_transfer_coding() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut lines: Vec<Vec<u8>> = [
        "Transfer Encoding: chunked",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: chunked cow",
        "X: X\rTransfer-Encoding: chunked",
    ]
    .map(|line| line.as_bytes().to_vec())
    .into();
    for byte in (0..0x20).chain(0x7f..=0xff_u8) {
        let byte = &[byte][..];
        lines.push([byte, b"Transfer-Encoding: chunked"].concat());
        lines.push([b"Transf", byte, b"r-Encoding: chunked"].concat());
        lines.push([b"Transfer-Encoding", byte, b": chunked"].concat());
        lines.push([b"Transfer-Encoding:", byte, b"chunked"].concat());
        lines.push([b"Transfer-Encoding: ch", byte, b"nked"].concat());
        lines.push([b"Transfer-Encoding: chunked", byte].concat());
    }
    for line in &lines {
        let body = format!("0\r\n\r\n{SMUGGLED}");
        let mut request = b"POST /open/ HTTP/1.1\r\nX-A: b\r\n".to_vec();
        request.extend_from_slice(line);
        request.extend_from_slice(
            format!("\r\nHost: m.example.com\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
        );
        let mut wire = Wire::connect(world.gate).await;
        wire.send(&request).await;
        let said = String::from_utf8_lossy(&wire.rest().await).into_owned();
        assert!(said.starts_with("HTTP/1.1 400 "), "{:?}: {said}", line.escape_ascii().to_string());
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{:?}: {said}", line.escape_ascii().to_string());
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn r44_a_connection_that_sent_both_framings_is_closed() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    wire.send(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{SMUGGLED}"))).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status(), answer.header("connection")), (400, Some("close")));
    assert!(wire.is_closed().await);
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn r44_broken_chunks_end_the_request_and_the_connection() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    for body in [
        "x\r\n",
        "-1\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        "1\na\r\n",
        "1\r\nab\r\n",
        "2\r\nab0\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "1;\n\r\na\r\n0\r\n\r\n",
        "\r\n",
        ";\r\n",
        "0\r\nbad trailer\r\n\r\n",
        "0\r\n: x\r\n\r\n",
    ] {
        let mut wire = Wire::connect(world.gate).await;
        wire.send(post("Transfer-Encoding: chunked\r\n", &format!("{body}{SMUGGLED}"))).await;
        let said = String::from_utf8_lossy(&wire.rest().await).into_owned();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{body:?}: {said}");
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{body:?}: {said}");
    }
    for seen in origin.requests() {
        assert_eq!(seen.target(), "/open/", "{seen:?}");
    }
    // Nobody else gets to hear of it.
    assert_eq!(ask(world.gate, get("/open/next", "")).await.status(), 200);
}

#[tokio::test]
async fn r44_odd_but_lawful_chunks_pass() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for (body, read) in [
        ("0\r\n\r\n", ""),
        ("1;ext\r\na\r\n0\r\n\r\n", "a"),
        ("1;ext=\"GET /open/smuggled\"\r\na\r\n0;x=y\r\n\r\n", "a"),
        ("00001\r\na\r\nA\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", "a01234567890123456789"),
        ("5\r\n0\r\n\r\n\r\n0\r\nX-Trailer: 0\r\n\r\n", "0\r\n\r\n"),
        (&format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len()), SMUGGLED),
    ] {
        // A second request behind each body shows that all agree on where it ends.
        let request = post("Transfer-Encoding: chunked\r\n", body) + &get("/open/after", "");
        wire.send(request).await;
        assert_eq!(wire.answer().await.status(), 200, "{body:?}");
        assert_eq!(wire.answer().await.status(), 200, "{body:?}");
        let seen = origin.requests();
        let [.., first, second] = &seen[..] else { panic!("two requests") };
        assert_eq!((first.target(), first.text().as_str(), second.target()), ("/open/", read, "/open/after"));
    }
}

#[tokio::test]
async fn r44_a_host_comes_exactly_once() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for lines in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host: a/b\r\n",
        "Host: a b\r\n",
        "Host: user@a\r\n",
        "Host: a,b\r\n",
        "Host: a\\b\r\n",
        "Host: a?b\r\n",
        "Host: a#b\r\n",
        "Host: \u{e9}\r\n",
    ] {
        let answer = wire.ask(format!("GET /open/ HTTP/1.1\r\n{lines}\r\n")).await;
        assert_eq!(answer.problem(), (400, "bad-request".to_owned()), "{lines:?}");
    }
    assert_eq!(origin.connections(), 0);
    for host in ["a", "a:80", "[::1]:8080", "xn--fiq228c.example"] {
        assert_eq!(wire.ask(format!("GET /open/ HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.status(), 200);
        assert_eq!(origin.last().header("host"), Some(host));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            let body = format!("{} {}", request.target(), request.text());
            conversation.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let requests = [
        get("/open/1", ""),
        post("Content-Length: 3\r\n", "a#b"),
        get("/open/%2f", ""),
        post("Transfer-Encoding: chunked\r\n", "3\r\nc#d\r\n0\r\n\r\n"),
        get("/open/#", ""),
        get("/closed", ""),
        get("/open/2?#", ""),
        format!("\r\n{}", get("/open/3", "Connection: close\r\n")),
    ];
    let expected = ["/open/1 ", "/open/ a#b", "400", "/open/ c#d", "400", "401", "400", "/open/3 "];
    let all = requests.concat().into_bytes();
    for step in [all.len(), 7, 1000] {
        let mut wire = Wire::connect(world.gate).await;
        for piece in all.chunks(step) {
            wire.send(piece).await;
        }
        for expected in expected {
            let answer = wire.answer().await;
            let said = if answer.status() == 200 { answer.text() } else { answer.status().to_string() };
            assert_eq!(said, expected, "in pieces of {step}");
        }
        assert!(wire.is_closed().await);
    }
}

/// R18: whoever is refused costs the site nothing.
#[tokio::test]
async fn r18_denied_requests_open_no_connection_to_the_site() {
    let origin = Origin::saying("HTTP/1.1 200 OK\r\nX-Site: secret\r\nContent-Length: 6\r\n\r\nsecret").await;
    let world = before(&origin, Wants::default()).await;
    let page = "Accept: text/html\r\nUser-Agent: Mozilla/5.0\r\n";
    for (request, status) in [
        (get("/", ""), 401),
        (get("/", page), 401),
        (get("/", "User-Agent: MicroMessenger/8\r\nAccept: text/html\r\n"), 302),
        (get("/", "Cookie: wxgate=AAAA\r\n"), 401),
        (get("/", "").replacen("GET", "OPTIONS", 1), 401),
        (get("/", "").replacen("GET", "DELETE", 1), 401),
        (post("Content-Length: 5\r\n", "hello").replacen("/open/", "/", 1), 401),
        (get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"), 401),
        (get("/..", ""), 400),
        (get("/open/../x", ""), 400),
    ] {
        let mut wire = Wire::connect(world.gate).await;
        let answer = wire.ask(&request).await;
        assert_eq!(answer.status(), status, "{request}");
        assert!(!format!("{answer:?}{}", answer.text()).contains("secret"), "{request}");
    }
    assert_eq!(origin.connections(), 0);
    // Seen from outside that the same gate does reach it.
    assert_eq!(ask(world.gate, get("/open/", "")).await.text(), "secret");
}
