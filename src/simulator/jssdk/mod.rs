//! The part of WeChat's app that a page's JS-SDK talks to (rule 21): a bridge in the page, and the judge behind it.

mod tickets;
mod verify;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderName,
};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::Shared;
use super::exchange::{Ask, Reply, json as json_reply, reply};

const BRIDGE: &str = "/__sim/bridge.js";
const VERIFY: &str = "/__sim/jssdk/verify";
/// Chromium's, where a page of a public address calls one on this machine.
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

pub(super) fn is_asked(path: &str) -> bool {
    path == BRIDGE || path == VERIFY
}

/// The page that asks is the site's, not ours: everything here is open to every origin.
pub(super) fn answer(ask: &Ask, shared: &Shared) -> Reply {
    let mut answer = match (ask.path.as_str(), &ask.method) {
        (BRIDGE, &Method::GET) => bridge(&shared.base_url),
        (VERIFY, &Method::POST) => match verify::judge(ask, &mut shared.world()) {
            Ok(judgement) => json_reply(StatusCode::OK, &judgement),
            Err(mistake) => json_reply(StatusCode::BAD_REQUEST, &json!({"error": mistake})),
        },
        (_, &Method::OPTIONS) => reply(StatusCode::NO_CONTENT, "text/plain", ""),
        _ => json_reply(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "GET the bridge, POST to the verifier"})),
    };
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (ALLOW_PRIVATE_NETWORK, "true"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The script, told where to find the judge.
fn bridge(base_url: &str) -> Reply {
    let verifier = Value::from(format!("{base_url}{VERIFY}")).to_string();
    let script = include_str!("bridge.js").replace("\"VERIFIER\"", &verifier);
    reply(StatusCode::OK, "text/javascript; charset=utf-8", script)
}
