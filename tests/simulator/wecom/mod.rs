//! A corporation in 企业微信: its links, its desktop page, its API. Here what the tests of all three share.

mod api;
mod doors;
mod jssdk;

use serde_json::{Value, json};
use wxgate::simulator::{AGENT_ID, CORP_ID, CORP_SECRET};

use crate::harness::{Answer, CALLBACK, Sim, parameter, text};

pub const BASE: &str = "snsapi_base";
pub const PRIVATE: &str = "snsapi_privateinfo";
pub const PHONE: &str =
    "Mozilla/5.0 (iPhone) Mobile/15E148 wxwork/3.1.9 MicroMessenger/7.0.1 Language/zh ColorScheme/Light";
pub const DESKTOP: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36";

/// Another application of the default corporation.
pub const OTHER_AGENT: &str = "1000009";
pub const OTHER_SECRET: &str = "0therAppl1cat10n-0therAppl1cat10n-0therAppl";

/// A link of the default application, as a site writes it.
pub fn link(scope: &str, state: &str) -> String {
    format!("{}&agentid={AGENT_ID}", crate::harness::bare_link(CORP_ID, CALLBACK, scope, state))
}

/// Follows a link from inside 企业微信.
pub async fn visit(sim: &Sim, query: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("user-agent", PHONE)], headers].concat();
    sim.ask("GET", &format!("/connect/oauth2/authorize?{query}"), &headers, b"").await.unwrap()
}

/// A fresh code for a user who agrees to everything.
pub async fn code(sim: &Sim, user: &str, scope: &str) -> String {
    let back = visit(sim, &link(scope, "s"), &[("x-sim-user", user)]).await;
    parameter(back.location(), "code").unwrap_or_else(|| panic!("no code: {back:?}"))
}

pub async fn token_answer(sim: &Sim, secret: &str) -> Value {
    sim.get(&format!("/cgi-bin/gettoken?corpid={CORP_ID}&corpsecret={secret}")).await.json()
}

/// The default application's token.
pub async fn token(sim: &Sim) -> String {
    let answer = token_answer(sim, CORP_SECRET).await;
    text(&answer, "access_token").to_owned()
}

pub async fn getuserinfo(sim: &Sim, token: &str, code: &str) -> Value {
    sim.get(&format!("/cgi-bin/auth/getuserinfo?access_token={token}&code={code}")).await.json()
}

/// Gives the corporation a second application, which lists another host.
pub async fn add_application(sim: &Sim) {
    let mut other = sim.account(CORP_ID).await;
    other["agent_id"] = json!(OTHER_AGENT);
    other["app_secret"] = json!(OTHER_SECRET);
    other["redirect_hosts"] = json!(["work.example.com:8443"]);
    other["js_hosts"] = json!(["work.example.com:8443"]);
    sim.control("accounts", &other).await;
}
