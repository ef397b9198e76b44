//! QR codes on desktop pages, for tests that have no phone: a list of them, and what a phone would do.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, parse};
use crate::simulator::Shared;
use crate::simulator::browser::authorize::Visitor;
use crate::simulator::browser::qr;
use crate::simulator::browser::qr::codes::QrCode;
use crate::simulator::browser::qr::phone::Step;
use crate::simulator::exchange::Ask;
use crate::simulator::settings::Refusal;
use crate::simulator::world::{Decision, World};

/// All codes, oldest first.
pub(super) fn list(world: &World, shared: &Shared) -> Value {
    world.qr_codes.all().map(|code| to_json(code, world, shared)).collect()
}

fn to_json(code: &QrCode, world: &World, shared: &Shared) -> Value {
    let now = world.clock.now();
    json!({
        "uuid": code.uuid,
        "app_id": code.errand.account.app_id,
        "state": code.told(now).1,
        "user": code.user(),
        "expires_in": code.left(now),
        "scan_url": qr::scan_url(&code.uuid, shared),
        "redirect_url": code.redirect_url(),
    })
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Deed {
    Scan,
    Confirm,
    Refuse,
}

/// Does what a phone would do with a code, and tells what has become of it.
pub(super) async fn act(ask: &Ask, shared: &Arc<Shared>) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        /// Absent: the newest.
        uuid: Option<String>,
        #[serde(rename = "do")]
        deed: Deed,
        /// Absent: who has scanned it.
        user: Option<String>,
        /// Absent: as the rules have it.
        refusal: Option<Refusal>,
    }
    let Form { uuid, deed, user, refusal } = parse(ask)?;
    let (uuid, visitor) = {
        let world = shared.world();
        let code = match &uuid {
            Some(uuid) => world.qr_codes.find(uuid),
            None => world.qr_codes.all().next_back(),
        };
        let code = code.ok_or("uuid: there is no such code; GET /__sim/qr lists them")?;
        let user =
            user.or_else(|| code.user().map(str::to_owned)).ok_or("user: nobody has scanned it; say who does")?;
        if world.user(&user).is_none() {
            return Err(format!("user: there is no user {user:?}; GET /__sim/users lists them"));
        }
        let decision = match deed {
            Deed::Scan => None,
            Deed::Confirm => Some(Decision::Allow),
            Deed::Refuse => Some(Decision::Refuse(refusal.unwrap_or(world.settings.qr_refusal))),
        };
        (code.uuid.clone(), Visitor { user: Some(user), decision, user_agent: String::new() })
    };
    match qr::act(&uuid, &visitor, shared).await {
        Step::Gone => return Err("uuid: this code is too old, or has been used".to_owned()),
        Step::Error(error) => return Err(format!("the phone is shown: {}", error.text)),
        Step::Pick(_) | Step::Ask(..) | Step::Confirmed(_) | Step::Refused => {}
    }
    let world = shared.world();
    Ok(world.qr_codes.find(&uuid).map_or(Value::Null, |code| to_json(code, &world, shared)))
}
