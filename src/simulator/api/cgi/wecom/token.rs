//! `GET /cgi-bin/gettoken`: an application's token, the same for as long as it lives.

use serde_json::json;

use super::{note_app, success, too_often, trusted};
use crate::simulator::api::cgi::Noted;
use crate::simulator::api::{Outcome, refused};
use crate::simulator::exchange::Ask;
use crate::simulator::platform::mint::Kind;
use crate::simulator::platform::quotas::Counter;
use crate::simulator::world::World;

pub(super) fn get(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let parameters = ask.parameters();
    let corp_id = parameters.text("corpid").ok_or(refused(41002, "corpid missing"))?;
    noted.insert("app_id".to_owned(), json!(corp_id));
    let secret = parameters.text("corpsecret").ok_or(refused(41004, "corpsecret missing"))?;
    if world.applications(corp_id).next().is_none() {
        return Err(refused(40013, "invalid corpid"));
    }
    // The secret says which application it is.
    let app = world.applications(corp_id).find(|app| app.app_secret == secret);
    let app = app.ok_or(refused(40001, "invalid credential"))?.clone();
    note_app(&app, noted);
    if world.platform.trusted.gettoken {
        trusted(world, ask)?;
    }
    let now = world.clock.now();
    if !world.platform.quotas.spend(&app.key(), Counter::Gettoken, now) {
        return Err(too_often());
    }
    let handed = world.platform.mint.lasting(&app.key(), Kind::CorpToken, now);
    let expires_in = handed.minted.left(now);
    noted.insert("access_token".to_owned(), json!(handed.minted.text));
    noted.insert("expires_in".to_owned(), json!(expires_in));
    noted.insert("fresh".to_owned(), json!(handed.fresh));
    Ok(success().text("access_token", &handed.minted.text).seconds("expires_in", expires_in).finish())
}
