//! Codes on their way back to the site, and what goes ahead of them when callbacks are doubled (rule 7).

use serde_json::json;

use super::way_back::WayBack;
use crate::simulator::control::duplicates::{Duplicate, Mode};
use crate::simulator::world::{Grant, Who, World};

/// A code, and how it gets to the site.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) code: String,
    /// Where the browser is sent.
    pub(super) location: String,
    /// What must be sent first.
    pub(super) duplicate: Option<Duplicate>,
}

/// Issues the browser's code and, where callbacks are doubled, the other one.
pub(super) fn issue(world: &mut World, way_back: &WayBack, grant: &Grant, user_agent: &str) -> Issued {
    let mode = world.duplicates.take();
    let code = issue_one(world, way_back, grant);
    let location = way_back.with(Some(&code));
    let other = match mode {
        Mode::Off => return Issued { code, location, duplicate: None },
        Mode::SameCode | Mode::Prefetch => code.clone(),
        Mode::TwoCodes => issue_one(world, way_back, grant),
    };
    let url = way_back.with(Some(&other));
    let url = url.split('#').next().unwrap_or_default().to_owned();
    let duplicate = Some(Duplicate { mode, url, user_agent: user_agent.to_owned() });
    Issued { code, location, duplicate }
}

fn issue_one(world: &mut World, way_back: &WayBack, grant: &Grant) -> String {
    let code = world.issue_code(grant.clone(), &way_back.redirect_uri);
    let details = json!({
        "code": code,
        "app_id": grant.app_id,
        "openid": grant.openid,
        "scope": grant.scope,
        "state": way_back.state_text(),
        "user": match &grant.who { Who::User(id) => Some(id), Who::Virtual { .. } => None },
        "snapshot": matches!(grant.who, Who::Virtual { .. }),
    });
    world.note("code", details);
    code
}
