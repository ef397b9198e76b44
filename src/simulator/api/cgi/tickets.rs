//! `GET /cgi-bin/ticket/getticket` (rule 20).

use serde_json::json;

use super::{Noted, Outcome, bearer, out_of_quota};
use crate::simulator::api::refused;
use crate::simulator::api::wire::Object;
use crate::simulator::exchange::Ask;
use crate::simulator::platform::mint::Kind;
use crate::simulator::platform::quotas::Counter;
use crate::simulator::world::World;

pub(super) fn get(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    let parameters = ask.parameters();
    noted.insert("type".to_owned(), json!(parameters.text("type")));
    let app_id = bearer(world, &parameters, noted)?;
    let kind = match parameters.text("type") {
        Some("jsapi") => Kind::Jsapi,
        Some("wx_card") => Kind::WxCard,
        _ => return Err(refused(40097, "invalid args")),
    };
    let now = world.clock.now();
    if !world.platform.quotas.spend(&app_id, Counter::Getticket, now) {
        return Err(out_of_quota());
    }
    let handed = world.platform.mint.lasting(&app_id, kind, now);
    let expires_in = handed.minted.left(now);
    noted.insert("ticket".to_owned(), json!(handed.minted.text));
    noted.insert("expires_in".to_owned(), json!(expires_in));
    noted.insert("fresh".to_owned(), json!(handed.fresh));
    let body = Object::new().number("errcode", 0).text("errmsg", "ok").text("ticket", &handed.minted.text);
    Ok(body.seconds("expires_in", expires_in).finish())
}
