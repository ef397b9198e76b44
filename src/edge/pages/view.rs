//! What a template is given: the words, the picture, and the few things of this request that may be shown.

use http::StatusCode;
use minijinja::{Value, context};

use super::guard::Needs;
use super::icon::Icon;
use super::text::{Text, Tongue};
use super::{Pages, qr};
use crate::edge::fault::{Barrier, Reason};
use crate::request::Oversize;
use crate::types::{Outside, Scope};

/// A page before it is written.
pub(super) struct View {
    pub(super) template: &'static str,
    pub(super) status: StatusCode,
    pub(super) needs: Needs,
    pub(super) context: Value,
}

impl View {
    pub(super) fn of_fault(reason: &Reason, tongue: Tongue, pages: &Pages) -> Self {
        let text = tongue.fault(reason);
        let (template, needs, context) = match reason {
            Reason::NotInWechat { outside, target, .. } => {
                ("outside.html", Needs::Script, outside_context(*outside, text, &pages.address(target), tongue))
            }
            Reason::Snapshot => ("snapshot.html", Needs::Nothing, fault_context(reason, text, tongue, pages)),
            _ => ("fault.html", Needs::Nothing, fault_context(reason, text, tongue, pages)),
        };
        let context = context! {
            slug => reason.slug(),
            status => reason.status().as_u16(),
            icon => Icon::of(reason).0,
            ..context
        };
        Self { template, status: reason.status(), needs, context }
    }

    pub(super) fn of_logout(rd: &str, tongue: Tongue, pages: &Pages) -> Self {
        let context = context! {
            icon => Icon::LEAVE.0,
            action => &*pages.logout,
            rd,
            back => pages.address(rd),
            cancel => tongue.words().cancel,
            ..text_context(&tongue.logout(), tongue)
        };
        Self { template: "logout.html", status: StatusCode::OK, needs: Needs::Form, context }
    }

    pub(super) fn of_fragment(target: &str, scope: Option<Scope>, tongue: Tongue, pages: &Pages) -> Self {
        let scope = match scope {
            None => "",
            Some(Scope::UserInfo) => "&scope=userinfo",
            Some(_) => "&scope=base",
        };
        let context = context! {
            icon => Icon::DOOR.0,
            next => pages.login_link(target, None) + scope,
            ..text_context(&tongue.fragment(), tongue)
        };
        Self { template: "fragment.html", status: StatusCode::OK, needs: Needs::Script, context }
    }
}

pub(super) fn text_context(text: &Text, tongue: Tongue) -> Value {
    let words = tongue.words();
    context! {
        lang => words.lang,
        title => text.title,
        lead => text.lead,
        advice => text.advice.to_vec(),
        button => text.button,
        operator => text.operator,
        operator_label => words.operator,
        request_label => words.request_id,
    }
}

fn fault_context(reason: &Reason, text: Text, tongue: Tongue, pages: &Pages) -> Value {
    let words = tongue.words();
    let detail = match reason {
        Reason::BadRequest { detail } | Reason::AmbiguousPath { found: detail } => Some(*detail),
        _ => None,
    };
    let seconds = match reason {
        Reason::RateLimited { .. } | Reason::NoTicket { .. } => reason.retry_after_seconds(),
        _ => None,
    };
    context! {
        detail,
        detail_label => words.detail,
        wait => seconds.map(|seconds| tongue.wait(seconds)),
        own_address => matches!(reason, Reason::LoginLoop).then(|| pages.address("/")),
        own_address_label => words.own_address,
        next => next(reason, pages),
        ..text_context(&text, tongue)
    }
}

/// Where the button leads. The empty link is the page itself, asked for once more.
fn next(reason: &Reason, pages: &Pages) -> Option<String> {
    match reason {
        Reason::LoginRequired { target, scope }
        | Reason::LoginDeclined { target, scope }
        | Reason::HandoffRefused { target, scope }
        | Reason::WechatUnavailable { target, scope } => Some(pages.login_link(target, *scope)),
        Reason::LoginExpired { target } => Some(pages.login_link(target, None)),
        // By the site's own address: to have come by another is one way into the loop.
        Reason::LoginLoop => Some(pages.address("/")),
        Reason::AmbiguousPath { .. }
        | Reason::HeaderTooLarge(Oversize::RequestLine)
        | Reason::Forbidden(Barrier::ForeignOrigin) => Some("/".to_owned()),
        Reason::RateLimited { .. }
        | Reason::NoTicket { .. }
        | Reason::UpstreamUnreachable
        | Reason::UpstreamBroken
        | Reason::UpstreamTimeout
        | Reason::Overloaded => Some(String::new()),
        Reason::BadRequest { .. }
        | Reason::TooSlow
        | Reason::HeaderTooLarge(Oversize::Headers)
        | Reason::Forbidden(Barrier::AllowList | Barrier::Snapshot)
        | Reason::Snapshot
        | Reason::HandoffExpired
        | Reason::HandoffMismatched
        | Reason::NotInWechat { .. }
        | Reason::JsconfigUrlMissing
        | Reason::JsconfigUrlNotAllowed
        | Reason::WechatMisconfigured => None,
    }
}

fn outside_context(outside: Outside, text: Text, address: &str, tongue: Tongue) -> Value {
    let words = tongue.words();
    let (text, drawing) = match outside {
        Outside::Desktop => match qr::draw(address) {
            Some(drawing) => (text, Some(drawing)),
            None => (tongue.unscannable(), None),
        },
        // A phone cannot scan its own screen.
        Outside::Phone | Outside::WeCom | Outside::WeChat => (text, None),
    };
    context! {
        // On a phone the advice is what to do, one step after the other.
        steps => outside != Outside::Desktop,
        address,
        address_label => words.address,
        copy => words.copy,
        copied => words.copied,
        qr_label => words.qr_code,
        qr => drawing.map(qr_context),
        ..text_context(&text, tongue)
    }
}

pub(super) fn qr_context(drawing: qr::Drawing) -> Value {
    context! { modules => drawing.modules, pixels => drawing.pixels, path => drawing.path }
}
