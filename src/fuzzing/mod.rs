//! What holds whatever strangers send: each property is written once, beside what it is about, and named here; `fuzz/`
//! attacks it, and the tests replay its seeds. Not part of any build but those two.

mod input;
#[cfg(test)]
mod replay;

use std::sync::OnceLock;

use crate::config::{Config, PublicUrl, SignedHost};
use crate::listener::properties::Manner;
use crate::login::properties::Shows;
use crate::request::Rules;
use crate::request::properties::Came;
use crate::{config, edge, identity, listener, local, login, policy, request, session, wechat};
use input::{Input, numbers, says};

/// A property that bytes may break, by the name of its target in `fuzz/`.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Panics where the property does not hold.
    pub holds: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "access_log", holds: access_log },
    Target { name: "callback_query", holds: callback_query },
    Target { name: "config", holds: config },
    Target { name: "cookie_header", holds: cookie_header },
    Target { name: "flow_state", holds: flow_state },
    Target { name: "framing", holds: framing },
    Target { name: "header_folding", holds: header_folding },
    Target { name: "http1", holds: http1 },
    Target { name: "http2", holds: http2 },
    Target { name: "jsconfig_url", holds: jsconfig_url },
    Target { name: "path_rules", holds: path_rules },
    Target { name: "proxy_header", holds: proxy_header },
    Target { name: "return_target", holds: return_target },
    Target { name: "session_cookie", holds: session_cookie },
    Target { name: "wechat_json", holds: wechat_json },
];

/// Puts the property of that name to the test.
pub fn holds(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of the list");
    (target.holds)(bytes);
}

const SITE: &str = r#"
    public_url = "https://m.example.com"
    upstream = "http://127.0.0.1:8080"
    [official_account]
    app_id = "wx0123456789abcdef"
    app_secret = "0123456789abcdef0123456789abcdef"
    [session]
    secret = "0123456789abcdef0123456789abcdef"
    [server]
    trusted_proxies = ["10.0.0.0/8", "fd00::/8"]
    max_header_bytes = "4KiB"
    [sign_in]
    attempts_per_minute = 0
    [identity.jwt]
    header = "X-Shop-Jwt"
    cookie = "wechat_jwt"
    algorithm = "HS256"
    key = "0123456789abcdef0123456789abcdef"
"#;

/// The site that strangers come to.
fn site() -> &'static Config {
    static SITE_READ: OnceLock<Config> = OnceLock::new();
    SITE_READ.get_or_init(|| Config::parse(SITE, &[]).expect("a good configuration").config)
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::new(&site().server, &site().identity, &site().public_url))
}

/// A method; then a target.
fn access_log(bytes: &[u8]) {
    let mut input = Input(bytes);
    if let (Some(method), Some(target)) = (input.text_line(), input.text()) {
        edge::properties::a_request_leaves_one_plain_line(method, target);
    }
}

/// `proof`, `renamed` or nothing; the query; a line of cookies.
fn callback_query(bytes: &[u8]) {
    let mut input = Input(bytes);
    let words = input.line();
    let query = input.line();
    login::properties::parameters_are_single(query);
    let shows = if says(words, "renamed") {
        Shows::CookieRenamed
    } else if says(words, "proof") {
        Shows::Cookie
    } else {
        Shows::Nothing
    };
    if let Ok(query) = std::str::from_utf8(query) {
        login::properties::codes_are_spent_on_proof_only(query, input.line(), shows, site());
    }
}

/// A `config.toml`; `SECRET` in it stands for one.
fn config(bytes: &[u8]) {
    if let Some(text) = Input(bytes).text() {
        config::properties::problems_are_kind_and_discreet(text);
    }
}

/// `token` or nothing; then `Cookie` lines.
fn cookie_header(bytes: &[u8]) {
    let mut input = Input(bytes);
    let token = says(input.line(), "token").then_some("the.gates.own");
    let lines: Vec<&[u8]> = input.rest().split(|byte| *byte == b'\n').collect();
    identity::properties::only_the_gates_cookies_go(&lines, token);
}

/// A record as it lies in a cookie.
fn flow_state(bytes: &[u8]) {
    login::properties::records_are_read_whole(bytes, &site().public_url);
}

