//! Requests and answers pass unchanged; where they pass to is the configuration's to say.

use std::time::Instant;

use super::gate::{Wants, before, before_url, signed_in};
use super::origin::{OK, Origin};
use super::wire::{Message, Wire, ask, get};
use crate::support::free_port;

#[tokio::test]
async fn method_target_and_body_arrive_byte_for_byte() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH", "get"] {
        let target = "/open/%E4%B8%AD;v=1//x?a=%zz&b=/../&b=\u{e9}+%20&c";
        let head = format!("{method} {target} HTTP/1.1\r\nHost: m.example.com\r\nContent-Length: 256\r\n\r\n");
        let answer = wire.ask([head.as_bytes(), &every_byte].concat()).await;
        assert_eq!(answer.text(), "ok", "{method}: {answer:?}");
        let seen = origin.last();
        assert_eq!(seen.start, format!("{method} {target} HTTP/1.1"));
        assert_eq!(seen.body, every_byte, "{method}");
        // A body that does not say how long it is, too; of GET and HEAD most libraries would drop it.
        let head = head.replace("Content-Length: 256", "Transfer-Encoding: chunked");
        let answer = wire.ask([head.as_bytes(), b"100\r\n", &every_byte, b"\r\n0\r\n\r\n"].concat()).await;
        assert_eq!(answer.text(), "ok", "{method}: {answer:?}");
        let seen = origin.last();
        assert_eq!((seen.header("transfer-encoding"), &seen.body), (Some("chunked"), &every_byte), "{method}");
    }
    let refused = wire.ask("CONNECT site:443 HTTP/1.1\r\nHost: site:443\r\n\r\n").await;
    assert_eq!(refused.problem(), (400, "bad-request".to_owned()));
    let refused = ask(world.gate, "OPTIONS * HTTP/1.1\r\nHost: m.example.com\r\n\r\n").await;
    assert_eq!(refused.problem(), (400, "bad-request".to_owned()));
    assert_eq!(origin.requests().len(), 20);
}

#[tokio::test]
async fn answers_arrive_byte_for_byte() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            let body: Vec<u8> = (0..=255).collect();
            let head = match request.target() {
                "/open/length" => "HTTP/1.1 299 Odd\r\nContent-Length: 256\r\nX-A: 1\r\nX-A: \u{e9}\r\n\r\n",
                "/open/chunked" => "HTTP/1.1 500 Broken\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n",
                _ => "HTTP/1.0 404 Gone\r\n\r\n",
            };
            conversation.say([head.as_bytes(), &body].concat()).await;
            match request.target() {
                "/open/length" => {}
                "/open/chunked" => conversation.say("\r\n0\r\n\r\n").await,
                _ => return,
            }
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    for (target, status) in [("/open/length", 299), ("/open/chunked", 500), ("/open/until-the-end", 404)] {
        let answer = ask(world.gate, get(target, "")).await;
        assert_eq!((answer.status(), answer.body), (status, (0..=255).collect()), "{target}");
    }
    assert_eq!(ask(world.gate, get("/open/length", "")).await.all("x-a"), ["1", "\u{e9}"]);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            conversation
                .say(match request.target() {
                    "/open/204" => "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
                    "/open/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 999\r\n\r\n",
                    "/open/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "/open/hints" => {
                        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
                    }
                    _ => "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n",
                })
                .await;
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let began = Instant::now();
    for (method, target, status, length) in [
        ("GET", "/open/204", 204, None),
        ("HEAD", "/open/204", 204, None),
        ("HEAD", "/open/head", 200, Some("999")),
        ("GET", "/open/304", 304, None),
        ("HEAD", "/open/chunked", 200, None),
        ("HEAD", "/open/hints", 200, Some("999")),
    ] {
        wire.send(get(target, "").replacen("GET", method, 1)).await;
        let head = wire.head().await.expect("a head");
        assert_eq!((head.status(), head.header("content-length")), (status, length), "{method} {target}");
        assert_eq!(origin.last().start, format!("{method} {target} HTTP/1.1"));
    }
    // Errors of the gate's own have no body for HEAD either.
    wire.send(get("/open/%2f", "").replacen("GET", "HEAD", 1)).await;
    assert_eq!(wire.head().await.expect("a head").status(), 400);
    wire.send(get("/open/204", "Connection: close\r\n")).await;
    assert_eq!(wire.head().await.expect("a head").status(), 204);
    assert!(wire.is_closed().await);
    // Answers without a body leave the connection usable.
    origin.had_connections(1, began);
}

