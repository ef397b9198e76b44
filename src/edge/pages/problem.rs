//! Faults for programs: RFC 9457 problem documents. In English, whatever the pages speak: programs compare them.

use std::borrow::Cow;

use serde::Serialize;

use crate::edge::fault::{Barrier, Reason};
use crate::request::Oversize;
use crate::request::RequestId;
use crate::types::{Instead, Outside};

/// The members of contract section 10.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_url: Option<&'a str>,
}

pub(super) fn document(reason: &Reason, id: &RequestId, login_url: Option<&str>) -> Vec<u8> {
    let document = Document {
        r#type: format!("urn:wxgate:{}", reason.slug()),
        title: title(reason),
        status: reason.status().as_u16(),
        detail: detail(reason),
        request_id: id.to_string(),
        login_url,
    };
    serde_json::to_vec(&document).expect("texts and numbers always serialize")
}

/// One per slug, whatever the occurrence (RFC 9457 section 3.1.3).
const fn title(reason: &Reason) -> &'static str {
    match reason {
        Reason::BadRequest { .. } => "Bad request",
        Reason::TooSlow => "Request too slow",
        Reason::AmbiguousPath { .. } => "Ambiguous path",
        Reason::HeaderTooLarge(_) => "Request head too large",
        Reason::LoginRequired { .. } => "Sign-in required",
        Reason::LoginDeclined { .. } | Reason::HandoffRefused { .. } | Reason::HandoffMismatched => "Sign-in declined",
        Reason::LoginExpired { .. } | Reason::HandoffExpired => "Sign-in expired",
        Reason::LoginLoop => "Sign-in goes in circles",
        Reason::Forbidden(_) => "Forbidden",
        Reason::Snapshot => "WeChat snapshot page",
        Reason::NotInWechat { .. } => "Not in WeChat",
        Reason::RateLimited { .. } => "Too many requests",
        Reason::JsconfigUrlMissing => "URL missing",
        Reason::JsconfigUrlNotAllowed => "URL not allowed",
        Reason::WechatUnavailable { .. } | Reason::NoTicket { misconfigured: false, .. } => "WeChat unavailable",
        Reason::WechatMisconfigured | Reason::NoTicket { misconfigured: true, .. } => "WeChat misconfigured",
        Reason::UpstreamUnreachable => "Upstream unreachable",
        Reason::UpstreamBroken => "Upstream broken",
        Reason::UpstreamTimeout => "Upstream timeout",
        Reason::Overloaded => "Overloaded",
    }
}

/// This occurrence, in one sentence.
fn detail(reason: &Reason) -> Cow<'static, str> {
    let detail = match reason {
        Reason::BadRequest { detail } => detail,
        Reason::TooSlow => "The rest of the request did not come in time.",
        Reason::AmbiguousPath { found } => return Cow::Owned(format!("The path holds {found}.")),
        Reason::HeaderTooLarge(Oversize::RequestLine) => "The request line is longer than this gate accepts.",
        Reason::HeaderTooLarge(Oversize::Headers) => "The request's headers are larger than this gate accepts.",
        Reason::LoginRequired { .. } => "Nobody is signed in: send the browser to login_url.",
        Reason::LoginDeclined { .. } => "The visitor did not allow the sign-in at WeChat.",
        Reason::LoginExpired { .. } => "This sign-in took too long: begin again.",
        Reason::HandoffRefused { .. } => "The phone did not confirm the sign-in of this browser.",
        Reason::HandoffExpired => "The code that was scanned is no longer good.",
        Reason::HandoffMismatched => "The number is not the one that the desktop shows: nobody was signed in.",
        Reason::LoginLoop => "Several sign-ins within a minute led to no session: the browser may refuse cookies.",
        Reason::Forbidden(Barrier::AllowList) => "This visitor is not among those whom this route allows.",
        Reason::Forbidden(Barrier::Snapshot) => "This site is closed to WeChat snapshot pages.",
        Reason::Forbidden(Barrier::ForeignOrigin) => "This request was not sent from a page of this site.",
        Reason::Snapshot => "A WeChat snapshot page cannot sign in: the visitor has to tap 使用完整服务.",
        Reason::NotInWechat { outside, instead, .. } => return not_in_wechat(*outside, *instead).into(),
        Reason::RateLimited { .. } => "Too many requests of this kind came from this address.",
        Reason::JsconfigUrlMissing => "Name the page to sign for: url=, percent-encoded once.",
        Reason::JsconfigUrlNotAllowed => "The page to sign for is not at a host of jssdk.hosts.",
        Reason::NoTicket { misconfigured: false, .. } => "WeChat gives no ticket to sign with at the moment.",
        Reason::NoTicket { misconfigured: true, .. } => {
            "WeChat refuses this site a ticket to sign with: the log says why."
        }
        Reason::WechatUnavailable { .. } => "WeChat did not answer in time.",
        Reason::WechatMisconfigured => "WeChat refuses the credentials of this site.",
        Reason::UpstreamUnreachable => "The upstream accepts no connection.",
        Reason::UpstreamBroken => "The upstream's answer was cut off or not valid HTTP.",
        Reason::UpstreamTimeout => "The upstream did not answer in time.",
        Reason::Overloaded => "This gate is at its limit of requests.",
    };
    Cow::Borrowed(detail)
}

const fn not_in_wechat(outside: Outside, instead: Instead) -> &'static str {
    match (outside, instead) {
        (Outside::Phone, Instead::WeChat) => "Sign-in works inside WeChat: open the address there.",
        (Outside::Phone, Instead::WeCom) => "Sign-in works inside WeCom: open the address there.",
        (Outside::Phone, Instead::Desktop) => "Sign-in works in desktop browsers: open the address there.",
        (Outside::Desktop, _) => "Sign-in for desktop browsers is not set up: open the address in WeChat.",
        (Outside::WeCom, Instead::Desktop) => {
            "Sign-in with WeCom is not set up: open the address in a desktop browser."
        }
        (Outside::WeCom, _) => "Sign-in with WeCom is not set up: open the address in WeChat.",
        (Outside::WeChat, Instead::WeCom) => "Sign-in inside WeChat is not set up: open the address in WeCom.",
        (Outside::WeChat, _) => "Sign-in inside WeChat is not set up: open the address in a desktop browser.",
    }
}
