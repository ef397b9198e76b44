//! One visit to the authorize link, judged rule by rule. Pure but for the world it changes.

use serde_json::{Map, Value, json};

use super::issue::{Issued, issue};
use super::link::{Endpoint, Link, loose};
use super::page_error::{self, PageError};
use super::{way_back, wecom};
use crate::simulator::control::duplicates::Duplicate;
use crate::simulator::random;
use crate::simulator::settings::{Account, AccountKind, Following, Refusal, Scope, Snapshot, User};
use crate::simulator::world::{Decision, Grant, Who, World};

/// Who stands before the page, as far as is known.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Visitor {
    pub(in crate::simulator) user: Option<String>,
    /// What they answer, or have answered, to the consent dialog.
    pub(in crate::simulator) decision: Option<Decision>,
    pub(in crate::simulator) user_agent: String,
}

/// What happens next.
#[derive(Debug)]
pub(super) enum Step {
    /// An error page.
    Error(PageError),
    /// The same link again, with `connect_redirect=1`.
    Hop,
    /// The visitor says who they are.
    Pick(Account),
    /// The visitor is asked.
    Consent(Account, User),
    /// Back to the site; a duplicate may have to be sent first.
    Back { location: String, duplicate: Option<Duplicate> },
    /// The visitor refused and stays.
    Stay,
}

/// Judges a visit and notes the outcome in the log.
pub(super) fn visit(world: &mut World, raw: &str, visitor: &Visitor) -> Step {
    let mut noted = Map::new();
    let step = judge(world, raw, visitor, &mut noted).unwrap_or_else(Step::Error);
    let outcome = match &step {
        Step::Error(error) => {
            noted.insert("error".to_owned(), error.code.map_or_else(|| json!(error.text), |code| json!(code)));
            "page"
        }
        Step::Hop => "hop",
        Step::Pick(_) => "pick",
        Step::Consent(..) => "consent",
        Step::Back { .. } if noted.contains_key("code") => "code",
        Step::Back { .. } | Step::Stay => "declined",
    };
    noted.insert("outcome".to_owned(), json!(outcome));
    noted.insert("query".to_owned(), json!(raw));
    world.note("authorize", Value::Object(noted));
    step
}

fn judge(world: &mut World, raw: &str, visitor: &Visitor, noted: &mut Map<String, Value>) -> Result<Step, PageError> {
    let (in_wechat, in_wecom) = clients(&visitor.user_agent);
    if world.settings.require_wechat && !in_wechat && !in_wecom {
        return Err(if is_corps(world, raw) { page_error::NOT_IN_WECOM } else { page_error::NOT_IN_WECHAT });
    }
    let link = Link::parse(raw, Endpoint::Authorize, world.settings.lenient)?;
    note_link(&link, noted);
    if world.applications(&link.app_id).next().is_some() {
        return wecom::judge(world, &link, visitor, noted);
    }
    // 企业微信 says MicroMessenger too, and is no WeChat to an official account.
    if world.settings.require_wechat && in_wecom {
        return Err(page_error::NOT_IN_WECHAT);
    }
    let (account, scope) = admit(world, &link)?;
    if !link.connect_redirect {
        return Ok(Step::Hop);
    }
    let Some(user) = visitor.user.as_deref().and_then(|id| world.user(id)).cloned() else {
        return Ok(Step::Pick(account));
    };
    noted.insert("user".to_owned(), json!(user.id));
    if account.kind == AccountKind::TestAccount && user.following == Following::No {
        return Err(page_error::NOT_FOLLOWING);
    }
    if let Some(Decision::Refuse(refusal)) = visitor.decision {
        return Ok(refuse(&link, refusal));
    }
    let snapshot = is_snapshot(world, &link, &account, &user, scope);
    let asked = !snapshot && is_asked(world, &link, &account, &user, scope);
    noted.insert("snapshot".to_owned(), json!(snapshot));
    noted.insert("asked".to_owned(), json!(asked));
    if asked && visitor.decision.is_none() {
        return Ok(Step::Consent(account, user));
    }
    if world.too_often(&user.id, &account.app_id) {
        return Err(page_error::TOO_OFTEN);
    }
    if asked {
        world.consent(&user.id, &account.app_id);
    }
    let grant = grant(world, &account, &user, scope, snapshot);
    let Issued { code, location, duplicate } = issue(world, &link.way_back, &grant, &visitor.user_agent);
    noted.insert("code".to_owned(), json!(code));
    Ok(Step::Back { location, duplicate })
}

