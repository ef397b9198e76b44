//! What an operator is told about WeChat: `wxgate explain` and `wxgate check --online`, by the program itself.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use wxgate::simulator::{
    AGENT_ID, APP_ID, APP_SECRET, CORP_ID, CORP_SECRET, Settings, Simulator, WEBSITE_APP_ID, WEBSITE_APP_SECRET,
};
use wxgate::wechat::errcodes;

use support::{Browser, free_port};

const SESSION_SECRET: &str = "a session secret for tests, 32 bytes at least";

/// A pretend WeChat, and a configuration that leads to it.
struct Wechat {
    address: SocketAddr,
    folder: tempfile::TempDir,
}

/// What the program said, all of it, and its exit code.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Wechat {
    async fn start() -> Self {
        let simulator = Simulator::bind(([127, 0, 0, 1], 0).into(), Settings::default()).await.expect("a free port");
        let address = simulator.address();
        tokio::spawn(simulator.run(std::future::pending()));
        Self { address, folder: tempfile::tempdir().expect("a folder") }
    }

    async fn tell(&self, path: &str, json: &str) {
        let answer = Browser::new("test").post_json(&format!("http://{}/__sim/{path}", self.address), json).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
    }

    /// How many calls of a kind there were.
    async fn calls(&self, kind: &str) -> usize {
        let answer = Browser::new("test").get(&format!("http://{}/__sim/events", self.address)).await;
        let events = answer.json();
        let events = events.as_array().or_else(|| events["events"].as_array()).expect("a list");
        events.iter().filter(|event| event.as_object().is_some_and(|event| event.values().any(|v| v == kind))).count()
    }

    /// `wxgate check --online`, with this at the end of the official account's section.
    fn check(&self, more: &str) -> Said {
        check(&self.folder, self.address, more)
    }
}

fn check(folder: &tempfile::TempDir, wechat: SocketAddr, more: &str) -> Said {
    let file = folder.path().join("config.toml");
    let text = format!(
        "public_url = 'https://m.example.com'\nupstream = 'http://127.0.0.1:8080'\n\
         [endpoints]\nopen = 'http://{wechat}'\napi = 'http://{wechat}'\nqyapi = 'http://{wechat}'\n\
         [session]\nsecret = '{SESSION_SECRET}'\n\
         [official_account]\napp_id = '{APP_ID}'\napp_secret = '{APP_SECRET}'\n{more}\n"
    );
    fs::write(&file, text).expect("written");
    let said = wxgate(&["check", "--online", "-c", file.to_str().expect("text")]);
    for secret in [APP_SECRET, WEBSITE_APP_SECRET, CORP_SECRET, SESSION_SECRET] {
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "a secret in\n{}{}", said.out, said.err);
    }
    said
}

