//! The QR codes on desktop pages and what phones have done to them. Pure: the time is handed in.

use std::collections::VecDeque;

use crate::simulator::browser::way_back::WayBack;
use crate::simulator::settings::{Account, Scope};

/// How long a code can be scanned, in seconds.
pub(in crate::simulator) const LIFE: u64 = 300;
/// As many as are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 5000;

/// All codes, newest last.
#[derive(Debug, Default)]
pub(in crate::simulator) struct QrCodes(VecDeque<QrCode>);

/// One code on one page.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct QrCode {
    /// 16 letters and digits.
    pub(in crate::simulator) uuid: String,
    pub(in crate::simulator) errand: Errand,
    pub(in crate::simulator) state: State,
    expires_at: u64,
}

/// What whoever scans a code is asked for, and by whom.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Errand {
    pub(in crate::simulator) account: Account,
    pub(in crate::simulator) scope: Scope,
    pub(in crate::simulator) way_back: WayBack,
    /// The desktop browser's.
    pub(in crate::simulator) user_agent: String,
}

/// What has become of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) enum State {
    Waiting,
    Scanned {
        user: String,
    },
    /// With a place to go to, the page goes there; without, it stays and the code can be scanned again.
    Refused {
        user: String,
        redirect_url: Option<String>,
    },
    /// The page goes when it is let go: WeChat's own machines may want to be first (rule 7).
    Confirmed {
        user: String,
        code: String,
        redirect_url: String,
        let_go: bool,
    },
}

impl QrCodes {
    /// Puts a new code onto a page.
    pub(in crate::simulator) fn show(&mut self, uuid: String, errand: Errand, now: u64) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(QrCode { uuid, errand, state: State::Waiting, expires_at: now + LIFE });
    }

    pub(in crate::simulator) fn find(&self, uuid: &str) -> Option<&QrCode> {
        self.0.iter().rev().find(|code| code.uuid == uuid)
    }

    /// A code that a phone can still do something with.
    pub(in crate::simulator) fn open(&self, uuid: &str, now: u64) -> Option<&QrCode> {
        self.find(uuid).filter(|code| code.is_open(now))
    }

    /// Tells a code what has become of it.
    pub(in crate::simulator) fn settle(&mut self, uuid: &str, state: State) {
        if let Some(code) = self.0.iter_mut().rev().find(|code| code.uuid == uuid) {
            code.state = state;
        }
    }

    /// Lets the page of a confirmed code go.
    pub(in crate::simulator) fn let_go(&mut self, uuid: &str) {
        let code = self.0.iter_mut().rev().find(|code| code.uuid == uuid);
        if let Some(State::Confirmed { let_go, .. }) = code.map(|code| &mut code.state) {
            *let_go = true;
        }
    }

    /// All that are remembered, oldest first.
    pub(in crate::simulator) fn all(&self) -> impl DoubleEndedIterator<Item = &QrCode> {
        self.0.iter()
    }
}

impl QrCode {
    /// Whether a phone can still do something with it.
    fn is_open(&self, now: u64) -> bool {
        let settled = matches!(self.state, State::Confirmed { .. } | State::Refused { redirect_url: Some(_), .. });
        self.left(now) > 0 && !settled
    }

    /// How long it can still be scanned, in seconds.
    pub(in crate::simulator) const fn left(&self, now: u64) -> u64 {
        self.expires_at.saturating_sub(now)
    }

    /// Where the page goes now, when it goes.
    pub(in crate::simulator) fn redirect_url(&self) -> Option<&str> {
        match &self.state {
            State::Waiting | State::Scanned { .. } | State::Confirmed { let_go: false, .. } => None,
            State::Refused { redirect_url, .. } => redirect_url.as_deref(),
            State::Confirmed { redirect_url, .. } => Some(redirect_url),
        }
    }

