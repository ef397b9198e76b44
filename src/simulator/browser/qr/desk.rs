//! A desktop browser at a page with a QR code: the link is judged, and the code shown. Pure but for the world it changes.

use serde_json::{Map, Value, json};

use super::codes::Errand;
use super::corp;
use crate::simulator::browser::authorize::{Visitor, check_state, note_link};
use crate::simulator::browser::issue::Issued;
use crate::simulator::browser::link::{Endpoint, Link};
use crate::simulator::browser::page_error::{self, PageError};
use crate::simulator::browser::way_back;
use crate::simulator::control::duplicates::Duplicate;
use crate::simulator::settings::{Account, AccountKind, Scope};
use crate::simulator::world::{Decision, World};

/// What happens next.
#[derive(Debug)]
pub(super) enum Step {
    /// An error page.
    Error(PageError),
    /// The page with this code.
    Show { uuid: String, lang: Lang },
    /// Back to the site at once; a duplicate may have to be sent first.
    Back { location: String, duplicate: Option<Duplicate> },
    /// The visitor refused and stays.
    Stay,
}

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Chinese,
    English,
}

/// Judges a visit of `/connect/qrconnect` and notes the outcome in the log.
pub(super) fn qrconnect(world: &mut World, raw: &str, visitor: &Visitor) -> Step {
    let mut noted = Map::new();
    let step =
        website(world, raw, &mut noted).and_then(|(errand, lang)| serve(world, errand, lang, visitor, &mut noted));
    conclude(world, "qrconnect", raw, step, noted)
}

/// Judges a visit of `/wwlogin/sso/login` and notes the outcome in the log.
pub(super) fn sso_login(world: &mut World, raw: &str, visitor: &Visitor) -> Step {
    let mut noted = Map::new();
    let step =
        corp::read(world, raw, &mut noted).and_then(|(errand, lang)| serve(world, errand, lang, visitor, &mut noted));
    conclude(world, "sso_login", raw, step, noted)
}

/// Rule 10, for a website app.
fn website(world: &World, raw: &str, noted: &mut Map<String, Value>) -> Result<(Errand, Lang), PageError> {
    let link = Link::parse(raw, Endpoint::QrConnect, world.settings.lenient)?;
    note_link(&link, noted);
    let account = world.account(&link.app_id).ok_or(page_error::UNKNOWN_APP_ID)?;
    if account.kind != AccountKind::WebsiteApp {
        return Err(page_error::NO_WEBSITE_APP);
    }
    if account.banned {
        return Err(page_error::WEBSITE_BANNED);
    }
    if !asks_for_login(&link.scope, account) {
        return Err(page_error::WEBSITE_SCOPE);
    }
    if !way_back::permitted(&link.way_back.redirect_uri, account) {
        return Err(page_error::WEBSITE_HOST);
    }
    check_state(world, &link)?;
    let lang = if link.lang == "en" { Lang::English } else { Lang::Chinese };
    let errand =
        Errand { account: account.clone(), scope: Scope::Login, way_back: link.way_back, user_agent: String::new() };
    Ok((errand, lang))
}

/// The scopes are a list, and one of them exists.
fn asks_for_login(scope: &str, account: &Account) -> bool {
    scope.split(',').all(|scope| scope == Scope::Login.name()) && account.scopes.contains(&Scope::Login)
}

/// Shows a code; or, where it is known already who will scan it and what they answer, does without.
fn serve(
    world: &mut World,
    mut errand: Errand,
    lang: Lang,
    visitor: &Visitor,
    noted: &mut Map<String, Value>,
) -> Result<Step, PageError> {
    errand.user_agent.clone_from(&visitor.user_agent);
    let known = visitor.user.as_deref().and_then(|id| world.user(id)).cloned();
    let (Some(user), Some(decision)) = (known, visitor.decision) else {
        let (uuid, now) = (world.noise.uuid(), world.clock.now());
        noted.insert("uuid".to_owned(), json!(uuid));
        world.qr_codes.show(uuid.clone(), errand, now);
        return Ok(Step::Show { uuid, lang });
    };
    noted.insert("user".to_owned(), json!(user.id));
    if let Decision::Refuse(refusal) = decision {
        return Ok(match way_back::refused(&errand.way_back, refusal) {
            Some(location) => Step::Back { location, duplicate: None },
            None => Step::Stay,
        });
    }
    let Issued { code, location, duplicate } = super::phone::grant(world, &errand, &user.id)?;
    noted.insert("code".to_owned(), json!(code));
    Ok(Step::Back { location, duplicate })
}

fn conclude(
    world: &mut World,
    kind: &'static str,
    raw: &str,
    step: Result<Step, PageError>,
    mut noted: Map<String, Value>,
) -> Step {
    let step = step.unwrap_or_else(Step::Error);
    let outcome = match &step {
        Step::Error(error) => {
            noted.insert("error".to_owned(), error.code.map_or_else(|| json!(error.text), |code| json!(code)));
            "page"
        }
        Step::Show { .. } => "qr",
        Step::Back { .. } if noted.contains_key("code") => "code",
        Step::Back { .. } | Step::Stay => "declined",
    };
    noted.insert("outcome".to_owned(), json!(outcome));
    noted.insert("query".to_owned(), json!(raw));
    world.note(kind, Value::Object(noted));
    step
}