/// Sizes of pieces; then a stream of requests.
fn framing(bytes: &[u8]) {
    let mut input = Input(bytes);
    let sizes: Vec<usize> = numbers(input.line()).filter(|size| *size > 0).take(8).collect();
    let sizes = if sizes.is_empty() { vec![7] } else { sizes };
    listener::properties::pieces_make_no_difference(input.rest(), &sizes);
}

/// `trusted` or nothing; the target; then headers, one a line.
fn header_folding(bytes: &[u8]) {
    let mut input = Input(bytes);
    let trusted = says(input.line(), "trusted");
    let Some(target) = input.text_line() else { return };
    let lines = input.rest().split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    });
    request::properties::headers_are_cleaned(&Came { trusted, target, lines: lines.collect() }, rules());
}

/// [`manner`]; then a stream of requests.
fn http1(bytes: &[u8]) {
    let mut input = Input(bytes);
    let manner = manner(input.line());
    listener::properties::requests_are_those_of_a_strict_reader(input.rest(), manner, &site().server);
}

/// [`manner`]; then frames.
fn http2(bytes: &[u8]) {
    let mut input = Input(bytes);
    let manner = manner(input.line());
    listener::properties::streams_are_answered_in_frames(input.rest(), manner, &site().server);
}

/// The size of pieces, `early` or nothing.
fn manner(words: &[u8]) -> Manner {
    Manner { piece: numbers(words).next().unwrap_or(usize::MAX), early: says(words, "early") }
}

/// A query; then an address to sign.
fn jsconfig_url(bytes: &[u8]) {
    let mut input = Input(bytes);
    let host = |host: &str, port| SignedHost { host: host.to_owned(), port };
    let hosts = [host("m.example.com", None), host("shop.example.com", Some(8443)), host("[::1]", None)];
    if let (Some(query), Some(url)) = (input.text_line(), input.text()) {
        local::jsconfig::properties::queries_are_read_once(query);
        local::jsconfig::properties::only_listed_hosts_are_signed(url, &hosts);
    }
}

/// Patterns, an empty line, then the path.
fn path_rules(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut patterns = Vec::new();
    loop {
        match input.text_line() {
            None | Some("") => break,
            Some(text) => patterns.extend(config::properties::pattern(text)),
        }
    }
    let Some(path) = input.text() else { return };
    request::properties::path_is_judged_whole(path);
    // A reader of patterns that tries every way takes its time.
    if patterns.len() <= 6 && bytes.len() <= 160 {
        policy::properties::the_strictest_reading_decides(&patterns, path);
    }
}

/// What comes first on a connection from a proxy.
fn proxy_header(bytes: &[u8]) {
    listener::properties::headers_are_told_by_their_first_bytes(bytes);
}

/// The text of an `rd`.
fn return_target(bytes: &[u8]) {
    let url = |origin: &str, https, host: &str, port| PublicUrl {
        origin: origin.to_owned(),
        https,
        host: host.to_owned(),
        port,
    };
    let sites = [
        url("https://m.example.com", true, "m.example.com", None),
        url("http://127.0.0.1:4180", false, "127.0.0.1", Some(4180)),
        url("https://[2001:db8::1]:8443", true, "[2001:db8::1]", Some(8443)),
    ];
    let text = String::from_utf8_lossy(bytes);
    for site in &sites {
        login::properties::targets_stay_on_the_site(&text, site);
    }
}

/// A place and what to put there, `N` for changing a byte or `cut N`; then what is sealed, a cookie and a record in one.
fn session_cookie(bytes: &[u8]) {
    let mut input = Input(bytes);
    let words = input.line();
    let plain = input.rest();
    session::properties::only_what_was_sealed_opens(plain, |mut sealed| {
        let mut numbers = numbers(words);
        let at = numbers.next().unwrap_or_default() % sealed.len();
        let by = u8::try_from(numbers.next().unwrap_or(1) % 256).unwrap_or(1);
        if says(words, "cut") {
            sealed.truncate(at);
        } else if says(words, "more") {
            sealed.insert(at, by);
        } else {
            sealed[at] ^= by;
        }
        sealed
    });
    session::properties::nothing_else_opens(plain);
    session::properties::a_record_is_read_whole(plain);
}

/// The body of an answer.
fn wechat_json(bytes: &[u8]) {
    wechat::properties::answers_are_clean_or_refused(bytes);
}