#[tokio::test]
async fn http_1_0_clients_are_served() {
    let origin = Origin::start(async |mut conversation| {
        while conversation.request().await.is_some() {
            conversation.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let world = before(&origin, Wants::default()).await;
    let answer = ask(world.gate, "GET /open/ HTTP/1.0\r\n\r\n").await;
    assert_eq!((answer.status(), answer.text().as_str(), answer.header("transfer-encoding")), (200, "ok", None));
    let seen = origin.last();
    assert_eq!(seen.start, "GET /open/ HTTP/1.1");
    assert_eq!(seen.header("host"), Some(origin.address.to_string().as_str()), "HTTP/1.1 demands one");

    let mut wire = Wire::connect(world.gate).await;
    wire.send("GET /open/ HTTP/1.0\r\nHost: m.example.com\r\n\r\n").await;
    assert_eq!(wire.answer().await.text(), "ok");
    assert_eq!(origin.last().header("host"), Some("m.example.com"));
}

#[tokio::test]
async fn an_absolute_target_outranks_host() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let answer = wire.ask("GET http://m.example.com:80/open/a?b HTTP/1.1\r\nHost: other.example.com\r\n\r\n").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let seen = origin.last();
    assert_eq!(seen.target(), "/open/a?b");
    assert_eq!(seen.header("host"), Some("m.example.com:80"));
    assert_eq!(seen.header("x-forwarded-host"), Some("m.example.com:80"));
    for (target, status) in [
        ("http://m.example.com/closed", 401),
        ("http://m.example.com/open/../closed", 400),
        ("http://m.example.com", 401),
        ("http://user:pass@m.example.com/open/", 400),
        ("http:///open/", 400),
    ] {
        let answer = ask(world.gate, format!("GET {target} HTTP/1.1\r\nHost: m.example.com\r\n\r\n")).await;
        assert_eq!(answer.status(), status, "{target}");
        answer.slug();
    }
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn host_is_the_clients_or_the_upstreams() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { upstream: "preserve_host = false", ..Wants::default() }).await;
    assert_eq!(ask(world.gate, get("/open/", "")).await.status(), 200);
    let seen = origin.last();
    assert_eq!(seen.header("host"), Some(origin.address.to_string().as_str()));
    assert_eq!(seen.header("x-forwarded-host"), Some("m.example.com"));
}

#[tokio::test]
async fn a_site_may_listen_on_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("site.sock");
    let origin = Origin::unix(&path, |conversation| conversation.always(OK));
    let world = before_url(&format!("unix:{}", path.display()), Wants::default()).await;
    let cookie = signed_in(&world).await;
    let mut wire = Wire::connect(world.gate).await;
    for target in ["/open/a", "/b?c"] {
        assert_eq!(wire.ask(get(target, &cookie)).await.text(), "ok");
        let seen = origin.last();
        assert_eq!((seen.target(), seen.header("host")), (target, Some("m.example.com")));
    }
    drop(origin);
    assert_eq!(wire.ask(get("/open/", "")).await.problem(), (502, "upstream-unreachable".to_owned()));
}

#[tokio::test]
async fn a_route_may_have_a_site_of_its_own() {
    let site = Origin::saying(OK).await;
    let shop = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nshop").await;
    let gone = free_port();
    let rest = format!(
        "[[route]]\npath = '/shop/**'\nauth = 'none'\nupstream = {{ url = 'http://{}', preserve_host = false }}\n\
         [[route]]\npath = '/gone/**'\nauth = 'none'\nupstream = 'http://{gone}'\n\
         [[route]]\npath = '/members/**'\nupstream = 'http://{}'\n",
        shop.address, shop.address
    );
    let world = before(&site, Wants { rest: &rest, ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    assert_eq!(wire.ask(get("/shop/a?b", "")).await.text(), "shop");
    let seen: Message = shop.last();
    assert_eq!((seen.target(), seen.header("host")), ("/shop/a?b", Some(shop.address.to_string().as_str())));
    assert_eq!(wire.ask(get("/gone/", "")).await.problem(), (502, "upstream-unreachable".to_owned()));
    assert_eq!(wire.ask(get("/members/", "")).await.status(), 401);
    // An encoding that only the second reading of the path understands does not choose the site.
    assert_eq!(wire.ask(get("/%73hop/", "")).await.status(), 401);
    assert_eq!((site.requests().len(), shop.requests().len()), (1, 1));
    let cookie = signed_in(&world).await;
    assert_eq!(wire.ask(get("/members/", &cookie)).await.text(), "shop");
    assert!(shop.last().header("x-wechat-openid").is_some());
}

#[tokio::test]
async fn connections_to_the_site_are_used_again() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    }
    assert_eq!(origin.requests().len(), 50);
    origin.had_connections(1, began);
    drop(world);
    origin.is_left_alone().await;
}
