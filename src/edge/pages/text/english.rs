//! The pages in English.

use super::super::entrance::{Settled, Way};
use super::{Text, Words};
use crate::edge::fault::{Barrier, Reason};
use crate::request::Oversize;
use crate::types::{Instead, Outside};

pub(super) const WORDS: Words = Words {
    lang: "en",
    operator: "For the site’s operator",
    detail: "Technical detail",
    request_id: "Request",
    own_address: "This site’s address",
    copy: "Copy the address",
    copied: "Copied",
    address: "Address to open",
    qr_code: "QR code of this page’s address",
    cancel: "Stay signed in",
    scan_code: "QR code to sign in with",
    scanned: "Scanned",
    number: "Enter it on your phone, and tell nobody",
    proceed: "Confirmed on the phone? Go on",
    type_number: "The computer’s two digits (one try)",
    refuse: "Refuse",
    site: "Site",
    browser: "Browser",
    address_of_desktop: "Network address",
    same_network: "same network as this phone",
};

pub(super) const LOGOUT: Text = Text {
    title: "Sign out?",
    lead: "After signing out you will need WeChat to come back in.",
    advice: &[],
    button: Some("Sign out"),
    operator: None,
};

pub(super) const CHOICE: Text = Text {
    title: "How would you like to sign in?",
    lead: "After signing in you come back to the page you wanted.",
    ..PLAIN
};

pub(super) const WAITING: Text = Text {
    title: "Scan to sign in with WeChat",
    lead: "Scan the code with WeChat on your phone, then enter there the number that appears here.",
    advice: &["The code works once, within two minutes. Let nobody else scan it for you."],
    ..PLAIN
};

pub(super) const CONFIRM: Text = Text {
    title: "Sign in on a computer?",
    lead: "Enter the number on its screen, and that computer will be signed in as you.",
    advice: &["Go on only if it is you at that computer. If somebody sent you the code, a link or the number, refuse."],
    button: Some("Confirm sign-in"),
    operator: None,
};

pub(super) const fn way(way: Way) -> (&'static str, &'static str) {
    match way {
        Way::WebsiteApp => ("WeChat QR code", "Scan on WeChat’s own sign-in page"),
        Way::WeCom => ("WeCom", "For members of the company, by WeCom"),
        Way::Handoff => ("WeChat on your phone", "Scan, then confirm on the phone"),
    }
}

pub(super) const fn settled(settled: Settled) -> Text {
    match settled {
        Settled::Confirmed => {
            Text { title: "Sign-in confirmed", lead: "Go on at your computer. You can close this page.", ..PLAIN }
        }
        Settled::Refused => {
            Text { title: "Sign-in refused", lead: "The computer was not signed in. You can close this page.", ..PLAIN }
        }
    }
}

pub(super) const FRAGMENT: Text = Text {
    title: "Signing in with WeChat",
    lead: "Afterwards you are back at the page you were opening. If nothing happens, use the button below.",
    advice: &[],
    button: Some("Sign in with WeChat"),
    operator: None,
};

pub(super) const UNSCANNABLE: Text = Text {
    title: "Open this page in WeChat",
    lead: "Its address is too long for a QR code.",
    advice: &[
        "Sign-in for desktop browsers is not set up on this site.",
        "Copy the address below, send it to any chat in WeChat, and open it there.",
    ],
    operator: DESKTOP_DOOR,
    ..PLAIN
};

const DESKTOP_DOOR: Option<&str> = Some(
    "To sign visitors in inside desktop browsers, set sign_in.handoff = true, or configure an Open Platform website app (website_app).",
);
const AGAIN: Option<&str> = Some("Try again");
const HOME: Option<&str> = Some("Go to the home page");

const PLAIN: Text = Text { title: "", lead: "", advice: &[], button: None, operator: None };

