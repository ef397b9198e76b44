//! `GET /cgi-bin/token` and `POST /cgi-bin/stable_token` (rules 17 to 19).

use serde::Deserialize;
use serde_json::json;

use super::{Credentials, Noted, Outcome, out_of_quota};
use crate::simulator::api::wire::Object;
use crate::simulator::api::{Refused, refused};
use crate::simulator::exchange::Ask;
use crate::simulator::platform::mint::{Handed, Kind};
use crate::simulator::platform::quotas::Counter;
use crate::simulator::world::World;

/// Rule 17: every call makes another token.
pub(super) fn classic(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let parameters = ask.parameters();
    let credentials = Credentials { app_id: parameters.text("appid"), secret: parameters.text("secret") };
    noted.insert("app_id".to_owned(), json!(credentials.app_id));
    if parameters.text("grant_type") != Some("client_credential") {
        return Err(refused(40002, "invalid grant_type"));
    }
    let app_id = credentials.prove(world, Some(ask))?;
    let now = world.clock.now();
    if !world.platform.quotas.spend(&app_id, Counter::Token, now) {
        return Err(out_of_quota());
    }
    let handed = world.platform.mint.classic(&app_id, now);
    Ok(hand_over(&handed, now, noted))
}

/// What is posted to `stable_token`. Strangers' members are ignored.
#[derive(Debug, Deserialize)]
struct Form {
    grant_type: Option<String>,
    appid: Option<String>,
    secret: Option<String>,
    force_refresh: Option<bool>,
}

/// Rule 18: the same token to everybody, until its end is near or somebody insists.
pub(super) fn stable(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let form: Form = serde_json::from_slice(&ask.body).map_err(|_| refused(47001, "data format error"))?;
    let force = form.force_refresh.unwrap_or(false);
    noted.insert("app_id".to_owned(), json!(form.appid));
    noted.insert("force_refresh".to_owned(), json!(force));
    if form.grant_type.as_deref() != Some("client_credential") {
        return Err(refused(40002, "invalid grant_type"));
    }
    let filled = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let (app_id, secret) = (filled(&form.appid), filled(&form.secret));
    let credentials = Credentials { app_id: app_id.as_deref(), secret: secret.as_deref() };
    let app_id = credentials.prove(world, Some(ask))?;
    let now = world.clock.now();
    let handed = give_stable(world, &app_id, force, now)?;
    Ok(hand_over(&handed, now, noted))
}

fn give_stable(world: &mut World, app_id: &str, force: bool, now: u64) -> Result<Handed, Refused> {
    let platform = &mut world.platform;
    if !platform.quotas.spend(app_id, Counter::StableTokenPerMinute, now) {
        return Err(refused(45011, "api minute-quota reach limit, must slower, retry next minute"));
    }
    if !platform.quotas.spend(app_id, Counter::StableToken, now) {
        return Err(out_of_quota());
    }
    if !force || !platform.mint.may_force(app_id, now) {
        return Ok(platform.mint.lasting(app_id, Kind::Stable, now));
    }
    if !platform.quotas.spend(app_id, Counter::ForceRefresh, now) {
        return Err(out_of_quota());
    }
    Ok(platform.mint.force(app_id, now))
}

/// A success: no errcode here, unlike everywhere else.
fn hand_over(handed: &Handed, now: u64, noted: &mut Noted) -> Vec<u8> {
    let expires_in = handed.minted.left(now);
    noted.insert("access_token".to_owned(), json!(handed.minted.text));
    noted.insert("expires_in".to_owned(), json!(expires_in));
    noted.insert("fresh".to_owned(), json!(handed.fresh));
    Object::new().text("access_token", &handed.minted.text).seconds("expires_in", expires_in).finish()
}
