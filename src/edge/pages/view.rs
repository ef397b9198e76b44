//! What a template is given: the words, the picture, and the few things of this request that may be shown.

use http::StatusCode;
use minijinja::context;
use minijinja::value::{Value, merge_maps};

use super::guard::Needs;
use super::icon::Icon;
use super::text::{Text, Tongue};
use super::{Pages, qr};
use crate::edge::fault::{Barrier, Oversize, Reason};
use crate::types::Outside;

/// A page before it is written.
pub(super) struct View {
    pub(super) template: &'static str,
    pub(super) status: StatusCode,
    pub(super) needs: Needs,
    pub(super) context: Value,
}

impl View {
    pub(super) fn of_fault(reason: &Reason, tongue: Tongue, pages: &Pages) -> Self {
        let (template, needs, own) = match reason {
            Reason::NotInWechat { outside, target } => {
                ("outside.html", Needs::Script, outside_context(*outside, &pages.address(target), tongue))
            }
            Reason::Snapshot => ("snapshot.html", Needs::Nothing, fault_context(reason, pages)),
            _ => ("fault.html", Needs::Nothing, fault_context(reason, pages)),
        };
        let number = context! { slug => reason.slug(), status => reason.status().as_u16() };
        let context = merge_maps([number, shared_context(&tongue.fault(reason), Icon::of(reason), tongue), own]);
        Self { template, status: reason.status(), needs, context }
    }

    pub(super) fn of_logout(rd: &str, tongue: Tongue, pages: &Pages) -> Self {
        let context = context! {
            action => &*pages.logout,
            rd,
            back => pages.address(rd),
            cancel => tongue.words().cancel,
            ..shared_context(&tongue.logout(), Icon::LEAVE, tongue)
        };
        Self { template: "logout.html", status: StatusCode::OK, needs: Needs::Form, context }
    }
}

fn shared_context(text: &Text, icon: Icon, tongue: Tongue) -> Value {
    let words = tongue.words();
    context! {
        lang => words.lang,
        title => text.title,
        lead => text.lead,
        advice => text.advice.to_vec(),
        button => text.button,
        operator => text.operator,
        operator_label => words.operator,
        detail_label => words.detail,
        request_label => words.request_id,
        wait => [words.wait.0, words.wait.1],
        own_address_label => words.own_address,
        icon => icon.0,
    }
}

fn fault_context(reason: &Reason, pages: &Pages) -> Value {
    let detail = match reason {
        Reason::BadRequest { detail } | Reason::AmbiguousPath { found: detail } => Some(*detail),
        _ => None,
    };
    context! {
        detail,
        seconds => matches!(reason, Reason::RateLimited { .. }).then(|| reason.retry_after_seconds()).flatten(),
        own_address => matches!(reason, Reason::LoginLoop).then(|| pages.address("/")),
        next => next(reason, pages),
    }
}

/// Where the button leads. The empty link is the page itself, asked for once more.
fn next(reason: &Reason, pages: &Pages) -> Option<String> {
    match reason {
        Reason::LoginRequired { target, scope } => Some(pages.login_link(target, *scope)),
        Reason::LoginDeclined { target } | Reason::LoginExpired { target } | Reason::WechatUnavailable { target } => {
            Some(pages.login_link(target, None))
        }
        // By the site's own address: to have come by another is one way into the loop.
        Reason::LoginLoop => Some(pages.address("/")),
        Reason::AmbiguousPath { .. }
        | Reason::HeaderTooLarge(Oversize::RequestLine)
        | Reason::Forbidden(Barrier::ForeignOrigin) => Some("/".to_owned()),
        Reason::RateLimited { .. }
        | Reason::UpstreamUnreachable
        | Reason::UpstreamBroken
        | Reason::UpstreamTimeout
        | Reason::Overloaded => Some(String::new()),
        Reason::BadRequest { .. }
        | Reason::HeaderTooLarge(Oversize::Headers)
        | Reason::Forbidden(Barrier::AllowList | Barrier::Snapshot)
        | Reason::Snapshot
        | Reason::NotInWechat { .. }
        | Reason::WechatMisconfigured => None,
    }
}

fn outside_context(outside: Outside, address: &str, tongue: Tongue) -> Value {
    let words = tongue.words();
    let drawing = match outside {
        Outside::Desktop => qr::draw(address),
        // A phone cannot scan its own screen.
        Outside::Phone | Outside::WeCom => None,
    };
    context! {
        address,
        address_label => words.address,
        copy => words.copy,
        copied => words.copied,
        qr_label => words.qr_code,
        no_qr => (outside == Outside::Desktop && drawing.is_none()).then_some(words.no_qr_code),
        qr => drawing.map(|drawing| context! {
            modules => drawing.modules,
            pixels => drawing.pixels,
            path => drawing.path,
        }),
    }
}
