//! Judges a `wx.config`, or WeCom's `wx.agentConfig`, as the app does: by the account's domains, its tickets, and the URL it believes it is on.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tickets::Tickets;
use crate::simulator::authority::{Authority, is_ip, is_loopback};
use crate::simulator::exchange::Ask;
use crate::simulator::settings::{Account, AccountKind};
use crate::simulator::world::World;

/// What `wx.config` or `wx.agentConfig` was given, and where the page is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    #[serde(rename = "appId", alias = "corpid")]
    pub(super) app_id: String,
    /// The application's, at `wx.agentConfig` alone.
    #[serde(rename = "agentid")]
    pub(super) agent_id: Option<String>,
    timestamp: Timestamp,
    #[serde(rename = "nonceStr")]
    nonce: String,
    signature: String,
    /// Where the page stands now.
    pub(super) url: String,
    /// Where its document was loaded from. Absent: there too.
    pub(super) entry_url: Option<String>,
    pub(super) mode: Mode,
    #[serde(default, rename = "jsApiList")]
    js_api_list: Vec<String>,
}

/// Sites send a number or a text; WeChat's script makes a text of both.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Timestamp {
    Number(u64),
    Text(String),
}

/// Whose app it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Looks at the URL that the document was loaded from: what a script pushed since counts for nothing.
    Ios,
    /// Looks at the URL the page has now, as every app but the iOS one does.
    Android,
}

impl Form {
    /// Which of the two calls it was.
    const fn call(&self) -> &'static str {
        if self.agent_id.is_some() { "agentConfig" } else { "config" }
    }

    /// The URL that the app compares with.
    pub(super) fn looked_at(&self) -> &str {
        let url = match self.mode {
            Mode::Ios => self.entry_url.as_deref().unwrap_or(&self.url),
            Mode::Android => &self.url,
        };
        without_fragment(url)
    }

    fn timestamp(&self) -> String {
        match &self.timestamp {
            Timestamp::Number(seconds) => seconds.to_string(),
            Timestamp::Text(text) => text.clone(),
        }
    }

    /// Whether this ticket and this URL make the signature.
    pub(super) fn is_signed_with(&self, ticket: &str, url: &str) -> bool {
        sign(ticket, &self.nonce, &self.timestamp(), url) == self.signature
    }
}

/// Judges, and notes the judgement. An error is a mistake in what was sent.
pub(super) fn judge(ask: &Ask, world: &mut World) -> Result<Value, String> {
    let form: Form =
        serde_json::from_slice(&ask.body).map_err(|error| format!("the body is not what is expected here: {error}"))?;
    let (outcome, errcode, hint) = match verdict(&form, world) {
        Ok(()) => ("ok", 0, None),
        Err(Refusal { outcome, errcode, hint }) => (outcome, errcode, Some(hint)),
    };
    let details = json!({
        "outcome": outcome,
        "hint": hint,
        "app_id": form.app_id,
        "agent_id": form.agent_id,
        "mode": form.mode,
        "looked_at": form.looked_at(),
        "url": form.url,
        "entry_url": form.entry_url,
        "js_api_list": form.js_api_list,
    });
    world.note("jssdk", details);
    let message = format!("{}:{outcome}", form.call());
    Ok(json!({"errMsg": message, "errCode": errcode, "hint": hint, "looked_at": form.looked_at()}))
}

/// Why it is refused.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    /// In WeChat's words.
    outcome: &'static str,
    /// WeCom's number beside them, where there is one.
    errcode: i64,
    /// In ours.
    hint: &'static str,
}

const NO_ACCOUNT: Refusal =
    Refusal { outcome: "invalid appid", errcode: 40013, hint: "the simulator has no such account" };
const NO_AGENT: Refusal =
    Refusal { outcome: "invalid agentid", errcode: 40056, hint: "the corporation has no such application" };
const NOT_LISTED: Refusal = Refusal {
    outcome: "invalid url domain",
    errcode: 50001,
    hint: "the host must be one of js_hosts; the port 80 or 443, but for test accounts and where WeCom's list names one",
};

