//! Builds the accounts that visitors sign in through: at least one of the three.

use super::problem::Fault;
use super::reader::Reader;
use super::value::Value;
use super::{OfficialAccount, Route, SnapshotPolicy, TokenSource, WeCom, WebsiteApp, parse};
use crate::secret::Secret;
use crate::types::{AgentId, AppId, Scope};

/// The accounts there are.
pub(super) struct Accounts {
    pub official_account: Option<OfficialAccount>,
    pub website_app: Option<WebsiteApp>,
    pub wecom: Option<WeCom>,
}

/// What WeChat's own secrets look like, and where an operator finds them.
struct Looks {
    length: usize,
    console: &'static str,
    /// A simulator or relay has its own idea of secrets.
    unless: &'static str,
}

const MP: Looks = Looks { length: 32, console: "mp.weixin.qq.com", unless: "endpoints.api" };
const OPEN: Looks = Looks { length: 32, console: "open.weixin.qq.com", unless: "endpoints.api" };
const WORK: Looks = Looks { length: 43, console: "work.weixin.qq.com", unless: "endpoints.qyapi" };

const APP_ID_LOOKS: &str = r#"WeChat's are "wx" and 16 digits or letters from a to f."#;
const CORP_ID_LOOKS: &str = r#"WeCom's are "ww" or "wx" and 16 digits or letters from a to f."#;

pub(super) fn accounts(read: &mut Reader<'_>) -> Accounts {
    let sections = ["official_account", "website_app", "wecom"];
    let [official_account, website_app, wecom] = sections.map(|section| read.source.has_section(section));
    if !(official_account || website_app || wecom) {
        read.missing(
            "official_account",
            "Write [official_account] with the app_id and app_secret of your service account; or [website_app], or [wecom].",
        );
    }
    let accounts = Accounts {
        official_account: official_account.then(|| self::official_account(read)).flatten(),
        website_app: website_app.then(|| self::website_app(read)).flatten(),
        wecom: wecom.then(|| self::wecom(read)).flatten(),
    };
    if let (Some(official), Some(website)) = (&accounts.official_account, &accounts.website_app)
        && official.app_id == website.app_id
    {
        let remedy = "Write the AppID of a website app (网站应用), as open.weixin.qq.com shows it.";
        read.refuse("website_app.app_id", Fault::new("is the official account's", remedy));
    }
    accounts
}

/// A visitor has an openid at each account; only the unionid is the same, and only a profile has it.
pub(super) fn one_visitor_at_two(read: &mut Reader<'_>, accounts: &Accounts, routes: &[Route]) {
    let (Some(official), Some(_)) = (&accounts.official_account, &accounts.website_app) else { return };
    let asked = |scope| scope == Scope::UserInfo;
    if !asked(official.scope) && !routes.iter().filter_map(|route| route.scope).any(asked) {
        read.warn(
            "official_account.scope",
            "is \"base\", and no route asks for more, so that WeChat tells no unionid: whoever comes by website_app, \
             too, is somebody else to the site",
            r#"Write scope = "userinfo" here, or for the routes where it matters."#,
        );
    }
}

