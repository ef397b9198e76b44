//! Whether the process lives, and whether visitors should be sent here.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, json};
use super::desk::Desk;
use crate::clock::Timestamp;

/// As long as this is answered, the process lives.
pub(super) fn live() -> Answer {
    json(StatusCode::OK, &json!({ "live": true }))
}

/// 200, or 503 with every reason there is.
pub(super) fn ready(desk: &Desk) -> Answer {
    let reasons = reasons(desk);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &json!({ "ready": reasons.is_empty(), "reasons": reasons }))
}

fn reasons(desk: &Desk) -> Vec<Value> {
    let draining = desk.is_draining().then(|| json!({ "reason": "draining" }));
    let alarms = desk.parts.platforms().filter_map(|platform| platform.state().alarm);
    let platform = alarms.map(|alarm| refused("platform", alarm.errcode, alarm.since));
    let sign_in = desk.parts.login.refusal().map(|refusal| refused("sign-in", refusal.errcode, refusal.since));
    draining.into_iter().chain(platform).chain(sign_in).collect()
}

/// WeChat refuses the credentials, as `by` has it. What to do about it is in the log, and in `wxgate explain`.
fn refused(by: &str, errcode: i64, since: Timestamp) -> Value {
    json!({ "reason": "wechat-misconfigured", "by": by, "errcode": errcode, "since": since.0 })
}
