//! Another configuration for a gate that runs: what changes with the next request, what stays, and that nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::gate::{Program, Wants, before, signed_in};
use super::origin::{OK, Origin};
use super::wire::{Wire, ask, get};
use crate::support::{WECHAT, World, eventually, free_port};

const IN_FORCE: &str = "the new configuration is in force";
const REFUSED: &str = "the new configuration is refused";

/// Where nobody has signed in: whether the gate lets a script in.
async fn is_public(wire: &mut Wire, path: &str) -> bool {
    match wire.ask(get(path, "")).await.status() {
        200 => true,
        401 => false,
        other => panic!("{path}: {other}"),
    }
}

fn with_public(text: &str, path: &str) -> String {
    format!("{text}[[route]]\npath = '{path}'\nauth = 'none'\n")
}

#[tokio::test]
async fn the_next_request_of_an_open_connection_is_judged_anew() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wires = Vec::new();
    // Both workers have some of these.
    for _ in 0..16 {
        let mut wire = Wire::connect(world.gate).await;
        assert!(!is_public(&mut wire, "/news").await);
        wires.push(wire);
    }
    world.reload(&with_public(&world.text, "/news")).expect("it is taken");
    for wire in &mut wires {
        assert!(is_public(wire, "/news").await);
    }
    world.reload(&world.text).expect("it is taken");
    for wire in &mut wires {
        assert!(!is_public(wire, "/news").await);
    }
}

