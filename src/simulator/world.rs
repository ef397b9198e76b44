//! The state of the simulated WeChat: who is who, what was issued, what is due to go wrong.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::browser::qr::codes::QrCodes;
use super::clock::Clock;
use super::control::duplicates::Duplicates;
use super::control::faults::Faults;
use super::log::Log;
use super::platform::Platform;
use super::random::{self, Random};
use super::settings::{Account, AccountKind, Refusal, Scope, Settings, User};

/// As many codes, and as many tokens of a kind, as WeChat remembers here; the oldest are forgotten first.
const REMEMBERED: usize = 20_000;
/// How long a consent to give the profile makes the next one silent.
const CONSENT_SECONDS: u64 = 30 * 24 * 3600;
/// Life of an unused code of an official account or a WeCom application, and of an Open Platform app.
const CODE_SECONDS: (u64, u64) = (300, 600);
/// Life of what opens a WeCom member's details.
const USER_TICKET_SECONDS: u64 = 1800;

/// Everything the simulator knows. One lock, never held across an await.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) random: Random,
    /// For what nobody should depend on, so that it does not disturb the run of a seed.
    pub(super) noise: Random,
    pub(super) log: Log,
    pub(super) faults: Faults,
    pub(super) duplicates: Duplicates,
    pub(super) auto: Option<Auto>,
    pub(super) codes: Ledger<Code>,
    pub(super) access_tokens: Ledger<AccessToken>,
    pub(super) refresh_tokens: Ledger<RefreshToken>,
    pub(super) user_tickets: Ledger<UserTicket>,
    pub(super) platform: Platform,
    pub(super) qr_codes: QrCodes,
    consents: HashMap<Pair, u64>,
    snapshots_seen: HashSet<Pair>,
    sign_ins: HashMap<Pair, (u64, u32)>,
}

/// A user at an account.
type Pair = (String, String);

/// The visitor who acts by itself, for tests without a browser.
#[derive(Debug, Clone)]
pub(super) struct Auto {
    pub(super) user: String,
    pub(super) decision: Decision,
}

/// What a visitor answers to the consent dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Allow,
    Refuse(Refusal),
}

/// What a code or a token stands for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) app_id: String,
    pub(super) openid: String,
    pub(super) scope: Scope,
    pub(super) who: Who,
}

/// The person behind a grant.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// A user, by id.
    User(String),
    /// A snapshot page's virtual user: made up for one authorization.
    Virtual { unionid: String, hue: u16 },
}

#[derive(Debug)]
pub(super) struct Code {
    pub(super) grant: Grant,
    /// Where it was sent, which WeCom looks at again when it is spent.
    pub(super) redirect_uri: String,
    pub(super) expires_at: u64,
    pub(super) used: bool,
}

/// What opens the details of a member of a corporation.
#[derive(Debug)]
pub(super) struct UserTicket {
    pub(super) corp_id: String,
    pub(super) user: String,
    pub(super) expires_at: u64,
}

#[derive(Debug)]
pub(super) struct AccessToken {
    pub(super) grant: Grant,
    pub(super) expires_at: u64,
}

