//! What the pages say, in each language they speak.

mod chinese;
mod english;

use super::entrance::{Settled, Way};
use crate::config::Language;
use crate::edge::fault::Reason;
use crate::request::Asker;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    Chinese,
    English,
}

/// One page's own words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    /// What the visitor can do, or what is likely wrong.
    pub(super) advice: &'static [&'static str],
    /// The label of the one button.
    pub(super) button: Option<&'static str>,
    /// A line for whoever runs the site.
    pub(super) operator: Option<&'static str>,
}

/// What all pages of one language share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    /// Of the `lang` attribute.
    pub(super) lang: &'static str,
    pub(super) operator: &'static str,
    pub(super) detail: &'static str,
    pub(super) request_id: &'static str,
    /// Before the site's own address.
    pub(super) own_address: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) address: &'static str,
    /// What the picture shows, for those who do not see it.
    pub(super) qr_code: &'static str,
    pub(super) cancel: &'static str,
    /// As `qr_code`, where it signs a desktop in.
    pub(super) scan_code: &'static str,
    /// On the desktop, once the phone is there, and before the number to type there.
    pub(super) scanned: &'static str,
    pub(super) number: &'static str,
    /// The link to go on with where no script does.
    pub(super) proceed: &'static str,
    /// Of the field on the phone.
    pub(super) type_number: &'static str,
    pub(super) refuse: &'static str,
    /// Before the site's name.
    pub(super) site: &'static str,
    /// Before what a desktop's browser says it is.
    pub(super) browser: &'static str,
    pub(super) address_of_desktop: &'static str,
    pub(super) same_network: &'static str,
}

impl Tongue {
    /// The configured language, else the visitor's, else Chinese: that is who uses WeChat.
    pub(super) const fn of(language: Language, asker: &Asker) -> Self {
        match (language, asker.chinese) {
            (Language::Chinese, _) | (Language::Auto, Some(true) | None) => Self::Chinese,
            (Language::English, _) | (Language::Auto, Some(false)) => Self::English,
        }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::Chinese => &chinese::WORDS,
            Self::English => &english::WORDS,
        }
    }

    pub(super) const fn fault(self, reason: &Reason) -> Text {
        match self {
            Self::Chinese => chinese::fault(reason),
            Self::English => english::fault(reason),
        }
    }

    /// The desktop page where the address is too long for a QR code that a phone can read.
    pub(super) const fn unscannable(self) -> Text {
        match self {
            Self::Chinese => chinese::UNSCANNABLE,
            Self::English => english::UNSCANNABLE,
        }
    }

    pub(super) fn wait(self, seconds: u64) -> String {
        match (self, seconds) {
            (Self::Chinese, _) => format!("请在 {seconds} 秒后再试。"),
            (Self::English, 1) => "Please try again in a second.".to_owned(),
            (Self::English, _) => format!("Please try again in {seconds} seconds."),
        }
    }

    pub(super) const fn fragment(self) -> Text {
        match self {
            Self::Chinese => chinese::FRAGMENT,
            Self::English => english::FRAGMENT,
        }
    }

    pub(super) const fn logout(self) -> Text {
        match self {
            Self::Chinese => chinese::LOGOUT,
            Self::English => english::LOGOUT,
        }
    }

    /// A way in: its label, and a note about it.
    pub(super) const fn way(self, way: Way) -> (&'static str, &'static str) {
        match self {
            Self::Chinese => chinese::way(way),
            Self::English => english::way(way),
        }
    }

    pub(super) const fn choice(self) -> Text {
        match self {
            Self::Chinese => chinese::CHOICE,
            Self::English => english::CHOICE,
        }
    }

    pub(super) const fn waiting(self) -> Text {
        match self {
            Self::Chinese => chinese::WAITING,
            Self::English => english::WAITING,
        }
    }

    pub(super) const fn confirm(self) -> Text {
        match self {
            Self::Chinese => chinese::CONFIRM,
            Self::English => english::CONFIRM,
        }
    }

    pub(super) const fn settled(self, settled: Settled) -> Text {
        match self {
            Self::Chinese => chinese::settled(settled),
            Self::English => english::settled(settled),
        }
    }
}
