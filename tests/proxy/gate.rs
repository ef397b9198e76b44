//! Gates in front of an [`Origin`]: in this process, or as the program itself.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use wxgate::simulator::Settings;

use super::origin::Origin;
use super::wire::{Wire, get};
use crate::support::{WECHAT, World, eventually, free_port};

/// What a test wants otherwise.
#[derive(Default)]
pub struct Wants<'a> {
    /// Where the program listens, if not at `'ADDRESS'` alone; `DIRECTORY` is one of its own.
    pub listen: &'a str,
    /// Lines of `[server]`.
    pub server: &'a str,
    /// Lines of `[upstream]`.
    pub upstream: &'a str,
    /// The rest of the file, after a route that lets everybody to `/open/**`.
    pub rest: &'a str,
}

const OPEN: &str = "[[route]]\npath = '/open/**'\nauth = 'none'\n";

/// A gate in front of the origin.
pub async fn before(origin: &Origin, wants: Wants<'_>) -> World {
    before_url(&format!("http://{}", origin.address), wants).await
}

pub async fn before_url(url: &str, Wants { server, upstream, rest, .. }: Wants<'_>) -> World {
    let edit = |text: String| {
        let line = text.lines().find(|line| line.starts_with("upstream = ")).expect("the upstream's line").to_owned();
        let text = text.replace(&line, "").replace("workers = 2\n", &format!("workers = 2\n{server}\n"));
        // A site that speaks TLS has to be awake for a connection, and it is the test's.
        let patience = if upstream.contains("connect_timeout") { "" } else { "connect_timeout = '1m'\n" };
        format!("{text}\n[upstream]\nurl = '{url}'\n{patience}{upstream}\n[log]\naccess = false\n{OPEN}{rest}")
    };
    World::with(edit, Settings::default()).await
}

/// The `Cookie` line of somebody who has signed in as `lin`. The site answers whatever it is asked meanwhile.
pub async fn signed_in(world: &World) -> String {
    world.auto("lin").await;
    let mut browser = world.browser(WECHAT);
    let answer = browser.follow(&world.url("/")).await;
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    let jar = &browser.cookies[&world.gate.to_string()];
    let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("Cookie: {}\r\n", pairs.join("; "))
}

/// The program itself.
pub struct Program {
    pub address: SocketAddr,
    child: Running,
    directory: TempDir,
}

impl Program {
    /// Runs it in front of the origin until it answers.
    pub async fn before(origin: &Origin, wants: Wants<'_>) -> Self {
        Self::launch(&format!("http://{}", origin.address), wants, Stdio::null()).await
    }

    /// As [`Program::before`], with all that it says until it ends.
    pub async fn heard(origin: &Origin, wants: Wants<'_>) -> (Self, JoinHandle<String>) {
        Self::launch(&format!("http://{}", origin.address), wants, Stdio::piped()).await.until_it_ends()
    }

    async fn launch(url: &str, wants: Wants<'_>, stderr: Stdio) -> Self {
        Self::launch_as(&[], Stdio::null(), url, wants, stderr).await
    }

    /// Under another program, which is given it as its last words.
    async fn launch_as(under: &[&str], stdin: Stdio, url: &str, wants: Wants<'_>, stderr: Stdio) -> Self {
        let Wants { listen, server, upstream, rest } = wants;
        let directory = tempfile::tempdir().expect("a directory");
        let address = free_port();
        let listen = if listen.is_empty() { "'ADDRESS'" } else { listen };
        let listen = listen.replace("ADDRESS", &address.to_string());
        let listen = listen.replace("DIRECTORY", &directory.path().display().to_string());
        let text = format!(
            "public_url = 'http://{address}'\n[server]\nlisten = {listen}\nworkers = 2\n{server}\n\
             [upstream]\nurl = '{url}'\n{upstream}\n\
             [official_account]\napp_id = 'wx0123456789abcdef'\napp_secret = 'none-that-WeChat-knows'\n\
             [session]\nsecret = 'a session secret for tests, 32 bytes at least'\n[log]\naccess = false\n{OPEN}{rest}"
        );
        fs::write(directory.path().join("config.toml"), text).expect("a file");
        let child = run_under(under, stdin, &["run", "-c", "config.toml"], &directory, stderr);
        let mut program = Self { address, child, directory };
        if listen.contains(&address.to_string()) {
            program.listens().await;
        }
        program
    }

    /// It has its places before it takes signals; whoever has been answered can count on both.
    async fn listens(&mut self) {
        eventually("the program answers", async || {
            assert_eq!(self.ended(), None, "it ended instead");
            let Ok(stream) = tokio::net::TcpStream::connect(self.address).await else { return false };
            let mut wire = Wire::over(stream);
            wire.try_send(get("/..", "")).await.is_ok() && wire.try_answer().await.is_ok()
        })
        .await;
    }

    /// Stops it in good order, and begins anew.
    pub async fn restart(&mut self) {
        self.signal("TERM");
        assert_eq!(self.exit_code().await, Some(0));
        self.child = run(&["run", "-c", "config.toml"], &self.directory, Stdio::null());
        self.listens().await;
    }

    /// With a listening socket that systemd would hand to it under the name `name`.
    pub async fn activated(origin: &Origin, socket: OwnedFd, wants: Wants<'_>) -> Self {
        Self::launch_as(ACTIVATED, socket.into(), &format!("http://{}", origin.address), wants, Stdio::null()).await
    }

    /// With somebody who wants to know how it is doing (`sd_notify(3)`).
    pub async fn notifying(origin: &Origin, socket: &Path) -> Self {
        let told = format!("export NOTIFY_SOCKET='{}'; exec \"$0\" \"$@\"", socket.display());
        let site = format!("http://{}", origin.address);
        Self::launch_as(&["sh", "-c", &told], Stdio::null(), &site, Wants::default(), Stdio::null()).await
    }

