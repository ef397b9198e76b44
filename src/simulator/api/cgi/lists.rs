//! The lists of WeChat's addresses, and the return of what was used of a quota (rule 22).

use serde::Deserialize;
use serde_json::json;

use super::{Credentials, Noted, Outcome, bearer, wecom};
use crate::simulator::api::refused;
use crate::simulator::api::wire::Object;
use crate::simulator::exchange::Ask;
use crate::simulator::platform::mint::Dead;
use crate::simulator::platform::quotas::Counter;
use crate::simulator::world::World;

/// From where WeChat calls sites: ranges that a real answer has been seen to have, and one plain address.
const CALLBACK_IPS: [&str; 3] = ["101.226.103.0/25", "101.226.233.0/24", "127.0.0.2"];
/// Where WeChat's API answers.
const API_IPS: [&str; 2] = ["101.89.47.18", "101.91.34.103"];

pub(super) fn callback_ip(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    list(world, ask, noted, &CALLBACK_IPS)
}

pub(super) fn api_domain_ip(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    list(world, ask, noted, &API_IPS)
}

/// qyapi.weixin.qq.com has these paths too: the token tells which of the two is asked.
fn list(world: &World, ask: &Ask, noted: &mut Noted, ips: &[&str]) -> Outcome {
    let parameters = ask.parameters();
    let token = parameters.text("access_token").unwrap_or_default();
    let answer = match world.platform.mint.application(token, world.clock.now()) {
        Err(Dead::Malformed) => {
            bearer(world, &parameters, noted)?;
            Object::new()
        }
        Ok(_) | Err(Dead::NotLatest | Dead::Expired) => {
            wecom::bearer(world, ask, &parameters, noted)?;
            wecom::success()
        }
    };
    Ok(answer.texts("ip_list", ips).finish())
}

/// `POST /cgi-bin/clear_quota?access_token=… {"appid": …}`.
pub(super) fn clear_quota(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    #[derive(Deserialize)]
    struct Form {
        appid: String,
    }
    let app_id = bearer(world, &ask.parameters(), noted)?;
    let form: Form = serde_json::from_slice(&ask.body).map_err(|_| refused(47001, "data format error"))?;
    if form.appid != app_id {
        return Err(refused(40013, "invalid appid"));
    }
    clear(world, &app_id)
}

/// `POST /cgi-bin/clear_quota/v2?appid=…&appsecret=…`: the way out when no token is to be had any more.
pub(super) fn clear_quota_by_secret(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let parameters = ask.parameters();
    let credentials = Credentials { app_id: parameters.text("appid"), secret: parameters.text("appsecret") };
    noted.insert("app_id".to_owned(), json!(credentials.app_id));
    let app_id = credentials.prove(world, None)?;
    clear(world, &app_id)
}

fn clear(world: &mut World, app_id: &str) -> Outcome {
    let now = world.clock.now();
    if !world.platform.quotas.spend(app_id, Counter::ClearQuotaPerMonth, now) {
        return Err(refused(48006, "forbid to clear quota because of reaching the limit"));
    }
    world.platform.quotas.clear(app_id);
    Ok(Object::new().number("errcode", 0).text("errmsg", "ok").finish())
}