fn verdict(form: &Form, world: &World) -> Result<(), Refusal> {
    let account = world.account(&form.app_id).ok_or(NO_ACCOUNT)?;
    let listed = match &form.agent_id {
        Some(agent_id) => is_listed(form.looked_at(), world.application(&form.app_id, agent_id).ok_or(NO_AGENT)?),
        // A corporation's pages are those of all its applications.
        None if account.kind == AccountKind::WeCom => {
            world.applications(&form.app_id).any(|app| is_listed(form.looked_at(), app))
        }
        None => is_listed(form.looked_at(), account),
    };
    if !listed {
        return Err(NOT_LISTED);
    }
    let tickets = Tickets::of(form, account, world);
    if tickets.sign(form, form.looked_at()) {
        return Ok(());
    }
    let (errcode, hint) = tickets.hint(form);
    Err(Refusal { outcome: "invalid signature", errcode, hint })
}

/// JS接口安全域名: the host whole, and for all but test accounts a name on a port that needs no telling.
fn is_listed(url: &str, account: &Account) -> bool {
    let Some(Authority { host, port }) = Authority::of(url) else { return false };
    let listed = |entry: &str| account.js_hosts.iter().any(|host| host.eq_ignore_ascii_case(entry));
    match account.kind {
        AccountKind::TestAccount => listed(host) || port.is_some_and(|port| listed(&format!("{host}:{port}"))),
        AccountKind::OfficialAccount | AccountKind::WebsiteApp => {
            matches!(port, None | Some("80" | "443")) && !is_ip(host) && listed(host)
        }
        AccountKind::WeCom => {
            let named = port.is_some_and(|port| listed(&format!("{host}:{port}")));
            named || (listed(host) && (is_loopback(host) || matches!(port, None | Some("80" | "443"))))
        }
    }
}

pub(super) fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// The signature of a page, as its server must make it.
fn sign(ticket: &str, nonce: &str, timestamp: &str, url: &str) -> String {
    let signed = format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}");
    HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WeChat's own examples, the current one and the older one.
    #[test]
    fn rule_21_the_official_vectors_come_out() {
        let check = |url: &str, expected: &str| {
            let ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg";
            assert_eq!(sign(ticket, "Wm3WZYTPz0wzccnW", "1414587457", url), expected, "{url}");
        };
        check("http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed");
        check("http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b");
    }

    #[test]
    fn rule_21_a_host_is_listed_whole_and_only_test_accounts_have_ports() {
        let account = |kind| Account {
            kind,
            js_hosts: ["m.example.com", "127.0.0.1", "dev.example.com:8080"].map(str::to_owned).to_vec(),
            ..Account::default()
        };
        for (url, official, test) in [
            ("https://m.example.com/a?b", true, true),
            ("https://m.example.com:443/", true, true),
            ("http://m.example.com:80/", true, true),
            ("https://M.Example.com", true, true),
            ("https://m.example.com:8443/", false, true),
            ("https://m.example.com:/", false, false),
            ("https://example.com/", false, false),
            ("https://a.m.example.com/", false, false),
            ("https://m.example.com.evil.example/", false, false),
            ("https://m.example.com@evil.example/", false, false),
            ("http://127.0.0.1/", false, true),
            ("http://127.0.0.1:4180/", false, true),
            ("http://dev.example.com:8080/", false, true),
            ("http://dev.example.com:8081/", false, false),
            ("file:///m.example.com", false, false),
            ("about:blank", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_listed(url, &account(AccountKind::OfficialAccount)), official, "official: {url}");
            assert_eq!(is_listed(url, &account(AccountKind::TestAccount)), test, "test: {url}");
        }
        for (url, expected) in [
            ("https://m.example.com/a?b", true),
            ("https://m.example.com:8443/", false),
            ("http://dev.example.com:8080/", true),
            ("http://dev.example.com/", false),
            ("http://127.0.0.1:4180/", true),
            ("https://a.m.example.com/", false),
        ] {
            assert_eq!(is_listed(url, &account(AccountKind::WeCom)), expected, "WeCom: {url}");
        }
    }
}
