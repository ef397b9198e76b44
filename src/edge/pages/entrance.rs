//! The pages on the way in: which door, and sign-in handed over to a phone.
//!
//! Every path in here is one of this site's own, percent-encoded where it has to be.

use http::StatusCode;
use minijinja::context;

use super::guard::Needs;
use super::icon::Icon;
use super::text::Tongue;
use super::view::{View, qr_context, text_context};
use super::{Pages, qr};
use crate::login::Choice;

/// A way in that a visitor may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    WebsiteApp,
    WeCom,
    Handoff,
}

impl Way {
    /// Nobody chooses the official account: inside WeChat it is the only way, and elsewhere it is none.
    pub(in crate::edge) const fn of(choice: Choice) -> Option<Self> {
        match choice {
            Choice::OfficialAccount => None,
            Choice::WebsiteApp => Some(Self::WebsiteApp),
            Choice::WeCom => Some(Self::WeCom),
            Choice::Handoff => Some(Self::Handoff),
        }
    }

    /// The word of `P/login?door=…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::WebsiteApp => "website_app",
            Self::WeCom => "wecom",
            Self::Handoff => "handoff",
        }
    }
}

/// A desktop that waits for a phone. Addresses are paths of this site.
///
/// The page's script listens to `events` (`text/event-stream`), else asks `poll` every other second (`text/plain`). Both
/// say `waiting`, or `scanned 42` with the number to show, or another word for the end. Then, and when `seconds` are over,
/// it goes to `next`, which answers according to how things stand. Without script the page goes there every five seconds.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What the code leads to.
    pub scan: &'a str,
    pub events: &'a str,
    pub poll: &'a str,
    pub next: &'a str,
    /// What the phone's owner has to type, once the code has been scanned.
    pub number: Option<&'a str>,
    /// How long the code is still good.
    pub seconds: u64,
}

/// A phone that is asked whether a desktop may come in.
///
/// The form posts `ticket`, `number` as it was typed, and `answer`: `allow` or `refuse`.
#[derive(Debug, Clone, Copy)]
pub struct Confirm<'a> {
    /// A path of this site.
    pub action: &'a str,
    pub ticket: &'a str,
    /// The desktop's browser, as `Chrome, Windows`.
    pub browser: Option<&'a str>,
    /// The beginning of the desktop's address.
    pub address: Option<&'a str>,
    /// Whether the phone is in the desktop's own network.
    pub same_network: bool,
}

/// What the phone's owner said, for the page that says it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Confirmed,
    Refused,
}

impl View {
    pub(super) fn of_choice(ways: &[Way], login: &str, tongue: Tongue) -> Self {
        let ways = ways.iter().map(|way| {
            let (label, note) = tongue.way(*way);
            context! { label, note, icon => Icon::of_way(*way).0, href => format!("{login}&door={}", way.word()) }
        });
        let context = context! {
            icon => Icon::DOOR.0,
            ways => ways.collect::<Vec<_>>(),
            ..text_context(&tongue.choice(), tongue)
        };
        Self { template: "choose.html", status: StatusCode::OK, needs: Needs::Nothing, context }
    }

    pub(super) fn of_waiting(waiting: &Waiting<'_>, tongue: Tongue, pages: &Pages) -> Self {
        let words = tongue.words();
        let context = context! {
            qr => qr::draw(&pages.address(waiting.scan)).map(qr_context),
            qr_label => words.scan_code,
            number => waiting.number.unwrap_or_default(),
            scanned => words.scanned,
            number_label => words.number,
            proceed => words.proceed,
            events => waiting.events,
            poll => waiting.poll,
            next => waiting.next,
            seconds => waiting.seconds,
            ..text_context(&tongue.waiting(), tongue)
        };
        Self { template: "waiting.html", status: StatusCode::OK, needs: Needs::Ear, context }
    }

    pub(super) fn of_confirm(confirm: &Confirm<'_>, tongue: Tongue, pages: &Pages) -> Self {
        let words = tongue.words();
        let near = confirm.same_network.then_some(words.same_network);
        let facts = [
            (words.site, Some(pages.name())),
            (words.browser, confirm.browser),
            (words.address_of_desktop, confirm.address),
        ];
        let facts = facts.into_iter().filter_map(|(label, value)| Some(context! { label, value => value? }));
        let context = context! {
            icon => Icon::SCREEN.0,
            action => confirm.action,
            ticket => confirm.ticket,
            facts => facts.collect::<Vec<_>>(),
            near,
            number_label => words.type_number,
            refuse => words.refuse,
            ..text_context(&tongue.confirm(), tongue)
        };
        Self { template: "confirm.html", status: StatusCode::OK, needs: Needs::Reply, context }
    }

    pub(super) fn of_settled(settled: Settled, tongue: Tongue) -> Self {
        let icon = match settled {
            Settled::Confirmed => Icon::DONE,
            Settled::Refused => Icon::LEAVE,
        };
        let context = context! { icon => icon.0, ..text_context(&tongue.settled(settled), tongue) };
        Self { template: "notice.html", status: StatusCode::OK, needs: Needs::Nothing, context }
    }
}
