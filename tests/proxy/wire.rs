//! One end of a connection, byte by byte: what a client sends and reads, and what a site reads and sends.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes, shorter than anybody's patience with a test that hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The gate keeps time by ticks, each of which may come a little late and the next on time.
pub const TICK_LATE: Duration = Duration::from_millis(10);

/// A connection and what has been read of it ahead.
pub struct Wire {
    stream: Stream,
    ahead: Vec<u8>,
}

enum Stream {
    Tcp(TcpStream),
    /// A unix socket, or TLS.
    Other(Box<dyn Duplex>),
}

pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// The end has been said, and the other side's system has not confirmed it.
const FIN_WAIT_1: &str = "04";

/// A request or an answer as it came.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The first line.
    pub start: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}")))
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket takes options");
        Self { stream: Stream::Tcp(stream), ahead: Vec::new() }
    }

    pub fn over_other(stream: impl Duplex + 'static) -> Self {
        Self { stream: Stream::Other(Box::new(stream)), ahead: Vec::new() }
    }

    /// Sends all of it, or says that the other side does not want it.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sent = async {
            match &mut self.stream {
                Stream::Tcp(stream) => stream.write_all(bytes.as_ref()).await,
                Stream::Other(stream) => {
                    stream.write_all(bytes.as_ref()).await?;
                    stream.flush().await
                }
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.expect("nobody reads what is sent")
    }

    /// Sends the same over and over until the other side says something, or goes.
    pub async fn send_until_answered(&mut self, bytes: &[u8]) {
        let Stream::Tcp(stream) = &mut self.stream else { panic!("only TCP tells without reading") };
        let (reading, mut writing) = stream.split();
        let sending = async {
            loop {
                tokio::select! {
                    _ = reading.readable() => return,
                    sent = writing.write(bytes) => if sent.is_err() { return },
                }
            }
        };
        tokio::time::timeout(PATIENCE, sending).await.expect("nothing is said to what is sent");
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the other side reads");
    }

    /// Some more bytes; none at the end.
    pub async fn read(&mut self) -> io::Result<Vec<u8>> {
        if !self.ahead.is_empty() {
            return Ok(std::mem::take(&mut self.ahead));
        }
        let mut bytes = vec![0; 64 * 1024];
        let read = async {
            match &mut self.stream {
                Stream::Tcp(stream) => stream.read(&mut bytes).await,
                Stream::Other(stream) => stream.read(&mut bytes).await,
            }
        };
        let count = tokio::time::timeout(PATIENCE, read).await.expect("the other side is silent")?;
        bytes.truncate(count);
        Ok(bytes)
    }

    async fn more(&mut self) -> io::Result<()> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let fresh = self.read().await;
        let ended = fresh.as_ref().is_ok_and(Vec::is_empty);
        ahead.extend(fresh?);
        self.ahead = ahead;
        if ended { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Up to and without `end`, which is taken too.
    async fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(found) = memchr::memmem::find(&self.ahead, end) {
                let rest = self.ahead.split_off(found + end.len());
                let mut taken = std::mem::replace(&mut self.ahead, rest);
                taken.truncate(found);
                return Ok(taken);
            }
            self.more().await?;
        }
    }

    pub async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < count {
            self.more().await?;
        }
        let rest = self.ahead.split_off(count);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    /// Everything until the other side closes or resets.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await.is_ok() {}
        std::mem::take(&mut self.ahead)
    }

    /// Waits for the other side to go, and says whether it said nothing more.
    pub async fn is_closed(&mut self) -> bool {
        self.rest().await.is_empty()
    }

    /// A first line and headers.
    pub async fn head(&mut self) -> io::Result<Message> {
        let head = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let (start, lines) = head.split_once("\r\n").unwrap_or((&head, ""));
        Ok(Message { start: start.to_owned(), headers: fields(lines), ..Message::default() })
    }

    /// A request's or an answer's body, by what its head says; an answer without a length lasts to the end.
    pub async fn body(&mut self, message: &mut Message) -> io::Result<()> {
        if message.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await? {
                message.body.extend(chunk);
            }
            let mut trailers = String::new();
            loop {
                let line = self.until(b"\r\n").await?;
                if line.is_empty() {
                    break;
                }
                trailers += &(String::from_utf8_lossy(&line) + "\r\n");
            }
            message.trailers = fields(&trailers);
        } else if let Some(length) = message.header("content-length") {
            message.body = self.exactly(length.parse().map_err(io::Error::other)?).await?;
        } else if message.start.starts_with("HTTP/") {
            message.body = self.rest().await;
        }
        Ok(())
    }

    /// The data of one chunk; `None` for the last.
    pub async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.until(b"\r\n").await?;
        let size = std::str::from_utf8(&line).map_err(io::Error::other)?;
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            return Ok(None);
        }
        let mut data = self.exactly(size + 2).await?;
        assert_eq!(data.split_off(size), b"\r\n", "a chunk ends with a line's end");
        Ok(Some(data))
    }

    /// A whole answer, or how it broke.
    pub async fn try_answer(&mut self) -> io::Result<Message> {
        let mut answer = self.head().await?;
        if !matches!(answer.status(), 101 | 204 | 304) {
            self.body(&mut answer).await?;
        }
        Ok(answer)
    }

    /// The answer that counts, whether or not a 100 comes before it.
    pub async fn answer_after_continue(&mut self) -> Message {
        let mut answer = self.head().await.expect("a head");
        while answer.status() == 100 {
            answer = self.head().await.expect("a head");
        }
        self.body(&mut answer).await.expect("a whole answer");
        answer
    }

    pub async fn answer(&mut self) -> Message {
        self.try_answer().await.expect("a whole answer")
    }

    /// Sends and gives the answer.
    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request).await;
        self.answer().await
    }

    /// Says that this is all there will be, and listens on.
    pub async fn finish(&mut self) {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.shutdown().await,
            Stream::Other(stream) => stream.shutdown().await,
        }
        .expect("a socket that is open has two halves");
    }

    /// Goes away in good order, and waits until the other side's system knows; whoever serves there may not have looked yet.
    pub async fn leave(mut self) {
        let Stream::Tcp(stream) = &mut self.stream else { panic!("the system tells of TCP") };
        // It may be gone itself.
        let _ = stream.shutdown().await;
        let port = |address: io::Result<SocketAddr>| address.map_or(String::new(), |it| format!(":{:04X}", it.port()));
        let (ours, theirs) = (port(stream.local_addr()), port(stream.peer_addr()));
        // Local address, remote address and state in proc_net_tcp(5).
        let is_unheard = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            [&*ours, &*theirs, FIN_WAIT_1].iter().all(|end| words.next().is_some_and(|word| word.ends_with(end)))
        };
        while std::fs::read_to_string("/proc/net/tcp").expect("there is a list").lines().any(is_unheard) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Goes away with a reset, as a vanished phone or a killed process does.
    pub fn reset(self) {
        if let Stream::Tcp(stream) = &self.stream {
            socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("a socket takes options");
        }
    }
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Message {
    Wire::connect(address).await.ask(request).await
}

/// A GET with these further header lines.
pub fn get(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: m.example.com\r\n{lines}\r\n")
}

fn fields(lines: &str) -> Vec<(String, String)> {
    let pairs = lines.split("\r\n").filter(|line| !line.is_empty()).map(|line| line.split_once(':').expect("a field"));
    pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}

impl Message {
    /// Of an answer.
    pub fn status(&self) -> u16 {
        let code = self.start.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status: {}", self.start))
    }

    /// Of a request.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The one header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is repeated: {self:?}");
        all.first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The slug of one of the gate's own errors, all of whose promises are held against it (contract section 10).
    pub fn slug(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem is JSON");
        assert_eq!(problem["status"], self.status(), "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        let id = self.header("x-request-id").unwrap_or_else(|| panic!("an error without an id: {self:?}"));
        assert_eq!(problem["request_id"], id, "{problem}");
        problem["type"].as_str().and_then(|kind| kind.strip_prefix("urn:wxgate:")).expect("a slug").to_owned()
    }

    /// Status and slug.
    pub fn problem(&self) -> (u16, String) {
        (self.status(), self.slug())
    }
}