    /// Its configuration.
    pub fn text(&self) -> String {
        fs::read_to_string(self.file("config.toml")).expect("a file")
    }

    /// Has it read another configuration: gives what it says about that, up to `end`.
    pub async fn reload(&mut self, text: &str, said: &Heard, end: &str) -> String {
        let before = said.so_far().len();
        fs::write(self.file("config.toml"), text).expect("a file");
        self.signal("HUP");
        let mut news = String::new();
        eventually(end, async || {
            assert_eq!(self.ended(), None, "it ended instead");
            said.so_far()[before..].clone_into(&mut news);
            news.contains(end)
        })
        .await;
        news
    }

    /// As [`Program::before`], with what it says while it runs.
    pub async fn followed(origin: &Origin, wants: Wants<'_>) -> (Self, Heard) {
        let mut program = Self::launch(&format!("http://{}", origin.address), wants, Stdio::piped()).await;
        let stderr = program.child.0.stderr.take().expect("it is piped");
        (program, Heard::from(stderr))
    }

    /// A file in the directory of its own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sends a signal by its short name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.0.id())]).status();
        assert!(sent.expect("a shell").success(), "kill -{name}");
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.ended()
    }

    pub async fn exit_code(&mut self) -> Option<i32> {
        eventually("the program ends", async || self.ended().is_some()).await;
        self.ended().and_then(|status| status.code())
    }

    /// How many files and sockets it holds.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("it lives").count()
    }

    /// A size of `/proc/PID/status`, such as `VmRSS`, in KiB.
    pub fn kib(&self, what: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_else(|| panic!("no {what}"));
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number of KiB")
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.0.id()).into()
    }

    /// As [`Program::heard`], after `ulimit` with these words.
    pub async fn with_limit(origin: &Origin, limit: &str) -> (Self, JoinHandle<String>) {
        let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        let site = format!("http://{}", origin.address);
        let under = ["sh", "-c", &script];
        Self::launch_as(&under, Stdio::null(), &site, Wants::default(), Stdio::piped()).await.until_it_ends()
    }

    fn until_it_ends(mut self) -> (Self, JoinHandle<String>) {
        let stderr = self.child.0.stderr.take().expect("it is piped");
        (self, std::thread::spawn(|| std::io::read_to_string(stderr).expect("text")))
    }

    /// How long it has used a processor.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(self.proc("stat")).expect("it lives");
        let (_, fields) = stat.rsplit_once(')').expect("its name comes in brackets");
        // utime and stime, in hundredths of a second (proc_pid_stat(5)).
        let ticks: u64 = fields.split(' ').skip(12).take(2).map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(10 * ticks)
    }

    /// The soft and the hard limit of its open files.
    pub fn most_descriptors(&self) -> (String, String) {
        let limits = fs::read_to_string(self.proc("limits")).expect("it lives");
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().expect("a soft one"), words.next().expect("a hard one"))
    }

    /// Another one with the same configuration; gives its exit code and what it said.
    pub async fn twin(&self) -> (Option<i32>, String) {
        outcome(run(&["run", "-c", "config.toml"], &self.directory, Stdio::piped())).await
    }
}

/// What systemd does for a socket that comes as standard input (`sd_listen_fds(3)`).
const ACTIVATED: &[&str] =
    &["sh", "-c", "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_FDNAMES=name LISTEN_PID=$$; exec \"$0\" \"$@\""];

/// What a program has said so far.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<String>>);

impl Heard {
    fn from(stderr: impl Read + Send + 'static) -> Self {
        let heard = Self::default();
        let ear = heard.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let mut said = ear.0.lock().expect("nobody panicked");
                said.push_str(&line.expect("text"));
                said.push('\n');
            }
        });
        heard
    }

    pub fn so_far(&self) -> String {
        self.0.lock().expect("nobody panicked").clone()
    }
}

/// Runs the program with a configuration that makes it end by itself.
pub async fn try_config(text: &str) -> (Option<i32>, String) {
    try_activated(text, None).await
}

/// As [`try_config`], with a socket as of [`Program::activated`].
pub async fn try_activated(text: &str, socket: Option<OwnedFd>) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("config.toml"), text).expect("a file");
    let (under, stdin) = socket.map_or((&[][..], Stdio::null()), |socket| (ACTIVATED, socket.into()));
    outcome(run_under(under, stdin, &["run"], &directory, Stdio::piped())).await
}

fn run(arguments: &[&str], directory: &TempDir, stderr: Stdio) -> Running {
    run_under(&[], Stdio::null(), arguments, directory, stderr)
}

fn run_under(under: &[&str], stdin: Stdio, arguments: &[&str], directory: &TempDir, stderr: Stdio) -> Running {
    let words: Vec<&str> = under.iter().copied().chain([env!("CARGO_BIN_EXE_wxgate")]).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments).current_dir(directory.path());
    command.stdin(stdin).stdout(Stdio::null()).stderr(stderr);
    // No variable of the outside may be taken for configuration.
    for name in std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("WXGATE_")) {
        command.env_remove(name);
    }
    Running(command.spawn().expect("the program starts"))
}

async fn outcome(mut running: Running) -> (Option<i32>, String) {
    let stderr = running.0.stderr.take().expect("it is piped");
    let said = std::thread::spawn(|| std::io::read_to_string(stderr).expect("text"));
    eventually("it ends by itself", async || running.ended().is_some()).await;
    (running.ended().and_then(|status| status.code()), said.join().expect("it was heard"))
}

/// A process, killed when dropped.
struct Running(Child);

impl Running {
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child can be asked")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
