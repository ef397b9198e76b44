//! Whether the process lives, and whether visitors should be sent here.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, json};
use super::desk::Desk;

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
    let sign_in = desk.parts.standing.credentials_refused().map(|refusal| {
        json!({
            "reason": "wechat-misconfigured",
            "by": "sign-in",
            "errcode": refusal.errcode,
            "since": refusal.since.0,
        })
    });
    draining.into_iter().chain(sign_in).collect()
}
