//! An account's own side of the API, `/cgi-bin/…`: platform tokens, tickets, addresses, quotas; and all of WeCom's API.

mod lists;
mod tickets;
mod tokens;
pub(super) mod wecom;

use http::Method;
use serde_json::{Map, Value, json};

use super::{Outcome, Refused, refused};
use crate::simulator::exchange::{Ask, Parameters};
use crate::simulator::platform::mint::Dead;
use crate::simulator::settings::AccountKind;
use crate::simulator::world::World;

/// One endpoint. Its name is the kind of its events.
struct Endpoint {
    path: &'static str,
    name: &'static str,
    method: Method,
    judge: fn(&mut World, &Ask, &mut Noted) -> Outcome,
}

/// What an event tells of a call.
type Noted = Map<String, Value>;

const ENDPOINTS: [Endpoint; 7] = [
    Endpoint { path: "/cgi-bin/token", name: "token", method: Method::GET, judge: tokens::classic },
    Endpoint { path: "/cgi-bin/stable_token", name: "stable_token", method: Method::POST, judge: tokens::stable },
    Endpoint { path: "/cgi-bin/ticket/getticket", name: "getticket", method: Method::GET, judge: tickets::get },
    Endpoint { path: "/cgi-bin/getcallbackip", name: "getcallbackip", method: Method::GET, judge: lists::callback_ip },
    Endpoint {
        path: "/cgi-bin/get_api_domain_ip",
        name: "get_api_domain_ip",
        method: Method::GET,
        judge: lists::api_domain_ip,
    },
    Endpoint { path: "/cgi-bin/clear_quota", name: "clear_quota", method: Method::POST, judge: lists::clear_quota },
    Endpoint {
        path: "/cgi-bin/clear_quota/v2",
        name: "clear_quota",
        method: Method::POST,
        judge: lists::clear_quota_by_secret,
    },
];

/// Answers a call and notes it, whatever became of it.
pub(super) fn answer(world: &mut World, ask: &Ask) -> Outcome {
    let endpoint = ENDPOINTS.iter().chain(&wecom::ENDPOINTS).find(|endpoint| endpoint.path == ask.path);
    let Endpoint { name, method, judge, .. } = endpoint.ok_or(refused(40066, "invalid url"))?;
    let mut noted = Noted::new();
    let outcome = if ask.method == *method {
        judge(world, ask, &mut noted)
    } else {
        Err(if method == Method::POST {
            refused(43002, "require POST method")
        } else {
            refused(43001, "require GET method")
        })
    };
    let result = outcome.as_ref().map_or_else(|refused| json!(refused.errcode), |_| json!("ok"));
    noted.insert("outcome".to_owned(), result);
    noted.insert("ip".to_owned(), json!(world.platform.doorman.sees(ask.peer)));
    world.note(name, Value::Object(noted));
    outcome
}

/// Who a call is for and what it proves that with, wherever that stands in the request.
struct Credentials<'c> {
    app_id: Option<&'c str>,
    secret: Option<&'c str>,
}

impl Credentials<'_> {
    /// The account, once the secret is right and, where asked for, the caller's address is welcome.
    fn prove(&self, world: &mut World, at_the_door: Option<&Ask>) -> Result<String, Refused> {
        let app_id = self.app_id.ok_or(refused(41002, "appid missing"))?;
        let account = world.account(app_id).filter(|account| account.kind != AccountKind::WeCom);
        let account = account.ok_or(refused(40013, "invalid appid"))?;
        let right = self.secret.map(|secret| secret == account.app_secret);
        // Before the secret: with a wrong one, a stranger is told of the list all the same.
        if let Some(ask) = at_the_door {
            let now = world.clock.now();
            if let Err(stopped) = world.platform.doorman.admit(ask.peer, now) {
                let (errcode, errmsg) = stopped.words();
                return Err(Refused { errcode, errmsg: errmsg.into() });
            }
        }
        match right {
            None => Err(refused(41004, "appsecret missing")),
            Some(false) => Err(refused(40125, "invalid appsecret")),
            Some(true) => Ok(app_id.to_owned()),
        }
    }
}

/// The account whose platform token stands in the query.
fn bearer(world: &World, parameters: &Parameters, noted: &mut Noted) -> Result<String, Refused> {
    let token = parameters.text("access_token").ok_or(refused(41001, "access_token missing"))?;
    noted.insert("access_token".to_owned(), json!(token));
    let owner = world.platform.mint.owner(token, world.clock.now()).map_err(|dead| match dead {
        Dead::Malformed => refused(40014, "invalid access_token"),
        Dead::NotLatest => refused(40001, "invalid credential, access_token is invalid or not latest"),
        Dead::Expired => refused(42001, "access_token expired"),
    })?;
    noted.insert("app_id".to_owned(), json!(owner));
    Ok(owner.to_owned())
}

const fn out_of_quota() -> Refused {
    refused(45009, "reach max api daily quota limit")
}