/// Whether a user agent is WeChat's, or 企业微信's.
fn clients(user_agent: &str) -> (bool, bool) {
    (user_agent.contains("MicroMessenger"), user_agent.contains("wxwork"))
}

/// Whether a link is a corporation's, whatever else may be wrong with it.
fn is_corps(world: &World, raw: &str) -> bool {
    let app_id = loose(raw).into_iter().find_map(|(name, value)| (name == "appid").then_some(value));
    app_id.is_some_and(|app_id| world.applications(app_id).next().is_some())
}

/// What a link asks for, as the log tells it.
pub(super) fn note_link(link: &Link, noted: &mut Map<String, Value>) {
    noted.insert("app_id".to_owned(), json!(link.app_id));
    noted.insert("scope".to_owned(), json!(link.scope));
    noted.insert("state".to_owned(), json!(link.way_back.state_text()));
    noted.insert("redirect_uri".to_owned(), json!(link.way_back.redirect_uri));
}

/// What depends on the link and the account alone.
fn admit(world: &World, link: &Link) -> Result<(Account, Scope), PageError> {
    let account = world.account(&link.app_id).ok_or(page_error::UNKNOWN_APP_ID)?;
    if account.kind == AccountKind::WebsiteApp {
        return Err(page_error::WEBSITE_APP);
    }
    if account.banned {
        return Err(page_error::BANNED);
    }
    if link.component {
        return Err(page_error::NO_PLATFORM);
    }
    let in_wechat = |scope: &Scope| matches!(scope, Scope::Base | Scope::Userinfo);
    let scope = Scope::parse(&link.scope).filter(in_wechat).ok_or(page_error::UNKNOWN_SCOPE)?;
    if !account.scopes.contains(&scope) {
        return Err(page_error::NO_SCOPE);
    }
    if !way_back::permitted(&link.way_back.redirect_uri, account) {
        return Err(page_error::WRONG_HOST);
    }
    check_state(world, link)?;
    Ok((account.clone(), scope))
}

/// Rule 5, where it is kept to the letter.
pub(super) fn check_state(world: &World, link: &Link) -> Result<(), PageError> {
    if world.settings.strict_state && !link.way_back.state.iter().all(u8::is_ascii_alphanumeric) {
        return Err(page_error::STATE_CHARACTERS);
    }
    Ok(())
}

/// Rule 6.
pub(super) fn refuse(link: &Link, refusal: Refusal) -> Step {
    match way_back::refused(&link.way_back, refusal) {
        Some(location) => Step::Back { location, duplicate: None },
        None => Step::Stay,
    }
}

/// Rule 9: a profile asked for in a way WeChat frowns upon is given of nobody. Not where it would be given silently.
fn is_snapshot(world: &mut World, link: &Link, account: &Account, user: &User, scope: Scope) -> bool {
    if scope == Scope::Base || user.following == Following::FromMenu || world.consented(&user.id, &account.app_id) {
        return false;
    }
    let policy = match world.settings.snapshot {
        Snapshot::Off => false,
        Snapshot::First => world.first_snapshot(&user.id, &account.app_id),
        Snapshot::Always => true,
    };
    policy || link.force_snapshot
}

/// Rule 8: base is silent; a profile is, for who comes from the menu, and for 30 days after a consent.
fn is_asked(world: &World, link: &Link, account: &Account, user: &User, scope: Scope) -> bool {
    let silent = match scope {
        Scope::Base => true,
        Scope::Userinfo | Scope::Login | Scope::PrivateInfo => {
            user.following == Following::FromMenu || (world.consented(&user.id, &account.app_id) && !link.force_popup)
        }
    };
    !silent
}

fn grant(world: &mut World, account: &Account, user: &User, scope: Scope, snapshot: bool) -> Grant {
    let app_id = account.app_id.clone();
    if snapshot {
        let openid = world.random.virtual_openid(&app_id);
        let hue = u16::try_from(world.random.below(360)).unwrap_or_default();
        let who = Who::Virtual { unionid: world.random.virtual_unionid(), hue };
        return Grant { app_id, openid, scope, who };
    }
    Grant { openid: random::openid(&app_id, &user.id), app_id, scope, who: Who::User(user.id.clone()) }
}
