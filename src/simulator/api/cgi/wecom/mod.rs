//! What stands for qyapi.weixin.qq.com: a WeCom application's token, who a code is, and the two kinds of ticket.

mod identity;
mod tickets;
mod token;

use std::net::IpAddr;

use http::Method;
use serde_json::json;

use super::{Endpoint, Noted};
use crate::simulator::api::wire::Object;
use crate::simulator::api::{Refused, refused};
use crate::simulator::exchange::{Ask, Parameters};
use crate::simulator::platform::mint::Dead;
use crate::simulator::settings::Account;
use crate::simulator::world::World;

/// No path here is api.weixin.qq.com's too; those that are, are told apart by the token, in `lists`.
pub(super) const ENDPOINTS: [Endpoint; 6] = [
    Endpoint { path: "/cgi-bin/gettoken", name: "gettoken", method: Method::GET, judge: token::get },
    Endpoint { path: "/cgi-bin/auth/getuserinfo", name: "getuserinfo", method: Method::GET, judge: identity::user },
    Endpoint {
        path: "/cgi-bin/user/getuserinfo",
        name: "getuserinfo",
        method: Method::GET,
        judge: identity::user_as_before,
    },
    Endpoint {
        path: "/cgi-bin/auth/getuserdetail",
        name: "getuserdetail",
        method: Method::POST,
        judge: identity::detail,
    },
    Endpoint {
        path: "/cgi-bin/get_jsapi_ticket",
        name: "get_jsapi_ticket",
        method: Method::GET,
        judge: tickets::corps,
    },
    Endpoint { path: "/cgi-bin/ticket/get", name: "agent_ticket", method: Method::GET, judge: tickets::agents },
];

/// Whether a path is qyapi.weixin.qq.com's.
pub(in crate::simulator::api) fn is_asked(path: &str) -> bool {
    ENDPOINTS.iter().any(|endpoint| endpoint.path == path)
}

/// What follows an errmsg of WeCom's.
pub(in crate::simulator::api) fn tail(world: &mut World, errcode: i64, from: IpAddr) -> String {
    let ip = world.platform.doorman.sees(from);
    let hint = world.noise.hint(world.clock.now());
    format!(", {hint}, from ip: {ip}, more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}")
}

/// The application whose token stands in the query.
pub(super) fn bearer(world: &World, ask: &Ask, parameters: &Parameters, noted: &mut Noted) -> Result<Account, Refused> {
    let token = parameters.text("access_token").ok_or(refused(41001, "access_token missing"))?;
    noted.insert("access_token".to_owned(), json!(token));
    let owner = world.platform.mint.application(token, world.clock.now()).map_err(|dead| match dead {
        Dead::Malformed | Dead::NotLatest => refused(40014, "invalid access_token"),
        Dead::Expired => refused(42001, "access_token expired"),
    })?;
    let app = world.settings.accounts.iter().find(|account| account.key() == owner);
    let app = app.ok_or(refused(40014, "invalid access_token"))?.clone();
    note_app(&app, noted);
    trusted(world, ask)?;
    Ok(app)
}

fn note_app(app: &Account, noted: &mut Noted) {
    noted.insert("app_id".to_owned(), json!(app.app_id));
    noted.insert("agent_id".to_owned(), json!(app.agent_id));
}

/// 企业可信IP.
fn trusted(world: &World, ask: &Ask) -> Result<(), Refused> {
    if world.platform.trusted.has(world.platform.doorman.sees(ask.peer)) {
        return Ok(());
    }
    Err(refused(60020, "not allow to access from your ip"))
}

const fn too_often() -> Refused {
    refused(45009, "api freq out of limit")
}

/// Every success says so.
pub(super) fn success() -> Object {
    Object::new().number("errcode", 0).text("errmsg", "ok")
}
