//! What stands for open.weixin.qq.com: the link, the page where one says who one is, the consent dialog, QR codes.

pub(super) mod authorize;
pub(super) mod avatar;
mod issue;
mod link;
mod page_error;
pub(super) mod pages;
pub(super) mod qr;
pub(super) mod way_back;
mod wecom;

use std::sync::Arc;

use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};

use super::Shared;
use super::exchange::{Answer, Ask, Parameters, Reply, html, redirect, reply};
use super::settings::Refusal;
use super::world::Decision;
use authorize::{Step, Visitor};

const AUTHORIZE: &str = "/connect/oauth2/authorize";
/// The page's own forms come here: who the visitor is, and what they say to the dialog.
const PICK: &str = "/connect/oauth2/pick";
/// Keeps who the browser's owner is, where they asked for it.
const COOKIE: &str = "sim_user";

pub(super) async fn answer(ask: &Ask, shared: &Arc<Shared>) -> Answer {
    if qr::is_asked(&ask.path) {
        return Ok(qr::answer(ask, shared).await);
    }
    Ok(match (ask.path.as_str(), &ask.method) {
        (AUTHORIZE, &Method::GET) => match arriving(ask, shared) {
            Ok(visitor) => follow(&ask.query, visitor, shared).await,
            Err(mistake) => reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", mistake),
        },
        (PICK, &Method::POST) => pick(ask, shared).await,
        (AUTHORIZE | PICK, _) => reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", "not so\n"),
        _ => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "there is nothing here\n"),
    })
}

/// What is known of whoever follows a link: by header, by standing order, by cookie.
fn arriving(ask: &Ask, shared: &Shared) -> Result<Visitor, String> {
    let visitor = acting(ask, shared)?;
    Ok(match visitor.user {
        Some(_) => visitor,
        None => Visitor { user: ask.cookie(COOKIE).map(str::to_owned), ..visitor },
    })
}

/// A visitor who acts by itself: by header or standing order.
fn acting(ask: &Ask, shared: &Shared) -> Result<Visitor, String> {
    let user_agent = user_agent(ask);
    let world = shared.world();
    if let Some(user) = ask.header("x-sim-user") {
        let known = world.user(user).is_some();
        let user = known.then(|| user.to_owned()).ok_or("X-Sim-User: the simulator has no such user\n")?;
        let decision = decision(ask.header("x-sim-answer")).map_err(|mistake| format!("X-Sim-Answer: {mistake}\n"))?;
        return Ok(Visitor { user: Some(user), decision: Some(decision), user_agent });
    }
    let auto = world.auto.as_ref();
    Ok(Visitor { user: auto.map(|auto| auto.user.clone()), decision: auto.map(|auto| auto.decision), user_agent })
}

/// A form of the picker or of the consent dialog.
async fn pick(ask: &Ask, shared: &Arc<Shared>) -> Reply {
    let form = ask.form();
    let refusal = shared.world().settings.refusal;
    let visitor = Visitor {
        user: form.text("user").map(str::to_owned),
        decision: match form.text("answer") {
            Some("allow") => Some(Decision::Allow),
            Some(_) => Some(Decision::Refuse(refusal)),
            None => None,
        },
        user_agent: user_agent(ask),
    };
    let user = visitor.user.clone();
    let mut reply = follow(form.text("link").unwrap_or_default(), visitor, shared).await;
    remember(&mut reply, user.as_deref(), &form, shared);
    reply
}

/// Keeps who the browser's owner is, where the form says so, or forgets them.
fn remember(reply: &mut Reply, user: Option<&str>, form: &Parameters, shared: &Shared) {
    if let Some(cookie) = cookie(user, form.text("remember").is_some(), shared) {
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// The cookie that remembers a known user, or forgets whoever was remembered.
fn cookie(user: Option<&str>, remember: bool, shared: &Shared) -> Option<HeaderValue> {
    let cookie = match user {
        None => format!("{COOKIE}=; Path=/connect; Max-Age=0; HttpOnly; SameSite=Lax"),
        Some(user) => {
            shared.world().user(user).filter(|_| remember)?;
            format!("{COOKIE}={user}; Path=/connect; Max-Age=31536000; HttpOnly; SameSite=Lax")
        }
    };
    HeaderValue::from_str(&cookie).ok()
}

/// Takes a visit one step further.
async fn follow(raw: &str, visitor: Visitor, shared: &Arc<Shared>) -> Reply {
    let step = authorize::visit(&mut shared.world(), raw, &visitor);
    match step {
        Step::Error(error) => html(pages::error(error)),
        // No fragment here: the browser keeps the one it has, or the lack of one.
        Step::Hop => redirect(&format!("{AUTHORIZE}?{raw}&connect_redirect=1")),
        Step::Pick(account) => html(pages::authorize_picker(&mut shared.world(), raw, &account)),
        Step::Consent(account, user) => html(pages::consent(&mut shared.world(), raw, &account, &user)),
        Step::Stay => html(pages::declined()),
        Step::Back { location, duplicate } => {
            if let Some(duplicate) = duplicate {
                duplicate.send(shared).await;
            }
            redirect(&location)
        }
    }
}

fn user_agent(ask: &Ask) -> String {
    ask.header(USER_AGENT.as_str()).unwrap_or_default().to_owned()
}

/// The answers of a visitor who acts by itself, by name; none is consent.
const DECISIONS: [(&str, Decision); 4] = [
    ("allow", Decision::Allow),
    ("refuse-no-code", Decision::Refuse(Refusal::NoCode)),
    ("refuse-authdeny", Decision::Refuse(Refusal::Authdeny)),
    ("refuse-stay", Decision::Refuse(Refusal::Stay)),
];

pub(super) fn decision(name: Option<&str>) -> Result<Decision, String> {
    let name = name.unwrap_or("allow");
    let found = DECISIONS.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, decision)| *decision)
        .ok_or_else(|| format!("answer: {name:?} is none of allow, refuse-no-code, refuse-authdeny, refuse-stay"))
}

pub(super) fn decision_name(decision: Decision) -> &'static str {
    DECISIONS.iter().find(|(_, known)| *known == decision).map_or("allow", |(name, _)| name)
}
