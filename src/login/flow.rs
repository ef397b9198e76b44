//! A sign-in under way, bound to the browser that began it: a state in the URL, and its proof in a sealed cookie (R1).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::HEXLOWER;
use http::HeaderValue;

use super::bound::Bound;
use super::return_to::ReturnTo;
use super::rounds::Round;
use crate::clock::{Clock, Timestamp, random};
use crate::config::PublicUrl;
use crate::request::Head;
use crate::session::{Purpose, Sessions};
use crate::types::{Account, Scope};

/// How long a visitor may take at WeChat. State, cookie and record all live as long (R13).
pub(super) const LIFE: Duration = Duration::from_mins(10);
/// Sign-ins one browser may have under way; the oldest give way.
const MOST: usize = 5;
/// Cookies of one request that are worth opening; a browser of ours never shows more.
const MOST_SHOWN: usize = 4 * MOST;
const VERSION: u8 = 2;

/// The random half of a sign-in that travels through WeChat.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State([u8; 16]);

impl State {
    fn fresh() -> Self {
        Self(random())
    }

    /// From a record of our own.
    pub(super) const fn restore(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// 32 lower-case hex digits, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    pub(super) fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }

    pub(super) const fn bytes(self) -> [u8; 16] {
        self.0
    }

    fn is(self, other: Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

// A state is a credential while its sign-in is under way (R28).
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State(…)")
    }
}

/// All the gate has to know of a sign-in when its visitor comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    pub state: State,
    /// Whose code it is to bring back.
    pub account: Account,
    pub scope: Scope,
    pub begun_at: Timestamp,
    pub expires_at: Timestamp,
    pub round: Round,
    pub target: ReturnTo,
}

/// What a browser's cookie says of a state.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Proven(Flow),
    /// Begun here, but too long ago.
    Expired(Flow),
    /// Not by this browser, or never.
    None,
}

impl Proof {
    /// Whose sign-in it is, where that is known.
    pub(super) const fn account(&self) -> Option<Account> {
        match self {
            Self::Proven(flow) | Self::Expired(flow) => Some(flow.account),
            Self::None => None,
        }
    }
}

/// The flow cookies that a request shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Oldest first.
    pub live: Vec<Flow>,
    /// Names of those that are past their time or were never ours.
    dead: Vec<String>,
}

/// Begins sign-ins and proves them.
#[derive(Debug, Clone)]
pub(super) struct Flows {
    cookies: Bound,
    public_url: PublicUrl,
    clock: Clock,
}

impl Flows {
    pub(super) fn new(sessions: Arc<Sessions>, public_url: PublicUrl, clock: Clock) -> Self {
        Self { cookies: Bound::new(sessions, "flow", Purpose::Flow, LIFE, MOST_SHOWN), public_url, clock }
    }

    pub(super) fn begin(&self, account: Account, scope: Scope, round: Round, target: ReturnTo) -> Flow {
        let begun_at = self.clock.now();
        Flow { state: State::fresh(), account, scope, begun_at, expires_at: begun_at.after(LIFE), round, target }
    }

    /// The cookie that binds a flow to this browser, and the ends of those it pushes out.
    pub(super) fn give(&self, flow: &Flow, shown: &Shown) -> Vec<HeaderValue> {
        let surplus = (shown.live.len() + 1).saturating_sub(MOST);
        let mut cookies = vec![self.cookies.give(&flow.state.0, &encode(flow))];
        cookies.extend(shown.live.iter().take(surplus).map(|old| self.forget(old.state)));
        cookies.extend(shown.dead.iter().map(|name| self.cookies.forget_named(name)));
        cookies
    }

    /// Whether this browser began the sign-in that `state` names.
    pub(super) fn prove(&self, head: &Head, state: State) -> Proof {
        let name = self.cookies.name(&state.0);
        // A browser may hold two cookies of one name, from two domains; only one of them can be the proof.
        let flow = head
            .cookies()
            .filter(|(found, _)| *found == name.as_bytes())
            .take(MOST)
            .find_map(|(_, sealed)| self.open(sealed).filter(|flow| flow.state.is(state)));
        match flow {
            Some(flow) if self.clock.now() < flow.expires_at => Proof::Proven(flow),
            Some(flow) => Proof::Expired(flow),
            None => Proof::None,
        }
    }

    /// All flow cookies of a request, told apart.
    pub(super) fn shown(&self, head: &Head) -> Shown {
        let mut shown = Shown::default();
        for (name, sealed) in self.cookies.shown(head) {
            let is_live = |flow: &Flow| self.clock.now() < flow.expires_at && self.cookies.name(&flow.state.0) == name;
            match self.open(sealed).filter(is_live) {
                Some(flow) if shown.live.iter().any(|other| other.state == flow.state) => {}
                Some(flow) => shown.live.push(flow),
                None if shown.dead.iter().any(|dead| dead == name) => {}
                None => shown.dead.push(name.to_owned()),
            }
        }
        shown.live.sort_by_key(|flow| flow.begun_at);
        shown
    }

    /// Ends every sign-in a browser shows, whatever its cookie holds.
    pub(super) fn forget_all(&self, head: &Head) -> Vec<HeaderValue> {
        self.cookies.forget_all(head)
    }

    /// The line that makes the browser forget one sign-in.
    pub(super) fn forget(&self, state: State) -> HeaderValue {
        self.cookies.forget(&state.0)
    }

    fn open(&self, sealed: &[u8]) -> Option<Flow> {
        decode(&self.cookies.open(sealed)?, &self.public_url)
    }
}

/// `version | state 16 | account | scope | begun u64 | expires u64 | round | since u64 | length u16, target` (R41)
pub(super) fn encode(flow: &Flow) -> Vec<u8> {
    let target = flow.target.as_str();
    let mut bytes = Vec::with_capacity(46 + target.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&flow.state.0);
    bytes.push(flow.account.to_byte());
    bytes.push(flow.scope.to_byte());
    bytes.extend_from_slice(&flow.begun_at.0.to_be_bytes());
    bytes.extend_from_slice(&flow.expires_at.0.to_be_bytes());
    bytes.push(flow.round.number);
    bytes.extend_from_slice(&flow.round.since.0.to_be_bytes());
    let length = u16::try_from(target.len()).expect("a return target is bounded");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(target.as_bytes());
    bytes
}

pub(super) fn decode(bytes: &[u8], site: &PublicUrl) -> Option<Flow> {
    let (&[VERSION], rest) = bytes.split_first_chunk()? else { return None };
    let (state, rest) = rest.split_first_chunk()?;
    let (&[account, scope], rest) = rest.split_first_chunk()?;
    let (begun_at, rest) = rest.split_first_chunk()?;
    let (expires_at, rest) = rest.split_first_chunk()?;
    let (&[number], rest) = rest.split_first_chunk()?;
    let (since, rest) = rest.split_first_chunk()?;
    let (length, target) = rest.split_first_chunk()?;
    if target.len() != usize::from(u16::from_be_bytes(*length)) {
        return None;
    }
    let (account, scope) = (Account::of_byte(account)?, Scope::of_byte(scope)?);
    let time = |bytes: &[u8; 8]| Timestamp(u64::from_be_bytes(*bytes));
    Some(Flow {
        state: State(*state),
        account,
        scope,
        begun_at: time(begun_at),
        expires_at: time(expires_at),
        round: Round { number, since: time(since) },
        target: ReturnTo::parse(std::str::from_utf8(target).ok()?, site),
    })
}
