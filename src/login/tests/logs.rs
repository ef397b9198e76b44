//! What signing in leaves in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::gate::{PROFILE, state_of};
use super::sign_in::well;
use super::{Browser, gate};
use crate::types::Scope;
use crate::wechat::scripted::{APP_SECRET, OPENID, Reply};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn r28_one_line_for_a_sign_in_and_no_secret_in_any() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let gate = gate(well).await;
    let mut states = Vec::new();
    for (n, script) in [
        (|_: &str| Reply::token("snsapi_base")) as fn(&str) -> Reply,
        |target| if target.starts_with(PROFILE) { Reply::errcode(48001) } else { Reply::token("snsapi_userinfo") },
        |_| Reply::errcode(40029),
        |_| Reply::errcode(40125),
        |_| Reply::Reset,
        |_| Reply::json("{}"),
    ]
    .into_iter()
    .enumerate()
    {
        gate.wechat.now(script);
        let mut browser = Browser::new();
        let away = browser.open(&gate, "/page?token=in-the-target", Scope::UserInfo).await.expect("away");
        states.push(state_of(&away));
        let _ = browser.callback(&gate, &format!("CODE-{n}"), &state_of(&away)).await;
        let _ = browser.sign_out(&gate).await;
    }
    drop(guard);
    let log = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("UTF-8");
    for (result, errcode) in [("signed-in", ""), ("code-refused", "errcode=40029"), ("misconfigured", "errcode=40125")]
    {
        let ours = |line: &&str| line.contains("wxgate::login") && line.contains(&format!("result=\"{result}\""));
        let line = log.lines().find(ours).unwrap_or_else(|| panic!("{result} is logged: {log}"));
        assert!(line.contains("account=\"official_account\"") && line.contains(errcode), "{line}");
        assert!(line.contains("request_id="), "{line}");
    }
    assert_eq!(log.matches("result=").count(), 6, "{log}");
    // Other crates' traces are the subscriber's business, and it does not let them through.
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("wxgate::")).collect();
    for secret in [APP_SECRET, OPENID, "ACCESS-TOKEN", "REFRESH-TOKEN", "CODE-", "in-the-target", "__Host-"] {
        assert!(ours.iter().all(|line| !line.contains(secret)), "{secret} in {ours:#?}");
    }
    assert!(states.iter().all(|state| ours.iter().all(|line| !line.contains(state.as_str()))));
}
