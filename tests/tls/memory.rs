//! What HTTP/2 may cost in memory, as the README promises: whatever its client does, and the site.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::frames::*;
use super::gate::{Authority, connect};
use super::site;
use crate::support::{eventually, free_port};

/// Enough that what is not per request hardly counts.
const CONNECTIONS: usize = 8;

/// Nothing moves any more.
const CALM: Duration = Duration::from_millis(500);

/// The largest window there is.
const ALL: u32 = 0x7fff_ffff;

/// A site that sends as much as anybody takes, takes nothing, or says nothing.
async fn converse(mut stream: TcpStream) -> std::io::Result<()> {
    while let Some(path) = site::asked(&mut stream).await? {
        let endless: &[u8] = match &*path {
            "/page" => {
                let page = "x".repeat(60_000);
                stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{page}").as_bytes()).await?;
                continue;
            }
            "/down" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n",
            "/socket" => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            _ => std::future::pending().await,
        };
        stream.write_all(endless).await?;
        let zeros = vec![0; 1 << 18];
        loop {
            stream.write_all(&zeros).await?;
        }
    }
    Ok(())
}

/// The program itself, killed when dropped.
struct Program {
    child: Child,
    address: SocketAddr,
    authority: Authority,
}

impl Program {
    async fn before(site: SocketAddr, places: usize) -> Self {
        let (address, authority) = (free_port(), Authority::new());
        let texts = authority.sign("localhost");
        authority.put("cert", &texts.cert);
        authority.put("key", &texts.key);
        let text = format!(
            "public_url = 'https://localhost:{}'\nupstream = 'http://{site}'\n\
             [server]\nlisten = []\nworkers = 2\nmax_connections = {places}\n\
             [server.tls]\nlisten = '{address}'\ncert = 'cert'\nkey = 'key'\n\
             [official_account]\napp_id = 'wx0123456789abcdef'\napp_secret = 'none-that-WeChat-knows'\n\
             [session]\nsecret = 'a session secret for tests, 32 bytes at least'\n[log]\naccess = false\n\
             [[route]]\npath = '/**'\nauth = 'none'\n",
            address.port(),
        );
        authority.put("config.toml", &text);
        let folder = authority.path("config.toml").parent().expect("it is in a folder").to_owned();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wxgate"));
        command.args(["run", "-c", "config.toml"]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Self { child: command.spawn().expect("the program starts"), address, authority };
        eventually("the program listens", async || TcpStream::connect(address).await.is_ok()).await;
        program
    }

    async fn wire(&self, window: u32) -> Wire {
        let config = Arc::new(self.authority.client(rustls::ALL_VERSIONS, &["h2"]));
        let stream = connect(self.address, &config, "localhost").await.expect("a handshake");
        let mut wire = Wire::over(stream).await.settled(&[(INITIAL_WINDOW, window)]).await;
        // Its windows are wider once their settings have been acknowledged.
        wire.hear_until(|frame| frame.kind == WINDOW_UPDATE).await.expect("a window");
        // The connection's own window is 65,535 to begin with.
        wire.say(WINDOW_UPDATE, 0, 0, &(ALL - 65_535).to_be_bytes()).await.expect("said");
        wire
    }

    /// In KiB, once nothing has moved for so long.
    async fn resident(&self, calm: Duration) -> usize {
        let (mut last, mut since) = (0, Instant::now());
        eventually("nothing moves any more", async || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
            let now = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
            if now != last {
                (last, since) = (now, Instant::now());
            }
            since.elapsed() > calm
        })
        .await;
        last
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one of a crowd asks for.
struct Crowd {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    /// How much of each answer they take.
    window: u32,
    /// How many requests each has beside each other.
    each: u32,
    /// Places of the gate's for requests.
    places: usize,
    /// What its requests cost at most, in KiB.
    most: usize,
}

impl Crowd {
    async fn ask(&self, wire: &mut Wire) {
        let streams = (0..self.each).map(|index| 2 * index + 1);
        let heads = streams.clone().flat_map(|stream| {
            let protocol = if self.method == "CONNECT" { block(&[(":protocol", "websocket")]) } else { Vec::new() };
            let flags = if self.method == "GET" { END_HEADERS | END_STREAM } else { END_HEADERS };
            frame(HEADERS, flags, stream, &[protocol, request(self.method, self.path, &[])].concat())
        });
        wire.raw(&heads.collect::<Vec<u8>>()).await.expect("said");
        if self.method == "POST" {
            upload(wire, streams.collect()).await;
        }
    }
}

/// Sends as much as the gate takes.
async fn upload(wire: &mut Wire, streams: Vec<u32>) {
    const PIECE: u32 = 16_000;
    let mut windows: std::collections::HashMap<u32, u32> = streams.iter().map(|stream| (*stream, 256 * 1024)).collect();
    windows.insert(0, 512 * 1024);
    loop {
        let sent = streams.iter().find(|stream| windows[stream] >= PIECE && windows[&0] >= PIECE);
        if let Some(stream) = sent {
            wire.say(DATA, 0, *stream, &[0; PIECE as usize]).await.expect("said");
            for window in [stream, &0] {
                *windows.get_mut(window).expect("it has one") -= PIECE;
            }
            continue;
        }
        let is_more = |frame: &Frame| frame.kind == WINDOW_UPDATE;
        let Ok(more) = tokio::time::timeout(Duration::from_millis(300), wire.hear_until(is_more)).await else { return };
        let more = more.expect("the connection lives on");
        let size = u32::from_be_bytes(*more.payload.first_chunk().expect("a size"));
        *windows.entry(more.stream).or_default() += size;
    }
}

/// What a connection costs at most, TLS and the refusals that it does not take included, and each of its requests.
const CONNECTION: usize = 400;
const REQUEST: usize = 576;
const AT_REST: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_http2_costs_what_the_readme_says() {
    let few = Crowd { what: "", method: "GET", path: "/wait", window: ALL, each: 60, places: 2000, most: 60 * REQUEST };
    for crowd in [
        Crowd { what: "asks and waits", most: 60 * 64, ..few },
        Crowd { what: "does not take a page", path: "/page", window: 1, most: 60 * 128, ..few },
        Crowd { what: "does not read a page", path: "/page", most: 60 * 128, ..few },
        Crowd { what: "takes a little", path: "/down", window: 65_535, ..few },
        Crowd { what: "takes more", path: "/down", window: 200_000, ..few },
        Crowd { what: "reads nothing", path: "/down", ..few },
        Crowd { what: "has tunnels and takes little", method: "CONNECT", path: "/socket", window: 65_535, ..few },
        Crowd { what: "has tunnels and reads nothing", method: "CONNECT", path: "/socket", ..few },
        Crowd { what: "sends", method: "POST", each: 1, most: REQUEST, ..few },
        Crowd { what: "sends twice", method: "POST", each: 2, most: 2 * REQUEST, ..few },
        Crowd { what: "sends more often", method: "POST", each: 10, most: 10 * REQUEST, ..few },
        Crowd { what: "finds no place", window: 1, each: 128, places: CONNECTIONS + 1, most: 0, ..few },
    ] {
        let program = Program::before(site::listen(converse).await, crowd.places).await;
        program.wire(ALL).await.take_a_page().await;
        let before = program.resident(CALM).await;
        let mut wires = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut wire = program.wire(crowd.window).await;
            crowd.ask(&mut wire).await;
            wires.push(wire);
        }
        let cost = program.resident(CALM).await.saturating_sub(before) / CONNECTIONS;
        assert!(cost <= CONNECTION + crowd.most, "who {}: {cost} KiB", crowd.what);
        assert!(cost > (CONNECTION + crowd.most) / 25, "who {}: {cost} KiB is no measurement", crowd.what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_http2_at_rest_costs_what_the_readme_says() {
    const CROWD: usize = 150;
    let program = Program::before(site::listen(converse).await, 2000).await;
    program.wire(ALL).await.take_a_page().await;
    let before = program.resident(CALM).await;
    let mut wires = Vec::new();
    for _ in 0..CROWD {
        let mut wire = program.wire(ALL).await;
        wire.take_a_page().await;
        wires.push(wire);
    }
    // Connections to the site are kept for three seconds, and a busy machine may be late with it.
    let mut cost = usize::MAX;
    for _ in 0..5 {
        cost = program.resident(Duration::from_millis(4500)).await.saturating_sub(before) / CROWD;
        if cost <= AT_REST {
            break;
        }
    }
    assert!(cost <= AT_REST, "{cost} KiB");
    assert!(cost > AT_REST / 10, "{cost} KiB is no measurement");
}

impl Wire {
    async fn take_a_page(&mut self) {
        self.say(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/page", &[])).await.expect("said");
        self.hear_until(|frame| frame.kind == DATA && frame.flags & END_STREAM != 0).await.expect("a page");
    }
}
