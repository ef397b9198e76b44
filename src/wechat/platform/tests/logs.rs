//! What the token centre says to the operator: once per change, what to do, and no secret.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::wechat::scripted::APP_SECRET;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What this crate has said since the last time.
    fn drain(&self) -> Vec<String> {
        let said = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let said = String::from_utf8(said).expect("UTF-8");
        said.lines().filter(|line| line.contains("wxgate::wechat")).map(str::to_owned).collect()
    }
}

/// Everybody asks, for an hour and more.
async fn an_hour(bench: &Bench) {
    for _ in 0..80 {
        for kind in Kind::OFFICIAL_ACCOUNT {
            let _ = bench.platform.get(kind).await;
        }
        bench.advance(75);
    }
}

#[tokio::test]
async fn r28_r48_a_change_is_one_line_and_no_line_holds_a_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bench = Bench::new(|_| {
        Reply::json(r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: SECRET-WORDS"}"#)
    })
    .await;
    let mut all = Vec::new();
    let mut said = |expected: &[&[&str]]| {
        let lines = lines.drain();
        assert_eq!(lines.len(), expected.len(), "{lines:#?}");
        for (line, parts) in lines.iter().zip(expected) {
            assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line}");
        }
        all.extend(lines);
    };

    an_hour(&bench).await;
    said(&[&["ERROR", "access_token", "errcode 40164", "203.0.113.7", "IP白名单"]]);
    refuse(&bench, Reply::errcode(40125));
    an_hour(&bench).await;
    said(&[&["ERROR", "errcode 40125"]]);
    refuse(&bench, Reply::errcode(-1));
    an_hour(&bench).await;
    said(&[&["WARN", "errcode -1"]]);
    refuse(&bench, Reply::Reset);
    an_hour(&bench).await;
    said(&[&["WARN", "Unreachable"]]);
    bench.wechat.now(well());
    an_hour(&bench).await;
    said(&[&["INFO", "access_token", "again"]]);
    bench.advance(8000);
    bench.wechat.now(|target| if target.starts_with(TICKET) { Reply::errcode(48001) } else { token(7, 7200) });
    for _ in 0..10 {
        let _ = bench.platform.get(Kind::JsapiTicket).await;
    }
    said(&[&["ERROR", "jsapi", "errcode 48001"]]);
    for secret in [APP_SECRET, "TOKEN-", "TICKET-", "SECRET-WORDS", "secret="] {
        assert!(all.iter().all(|line| !line.contains(secret)), "{secret} in {all:#?}");
    }
    let shown = format!("{:?} {:?}", bench.platform, bench.platform.cached(Kind::AccessToken));
    assert!(!shown.contains("TOKEN-") && !shown.contains(APP_SECRET), "{shown}");
}

fn refuse(bench: &Bench, reply: Reply) {
    bench.wechat.now(move |_| reply.clone());
}