fn official_account(read: &mut Reader<'_>) -> Option<OfficialAccount> {
    const ID: &str = "official_account.app_id";
    const SECRET: &str = "official_account.app_secret";
    needed(read, ID, "Write the AppID that mp.weixin.qq.com shows under Basic configuration.");
    needed(read, SECRET, r#"Write { file = "PATH" } or { env = "NAME" } to say where the AppSecret lies."#);
    let app_id = app_id(read, ID, "does not look like an official account's");
    let app_secret = app_secret(read, SECRET, "AppSecret", &MP);
    let scope = read.choice("official_account.scope", [Scope::Base, Scope::UserInfo]);
    let snapshot =
        read.choice("official_account.snapshot", [SnapshotPolicy::Page, SnapshotPolicy::Pass, SnapshotPolicy::Deny]);
    let token = read.choice("official_account.token", [TokenSource::Stable, TokenSource::Classic]);
    Some(OfficialAccount { app_id: app_id?, app_secret: app_secret?, scope, snapshot, token })
}

fn website_app(read: &mut Reader<'_>) -> Option<WebsiteApp> {
    const ID: &str = "website_app.app_id";
    const SECRET: &str = "website_app.app_secret";
    needed(read, ID, "Write the AppID that open.weixin.qq.com shows for the website app (网站应用).");
    needed(read, SECRET, r#"Write { file = "PATH" } or { env = "NAME" } to say where the AppSecret lies."#);
    let app_id = app_id(read, ID, "does not look like a website app's");
    let app_secret = app_secret(read, SECRET, "AppSecret", &OPEN);
    Some(WebsiteApp { app_id: app_id?, app_secret: app_secret? })
}

fn wecom(read: &mut Reader<'_>) -> Option<WeCom> {
    const CORP: &str = "wecom.corp_id";
    const AGENT: &str = "wecom.agent_id";
    const SECRET: &str = "wecom.secret";
    needed(read, CORP, "Write the corporation's id (企业ID) that work.weixin.qq.com shows under My company.");
    needed(read, AGENT, "Write the AgentId that work.weixin.qq.com shows for the app.");
    needed(read, SECRET, r#"Write { file = "PATH" } or { env = "NAME" } to say where the app's Secret lies."#);
    let corp_id = read
        .text(CORP, |text| AppId::parse(text).map_err(|_| Fault::new("is not the id of a corporation", CORP_ID_LOOKS)));
    if let Some(corp_id) = &corp_id
        && !(hex_after("ww", corp_id) || hex_after("wx", corp_id))
        && !read.is_set("endpoints.qyapi")
    {
        read.warn(CORP, "does not look like a corporation's", CORP_ID_LOOKS);
    }
    let agent_id = read.read(AGENT, |value, _| agent_id(value));
    let secret = app_secret(read, SECRET, "Secret", &WORK);
    let scope = read.choice("wecom.scope", [Scope::Base, Scope::PrivateInfo]);
    Some(WeCom { corp_id: corp_id?, agent_id: agent_id?, secret: secret?, scope })
}

fn needed(read: &mut Reader<'_>, key: &str, remedy: &str) {
    if !read.is_set(key) {
        read.missing(key, remedy);
    }
}

fn app_id(read: &mut Reader<'_>, key: &str, doubt: &str) -> Option<AppId> {
    let app_id = read.text(key, |text| AppId::parse(text).map_err(|_| Fault::new("is not an AppID", APP_ID_LOOKS)))?;
    if !hex_after("wx", &app_id) && !read.is_set("endpoints.api") {
        read.warn(key, doubt, APP_ID_LOOKS);
    }
    Some(app_id)
}

/// A number, with quotes or without.
fn agent_id(value: &Value) -> Result<AgentId, Fault> {
    let digits;
    let text = match value {
        Value::Integer(number) => {
            digits = number.to_string();
            &digits
        }
        value => parse::text(value)?,
    };
    AgentId::parse(text).map_err(|_| Fault::new("is not an AgentId", r#"WeCom's are numbers, such as "1000002"."#))
}

fn hex_after(prefix: &str, id: &AppId) -> bool {
    let hex = |rest: &str| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.as_str().strip_prefix(prefix).is_some_and(hex)
}

fn app_secret(read: &mut Reader<'_>, path: &str, name: &str, looks: &Looks) -> Option<Secret<String>> {
    let secret = read.secrets(path)?.pop()?;
    if !secret.expose().iter().all(u8::is_ascii_graphic) {
        let message = format!("contains a space or something else that no {name} has");
        read.refuse(path, Fault::new(message, "Copy it again."));
        return None;
    }
    if secret.expose().len() != looks.length && !read.is_set(looks.unless) {
        let message = format!("is not {} characters long, as WeChat's are", looks.length);
        read.warn(path, message, format!("Compare it with what {} showed.", looks.console));
    }
    let text = String::from_utf8(secret.expose().clone()).expect("graphic ASCII is UTF-8");
    Some(Secret::new(text))
}
