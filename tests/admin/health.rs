//! Health and readiness.

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::operator::world;
use crate::support::{Browser, World, eventually};

async fn reasons(world: &World) -> (u16, Vec<(String, Option<String>)>) {
    let answer = world.look("/readyz").await;
    let json = answer.json();
    assert_eq!(json["ready"], answer.status == 200, "{json}");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let reasons = json["reasons"].as_array().expect("a list").iter();
    let reasons = reasons.map(|reason| (text(&reason["reason"]).expect("a word"), text(&reason["by"])));
    (answer.status.as_u16(), reasons.collect())
}

fn refused(by: &str) -> Vec<(String, Option<String>)> {
    vec![("wechat-misconfigured".to_owned(), Some(by.to_owned()))]
}

#[tokio::test]
async fn open_endpoints_answer_reads_and_nothing_else() {
    let world = world().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = world.look(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("no-store")), "{path}");
        let head = world.operate(Method::HEAD, path, &[], "").await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
        let post = world.operate(Method::POST, path, &[], "").await;
        assert_eq!((post.status.as_u16(), post.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    assert_eq!(world.look("/healthz").await.json(), json!({ "live": true }));
    assert_eq!(reasons(&world).await, (200, vec![]));
}

#[tokio::test]
async fn anything_else_is_a_404_problem() {
    let world = world().await;
    for path in ["/", "/metrics/", "/healthz/x", "/cgi-bin/menu/get", "/admin", "//metrics", "/%6detrics"] {
        let answer = world.ask(path).await;
        assert_eq!((answer.status.as_u16(), answer.content_type()), (404, "application/problem+json"), "{path}");
        let json = answer.json();
        assert_eq!((&json["status"], &json["title"]), (&json!(404), &json!("Not Found")), "{path}");
        assert_eq!(json["request_id"].as_str(), answer.header("x-request-id"), "{path}");
    }
}

#[tokio::test]
async fn r27_visitors_and_operators_share_no_address() {
    let world = world().await;
    let mut visitor = world.signed_in("lin").await;
    for path in ["/healthz", "/readyz", "/metrics", "/cgi-bin/token", "/cgi-bin/ticket/getticket", "/sessions/revoke"] {
        let stranger = world.browser("curl").fetch(&world.url(path)).await;
        assert_eq!(stranger.slug(), "login-required", "{path}: an ordinary path of the site");
        let answer = visitor.get(&world.url(path)).await;
        assert_eq!(answer.json()["target"], path, "the site answers");
    }
    let before = world.site.requests();
    for path in ["/", "/hello", "/_wechat/login", "/_wechat/me"] {
        assert_eq!(world.ask(path).await.status, 404, "{path}: nothing of the visitors' is here");
    }
    assert_eq!(world.site.requests(), before);
}

#[tokio::test]
async fn a_gate_that_drains_is_alive_and_not_ready() {
    let mut world = world().await;
    // Longer than anything here takes.
    world.reload(&world.text.replace("shutdown_grace = '2s'", "shutdown_grace = '1m'")).expect("it is taken");
    let mut visitor = world.signed_in("lin").await;
    let cookie = world.session_of(&mut visitor).expect("a session");
    // A request in flight: its body is not whole yet.
    let mut upload = TcpStream::connect(world.gate).await.expect("the gate listens");
    let head = format!(
        "POST /upload HTTP/1.1\r\nhost: {}\r\ncookie: wxgate={cookie}\r\ncontent-length: 2\r\nconnection: close\r\n\r\na",
        world.gate
    );
    let before = world.site.requests();
    upload.write_all(head.as_bytes()).await.expect("written");
    eventually("the upload is under way", async || world.site.requests() > before).await;
    assert_eq!(reasons(&world).await, (200, vec![]));

    world.ask_gate_to_stop();
    eventually("the gate drains", async || reasons(&world).await.0 == 503).await;
    assert_eq!(reasons(&world).await, (503, vec![("draining".to_owned(), None)]));
    assert_eq!(world.look("/healthz").await.status, 200);

    upload.write_all(b"b").await.expect("written");
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""body":"ab""#), "{answer}");
    world.stop_gate();
    let admin = world.admin.expect("an admin listener");
    assert!(TcpStream::connect(admin).await.is_err(), "with the gate its operator's listener ends");
}

#[tokio::test]
async fn refused_credentials_of_a_sign_in_are_a_reason_until_they_are_good() {
    let world = world().await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/").await;
    world.fault(r#"{"api":"access_token","times":1,"errcode":40125}"#).await;
    browser.get(&callback).await.assert_page(503, "wechat-misconfigured");
    assert_eq!(reasons(&world).await, (503, refused("sign-in")));
    let reason = world.look("/readyz").await.json()["reasons"][0].clone();
    assert_eq!((&reason["errcode"], &reason["since"]), (&json!(40125), &json!(1_800_000_000)));
    world.signed_in("fei").await;
    assert_eq!(reasons(&world).await, (200, vec![]));
}

#[tokio::test]
async fn a_platform_alarm_is_a_reason() {
    let world = world().await;
    world.fault(r#"{"path":"/cgi-bin/stable_token","errcode":40164}"#).await;
    assert_eq!(world.token().await.json()["errcode"], 40164);
    assert_eq!(reasons(&world).await, (503, refused("platform")));
}

#[tokio::test]
async fn connections_may_be_kept_and_are_not_mixed_up() {
    let world = world().await;
    let mut stream = TcpStream::connect(world.admin.expect("an admin listener")).await.expect("it listens");
    let ask = |path: &str, end: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{end}\r\n");
    let requests = ask("/healthz", "") + &ask("/nowhere", "") + &ask("/readyz", "connection: close\r\n");
    stream.write_all(requests.as_bytes()).await.expect("written");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("answers");
    let statuses: Vec<_> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{answers}");
}

#[tokio::test]
async fn r15_whatever_is_sent_the_listener_stays() {
    let world = world().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    for (sent, closes) in [
        ("nonsense\r\n\r\n", true),
        ("\u{0}\u{1}\u{2}", true),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true),
        ("CONNECT x:1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", true),
        ("GET /cgi-bin/token?%zz&=&&a=%ff%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", true),
        ("POST /sessions/revoke HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", true),
        (&long, true),
        (&many, true),
        ("GET / HT", false),
        ("", false),
    ] {
        let mut stream = TcpStream::connect(world.admin.expect("an admin listener")).await.expect("it listens");
        // It may well close before it has read all of it.
        let _ = stream.write_all(sent.as_bytes()).await;
        if closes {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{sent:.40}: {answer}");
        }
        drop(stream);
        assert_eq!(world.look("/healthz").await.status, 200, "{sent:.40}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_keeps_the_gate_from_starting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let text = crate::support::visit::CONFIG.to_owned()
        + &format!("[server]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '{address}'\n");
    let loaded = wxgate::config::Config::parse(&text, &[]).expect("a good configuration");
    let refused = std::thread::spawn(move || {
        wxgate::app::App::bind(&loaded.config, &wxgate::app::Options::default())
            .map(drop)
            .expect_err("taken")
            .to_string()
    });
    let refused = refused.join().expect("no panic");
    assert!(refused.starts_with(&format!("admin.listen: cannot listen on {address}: ")), "{refused}");
}

#[tokio::test]
async fn without_a_section_there_is_no_listener() {
    let world = World::start("").await;
    assert_eq!(world.admin, None);
    assert_eq!(Browser::new("curl").fetch(&world.url("/healthz")).await.slug(), "login-required");
}
