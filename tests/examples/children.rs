//! The programs the examples need, started on free ports and ended with the test.

#[path = "../support/ports.rs"]
mod ports;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Far more than a start takes; only a hung one meets it.
const LONG: Duration = Duration::from_secs(60);

/// A running program with the port it listens on.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `php -S` in front of the pages of `examples/php`.
pub(crate) fn php() -> Running {
    // PHP does not say which port it was given for 0, and a free one found now may be taken a moment later.
    (0..5).find_map(|_| php_on(free_port())).expect("php -S starts on one of five free ports")
}

fn php_on(port: u16) -> Option<Running> {
    let mut command = Command::new("php");
    command.args(["-S", &format!("127.0.0.1:{port}"), "-t"]).arg(in_repository("examples/php/public"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect(MISSING);
    let mut running = Running { child, port };
    let began = Instant::now();
    while began.elapsed() < LONG {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(running);
        }
        if running.child.try_wait().expect("a child").is_some() {
            return None;
        }
        thread::yield_now();
    }
    panic!("php -S does not listen on port {port}");
}

/// `examples/node`, told where the gate is and what its public URL is.
pub(crate) fn node(gate: &str, public_url: &str) -> Running {
    let mut command = Command::new("node");
    command.arg("server.js").current_dir(in_repository("examples/node"));
    command.env("PORT", "0").env("GATE", gate).env("PUBLIC_URL", public_url);
    start(command, "listening on http://127.0.0.1:")
}

/// `examples/spa`.
pub(crate) fn spa() -> Running {
    let mut command = Command::new("node");
    command.arg("server.js").current_dir(in_repository("examples/spa")).env("PORT", "0");
    start(command, "listening on http://127.0.0.1:")
}

/// Starts a program and reads its port from the line that has `mark`, on either output.
pub(crate) fn start(mut command: Command, mark: &'static str) -> Running {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect(MISSING);
    let mut running = Running { child, port: 0 };
    let child = &mut running.child;
    let (say, said) = mpsc::channel();
    listen(child.stdout.take().expect("piped"), say.clone());
    listen(child.stderr.take().expect("piped"), say);
    let mut heard = Vec::new();
    // Ends when both outputs end, or a line takes too long.
    while let Ok(line) = said.recv_timeout(LONG) {
        let digits = line.split_once(mark).map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
        if let Some(port) = digits.and_then(|digits: String| digits.parse().ok()) {
            // The rest is read on, lest the program wait for somebody to listen.
            thread::spawn(move || while said.recv().is_ok() {});
            running.port = port;
            return running;
        }
        heard.push(line);
    }
    panic!("{command:?} never said {mark:?}, only:\n{}", heard.join("\n"));
}

fn listen(output: impl std::io::Read + Send + 'static, say: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if say.send(line).is_err() {
                return;
            }
        }
    });
}

pub(crate) fn free_port() -> u16 {
    ports::free_port().port()
}

const MISSING: &str = "the program is installed: tests/run installs what the examples need";
