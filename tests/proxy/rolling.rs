//! Two gates behind one address, restarted in turn while visitors come and go: none of them notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::gate::{Program, Wants};
use super::origin::{OK, Origin};
use super::wire::{Wire, get};
use crate::support::eventually;

/// Joins every connection with one to a gate that takes it, in turn; it understands nothing of what passes.
async fn balance(listener: TcpListener, gates: [SocketAddr; 2]) {
    for turn in 0.. {
        let (mut client, _) = listener.accept().await.expect("a connection");
        tokio::spawn(async move {
            let mut gate = TcpStream::connect(gates[turn % 2]).await;
            if gate.is_err() {
                gate = TcpStream::connect(gates[(turn + 1) % 2]).await;
            }
            let mut gate = gate.expect("one of the two is there");
            let _ = copy_bidirectional(&mut client, &mut gate).await;
        });
    }
}

/// A gate that is to stop keeps a connection at rest for so long, since the next request may be on its way. On a machine
/// that stands still it may be longer on its way than that.
const LAST_WORD: Duration = Duration::from_millis(500);

/// What visitors do until they are told to stop, and how often it went well. Any failure is the test's.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    answered: AtomicUsize,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    /// Asks once. `false` where nothing more can be asked on this connection: the gate has said so, or gone while the
    /// request was on its way.
    async fn ask(&self, visitor: &mut Visitor, request: &str) -> bool {
        let before = std::mem::replace(&mut visitor.moved, Instant::now());
        let answer = match visitor.wire.try_send(request).await {
            Ok(()) => visitor.wire.try_answer().await,
            Err(error) => Err(error),
        };
        let answer = match answer {
            Err(_) if before.elapsed() >= LAST_WORD => return false,
            answer => answer.unwrap_or_else(|error| panic!("after {:?} answers: {error}", self.answered)),
        };
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
        self.answered.fetch_add(1, Ordering::SeqCst);
        answer.header("connection") != Some("close")
    }
}

struct Visitor {
    wire: Wire,
    /// No later than the gate last saw anything of it.
    moved: Instant,
}

impl Visitor {
    async fn comes(address: SocketAddr) -> Self {
        let moved = Instant::now();
        Self { wire: Wire::connect(address).await, moved }
    }
}

async fn comes_anew(load: Arc<Load>, address: SocketAddr) {
    while load.goes_on() {
        load.ask(&mut Visitor::comes(address).await, &get("/open/", "Connection: close\r\n")).await;
    }
}

async fn stays(load: Arc<Load>, address: SocketAddr, request: String, pause: Duration) {
    let mut visitor = Visitor::comes(address).await;
    while load.goes_on() {
        if !load.ask(&mut visitor, &request).await {
            visitor = Visitor::comes(address).await;
        }
        tokio::time::sleep(pause).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gates_restarted_in_turn_under_load_fail_no_request() {
    let origin = Origin::start(async |mut conversation| {
        while let Some(request) = conversation.request().await {
            if request.target() == "/open/slow" {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            conversation.say(OK).await;
        }
    })
    .await;
    let mut programs =
        [Program::before(&origin, Wants::default()).await, Program::before(&origin, Wants::default()).await];
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let balancing = tokio::spawn(balance(listener, [programs[0].address, programs[1].address]));

    let load = Arc::new(Load::default());
    let mut visitors = JoinSet::new();
    let upload = format!("POST /open/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    for _ in 0..4 {
        visitors.spawn(comes_anew(load.clone(), address));
        for (request, pause) in
            [(get("/open/", ""), 0), (get("/open/", ""), 150), (get("/open/slow", ""), 0), (upload.clone(), 20)]
        {
            visitors.spawn(stays(load.clone(), address, request, Duration::from_millis(pause)));
        }
    }
    for turn in 0..6 {
        let before = load.answered.load(Ordering::SeqCst);
        programs[turn % 2].restart().await;
        eventually("there are answers", async || load.answered.load(Ordering::SeqCst) > before + 200).await;
    }
    load.over.store(true, Ordering::SeqCst);
    while let Some(visited) = visitors.join_next().await {
        visited.expect("no request failed");
    }
    balancing.abort();
}