#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) grant: Grant,
    pub(super) access_token: String,
    pub(super) expires_at: u64,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            random: Random::new(settings.seed),
            noise: Random::new(settings.seed),
            platform: Platform::new(settings.seed),
            settings,
            clock: Clock::default(),
            log: Log::default(),
            faults: Faults::default(),
            duplicates: Duplicates::default(),
            auto: None,
            codes: Ledger::default(),
            access_tokens: Ledger::default(),
            refresh_tokens: Ledger::default(),
            user_tickets: Ledger::default(),
            qr_codes: QrCodes::default(),
            consents: HashMap::new(),
            snapshots_seen: HashSet::new(),
            sign_ins: HashMap::new(),
        }
    }

    /// The account of this id; of a corporation the first of its applications.
    pub(super) fn account(&self, app_id: &str) -> Option<&Account> {
        self.settings.accounts.iter().find(|account| account.app_id == app_id)
    }

    /// The applications of a corporation.
    pub(super) fn applications(&self, corp_id: &str) -> impl Iterator<Item = &Account> {
        self.settings.accounts.iter().filter(move |app| app.kind == AccountKind::WeCom && app.app_id == corp_id)
    }

    /// One application of a corporation.
    pub(super) fn application(&self, corp_id: &str, agent_id: &str) -> Option<&Account> {
        self.applications(corp_id).find(|app| app.agent_id.as_deref() == Some(agent_id))
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.settings.users.iter().find(|user| user.id == id)
    }

    /// Notes an event at the simulated time.
    pub(super) fn note(&mut self, kind: &'static str, details: Value) {
        self.log.note(self.clock.now(), kind, details);
    }

    /// Issues a code that stands for the grant.
    pub(super) fn issue_code(&mut self, grant: Grant, redirect_uri: &str) -> String {
        let (in_wechat, open_platform) = CODE_SECONDS;
        let kind = self.account(&grant.app_id).map(|account| account.kind);
        let life = if kind == Some(AccountKind::WebsiteApp) { open_platform } else { in_wechat };
        let code = if kind == Some(AccountKind::WeCom) { self.random.corp_code() } else { self.random.code() };
        let expires_at = self.clock.now() + life;
        let issued = Code { grant, redirect_uri: redirect_uri.to_owned(), expires_at, used: false };
        self.codes.put(code.clone(), issued);
        code
    }

    /// Issues what opens a member's details.
    pub(super) fn issue_user_ticket(&mut self, corp_id: &str, user: &str) -> String {
        let ticket = self.random.corp_token();
        let expires_at = self.clock.now() + USER_TICKET_SECONDS;
        let issued = UserTicket { corp_id: corp_id.to_owned(), user: user.to_owned(), expires_at };
        self.user_tickets.put(ticket.clone(), issued);
        ticket
    }

    /// Remembers that the user let this account have the profile.
    pub(super) fn consent(&mut self, user: &str, app_id: &str) {
        self.consents.insert(pair(user, app_id), self.clock.now());
    }

    /// Whether the user consented within the last 30 days.
    pub(super) fn consented(&self, user: &str, app_id: &str) -> bool {
        let consented_at = self.consents.get(&pair(user, app_id));
        consented_at.is_some_and(|at| self.clock.now() < at + CONSENT_SECONDS)
    }

    /// Whether the user is sent to this account for the first time, as far as snapshot pages go.
    pub(super) fn first_snapshot(&mut self, user: &str, app_id: &str) -> bool {
        self.snapshots_seen.insert(pair(user, app_id))
    }

    /// Counts a sign-in; true when there have been too many in this minute.
    pub(super) fn too_often(&mut self, user: &str, app_id: &str) -> bool {
        let Some(limit) = self.settings.sign_ins_per_minute else { return false };
        let minute = self.clock.now() / 60;
        let (counted_in, count) = self.sign_ins.entry(pair(user, app_id)).or_insert((minute, 0));
        if *counted_in != minute {
            (*counted_in, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        *count > limit
    }

    /// The unionid of a grant: only with the profile, and only where the account is bound to the Open Platform.
    pub(super) fn unionid(&self, grant: &Grant) -> Option<String> {
        let open_platform = self.account(&grant.app_id)?.open_platform.as_deref()?;
        grant.scope.has_profile().then(|| match &grant.who {
            Who::User(user) => random::unionid(open_platform, user),
            Who::Virtual { unionid, .. } => unionid.clone(),
        })
    }
}

fn pair(user: &str, app_id: &str) -> Pair {
    (user.to_owned(), app_id.to_owned())
}

/// What was issued, by its text. Forgets the oldest rather than growing without bound.
#[derive(Debug)]
pub(super) struct Ledger<V> {
    entries: HashMap<String, V>,
    order: VecDeque<String>,
}

impl<V> Default for Ledger<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<V> Ledger<V> {
    pub(super) fn put(&mut self, key: String, value: V) {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<&V> {
        self.entries.get(key)
    }

    pub(super) fn find_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_forgets_the_oldest() {
        let mut ledger = Ledger::default();
        for number in 0..=REMEMBERED {
            ledger.put(number.to_string(), number);
        }
        assert_eq!(ledger.find("0"), None);
        assert_eq!(ledger.find("1"), Some(&1));
        assert_eq!(ledger.entries.len(), REMEMBERED);
    }

    #[test]
    fn rule_8_a_consent_lasts_thirty_days() {
        let mut world = World::new(Settings::default());
        assert!(!world.consented("lin", "wx"));
        world.consent("lin", "wx");
        world.clock.advance(CONSENT_SECONDS - 60);
        assert!(world.consented("lin", "wx") && !world.consented("fei", "wx") && !world.consented("lin", "wy"));
        world.clock.advance(60);
        assert!(!world.consented("lin", "wx"));
    }
}
