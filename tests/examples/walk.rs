//! The gate and the pretend WeChat as the examples' READMEs start them, and a visitor who walks through a sign-in.

use std::path::Path;
use std::process::Command;

use crate::children::{Running, free_port, in_repository, start};
use crate::http::{Answer, ask};

const PHONE: &str = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 \
     MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN";

/// What a browser follows before it gives up.
const MAX_REDIRECTS: usize = 20;

/// `wxgate run` with an example's configuration, its addresses replaced by free ones.
pub(crate) struct Gate {
    pub(crate) url: String,
    pub(crate) wechat_url: String,
    _gate: Running,
    _wechat: Running,
}

impl Gate {
    /// The gate's address is taken before the upstream is there, which may want to know it.
    pub(crate) fn address() -> (u16, String) {
        let port = free_port();
        (port, format!("http://127.0.0.1:{port}"))
    }

    pub(crate) fn start(config: &str, port: u16, upstream: &Running, folder: &Path) -> Self {
        let mut simulate = Command::new(env!("CARGO_BIN_EXE_wxgate"));
        simulate.args(["simulate", "--listen", "127.0.0.1:0"]);
        let wechat = start(simulate, "A pretend WeChat is at http://127.0.0.1:");
        let wechat_url = format!("http://127.0.0.1:{}", wechat.port);

        let url = format!("http://127.0.0.1:{port}");
        let mut run = Command::new(env!("CARGO_BIN_EXE_wxgate"));
        run.args(["run", "-c"]).arg(in_repository(config)).current_dir(folder);
        run.env("WXGATE_PUBLIC_URL", &url)
            .env("WXGATE_SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("WXGATE_UPSTREAM", format!("http://127.0.0.1:{}", upstream.port))
            .env("WXGATE_ENDPOINTS__OPEN", &wechat_url)
            .env("WXGATE_ENDPOINTS__API", &wechat_url);
        Self { url, wechat_url, _gate: start(run, "listening address=127.0.0.1:"), _wechat: wechat }
    }
}

/// A WeChat webview that answers the pretend WeChat as one of its users.
pub(crate) struct Visitor<'a> {
    gate: &'a Gate,
    user: &'static str,
    cookies: Vec<(String, String)>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(gate: &'a Gate, user: &'static str) -> Self {
        Self { gate, user, cookies: Vec::new() }
    }

    /// Opens a path of the site and follows wherever that leads; the last URL and its answer.
    pub(crate) fn open(&mut self, path: &str) -> (String, Answer) {
        let mut url = format!("{}{path}", self.gate.url);
        for _ in 0..MAX_REDIRECTS {
            let answer = self.ask("GET", &url, &[]);
            if !(300..400).contains(&answer.status) {
                return (url, answer);
            }
            url = absolute(answer.location(), &url);
        }
        panic!("{path} redirects without end");
    }

    pub(crate) fn ask(&mut self, method: &str, url: &str, more: &[&str]) -> Answer {
        let user = format!("X-Sim-User: {}", self.user);
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = format!("Cookie: {}", cookies.join("; "));
        let mut headers = vec![PHONE, "Accept: text/html"];
        if url.starts_with(&self.gate.url) {
            headers.push(&cookies);
        } else {
            headers.push(&user);
        }
        headers.extend(more);
        let answer = ask(method, url, &headers);
        if url.starts_with(&self.gate.url) {
            answer.headers("set-cookie").into_iter().for_each(|line| self.keep(line));
        }
        answer
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').expect("a cookie");
        self.cookies.retain(|(kept, _)| kept != name);
        if !attributes.contains("Max-Age=0") {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// A `Location` as seen from the page that sent it.
fn absolute(location: &str, from: &str) -> String {
    if !location.starts_with('/') {
        return location.to_owned();
    }
    let origin = from.match_indices('/').nth(2).map_or(from, |(slash, _)| &from[..slash]);
    format!("{origin}{location}")
}
