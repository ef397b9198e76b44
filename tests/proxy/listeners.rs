//! Where the program listens besides an address and a port: unix sockets, and sockets that systemd holds.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use tokio::net::UnixStream;

use super::gate::{Program, Wants, try_activated, try_config};
use super::origin::{OK, Origin};
use super::wire::{Message, Wire, ask, get};
use crate::support::{eventually, free_port};

const BOTH: &str = "['ADDRESS', 'unix:DIRECTORY/gate.sock']";

async fn ask_at(path: &Path, request: String) -> Message {
    // A gate takes its places one after the other: that it is at the first does not say that it is at the last.
    let mut stream = None;
    eventually("somebody listens", async || {
        stream = UnixStream::connect(path).await.ok();
        stream.is_some()
    })
    .await;
    Wire::over_other(stream.expect("a connection")).ask(request).await
}

#[tokio::test]
async fn a_unix_socket_is_there_for_all_and_gone_with_the_gate() {
    let origin = Origin::saying(OK).await;
    let mut program = Program::before(&origin, Wants { listen: BOTH, ..Wants::default() }).await;
    let path = program.file("gate.sock");
    for _ in 0..20 {
        assert_eq!(ask_at(&path, get("/open/", "")).await.text(), "ok");
    }
    assert_eq!(ask(program.address, get("/open/", "")).await.text(), "ok", "beside the address");
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o666);
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    assert!(!path.exists(), "it is left behind");
}

#[tokio::test]
async fn what_a_killed_gate_left_is_replaced_and_what_lives_is_not() {
    let origin = Origin::saying(OK).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gate.sock");
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists(), "it outlives its listener");
    let listen = format!("['ADDRESS', 'unix:{}']", path.display());
    let program = Program::before(&origin, Wants { listen: &listen, ..Wants::default() }).await;
    assert_eq!(ask_at(&path, get("/open/", "")).await.text(), "ok");

    let text = |path: &Path| {
        format!(
            "public_url = 'http://127.0.0.1:1'\nupstream = 'http://127.0.0.1:9'\n[server]\nlisten = 'unix:{}'\n\
             [official_account]\napp_id = 'wx0123456789abcdef'\napp_secret = 'secret'\n",
            path.display()
        )
    };
    let (code, said) = try_config(&text(&path)).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("server.listen: cannot listen on unix:") && said.contains("another process"), "{said}");
    assert_eq!(ask_at(&path, get("/open/", "")).await.text(), "ok", "the first one goes on");

    let file = directory.path().join("file");
    std::fs::write(&file, "precious").expect("a file");
    for (path, why) in [(&file, "no socket"), (&directory.path().join("no/where"), "No such file")] {
        let (code, said) = try_config(&text(path)).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "precious");
    drop(program);
    assert!(path.exists(), "killed, it could not tidy up");
}

#[tokio::test]
async fn a_socket_that_somebody_else_has_put_there_meanwhile_stays() {
    let origin = Origin::saying(OK).await;
    let mut program = Program::before(&origin, Wants { listen: BOTH, ..Wants::default() }).await;
    let path = program.file("gate.sock");
    std::fs::remove_file(&path).expect("it is there");
    let _other = UnixListener::bind(&path).expect("a socket");
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    assert!(path.exists());
}

#[tokio::test]
async fn r9_a_peer_at_a_unix_socket_counts_as_this_machine() {
    for (trusted, told) in
        [("[]", "127.0.0.1"), ("['127.0.0.1']", "198.51.100.7"), ("['::1', '10.0.0.0/8']", "127.0.0.1")]
    {
        let origin = Origin::saying(OK).await;
        let server = format!("trusted_proxies = {trusted}");
        let program = Program::before(&origin, Wants { listen: BOTH, server: &server, ..Wants::default() }).await;
        let request = get("/open/", "X-Forwarded-For: 198.51.100.7\r\n");
        assert_eq!(ask_at(&program.file("gate.sock"), request).await.status(), 200);
        assert_eq!(origin.last().header("x-real-ip"), Some(told), "{trusted}");
    }
}

#[tokio::test]
async fn a_socket_that_systemd_holds_outlives_the_gate() {
    let origin = Origin::saying(OK).await;
    let socket = TcpListener::bind(free_port()).expect("a port");
    let address = socket.local_addr().expect("an address");
    let wants = || Wants { listen: "'systemd:name'", ..Wants::default() };
    let handed = || socket.try_clone().expect("a handle").into();
    let mut program = Program::activated(&origin, handed(), wants()).await;
    for _ in 0..20 {
        assert_eq!(ask(address, get("/open/", "")).await.text(), "ok");
    }
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    // Nobody is there, and nobody is turned away.
    let mut early = Wire::connect(address).await;
    early.send(get("/open/", "")).await;
    let _program = Program::activated(&origin, handed(), wants()).await;
    assert_eq!(early.answer().await.text(), "ok");
}

#[tokio::test]
async fn systemd_may_hold_a_unix_socket() {
    let origin = Origin::saying(OK).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gate.sock");
    let socket = UnixListener::bind(&path).expect("a socket");
    let listen = "['ADDRESS', 'systemd:name']";
    let mut program = Program::activated(&origin, socket.into(), Wants { listen, ..Wants::default() }).await;
    assert_eq!(ask_at(&path, get("/open/", "")).await.text(), "ok");
    program.signal("TERM");
    assert_eq!(program.exit_code().await, Some(0));
    assert!(path.exists(), "it is systemd's to remove");
}

#[tokio::test]
async fn a_name_that_systemd_does_not_give_is_a_problem_that_says_what_there_is() {
    let text = "public_url = 'http://127.0.0.1:1'\nupstream = 'http://127.0.0.1:9'\n[server]\nlisten = 'systemd:other'\n\
                [official_account]\napp_id = 'wx0123456789abcdef'\napp_secret = 'secret'\n";
    let socket = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let connected = || std::net::TcpStream::connect(socket().local_addr().expect("an address")).map(Into::into).ok();
    for (given, what) in [
        (None, "it holds none at all"),
        (Some(socket().into()), "it holds name"),
        // Nothing to accept connections on.
        (Some(std::fs::File::open("/dev/null").expect("it is there").into()), "it holds none at all"),
        (connected(), "it holds none at all"),
    ] {
        let (code, said) = try_activated(text, given).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("server.listen: cannot listen on systemd:other") && said.contains(what), "{said}");
    }
}

#[tokio::test]
async fn systemd_is_told_when_the_gate_is_ready_and_when_it_stops() {
    let origin = Origin::saying(OK).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_nonblocking(true).expect("a socket takes options");
    let heard = async |what: &str| {
        let mut word = [0; 100];
        let mut length = None;
        eventually("systemd is told", async || {
            length = socket.recv(&mut word).ok();
            length.is_some()
        })
        .await;
        assert_eq!(String::from_utf8_lossy(&word[..length.expect("just heard")]), what);
    };
    let mut program = Program::notifying(&origin, &path).await;
    heard("READY=1").await;
    program.signal("TERM");
    heard("STOPPING=1").await;
    assert_eq!(program.exit_code().await, Some(0));
}
