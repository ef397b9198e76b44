//! Every page there is, hung on a small server of its own: those the gate can hardly be led to, too.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use wxgate::config::{Language, Pages as Shown, Paths, PublicUrl};
use wxgate::edge::fault::{Barrier, Reason};
use wxgate::edge::pages::{Confirm, Pages, Settled, Waiting, Way};
use wxgate::request::{Asker, Oversize, RequestId};
use wxgate::types::{Instead, Outside, SessionId};

const TARGET: &str = "/orders/2024-11?tab=open&from=menu#latest";
const WAITING: Waiting<'_> = Waiting {
    scan: "/_wechat/handoff?t=3f9c2a7be41d5806f2b7c9d01e84a65f",
    events: "/events/waiting",
    poll: "/poll/waiting",
    next: "/settled-confirmed",
    number: None,
    seconds: 120,
};
const CONFIRM: Confirm<'_> = Confirm {
    action: "/_wechat/handoff",
    ticket: "3f9c2a7be41d5806f2b7c9d01e84a65f",
    browser: Some("Chrome, Windows"),
    address: Some("203.0.113.*"),
    same_network: true,
};

/// The faults, one of each kind of page. A new one does not compile before it has a name here and hangs below.
fn name(reason: &Reason) -> &'static str {
    match reason {
        Reason::BadRequest { .. } => "bad-request",
        Reason::TooSlow => "too-slow",
        Reason::AmbiguousPath { .. } => "ambiguous-path",
        Reason::HeaderTooLarge(Oversize::RequestLine) => "request-line-too-large",
        Reason::HeaderTooLarge(Oversize::Headers) => "headers-too-large",
        Reason::LoginRequired { .. } => "login-required",
        Reason::LoginDeclined { .. } => "login-declined",
        Reason::LoginExpired { .. } => "login-expired",
        Reason::HandoffRefused { .. } => "handoff-refused",
        Reason::HandoffExpired => "handoff-expired",
        Reason::HandoffMismatched => "handoff-mismatched",
        Reason::LoginLoop => "login-loop",
        Reason::Forbidden(Barrier::AllowList) => "forbidden",
        Reason::Forbidden(Barrier::Snapshot) => "forbidden-snapshot",
        Reason::Forbidden(Barrier::ForeignOrigin) => "forbidden-origin",
        Reason::Snapshot => "snapshot",
        Reason::NotInWechat { outside, instead, target } => match (outside, instead) {
            (Outside::Desktop, _) if target.len() > 500 => "outside-unscannable",
            (Outside::Desktop, _) => "outside-desktop",
            (Outside::Phone, Instead::WeChat) => "outside-phone",
            (Outside::Phone, Instead::WeCom) => "outside-phone-to-wecom",
            (Outside::Phone, Instead::Desktop) => "outside-phone-to-desktop",
            (Outside::WeCom, Instead::WeChat | Instead::WeCom) => "outside-wecom",
            (Outside::WeCom, Instead::Desktop) => "outside-wecom-to-desktop",
            (Outside::WeChat, Instead::WeCom | Instead::WeChat) => "outside-wechat",
            (Outside::WeChat, Instead::Desktop) => "outside-wechat-to-desktop",
        },
        Reason::RateLimited { .. } => "rate-limited",
        Reason::JsconfigUrlMissing => "jsconfig-url-missing",
        Reason::JsconfigUrlNotAllowed => "jsconfig-url-not-allowed",
        Reason::NoTicket { misconfigured: false, .. } => "no-ticket",
        Reason::NoTicket { misconfigured: true, .. } => "no-ticket-misconfigured",
        Reason::WechatUnavailable { .. } => "wechat-unavailable",
        Reason::WechatMisconfigured => "wechat-misconfigured",
        Reason::UpstreamUnreachable => "upstream-unreachable",
        Reason::UpstreamBroken => "upstream-broken",
        Reason::UpstreamTimeout => "upstream-timeout",
        Reason::Overloaded => "overloaded",
    }
}

fn faults() -> Vec<Reason> {
    let target = || TARGET.to_owned();
    let retry_after = Duration::from_secs(12);
    let mut all = vec![
        Reason::BadRequest { detail: "A parameter is repeated." },
        Reason::TooSlow,
        Reason::AmbiguousPath { found: "a dot segment" },
        Reason::LoginRequired { target: target(), scope: None },
        Reason::LoginDeclined { target: target(), scope: None },
        Reason::LoginExpired { target: target() },
        Reason::HandoffRefused { target: target(), scope: None },
        Reason::HandoffExpired,
        Reason::HandoffMismatched,
        Reason::LoginLoop,
        Reason::Snapshot,
        Reason::RateLimited { retry_after },
        Reason::JsconfigUrlMissing,
        Reason::JsconfigUrlNotAllowed,
        Reason::NoTicket { misconfigured: false, retry_after },
        Reason::NoTicket { misconfigured: true, retry_after },
        Reason::WechatUnavailable { target: target(), scope: None },
        Reason::WechatMisconfigured,
        Reason::UpstreamUnreachable,
        Reason::UpstreamBroken,
        Reason::UpstreamTimeout,
        Reason::Overloaded,
    ];
    all.extend([Oversize::RequestLine, Oversize::Headers].map(Reason::HeaderTooLarge));
    all.extend([Barrier::AllowList, Barrier::Snapshot, Barrier::ForeignOrigin].map(Reason::Forbidden));
    let outsides = [
        (Outside::Desktop, Instead::WeChat),
        (Outside::Phone, Instead::WeChat),
        (Outside::Phone, Instead::WeCom),
        (Outside::Phone, Instead::Desktop),
        (Outside::WeCom, Instead::WeChat),
        (Outside::WeCom, Instead::Desktop),
        (Outside::WeChat, Instead::WeCom),
        (Outside::WeChat, Instead::Desktop),
    ];
    all.extend(outsides.map(|(outside, instead)| Reason::NotInWechat { outside, instead, target: target() }));
    let long = format!("/{}", "search-".repeat(120));
    all.push(Reason::NotInWechat { outside: Outside::Desktop, instead: Instead::WeChat, target: long });
    all
}