#[tokio::test]
async fn r9_whom_the_gate_trusts_changes_for_open_connections_too() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    let lines = "X-Forwarded-For: 203.0.113.9\r\n";
    wire.ask(get("/open/", lines)).await;
    assert_eq!(origin.last().header("x-real-ip"), Some("127.0.0.1"));
    let trusting = world.text.replace("workers = 2\n", "workers = 2\ntrusted_proxies = ['127.0.0.1']\n");
    world.reload(&trusting).expect("it is taken");
    wire.ask(get("/open/", lines)).await;
    assert_eq!(origin.last().header("x-real-ip"), Some("203.0.113.9"));
    world.reload(&world.text).expect("it is taken");
    wire.ask(get("/open/", lines)).await;
    assert_eq!(origin.last().header("x-real-ip"), Some("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_reloads_under_load_fail_no_request() {
    let (one, other) = (Origin::saying(OK).await, Origin::saying(OK).await);
    let world = before(&one, Wants::default()).await;
    let texts = [world.text.replace(&one.address.to_string(), &other.address.to_string()), world.text.clone()];
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut crowd = JoinSet::new();
    for visitor in 0..8 {
        let (gate, stop, answered) = (world.gate, stop.clone(), answered.clone());
        crowd.spawn(async move {
            let mut wire = Wire::connect(gate).await;
            while !stop.load(Ordering::Relaxed) {
                // Half of them come anew for each request.
                if visitor % 2 == 0 {
                    wire = Wire::connect(gate).await;
                }
                let body = "b".repeat(10_000);
                let post = format!("POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
                assert_eq!(wire.ask(post).await.text(), "ok");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for text in texts.iter().cycle().take(20) {
        let before = answered.load(Ordering::Relaxed);
        world.reload(text).expect("it is taken");
        eventually("the load goes on", async || answered.load(Ordering::Relaxed) > before + 16).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(visited) = crowd.join_next().await {
        visited.expect("every request is answered well");
    }
    assert!(!one.requests().is_empty() && !other.requests().is_empty());
}

#[tokio::test]
async fn what_is_in_flight_finishes_where_it_began() {
    let (asked, answer) = (Arc::new(Notify::new()), watch::Sender::new(false));
    let (tell, wait) = (asked.clone(), answer.subscribe());
    let slow = Origin::start(move |mut conversation| {
        let (tell, mut wait) = (tell.clone(), wait.clone());
        async move {
            let request = conversation.request().await.expect("a request");
            let upgrade = request.header("upgrade").is_some();
            if upgrade {
                let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
                conversation.say(switch).await;
            }
            tell.notify_one();
            wait.wait_for(|answer| *answer).await.expect("the test goes on");
            conversation.say(if upgrade { "later" } else { OK }).await;
        }
    })
    .await;
    let fast = Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast").await;
    let world = before(&slow, Wants::default()).await;
    let mut waiting = Wire::connect(world.gate).await;
    waiting.send(get("/open/", "")).await;
    asked.notified().await;
    let mut tunnel = Wire::connect(world.gate).await;
    tunnel.send(get("/open/", "Connection: Upgrade\r\nUpgrade: websocket\r\n")).await;
    assert_eq!(tunnel.head().await.expect("a head").status(), 101);
    asked.notified().await;

    world.reload(&world.text.replace(&slow.address.to_string(), &fast.address.to_string())).expect("it is taken");
    assert_eq!(ask(world.gate, get("/open/", "")).await.text(), "fast");
    answer.send_replace(true);
    assert_eq!(waiting.answer().await.text(), "ok");
    assert_eq!(waiting.ask(get("/open/", "")).await.text(), "fast", "the next is asked elsewhere");
    assert_eq!(tunnel.exactly(5).await.expect("it is still open"), b"later");
}

#[tokio::test]
async fn an_upstream_that_is_the_same_keeps_its_connections() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "", ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    let began = Instant::now();
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    world.reload(&with_public(&world.text, "/news")).expect("it is taken");
    assert_eq!(wire.ask(get("/news", "")).await.text(), "ok");
    origin.had_connections(1, began);
    // With other settings it is another one, and the old connections are let go.
    world.reload(&world.text.replace("[upstream]\n", "[upstream]\nresponse_timeout = '50s'\n")).expect("it is taken");
    assert_eq!(wire.ask(get("/open/", "")).await.text(), "ok");
    origin.had_connections(2, began);
}

#[tokio::test]
async fn addresses_open_and_close_and_whoever_is_in_may_stay() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let (gate, other) = (world.gate.to_string(), free_port());
    let mut inside = Wire::connect(world.gate).await;
    assert_eq!(inside.ask(get("/open/", "")).await.text(), "ok");

    let both = world.text.replace(&format!("listen = '{gate}'"), &format!("listen = ['{gate}', '{other}']"));
    let reloaded = world.reload(&both).expect("it is taken");
    assert_eq!(reloaded.opened.iter().map(ToString::to_string).collect::<Vec<_>>(), [other.to_string()]);
    assert_eq!(ask(other, get("/open/", "")).await.text(), "ok");
    assert_eq!(ask(world.gate, get("/open/", "")).await.text(), "ok");

    let moved = world.text.replace(&format!("listen = '{gate}'"), &format!("listen = '{other}'"));
    let reloaded = world.reload(&moved).expect("it is taken");
    assert_eq!(reloaded.closed.iter().map(ToString::to_string).collect::<Vec<_>>(), [gate]);
    eventually("nobody listens there", async || TcpStream::connect(world.gate).await.is_err()).await;
    assert_eq!(inside.ask(get("/open/", "")).await.text(), "ok", "who is in may stay");
    assert_eq!(ask(other, get("/open/", "")).await.text(), "ok");

    world.reload(&world.text).expect("it is taken");
    assert_eq!(ask(world.gate, get("/open/", "")).await.text(), "ok");
}

#[tokio::test]
async fn an_address_that_is_taken_refuses_the_whole() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let stranger = std::net::TcpListener::bind(free_port()).expect("a free port");
    let taken = stranger.local_addr().expect("an address");
    let listen = format!("listen = '{}'", world.gate);
    let text = with_public(&world.text.replace(&listen, &format!("listen = ['{}', '{taken}']", world.gate)), "/news");
    let problem = world.reload(&text).expect_err("somebody else listens there");
    assert!(problem.contains("server.listen") && problem.contains(&taken.to_string()), "{problem}");
    let mut wire = Wire::connect(world.gate).await;
    assert!(!is_public(&mut wire, "/news").await, "nothing of it is in force");
}

#[tokio::test]
async fn limits_of_connections_and_heads_change() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { server: "header_timeout = '1h'", ..Wants::default() }).await;
    let mut inside = Wire::connect(world.gate).await;
    assert_eq!(inside.ask(get("/open/", "")).await.text(), "ok");
    let long = get("/open/", &format!("X-Long: {}\r\n", "x".repeat(6000)));
    assert_eq!(inside.ask(&long).await.text(), "ok");
    let tight = "workers = 2\nmax_connections = 1\nmax_header_bytes = '4KiB'\n";
    let tight = world.text.replace("workers = 2\n", tight);
    world.reload(&tight).expect("it is taken");
    assert_eq!(inside.ask(get("/open/", "")).await.text(), "ok", "who is in may stay");
    eventually("one more is one too many", async || {
        Wire::connect(world.gate).await.try_answer().await.is_ok_and(|answer| answer.status() == 503)
    })
    .await;
    drop(inside);
    // Where there is no room yet, the answer to that may be lost to a reset.
    let status = async |request: &str| {
        let mut wire = Wire::connect(world.gate).await;
        let _ = wire.try_send(request).await;
        wire.try_answer().await.map_or(0, |answer| answer.status())
    };
    eventually("a long head is too long", async || status(&long).await == 431).await;
    world.reload(&tight.replace("header_timeout = '1h'", "header_timeout = '200ms'")).expect("it is taken");
    eventually("an hour is too long", async || status("GET /open/ HT").await == 408).await;
    world.reload(&world.text).expect("it is taken");
    eventually("it is as before", async || status(&long).await == 200).await;
}

#[tokio::test]
async fn a_sign_in_goes_on_and_an_ended_session_stays_ended() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    world.auto("lin").await;
    let mut ended = world.signed_in("lin").await;
    let cookie = cookie_line(&world, &ended);
    assert_eq!(ask(world.gate, get("/", &cookie)).await.text(), "ok");
    assert!(world.sign_out(&mut ended).await.status.is_redirection());

    let mut visitor = world.browser(WECHAT);
    let begun = world.begin(&mut visitor, "/orders").await;
    let callback = world.consent(&mut visitor, &begun).await;
    world.reload(&with_public(&world.text, "/news")).expect("it is taken");
    let answer = visitor.get(&callback).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(visitor.get(&world.url("/orders")).await.text(), "ok");
    assert_eq!(ask(world.gate, get("/", &cookie)).await.status(), 401, "signed out is signed out");
    // Once more, by an edge that has never seen it.
    world.reload(&world.text).expect("it is taken");
    assert_eq!(ask(world.gate, get("/", &cookie)).await.status(), 401);
    let again = visitor.get(&callback).await;
    assert_eq!(again.status, 303, "a code that was spent before has its outcome: {}", again.text());
    assert_eq!(world.exchanges().await, 2);
}

fn cookie_line(world: &World, browser: &crate::support::Browser) -> String {
    let jar = &browser.cookies[&world.gate.to_string()];
    let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("Cookie: {}\r\n", pairs.join("; "))
}

#[tokio::test]
async fn old_cookies_open_as_the_list_of_secrets_says() {
    const OLD: &str = "'a session secret for tests, 32 bytes at least'";
    const NEW: &str = "'another session secret, as long as the first one'";
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let cookie = signed_in(&world).await;
    for (secrets, status) in [(format!("[{NEW}, {OLD}]"), 200), (NEW.to_owned(), 401), (OLD.to_owned(), 200)] {
        world.reload(&world.text.replace(OLD, &secrets)).expect("it is taken");
        assert_eq!(ask(world.gate, get("/", &cookie)).await.status(), status, "{secrets}");
    }
}

#[tokio::test]
async fn a_secret_that_was_drawn_is_not_drawn_again() {
    let origin = Origin::saying(OK).await;
    let drawn = |text: &str| text.replace("secret = 'a session secret for tests, 32 bytes at least'\n", "");
    let world = World::with(|text| drawn(&text), wxgate::simulator::Settings::default()).await;
    let cookie = signed_in(&world).await;
    world.reload(&with_public(&world.text, "/news")).expect("it is taken");
    assert_eq!(ask(world.gate, get("/", &cookie)).await.status(), 200);
    drop(origin);
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_stays() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let text = world.text.replace("workers = 2", "workers = 1").replace("[log]", "[log]\nformat = 'json'");
    for _ in 0..2 {
        assert_eq!(world.reload(&text).expect("it is taken").need_a_restart, ["server.workers", "log.format"]);
    }
    assert!(world.reload(&world.text).expect("it is taken").need_a_restart.is_empty());
    assert_eq!(ask(world.gate, get("/open/", "")).await.text(), "ok");
}

#[tokio::test]
async fn the_operators_listener_follows() {
    let origin = Origin::saying(OK).await;
    let (first, second) = (free_port(), free_port());
    let admin = |address, token: &str| format!("[admin]\nlisten = '{address}'\ntoken = '{token}'\n");
    let one = admin(first, "an-admin-token-of-the-tests");
    let world = before(&origin, Wants { rest: &one, ..Wants::default() }).await;
    let token = |word: &str| get("/cgi-bin/ticket/getticket", &format!("Authorization: Bearer {word}\r\n"));
    assert_eq!(ask(world.gate, get("/open/", "")).await.text(), "ok");
    assert_eq!(ask(first, token("an-admin-token-of-the-tests")).await.status(), 200);

    world.reload(&world.text.replace("an-admin-token", "another-token")).expect("it is taken");
    assert_eq!(ask(first, token("an-admin-token-of-the-tests")).await.status(), 401);
    assert_eq!(ask(first, token("another-token-of-the-tests")).await.status(), 200);
    let counted = ask(first, get("/metrics", "")).await.text();
    assert!(counted.contains("wxgate_requests_total{outcome=\"proxied\",status=\"200\"} 1\n"), "{counted}");

    world.reload(&world.text.replace(&one, &admin(second, "an-admin-token-of-the-tests"))).expect("it is taken");
    assert_eq!(ask(second, get("/healthz", "")).await.status(), 200);
    eventually("nobody listens there", async || TcpStream::connect(first).await.is_err()).await;
    world.reload(&world.text.replace(&one, "")).expect("it is taken");
    eventually("nobody listens anywhere", async || TcpStream::connect(second).await.is_err()).await;
}

#[tokio::test]
async fn a_hangup_reads_the_file_again_and_a_bad_one_changes_nothing() {
    let origin = Origin::saying(OK).await;
    let (mut program, said) = Program::followed(&origin, Wants::default()).await;
    let text = program.text();
    let mut wire = Wire::connect(program.address).await;
    assert!(!is_public(&mut wire, "/news").await);

    program.reload(&with_public(&text, "/news"), &said, IN_FORCE).await;
    assert!(is_public(&mut wire, "/news").await);

    let lines = text.lines().count() + 1;
    let news = program.reload(&format!("{text}[[rout]]\n[server2]\n"), &said, REFUSED).await;
    assert!(news.contains(&format!("config.toml:{lines}: rout: ")) && news.contains("server2"), "{news}");
    assert!(is_public(&mut wire, "/news").await, "the one before is in force");
    let news = program.reload("nonsense", &said, REFUSED).await;
    assert!(news.contains("config.toml:1: "), "{news}");
    std::fs::remove_file(program.file("config.toml")).expect("it was there");
    let before = said.so_far().len();
    program.signal("HUP");
    eventually("it says that", async || said.so_far()[before..].contains("config.toml cannot be read")).await;
    assert!(is_public(&mut wire, "/news").await);

    let stranger = std::net::TcpListener::bind(free_port()).expect("a free port");
    let taken = stranger.local_addr().expect("an address");
    let listen = format!("listen = ['{}', '{taken}']", program.address);
    let asked = text.replace(&format!("listen = '{}'", program.address), &listen);
    let news = program.reload(&asked, &said, REFUSED).await;
    assert!(news.contains("server.listen") && news.contains(&taken.to_string()), "{news}");
    assert!(is_public(&mut wire, "/news").await);

    let news = program.reload(&text.replace("workers = 2", "workers = 3"), &said, IN_FORCE).await;
    assert!(news.contains("server.workers"), "{news}");
    assert!(!is_public(&mut wire, "/news").await);
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    assert!(!said.so_far().contains("none-that-WeChat-knows"), "{}", said.so_far());
}