#[expect(clippy::too_many_lines, reason = "a table: one row per page")]
pub(super) const fn fault(reason: &Reason) -> Text {
    match reason {
        Reason::BadRequest { .. } | Reason::TooSlow => Text {
            title: "This request was not understood",
            lead: "The browser sent a request that is incomplete or malformed.",
            advice: &["Go back and try again. If somebody sent you a link, check that it is complete."],
            ..PLAIN
        },
        Reason::AmbiguousPath { .. } => Text {
            title: "This address is unclear",
            lead: "It could be read as more than one page. To be safe, none was opened.",
            advice: &["Check that the link is complete, or start from the home page."],
            button: HOME,
            ..PLAIN
        },
        Reason::HeaderTooLarge(Oversize::RequestLine) => Text {
            title: "This address is too long",
            lead: "It is longer than this site can handle.",
            advice: &["Please start from the home page."],
            button: HOME,
            ..PLAIN
        },
        Reason::HeaderTooLarge(Oversize::Headers) => Text {
            title: "This request is too large",
            lead: "The browser sent too much along, most likely too many cookies of this site.",
            advice: &["Clear this site’s cookies, then open the page again."],
            ..PLAIN
        },
        Reason::LoginRequired { .. } => Text {
            title: "Please sign in again",
            lead: "Your session has ended, or you have not signed in yet.",
            advice: &["If you were sending something, it was not saved. Please send it again after signing in."],
            button: Some("Sign in with WeChat"),
            ..PLAIN
        },
        Reason::LoginDeclined { .. } => Text {
            title: "Sign-in cancelled",
            lead: "WeChat did not get your permission, so you are not signed in.",
            advice: &["To continue, sign in again and choose “Allow” on WeChat’s page."],
            button: AGAIN,
            ..PLAIN
        },
        Reason::LoginExpired { .. } => Text {
            title: "Sign-in timed out",
            lead: "This sign-in waited too long and is no longer valid.",
            advice: &["Signing in once more is all it takes."],
            button: Some("Sign in again"),
            ..PLAIN
        },
        Reason::HandoffRefused { .. } => Text {
            title: "Not confirmed on the phone",
            lead: "The phone refused, or another number was typed there, so you are not signed in.",
            advice: &["To continue, scan again, and type on the phone the number that this computer shows."],
            button: Some("Scan again"),
            ..PLAIN
        },
        Reason::HandoffExpired => Text {
            title: "This code is no longer valid",
            lead: "It was used already, another phone scanned it first, or it is older than two minutes.",
            advice: &["Reload the page on the computer and scan again."],
            ..PLAIN
        },
        Reason::HandoffMismatched => Text {
            title: "The numbers differ",
            lead: "To be safe, this sign-in was cancelled. The computer was not signed in.",
            advice: &[
                "If it really was you, scan again from the computer and type its new number.",
                "If somebody sent you the code, do not scan it again: they would be signed in as you.",
            ],
            ..PLAIN
        },
        Reason::LoginLoop => Text {
            title: "Signing in did not work",
            lead: "Several attempts within a minute all failed. The usual reasons:",
            advice: &[
                "The browser keeps no cookies. Allow them for this site, and leave private browsing.",
                "The clock of your phone or computer is wrong. Set the time automatically.",
                "You came by another address than the site’s own. Start again from the one below.",
            ],
            button: Some("Start from the home page"),
            operator: Some(
                "Check that visitors use the domain of public_url; that they really come by HTTPS when public_url \
                 is https; that all servers agree on the time; that all replicas share one session.secret.",
            ),
        },
        Reason::Forbidden(Barrier::AllowList) => Text {
            title: "No access",
            lead: "You are signed in, but this page is not open to you.",
            advice: &["If you think it should be, please ask the site’s operator."],
            ..PLAIN
        },
        Reason::Forbidden(Barrier::Snapshot) => Text {
            title: "Not open to snapshots",
            lead: "You are looking at a WeChat snapshot page, and this site is not open to those.",
            advice: &["Please open the site in WeChat in the ordinary way."],
            ..PLAIN
        },
        Reason::Forbidden(Barrier::ForeignOrigin) => Text {
            title: "Nothing was done",
            lead: "This action was not started from this site, so for safety it was not carried out.",
            advice: &["Go back to this site and repeat it there."],
            button: HOME,
            ..PLAIN
        },
        Reason::Snapshot => Text {
            title: "Tap 「使用完整服务」 at the bottom right",
            lead: "The full service needs your personal information; this snapshot page of WeChat shows only a part of it.",
            advice: &["After the tap WeChat asks for your permission and opens the full page."],
            ..PLAIN
        },
        Reason::NotInWechat { outside: Outside::Desktop, .. } => Text {
            title: "Scan with WeChat",
            lead: "This site signs you in with WeChat. Scan the code with WeChat on your phone to open this page there.",
            advice: &[
                "Sign-in for desktop browsers is not set up on this site, so you will continue on your phone.",
                "You can also open the address in WeChat for desktop.",
            ],
            operator: DESKTOP_DOOR,
            ..PLAIN
        },
        Reason::NotInWechat { outside, instead, .. } => elsewhere(*outside, *instead),
        Reason::RateLimited { .. } => Text {
            title: "Too many attempts",
            lead: "Too many requests came from this network. Please wait a moment.",
            button: AGAIN,
            ..PLAIN
        },
        Reason::JsconfigUrlMissing => Text {
            title: "Which page?",
            lead: "Nothing says which page to sign for.",
            operator: Some("Name the page in the parameter url: encodeURIComponent(location.href.split('#')[0])."),
            ..PLAIN
        },
        Reason::JsconfigUrlNotAllowed => Text {
            title: "No signature for this page",
            lead: "The page to sign for is not one of this site’s.",
            operator: Some("If it is yours, add its host to jssdk.hosts."),
            ..PLAIN
        },
        Reason::NoTicket { misconfigured, .. } => Text {
            title: if *misconfigured { "WeChat’s functions are not set up" } else { "WeChat is not answering" },
            lead: "What this page does with WeChat is not possible right now; everything else is.",
            button: AGAIN,
            operator: Some("WeChat gives no jsapi_ticket. The gate’s log says why."),
            ..PLAIN
        },
        Reason::WechatUnavailable { .. } => Text {
            title: "WeChat is not answering",
            lead: "WeChat has to confirm the sign-in, but its servers do not answer right now.",
            advice: &["This usually passes soon. Please try again in a moment."],
            button: AGAIN,
            ..PLAIN
        },
        Reason::WechatMisconfigured => Text {
            title: "Signing in is not possible now",
            lead: "This site’s WeChat settings need the attention of its operator.",
            advice: &["Please come back later, or tell the operator the request number below."],
            operator: Some(
                "WeChat refused this site’s credentials. The gate’s log says why, under the request number.",
            ),
            ..PLAIN
        },
        Reason::UpstreamUnreachable => Text {
            title: "The site cannot be reached",
            lead: "Sign-in works, but the site itself does not answer.",
            advice: &["Please try again later."],
            button: AGAIN,
            operator: Some(
                "The gate cannot connect to the upstream. Check that it runs at the configured address and port.",
            ),
        },
        Reason::UpstreamBroken => Text {
            title: "The site’s answer was broken",
            lead: "The site did not give a complete answer.",
            advice: &["Please try again later."],
            button: AGAIN,
            operator: Some("The upstream’s answer broke off or was not valid HTTP. Its own log may say why."),
        },
        Reason::UpstreamTimeout => Text {
            title: "The site took too long",
            lead: "No answer came in time.",
            advice: &["Please try again later. If you were sending something, first check whether it arrived."],
            button: AGAIN,
            operator: Some("The upstream did not answer within response_timeout."),
        },
        Reason::Overloaded => Text {
            title: "The site is very busy",
            lead: "Too many visitors at once. Please wait a moment.",
            button: AGAIN,
            ..PLAIN
        },
    }
}

