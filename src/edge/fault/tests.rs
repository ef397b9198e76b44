//! Slugs, statuses and pauses of the contract, and what the log gets to know.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::config::PublicUrl;
use crate::login::ReturnTo;
use crate::types::{Instead, SessionId};

/// Every reason there is, each target the given one.
pub(in crate::edge) fn one_of_each(target: &str) -> Vec<Reason> {
    let target = || target.to_owned();
    let mut all = vec![
        Reason::BadRequest { detail: "the parameter state is repeated" },
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
        Reason::RateLimited { retry_after: Duration::from_millis(11_001) },
        Reason::JsconfigUrlMissing,
        Reason::JsconfigUrlNotAllowed,
        Reason::NoTicket { misconfigured: false, retry_after: Duration::from_secs(2) },
        Reason::NoTicket { misconfigured: true, retry_after: Duration::from_secs(60) },
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
    all
}

#[test]
fn slugs_and_statuses_are_those_of_the_contract() {
    let table = [
        ("bad-request", 400),
        ("bad-request", 408),
        ("ambiguous-path", 400),
        ("login-required", 401),
        ("login-declined", 403),
        ("login-expired", 403),
        ("login-declined", 403),
        ("login-expired", 403),
        ("login-declined", 403),
        ("login-loop", 403),
        ("snapshot", 403),
        ("rate-limited", 429),
        ("jsconfig-url-missing", 400),
        ("jsconfig-url-not-allowed", 403),
        ("wechat-unavailable", 503),
        ("wechat-misconfigured", 503),
        ("wechat-unavailable", 503),
        ("wechat-misconfigured", 503),
        ("upstream-unreachable", 502),
        ("upstream-broken", 502),
        ("upstream-timeout", 504),
        ("overloaded", 503),
        ("header-too-large", 414),
        ("header-too-large", 431),
        ("forbidden", 403),
        ("forbidden", 403),
        ("forbidden", 403),
    ];
    let table = [&table[..], &[("not-in-wechat", 401); 8]].concat();
    let answers: Vec<_> =
        one_of_each("/").into_iter().map(Fault::from).map(|f| (f.slug(), f.status().as_u16())).collect();
    assert_eq!(answers, table);
}

#[test]
fn a_pause_is_rounded_up_to_whole_seconds() {
    for (pause, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
        let reason = Reason::RateLimited { retry_after: Duration::from_millis(pause) };
        assert_eq!(reason.retry_after_seconds(), Some(seconds), "{pause} ms");
    }
}

#[test]
fn refusals_of_requests_are_bad_requests() {
    assert_eq!(Fault::from(Refusal::BadRequest("no Host")).slug(), "bad-request");
    let ambiguous = Fault::from(Refusal::AmbiguousPath("an encoded NUL"));
    assert_eq!(ambiguous.reason(), &Reason::AmbiguousPath { found: "an encoded NUL" });
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What `fault` writes to the log.
fn logged(fault: &Fault) -> String {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(written.clone()).finish();
    let id = RequestId::Fresh(SessionId([7; 16]));
    tracing::subscriber::with_default(subscriber, || fault.log(&id));
    let bytes = written.0.lock().expect("no writer panics").clone();
    String::from_utf8(bytes).expect("log lines are text")
}

#[test]
fn a_cause_is_logged_in_one_line_with_the_request_id_and_its_own_sources() {
    #[derive(Debug, thiserror::Error)]
    #[error("the token call failed")]
    struct Outer(#[source] io::Error);

    let line = logged(&Reason::WechatMisconfigured.because(Outer(io::Error::other("errcode 40125"))));
    assert_eq!(line.lines().count(), 1, "{line}");
    for part in ["ERROR", "07070707070707070707070707070707", "the token call failed: errcode 40125", "503"] {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
    assert!(logged(&Reason::UpstreamTimeout.because("silent")).contains("WARN"));
    assert!(logged(&Reason::LoginLoop.because("round 4")).contains("INFO"));
}

#[test]
fn r21_no_cause_forges_a_line_of_the_log() {
    let line = logged(&Reason::UpstreamBroken.because("bad status\r\n2026-01-01 ERROR forged\u{1b}[31m"));
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains(r"bad status\r\n2026-01-01 ERROR forged\u{1b}[31m"), "{line}");
}

#[test]
fn a_fault_without_a_cause_is_left_to_the_access_log() {
    assert_eq!(logged(&Reason::Forbidden(Barrier::AllowList).into()), "");
}

#[test]
fn what_ends_a_sign_in_has_its_slug_and_keeps_target_and_cookies() {
    use login::Error;

    let site = PublicUrl { origin: "https://a.example".into(), https: true, host: "a.example".into(), port: None };
    let to = || ReturnTo::parse("/shop?id=4", &site);
    let target = || "/shop?id=4".to_owned();
    let pause = Duration::from_secs(3);
    for (error, reason) in [
        (Error::BadRequest("the scope is unknown"), Reason::BadRequest { detail: "the scope is unknown" }),
        (Error::RepeatedParameter, Reason::BadRequest { detail: "A parameter is repeated." }),
        (Error::NotSameOrigin, Reason::Forbidden(Barrier::ForeignOrigin)),
        (Error::RateLimited { retry_after: pause }, Reason::RateLimited { retry_after: pause }),
        (
            Error::NotInWechat { outside: Outside::Phone, instead: Instead::WeChat, target: to() },
            Reason::NotInWechat { outside: Outside::Phone, instead: Instead::WeChat, target: target() },
        ),
        (Error::Loop, Reason::LoginLoop),
        (Error::Declined { retry: to(), scope: None }, Reason::LoginDeclined { target: target(), scope: None }),
        (Error::Snapshot, Reason::Snapshot),
        (Error::SnapshotDenied, Reason::Forbidden(Barrier::Snapshot)),
        (
            Error::WechatUnavailable { retry: to(), scope: None },
            Reason::WechatUnavailable { target: target(), scope: None },
        ),
        (Error::WechatMisconfigured, Reason::WechatMisconfigured),
    ] {
        let cookie = HeaderValue::from_static("flow=; Max-Age=0");
        let fault = Fault::from(login::Refused { error, cookies: vec![cookie.clone()] });
        assert_eq!(fault.reason(), &reason);
        assert_eq!(fault.cookies(), [cookie]);
        assert_eq!(logged(&fault), "", "sign-in has written its own line: {reason:?}");
    }
}

#[test]
fn an_upstreams_failure_is_named_and_its_cause_logged() {
    use upstream::Error;

    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused).into();
    for (error, slug, cause) in [
        (Error::Unreachable(refused()), "upstream-unreachable", "connection refused"),
        (Error::Broken("half a head".into()), "upstream-broken", "half a head"),
        (Error::Timeout, "upstream-timeout", "did not answer in time"),
        (Error::ClientTooSlow, "bad-request", "stood still"),
        (Error::ClientGone, "bad-request", "broke off its request"),
    ] {
        let fault = Fault::from(error);
        assert_eq!(fault.slug(), slug);
        assert!(logged(&fault).contains(cause), "{slug}: {}", logged(&fault));
    }
}
