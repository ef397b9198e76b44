//! Every door a visitor can come through, for tests that hold for all of them.

use serde_json::Value;
use url::Url;
use wxgate::simulator::{AGENT_ID, APP_ID, CORP_ID, CORP_SECRET, Settings, WEBSITE_APP_ID, WEBSITE_APP_SECRET};

use super::visit::component;
use super::{Answer, Browser, CHROME, WECHAT, WECOM, World};

/// One door, and what is to be known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// The word of `P/login?door=…`.
    pub word: &'static str,
    /// Of a browser that can use it.
    pub agent: &'static str,
    /// Who comes through it.
    pub user: &'static str,
    /// `X-Wechat-Account`
    pub account: &'static str,
    /// `X-Wechat-Appid`
    pub app_id: &'static str,
    /// `X-Wechat-Scope`
    pub scope: &'static str,
    /// Path of the page at WeChat.
    pub page: &'static str,
    /// What the simulator calls the spending of a code.
    pub event: &'static str,
    /// The simulator's name of the same, for faults.
    pub api: &'static str,
}

pub const OFFICIAL_ACCOUNT: Door = Door {
    word: "official_account",
    agent: WECHAT,
    user: "lin",
    account: "official_account",
    app_id: APP_ID,
    scope: "snsapi_base",
    page: "/connect/oauth2/authorize",
    event: "exchange",
    api: "access_token",
};

pub const WEBSITE_APP: Door = Door {
    word: "website_app",
    agent: CHROME,
    account: "website_app",
    app_id: WEBSITE_APP_ID,
    scope: "snsapi_login",
    page: "/connect/qrconnect",
    ..OFFICIAL_ACCOUNT
};

pub const WECOM_WEBVIEW: Door = Door {
    word: "wecom",
    agent: WECOM,
    user: "zhang",
    account: "wecom",
    app_id: CORP_ID,
    event: "getuserinfo",
    api: "getuserinfo",
    ..OFFICIAL_ACCOUNT
};

pub const WECOM_DESKTOP: Door = Door { agent: CHROME, page: "/wwlogin/sso/login", ..WECOM_WEBVIEW };

pub const ALL: [Door; 4] = [OFFICIAL_ACCOUNT, WEBSITE_APP, WECOM_WEBVIEW, WECOM_DESKTOP];

/// The sections of the two accounts beside the official one.
pub fn sections() -> String {
    format!(
        "[website_app]\napp_id = '{WEBSITE_APP_ID}'\napp_secret = '{WEBSITE_APP_SECRET}'\n\
         [wecom]\ncorp_id = '{CORP_ID}'\nagent_id = '{AGENT_ID}'\nsecret = '{CORP_SECRET}'\n"
    )
}

/// A configuration without its official account.
pub fn without_official_account(text: &str) -> String {
    let (before, rest) = text.split_once("[official_account]\n").expect("there is one");
    let (_, after) = rest.split_once("\n[").expect("something follows");
    format!("{before}[{after}")
}

impl World {
    /// A gate that has every account, and `extra` at the end of its `config.toml`.
    pub async fn with_every_door(extra: &str) -> Self {
        let all = sections() + extra;
        Self::with(|text| text + &all, Settings { sign_ins_per_minute: None, ..Settings::default() }).await
    }

    /// A browser that can use this door, of a user who says yes to everything.
    pub fn visitor_at(&self, door: &Door) -> Browser {
        self.guest_at(door, door.user)
    }

    /// The same, of anybody.
    pub fn guest_at(&self, door: &Door, user: &str) -> Browser {
        let mut browser = self.browser(door.agent);
        browser.headers.insert("x-sim-user", user.parse().expect("a name"));
        browser
    }

    /// The address at the gate that goes through this door to a path.
    pub fn login_at(&self, door: &Door, path: &str) -> String {
        self.url(&format!("/_wechat/login?rd={}&door={}", component(path), door.word))
    }

    /// The first half of a sign-in: the gate sends the browser to this door.
    pub async fn begin_at(&self, door: &Door, browser: &mut Browser, path: &str) -> Url {
        let answer = browser.get(&self.login_at(door, path)).await;
        assert_eq!(answer.status, 302, "{}: {}", door.word, answer.text());
        let away = self.authorize_url(&answer);
        assert_eq!(away.path(), door.page, "{}", door.word);
        away
    }

    /// Both halves: the callback's address, not yet asked for.
    pub async fn callback_at(&self, door: &Door, browser: &mut Browser, path: &str) -> String {
        let away = self.begin_at(door, browser, path).await;
        self.consent(browser, &away).await
    }

    /// The whole of a sign-in; the answer is the site's.
    pub async fn sign_in_at(&self, door: &Door, browser: &mut Browser, path: &str) -> Answer {
        let callback = self.callback_at(door, browser, path).await;
        let back = browser.get(&callback).await;
        assert_eq!(back.status, 303, "{}: {}", door.word, back.text());
        let target = back.location().expect("a 303 has a location");
        let answer = browser.get(&self.here(&target)).await;
        assert_eq!(answer.status, 200, "{}: {}", door.word, answer.text());
        answer
    }

    /// How many codes were brought to an account of this door's kind.
    pub async fn spent_at(&self, door: &Door) -> usize {
        let ours = |event: &Value| event["app_id"] == door.app_id;
        self.events_of(door.event).await.iter().filter(|event| ours(event)).count()
    }
}
