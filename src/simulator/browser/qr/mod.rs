//! Sign-in by QR code (rule 10): a desktop shows a code and waits, a phone scans it and its owner says yes or no.

pub(in crate::simulator) mod codes;
mod corp;
mod desk;
mod drawing;
mod pages;
pub(in crate::simulator) mod phone;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::authorize::Visitor;
use crate::simulator::Shared;
use crate::simulator::exchange::{Ask, Reply, html, json as json_reply, redirect, reply};
use crate::simulator::world::{Decision, World};
use codes::State;
use desk::Step as Desk;
use phone::Step as Phone;

/// The desktop's page for website apps.
const QRCONNECT: &str = "/connect/qrconnect";
/// The same of WeCom's applications.
const SSO_LOGIN: &str = "/wwlogin/sso/login";
/// The picture of a code; its uuid follows.
const PICTURE: &str = "/connect/qrcode/";
/// Where the page asks what has become of its code.
const POLL: &str = "/connect/l/qrconnect";
/// What the code says: the page that phones see.
pub(super) const CONFIRM: &str = "/connect/confirm";
/// How long a page that asks is kept waiting for news.
const PATIENCE: Duration = Duration::from_secs(25);

/// Whether the path is one of these pages'.
pub(super) fn is_asked(path: &str) -> bool {
    matches!(path, QRCONNECT | SSO_LOGIN | POLL | CONFIRM) || path.starts_with(PICTURE)
}

pub(super) async fn answer(ask: &Ask, shared: &Arc<Shared>) -> Reply {
    match (ask.path.as_str(), &ask.method) {
        (QRCONNECT | SSO_LOGIN, &Method::GET) => match super::acting(ask, shared) {
            Ok(visitor) => arrive(ask, &visitor, shared).await,
            Err(mistake) => reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", mistake),
        },
        (POLL, &Method::GET) => poll(ask, shared).await,
        (CONFIRM, &Method::GET) => match super::arriving(ask, shared) {
            Ok(visitor) => scan(ask.parameters().text("uuid"), &visitor, shared).await,
            Err(mistake) => reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", mistake),
        },
        (CONFIRM, &Method::POST) => confirm(ask, shared).await,
        (path, &Method::GET) => picture(path.strip_prefix(PICTURE).unwrap_or_default(), shared),
        _ => reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", "not so\n"),
    }
}

/// A desktop browser follows a link.
async fn arrive(ask: &Ask, visitor: &Visitor, shared: &Arc<Shared>) -> Reply {
    let judge = if ask.path == SSO_LOGIN { desk::sso_login } else { desk::qrconnect };
    let step = judge(&mut shared.world(), &ask.query, visitor);
    match step {
        Desk::Error(error) => html(super::pages::error(error)),
        Desk::Show { uuid, lang } => {
            let mut world = shared.world();
            let nonce = world.noise.nonce();
            world
                .qr_codes
                .find(&uuid)
                .map_or_else(gone, |code| html(pages::desktop(code, lang, nonce, &scan_url(&uuid, shared))))
        }
        Desk::Stay => html(super::pages::declined()),
        Desk::Back { location, duplicate } => {
            if let Some(duplicate) = duplicate {
                duplicate.send(shared).await;
            }
            redirect(&location)
        }
    }
}

/// What a code says.
pub(in crate::simulator) fn scan_url(uuid: &str, shared: &Shared) -> String {
    format!("{}{CONFIRM}?uuid={uuid}", shared.base_url)
}

fn picture(uuid: &str, shared: &Shared) -> Reply {
    match shared.world().qr_codes.find(uuid) {
        Some(_) => reply(StatusCode::OK, "image/svg+xml", drawing::draw(&scan_url(uuid, shared))),
        None => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "there is no such code\n"),
    }
}

/// Tells a page what has become of its code: at once when that is news to it, else as soon as it is.
async fn poll(ask: &Ask, shared: &Shared) -> Reply {
    let parameters = ask.parameters();
    let (uuid, last) = (parameters.text("uuid").unwrap_or_default(), parameters.text("last"));
    let mut changes = shared.qr_changes.subscribe();
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        let (errcode, told) = look(&shared.world(), uuid);
        if last != Some(errcode.to_string().as_str()) {
            return json_reply(StatusCode::OK, &told);
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return json_reply(StatusCode::OK, &told) },
            () = &mut patience => return json_reply(StatusCode::OK, &told),
        }
    }
}

fn look(world: &World, uuid: &str) -> (u16, Value) {
    let Some(code) = world.qr_codes.find(uuid) else {
        return (codes::EXPIRED.0, json!({"wx_errcode": codes::EXPIRED.0, "wx_code": ""}));
    };
    let (errcode, _) = code.told(world.clock.now());
    let wx_code = if let State::Confirmed { code, .. } = &code.state { code } else { "" };
    (errcode, json!({"wx_errcode": errcode, "wx_code": wx_code, "redirect_url": code.redirect_url()}))
}

/// The form on a phone: whose it is, or what its owner says.
async fn confirm(ask: &Ask, shared: &Arc<Shared>) -> Reply {
    let form = ask.form();
    let refusal = shared.world().settings.qr_refusal;
    let visitor = Visitor {
        user: form.text("user").map(str::to_owned),
        decision: match form.text("answer") {
            Some("allow") => Some(Decision::Allow),
            Some(_) => Some(Decision::Refuse(refusal)),
            None => None,
        },
        user_agent: super::user_agent(ask),
    };
    let mut reply = scan(form.text("uuid"), &visitor, shared).await;
    super::remember(&mut reply, visitor.user.as_deref(), &form, shared);
    reply
}

/// A phone opens the code's address, or goes on from there.
async fn scan(uuid: Option<&str>, visitor: &Visitor, shared: &Arc<Shared>) -> Reply {
    let uuid = uuid.unwrap_or_default();
    html(match act(uuid, visitor, shared).await {
        Phone::Gone => return gone(),
        Phone::Error(error) => super::pages::error(error),
        Phone::Pick(account) => pages::picker(&shared.world(), uuid, &account),
        Phone::Ask(account, user) => pages::ask(uuid, &account, &user),
        Phone::Refused => pages::refused(),
        Phone::Confirmed(_) => pages::confirmed(),
    })
}

/// Takes a phone one step further, and the desktop with it.
pub(in crate::simulator) async fn act(uuid: &str, visitor: &Visitor, shared: &Arc<Shared>) -> Phone {
    let step = phone::visit(&mut shared.world(), uuid, visitor);
    let step = match step {
        Phone::Confirmed(duplicate) => {
            if let Some(duplicate) = duplicate {
                duplicate.send(shared).await;
            }
            shared.world().qr_codes.let_go(uuid);
            Phone::Confirmed(None)
        }
        other => other,
    };
    shared.stir();
    step
}

fn gone() -> Reply {
    html(pages::gone())
}
