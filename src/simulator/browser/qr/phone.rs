//! A phone that has scanned a QR code: who it belongs to, and what they say. Pure but for the world it changes.

use serde_json::json;

use super::codes::{Errand, QrCode, State};
use crate::simulator::browser::authorize::Visitor;
use crate::simulator::browser::issue::{Issued, issue};
use crate::simulator::browser::page_error::{self, PageError};
use crate::simulator::browser::way_back;
use crate::simulator::control::duplicates::Duplicate;
use crate::simulator::random;
use crate::simulator::settings::{Account, User};
use crate::simulator::world::{Decision, Grant, Who, World};

/// What the phone shows next.
#[derive(Debug)]
pub(in crate::simulator) enum Step {
    /// The code is too old, has been used, or never was.
    Gone,
    Error(PageError),
    /// Somebody says whose phone it is.
    Pick(Account),
    /// Scanned; the owner is asked.
    Ask(Account, Box<User>),
    /// The desktop goes on once it is let go; a duplicate may have to be sent first.
    Confirmed(Option<Duplicate>),
    Refused,
}

/// Takes a phone one step further, and notes what became of the code.
pub(in crate::simulator) fn visit(world: &mut World, uuid: &str, visitor: &Visitor) -> Step {
    let now = world.clock.now();
    let Some(QrCode { errand, .. }) = world.qr_codes.open(uuid, now).cloned() else {
        note(world, uuid, "gone", None);
        return Step::Gone;
    };
    let Some(user) = visitor.user.as_deref().and_then(|id| world.user(id)).cloned() else {
        return Step::Pick(errand.account);
    };
    let (state, step) = match visitor.decision {
        None => (State::Scanned { user: user.id.clone() }, Step::Ask(errand.account, Box::new(user.clone()))),
        Some(Decision::Refuse(refusal)) => {
            let redirect_url = way_back::refused(&errand.way_back, refusal);
            (State::Refused { user: user.id.clone(), redirect_url }, Step::Refused)
        }
        Some(Decision::Allow) => match grant(world, &errand, &user.id) {
            Err(error) => return Step::Error(error),
            Ok(Issued { code, location, duplicate }) => {
                let state = State::Confirmed { user: user.id.clone(), code, redirect_url: location, let_go: false };
                (state, Step::Confirmed(duplicate))
            }
        },
    };
    world.qr_codes.settle(uuid, state);
    let outcome = match step {
        Step::Ask(..) => "scanned",
        Step::Refused => "refused",
        _ => "confirmed",
    };
    note(world, uuid, outcome, Some(&user.id));
    step
}

/// Issues the code that the desktop takes to the site.
pub(super) fn grant(world: &mut World, errand: &Errand, user: &str) -> Result<Issued, PageError> {
    let app_id = errand.account.app_id.clone();
    if world.too_often(user, &app_id) {
        return Err(page_error::TOO_OFTEN);
    }
    let openid = random::openid(&app_id, user);
    let grant = Grant { app_id, openid, scope: errand.scope, who: Who::User(user.to_owned()) };
    Ok(issue(world, &errand.way_back, &grant, &errand.user_agent))
}

fn note(world: &mut World, uuid: &str, outcome: &str, user: Option<&str>) {
    let app_id = world.qr_codes.find(uuid).map(|code| code.errand.account.app_id.clone());
    world.note("qr", json!({"uuid": uuid, "outcome": outcome, "user": user, "app_id": app_id}));
}