fn wxgate(arguments: &[&str]) -> Said {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_wxgate")).args(arguments).output().expect("wxgate runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: status.code().expect("it was not killed"), out: text(stdout), err: text(stderr) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_configuration_is_confirmed_by_one_call_and_what_is_unknown_is_said() {
    let wechat = Wechat::start().await;
    let said = wechat.check("");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for part in [
        "official_account.app_secret = ••••",
        "\ngood: WeChat accepts app_id wx",
        "good for 7200 s",
        "not checked",
        "(网页授权域名): must be m.example.com, exactly",
        "(已认证服务号)",
    ] {
        assert!(said.out.contains(part), "{part} is not in\n{}", said.out);
    }
    assert_eq!((wechat.calls("stable_token").await, wechat.calls("token").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_account_is_asked_for_that_can_be() {
    let wechat = Wechat::start().await;
    let more = format!(
        "[website_app]\napp_id = '{WEBSITE_APP_ID}'\napp_secret = '{WEBSITE_APP_SECRET}'\n\
         [wecom]\ncorp_id = '{CORP_ID}'\nagent_id = '{AGENT_ID}'\nsecret = '{CORP_SECRET}'\n"
    );
    let said = wechat.check(&more);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for part in [
        "\ngood: WeChat accepts app_id wx",
        &format!("\nnot checked: website app {WEBSITE_APP_ID}"),
        "(授权回调域), at open.weixin.qq.com: must be m.example.com, exactly",
        &format!("\ngood: WeCom accepts corp_id {CORP_ID} and secret"),
        "(可信域名): must be m.example.com",
    ] {
        assert!(said.out.contains(part), "{part} is not in\n{}", said.out);
    }
    assert_eq!(wechat.calls("gettoken").await, 1);

    // One account that is refused is enough to fail.
    wechat.tell("faults", r#"[{"api":"gettoken","errcode":40001}]"#).await;
    let said = wechat.check(&more);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("refused, errcode 40001"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r28_the_token_that_was_given_is_not_shown() {
    const PLANTED: &str = "PLANTED_TOKEN_0123456789";
    let wechat = Wechat::start().await;
    let body = format!(r#"{{\"access_token\":\"{PLANTED}\",\"expires_in\":7200}}"#);
    wechat.tell("faults", &format!(r#"[{{"path":"/cgi-bin/stable_token","body":"{body}"}}]"#)).await;
    let said = wechat.check("");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!said.out.contains(PLANTED) && !said.err.contains(PLANTED), "{}{}", said.out, said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classic_token_is_never_asked_for_since_that_ends_the_one_in_use() {
    let wechat = Wechat::start().await;
    let said = wechat.check("token = 'classic'");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("would end the one in use"), "{}", said.out);
    assert_eq!((wechat.calls("stable_token").await, wechat.calls("token").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_address_is_printed_exactly_with_the_menu_to_open() {
    let wechat = Wechat::start().await;
    for address in ["203.0.113.9", "2001:db8::7"] {
        wechat.tell("whitelist", &format!(r#"{{"ips":["198.51.100.1"],"seen_as":"{address}"}}"#)).await;
        let said = wechat.check("");
        assert_eq!(said.code, 1, "{}", said.out);
        for part in
            [&format!("the address to whitelist: {address}\n"), "API IP白名单", "API IP whitelist", "errcode 40164\n"]
        {
            assert!(said.out.contains(part), "{part} is not in\n{}", said.out);
        }
        assert!(!said.out.contains("good:"), "{}", said.out);
    }
    wechat.tell("whitelist", r#"{"ips":["203.0.113.0/28"],"seen_as":"203.0.113.9"}"#).await;
    assert_eq!(wechat.check("").code, 0, "whitelisted, it is good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_is_explained_as_by_explain() {
    let wechat = Wechat::start().await;
    for errcode in [-1, 40001, 40013, 40125, 40243, 45009, 50004, 89503, 89507] {
        wechat.tell("faults", &format!(r#"[{{"path":"/cgi-bin/stable_token","errcode":{errcode}}}]"#)).await;
        let said = wechat.check("");
        let explained = wxgate(&["explain", &errcode.to_string()]);
        assert_eq!((said.code, explained.code), (1, 0), "{errcode}");
        assert!(said.out.ends_with(&explained.out), "{errcode}: {}", said.out);
    }
    wechat.tell("faults", r#"[{"path":"/cgi-bin/stable_token","errcode":123456}]"#).await;
    let said = wechat.check("");
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("errcode 123456") && said.out.contains(errcodes::OFFICIAL_LIST), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_refused() {
    let wechat = Wechat::start().await;
    let said = wechat.check("").code;
    wechat.tell("accounts", &accounts_with_another_secret(&wechat).await).await;
    let refused = wechat.check("");
    assert_eq!((said, refused.code), (0, 1), "{}", refused.out);
    assert!(refused.out.contains("errcode 40125"), "{}", refused.out);
}

async fn accounts_with_another_secret(wechat: &Wechat) -> String {
    let answer = Browser::new("test").get(&format!("http://{}/__sim/accounts", wechat.address)).await;
    answer.text().replace(APP_SECRET, "ffffffffffffffffffffffffffffffff")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_on_the_way_is_told_from_a_refusal() {
    let wechat = Wechat::start().await;
    for (fault, advice) in [
        (r#""reset_before":true"#, "look at DNS"),
        (r#""http_status":502,"body":"<html>Log in to this network</html>""#, "not WeChat's"),
        (r#""body":"{}""#, "not WeChat's"),
    ] {
        wechat.tell("faults", &format!(r#"[{{"path":"/cgi-bin/stable_token",{fault}}}]"#)).await;
        let said = wechat.check("");
        assert_eq!(said.code, 1, "{fault}: {}", said.out);
        assert!(said.out.contains("\nfailed: /cgi-bin/stable_token") && said.out.contains(advice), "{}", said.out);
        assert!(!said.out.contains("Log in to this network"), "{}", said.out);
    }
    let said = check(&wechat.folder, free_port(), "");
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("look at DNS"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_bad_configuration_wechat_is_not_asked() {
    let wechat = Wechat::start().await;
    let said = wechat.check("scope = 'all'");
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.out.contains("1 problem") && !said.out.contains("asking"), "{}", said.out);
    assert_eq!(wechat.calls("stable_token").await, 0);
}

#[test]
fn explain_takes_an_errcode_and_nothing_else() {
    for errcode in ["40164", "-1", "0", "10003"] {
        let said = wxgate(&["explain", errcode]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{errcode}");
        assert!(said.out.starts_with(&format!("errcode {errcode}\n")), "{}", said.out);
    }
    for arguments in [&["40164x"][..], &[""], &["4e4"], &["99999999999999999999"], &[], &["40164", "40125"], &["-x"]] {
        let said = wxgate(&[&["explain"], arguments].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}");
        assert!(said.err.contains("Usage") || said.err.contains("--help"), "{}", said.err);
    }
    let unknown = wxgate(&["explain", "40165"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("40164") && unknown.err.contains(errcodes::OFFICIAL_LIST), "{}", unknown.err);
}

/// Pages are quoted by their titles, faults by their slugs.
#[test]
fn what_the_gate_is_said_to_show_is_what_it_shows() {
    let (english, chinese) = (read("src/edge/pages/text/english.rs"), read("src/edge/pages/text/chinese.rs"));
    let faults = read("src/edge/fault.rs");
    let mut slugs = BTreeSet::new();
    for known in errcodes::all() {
        for (text, titles) in [(known.gate.en, &english), (known.gate.zh, &chinese)] {
            for title in text.split('“').skip(1).filter_map(|rest| rest.split('”').next()) {
                assert!(titles.contains(&format!("title: \"{title}\"")), "{}: no page {title}", known.errcode);
            }
        }
        let word = |c: char| !(c.is_ascii_lowercase() || c == '-');
        slugs
            .extend(known.gate.en.split(word).filter(|word| word.starts_with("login-") || word.starts_with("wechat-")));
    }
    assert_eq!(slugs.len(), 4, "{slugs:?}");
    assert!(slugs.iter().all(|slug| faults.contains(&format!("\"{slug}\""))), "{slugs:?}");
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a source file")
}