type Hung = (&'static str, Box<dyn Fn(&Pages, &Asker) -> Response<Bytes> + Send + Sync>);

fn hang(name: &'static str, page: impl Fn(&Pages, &Asker) -> Response<Bytes> + Send + Sync + 'static) -> Hung {
    (name, Box::new(page))
}

fn collection() -> Vec<Hung> {
    let faults = faults()
        .into_iter()
        .map(|reason| hang(name(&reason), move |pages, asker| pages.answer(&reason.clone().into(), asker)));
    let others = [
        hang("fragment", |pages, asker| pages.keep_fragment(TARGET, None, asker)),
        hang("logout", |pages, asker| pages.confirm_logout(TARGET, asker)),
        hang("choose", |pages, asker| pages.choose(&[Way::WebsiteApp, Way::WeCom, Way::Handoff], TARGET, None, asker)),
        hang("handoff-waiting", |pages, asker| pages.waiting(&WAITING, asker)),
        hang("handoff-scanned", |pages, asker| {
            pages.waiting(&Waiting { events: "/events/scanned%2047", poll: "/poll/scanned%2047", ..WAITING }, asker)
        }),
        hang("handoff-polling", |pages, asker| {
            pages.waiting(&Waiting { events: "/nowhere", poll: "/poll/settled", ..WAITING }, asker)
        }),
        hang("handoff-confirm", |pages, asker| pages.confirm(&CONFIRM, asker)),
        hang("handoff-confirm-unknown", |pages, asker| {
            pages.confirm(&Confirm { browser: None, address: None, same_network: false, ..CONFIRM }, asker)
        }),
        hang("settled-confirmed", |pages, asker| pages.settled(Settled::Confirmed, asker)),
        hang("settled-refused", |pages, asker| pages.settled(Settled::Refused, asker)),
    ];
    faults.chain(others).collect()
}

/// Opens the gallery for as long as the test program runs; its address and what hangs there.
pub fn open() -> (String, Vec<&'static str>) {
    let public_url =
        PublicUrl { origin: "https://m.example.com".into(), https: true, host: "m.example.com".into(), port: None };
    let path = |end: &str| format!("/_wechat{end}");
    let paths = Paths {
        prefix: path(""),
        login: path("/login"),
        callback: path("/callback"),
        logout: path("/logout"),
        me: path("/me"),
    };
    let pages = Pages::new(&public_url, &paths, &Shown { site_name: None, logo: None }, Language::Auto);
    let collection = collection();
    let names = collection.iter().map(|(name, _)| *name).collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let shared = std::sync::Arc::new((pages, collection));
    std::thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            let shared = shared.clone();
            std::thread::spawn(move || serve(visitor, &shared.0, &shared.1));
        }
    });
    (url, names)
}

/// One request, one answer. A visitor who goes away is none of our business.
fn serve(mut visitor: TcpStream, pages: &Pages, collection: &[Hung]) -> Option<()> {
    let lines: Vec<String> = BufReader::new(visitor.try_clone().ok()?)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let path = lines.first()?.split(' ').nth(1)?.split('?').next()?.trim_start_matches('/');
    if let Some(word) = path.strip_prefix("events/") {
        let stream =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n", word.replace("%20", " "));
        visitor.write_all(stream.as_bytes()).ok()?;
        // Nothing more happens until the page goes away.
        return std::io::copy(&mut visitor, &mut std::io::sink()).ok().map(drop);
    }
    let english = lines.iter().any(|line| line.to_ascii_lowercase().starts_with("accept-language: en"));
    let id = RequestId::Fresh(SessionId([0x5b; 16]));
    let asker = Asker { id, wants_page: true, chinese: Some(!english) };
    let response = match (path.strip_prefix("poll/"), collection.iter().find(|(name, _)| *name == path)) {
        (_, Some((_, page))) => page(pages, &asker),
        (Some(word), None) => Response::new(word.replace("%20", " ").into()),
        _ => Response::builder().status(204).body(Bytes::new()).expect("an answer"),
    };
    let mut wire = format!("HTTP/1.1 {}\r\nConnection: close\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        wire.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    wire.extend(format!("Content-Length: {}\r\n\r\n", response.body().len()).into_bytes());
    wire.extend(response.body());
    visitor.write_all(&wire).ok()
}
