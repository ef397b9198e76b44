//! What signing in leaves in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::gate::{PROFILE, state_of};
use super::sign_in::well;
use super::{Browser, gate};
use crate::clock::Timestamp;
use crate::login::Refusal;
use crate::types::{Account, Scope};
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

/// Listens on this thread until the guard is dropped.
fn listen() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

impl Lines {
    /// Those of this program that hold all these parts.
    fn with(&self, parts: &[&str]) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8");
        let ours = |line: &&str| line.contains("wxgate::") && parts.iter().all(|part| line.contains(part));
        log.lines().filter(ours).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn r28_one_line_for_a_sign_in_and_no_secret_in_any() {
    let (lines, guard) = listen();
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

const REFUSES: &[&str] = &["ERROR", "WeChat refuses this gate"];
const ACCEPTS: &[&str] = &["INFO", "WeChat accepts this gate again"];

#[tokio::test]
async fn a_refusal_of_the_gate_is_said_once_with_advice_and_so_is_its_end() {
    let (lines, _guard) = listen();
    let gate = gate(well).await;
    let meets = async |code: &str, script: fn(&str) -> Reply| {
        gate.wechat.now(script);
        let _ = Browser::new().sign_in(&gate, Scope::Base, code).await;
    };
    meets("C-1", well).await;
    assert_eq!(gate.login.refusal(), None);
    meets("C-2", |_| Reply::errcode(40125)).await;
    gate.clock.advance(Duration::from_mins(4));
    meets("C-3", |_| Reply::errcode(40125)).await;
    let refusal = Refusal { account: Account::OfficialAccount, errcode: 40125, since: Timestamp(1_000_000) };
    assert_eq!(gate.login.refusal(), Some(refusal));
    // Neither a bad code nor an outage says anything about the gate's credentials.
    meets("C-4", |_| Reply::errcode(40029)).await;
    meets("C-5", |_| Reply::errcode(-1)).await;
    assert_eq!(gate.login.refusal(), Some(refusal));
    assert_eq!((lines.with(REFUSES).len(), lines.with(ACCEPTS).len()), (1, 0));
    assert_eq!(lines.with(&["The AppSecret is invalid", "开发密钥"]).len(), 1);

    gate.clock.advance(Duration::from_mins(5));
    assert_eq!(gate.login.refusal(), None, "nobody has met it lately, and it may be over");
    meets("C-6", |_| Reply::json(r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.9, not in whitelist"}"#)).await;
    assert_eq!(gate.login.refusal().map(|refusal| refusal.errcode), Some(40164));
    assert_eq!(lines.with(REFUSES).len(), 2);
    assert_eq!(lines.with(&["The address is 203.0.113.9 "]).len(), 1);

    meets("C-7", well).await;
    meets("C-8", well).await;
    assert_eq!(gate.login.refusal(), None);
    assert_eq!((lines.with(REFUSES).len(), lines.with(ACCEPTS).len()), (2, 1));
}

#[tokio::test]
async fn each_callback_has_one_line_whoever_spent_the_code() {
    let (lines, _guard) = listen();
    let gate = gate(|_| Reply::errcode(45011)).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    let mut twin = browser.clone();
    let _ = tokio::join!(browser.callback(&gate, "CODE", &state), twin.callback(&gate, "CODE", &state));
    assert_eq!(lines.with(&["result=", "repeated=true"]).len(), 1);
    let _ = twin.callback(&gate, "CODE", &state).await;
    assert_eq!(lines.with(&["result=\"failed\"", "errcode=45011", "repeated=true"]).len(), 2);
    assert_eq!(lines.with(&["result="]).len(), 3);
}
