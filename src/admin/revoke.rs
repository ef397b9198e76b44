//! `POST /sessions/revoke`: ends one session, or all that a person has.
//!
//! A tunnel (WebSocket) that a session opened before goes on until either side closes it.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::answer::{Answer, Refusal, empty};
use crate::session::Sessions;
use crate::types::{OpenId, SessionId};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    openid: Option<String>,
    /// As `X-Wechat-Session` tells it.
    sid: Option<String>,
}

/// 204, whether or not there was such a session: sessions live in browsers, and nobody counts them.
pub(super) fn answer(sessions: &Sessions, body: &Bytes) -> Result<Answer, Refusal> {
    let form: Form = serde_json::from_slice(body)
        .map_err(|_| Refusal::BadRequest(r#"the body is not {"openid": "..."} or {"sid": "..."}"#))?;
    match (form.openid, form.sid) {
        (Some(openid), None) => {
            let openid = OpenId::parse(&openid).map_err(|_| Refusal::BadRequest("openid is not an openid"))?;
            sessions.revoke_all_of(&openid);
            // The first letters only (R28).
            tracing::info!(?openid, "admin: all sessions of a visitor are ended");
        }
        (None, Some(sid)) => {
            let sid = SessionId::parse(&sid)
                .map_err(|_| Refusal::BadRequest("sid is not a session id: 32 hex digits in lower case"))?;
            sessions.revoke(sid);
            tracing::info!(?sid, "admin: a session is ended");
        }
        _ => return Err(Refusal::BadRequest("name either openid or sid")),
    }
    Ok(empty(StatusCode::NO_CONTENT))
}
