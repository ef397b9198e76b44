//! `GET /cgi-bin/get_jsapi_ticket` and `GET /cgi-bin/ticket/get?type=agent_config` (rule 20).

use serde_json::json;

use super::{bearer, success, too_often};
use crate::simulator::api::cgi::Noted;
use crate::simulator::api::{Outcome, refused};
use crate::simulator::exchange::Ask;
use crate::simulator::platform::mint::Kind;
use crate::simulator::platform::quotas::Counter;
use crate::simulator::settings::Account;
use crate::simulator::world::World;

/// The corporation's ticket, whichever of its applications asks.
pub(super) fn corps(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let app = bearer(world, ask, &ask.parameters(), noted)?;
    let counters = [Counter::CorpTicketByCorp, Counter::CorpTicketByApp];
    give(world, &app, &app.app_id, Kind::CorpJsapi, counters, noted)
}

/// The application's own ticket.
pub(super) fn agents(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let parameters = ask.parameters();
    noted.insert("type".to_owned(), json!(parameters.text("type")));
    let app = bearer(world, ask, &parameters, noted)?;
    if parameters.text("type") != Some("agent_config") {
        return Err(refused(40097, "invalid args"));
    }
    let counters = [Counter::AgentTicketByCorp, Counter::AgentTicketByApp];
    give(world, &app, &app.key(), Kind::AgentConfig, counters, noted)
}

fn give(
    world: &mut World,
    app: &Account,
    owner: &str,
    kind: Kind,
    [by_corp, by_app]: [Counter; 2],
    noted: &mut Noted,
) -> Outcome {
    let now = world.clock.now();
    if !world.platform.quotas.spend_both([(&app.app_id, by_corp), (&app.key(), by_app)], now) {
        return Err(too_often());
    }
    let handed = world.platform.mint.lasting(owner, kind, now);
    let expires_in = handed.minted.left(now);
    noted.insert("ticket".to_owned(), json!(handed.minted.text));
    noted.insert("expires_in".to_owned(), json!(expires_in));
    noted.insert("fresh".to_owned(), json!(handed.fresh));
    Ok(success().text("ticket", &handed.minted.text).seconds("expires_in", expires_in).finish())
}