/// Where else a visitor can sign in, and how to get there.
const fn elsewhere(outside: Outside, instead: Instead) -> Text {
    let lead = match (outside, instead) {
        (Outside::WeCom, Instead::Desktop) => {
            "You are in WeCom. Sign-in with WeCom is not set up on this site, so please use a computer instead."
        }
        (Outside::WeCom, _) => {
            "You are in WeCom. Sign-in with WeCom is not set up on this site, so please use WeChat instead."
        }
        (Outside::WeChat, Instead::Desktop) => {
            "You are in WeChat. Sign-in inside WeChat is not set up on this site, so please use a computer instead."
        }
        (Outside::WeChat, _) => {
            "You are in WeChat. Sign-in inside WeChat is not set up on this site, so please use WeCom instead."
        }
        (_, Instead::WeChat) => "This site signs you in with WeChat, and that works inside WeChat only.",
        (_, Instead::WeCom) => "This site signs you in with WeCom, and that works inside WeCom only.",
        (_, Instead::Desktop) => {
            "This site signs you in with a QR code, which your phone scans off a computer’s screen."
        }
    };
    let operator = match outside {
        Outside::WeCom => Some("To sign visitors in inside WeCom, a WeCom application (wecom) must be configured."),
        Outside::WeChat => {
            Some("To sign visitors in inside WeChat, a service account (official_account) must be configured.")
        }
        Outside::Phone | Outside::Desktop => None,
    };
    let (title, advice): (_, &[&str]) = match (instead, outside) {
        (Instead::WeChat, Outside::WeCom) => (
            "Open this page in WeChat",
            &[
                "Copy the address below.",
                "In WeChat (not WeCom), send it to File Transfer or to any chat.",
                "Tap the address in that chat.",
            ],
        ),
        (Instead::WeChat, _) => (
            "Open this page in WeChat",
            &[
                "Copy the address below.",
                "In WeChat, send it to File Transfer or to any chat.",
                "Tap the address in that chat.",
            ],
        ),
        (Instead::WeCom, _) => (
            "Open this page in WeCom",
            &["Copy the address below.", "In WeCom, send it to any chat.", "Tap the address in that chat."],
        ),
        (Instead::Desktop, _) => (
            "Open this page on a computer",
            &["Copy the address below.", "Open it in a computer’s browser.", "Scan the code that appears there."],
        ),
    };
    Text { title, lead, advice, operator, ..PLAIN }
}
