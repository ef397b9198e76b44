//! Asks at a fixed rate and tells how long answers took: `pace ADDRESS PATH COOKIE RATE CONNECTIONS SECONDS` prints the
//! median, the 99th and the 99.9th percentile, in milliseconds.
//!
//! A request's time counts from when it was due, not from when a connection was free for it: whoever is slow once is
//! charged for all that had to wait meanwhile (this is what load generators that wait for answers leave out).

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The system lets sleepers lie 50 µs longer than they asked unless told otherwise.
const SLACK: &str = "/proc/self/timerslack_ns";

/// What one connection has to ask, and when.
struct Asker {
    address: SocketAddr,
    request: String,
    first: Instant,
    every: Duration,
    end: Instant,
}

impl Asker {
    fn ask(self) -> std::io::Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let (mut took, mut answer) = (Vec::new(), Vec::with_capacity(64 * 1024));
        let mut due = self.first;
        while due < self.end {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.write_all(self.request.as_bytes())?;
            read_answer(&mut stream, &mut answer)?;
            took.push(due.elapsed());
            due += self.every;
        }
        Ok(took)
    }
}

/// Reads one answer of known length, which must be a good one.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> std::io::Result<()> {
    let broken = |what: &str| std::io::Error::other(what.to_owned());
    answer.clear();
    let mut piece = [0; 16 * 1024];
    let mut whole = None;
    while whole.is_none_or(|whole| answer.len() < whole) {
        match stream.read(&mut piece)? {
            0 => return Err(broken("the connection was closed")),
            count => answer.extend_from_slice(&piece[..count]),
        }
        if whole.is_none()
            && let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(broken(&head));
            }
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            whole = Some(end + 4 + length.ok_or_else(|| broken("an answer without a length"))?);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [address, path, cookie, rate, connections, seconds] = &words[..] else {
        // As every bench is called by `cargo bench` without a word.
        return Ok(());
    };
    let (rate, connections, seconds): (f64, u32, u64) = (rate.parse()?, connections.parse()?, seconds.parse()?);
    let _ = std::fs::write(SLACK, "1");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: pace\r\nCookie: {cookie}\r\n\r\n");
    let every = Duration::from_secs_f64(f64::from(connections) / rate);
    let begin = Instant::now() + Duration::from_millis(200);
    // The first second is for warming up.
    let end = begin + Duration::from_secs(seconds + 1);
    let askers: Vec<JoinHandle<std::io::Result<Vec<Duration>>>> = (0..connections)
        .map(|index| {
            let first = begin + every * index / connections;
            let asker = Asker { address: address.parse()?, request: request.clone(), first, every, end };
            Ok(std::thread::spawn(move || asker.ask()))
        })
        .collect::<Result<_, std::net::AddrParseError>>()?;
    let mut took = Vec::new();
    for asker in askers {
        let each = asker.join().map_err(|_| "an asker panicked")??;
        let warm = each.len() / usize::try_from(seconds + 1)?;
        took.extend_from_slice(&each[warm..]);
    }
    took.sort_unstable();
    report(&took);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn report(took: &[Duration]) {
    let at = |thousandths: usize| took[(took.len() - 1) * thousandths / 1000].as_secs_f64() * 1000.0;
    println!("{:.3} {:.3} {:.3}", at(500), at(990), at(999));
}
