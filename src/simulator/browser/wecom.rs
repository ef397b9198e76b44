//! One visit to a corporation's authorize link, from inside 企业微信 or, through the plugin, from WeChat.

use serde_json::{Map, Value, json};

use super::authorize::{Step, Visitor, check_state, refuse};
use super::issue::{Issued, issue};
use super::link::Link;
use super::page_error::{self, PageError};
use super::way_back;
use crate::simulator::random;
use crate::simulator::settings::{Account, Scope};
use crate::simulator::world::{Decision, Grant, Who, World};

/// Judges a link whose appid is a corporation's. There is no hop, and nobody is remembered to have consented.
pub(super) fn judge(
    world: &mut World,
    link: &Link,
    visitor: &Visitor,
    noted: &mut Map<String, Value>,
) -> Result<Step, PageError> {
    noted.insert("agent_id".to_owned(), json!(link.agent_id));
    let (app, scope) = admit(world, link)?;
    let Some(user) = visitor.user.as_deref().and_then(|id| world.user(id)).cloned() else {
        return Ok(Step::Pick(app));
    };
    noted.insert("user".to_owned(), json!(user.id));
    if let Some(Decision::Refuse(refusal)) = visitor.decision {
        return Ok(refuse(link, refusal));
    }
    // Only members have anything private that the application could see.
    let asked = scope == Scope::PrivateInfo && user.belonging.userid().is_some();
    noted.insert("asked".to_owned(), json!(asked));
    if asked && visitor.decision.is_none() {
        return Ok(Step::Consent(app, user));
    }
    if world.too_often(&user.id, &app.app_id) {
        return Err(page_error::TOO_OFTEN);
    }
    let openid = random::openid(&app.app_id, &user.id);
    let grant = Grant { app_id: app.app_id, openid, scope, who: Who::User(user.id) };
    let Issued { code, location, duplicate } = issue(world, &link.way_back, &grant, &visitor.user_agent);
    noted.insert("code".to_owned(), json!(code));
    Ok(Step::Back { location, duplicate })
}

/// What depends on the link and the corporation alone: the application that asks, and what it is given.
fn admit(world: &World, link: &Link) -> Result<(Account, Scope), PageError> {
    let known = |scope: &Scope| matches!(scope, Scope::Base | Scope::PrivateInfo);
    let scope = Scope::parse(&link.scope).filter(known).ok_or(page_error::CORP_SCOPE)?;
    check_state(world, link)?;
    let Some(agent_id) = &link.agent_id else {
        // Without an application nothing private is given, and the host is looked at only when the code is spent.
        let any = world.account(&link.app_id).ok_or(page_error::UNKNOWN_APP_ID)?;
        return Ok((any.clone(), Scope::Base));
    };
    let app = world.application(&link.app_id, agent_id).ok_or(page_error::UNKNOWN_AGENT)?;
    if app.banned {
        return Err(page_error::BANNED);
    }
    if !app.scopes.contains(&scope) {
        return Err(page_error::CORP_SCOPE);
    }
    if !way_back::permitted(&link.way_back.redirect_uri, app) {
        return Err(page_error::UNTRUSTED_HOST);
    }
    Ok((app.clone(), scope))
}