    /// Who has scanned it.
    pub(in crate::simulator) fn user(&self) -> Option<&str> {
        match &self.state {
            State::Waiting => None,
            State::Scanned { user } | State::Refused { user, .. } | State::Confirmed { user, .. } => Some(user),
        }
    }

    /// The number by which WeChat's own page is told, and what it means.
    pub(in crate::simulator) fn told(&self, now: u64) -> (u16, &'static str) {
        match self.state {
            State::Confirmed { let_go: true, .. } => (405, "confirmed"),
            State::Confirmed { let_go: false, .. } => (404, "scanned"),
            State::Refused { redirect_url: Some(_), .. } => (403, "refused"),
            _ if self.left(now) == 0 => EXPIRED,
            State::Refused { .. } => (403, "refused"),
            State::Scanned { .. } => (404, "scanned"),
            State::Waiting => (408, "waiting"),
        }
    }
}

/// What a page is told of a code that is too old, or that nobody knows.
pub(in crate::simulator) const EXPIRED: (u16, &str) = (402, "expired");

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn shown() -> QrCodes {
        let way_back = WayBack { redirect_uri: "http://h/cb".to_owned(), state: b"s".to_vec() };
        let errand =
            Errand { account: Account::website_app(), scope: Scope::Login, way_back, user_agent: String::new() };
        let mut codes = QrCodes::default();
        codes.show("one".to_owned(), errand, NOW);
        codes
    }

    #[test]
    fn rule_10_a_code_can_be_scanned_for_five_minutes() {
        let mut codes = shown();
        let told = |codes: &QrCodes, now| codes.find("one").map(|code| code.told(now));
        assert!(codes.open("one", NOW + LIFE - 1).is_some() && codes.open("two", NOW).is_none());
        assert_eq!(told(&codes, NOW + LIFE - 1), Some((408, "waiting")));
        assert!(codes.open("one", NOW + LIFE).is_none());
        assert_eq!(told(&codes, NOW + LIFE), Some(EXPIRED));
        codes.settle("one", State::Scanned { user: "lin".to_owned() });
        assert_eq!(told(&codes, NOW + LIFE - 1), Some((404, "scanned")));
        assert_eq!(told(&codes, NOW + LIFE), Some(EXPIRED));
    }

    #[test]
    fn rule_10_a_refusal_without_a_place_to_go_leaves_the_code_open() {
        let mut codes = shown();
        let refused = |redirect_url: Option<&str>| State::Refused {
            user: "lin".to_owned(),
            redirect_url: redirect_url.map(str::to_owned),
        };
        codes.settle("one", refused(None));
        assert_eq!(codes.open("one", NOW).map(|code| code.told(NOW)), Some((403, "refused")));
        codes.settle("one", refused(Some("http://h/cb?state=s")));
        assert!(codes.open("one", NOW).is_none());
        assert_eq!(codes.find("one").and_then(QrCode::redirect_url), Some("http://h/cb?state=s"));
    }

    #[test]
    fn rule_10_a_confirmation_is_told_however_late_the_page_asks() {
        let mut codes = shown();
        let (user, code, redirect_url) = ("lin".to_owned(), "C".to_owned(), "http://h/cb?code=C&state=s".to_owned());
        codes.settle("one", State::Confirmed { user, code, redirect_url, let_go: false });
        assert_eq!(codes.find("one").map(|code| (code.told(NOW), code.redirect_url())), Some(((404, "scanned"), None)));
        codes.let_go("one");
        assert!(codes.open("one", NOW).is_none(), "nobody scans it again");
        let code = codes.find("one").unwrap();
        assert_eq!((code.told(NOW + 10 * LIFE), code.user()), ((405, "confirmed"), Some("lin")));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut codes = shown();
        let errand = codes.find("one").unwrap().errand.clone();
        for number in 0..REMEMBERED {
            codes.show(number.to_string(), errand.clone(), NOW);
        }
        assert!(codes.find("one").is_none() && codes.find("0").is_some());
        assert_eq!(codes.all().count(), REMEMBERED);
    }
}
