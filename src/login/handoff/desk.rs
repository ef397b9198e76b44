//! Binds a ticket to the desktop that asked for it: its proof is a sealed cookie (R1, R23).

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderValue;

use super::ticket::{LIFE, TicketId};
use crate::clock::{Clock, Timestamp};
use crate::config::PublicUrl;
use crate::login::bound::Bound;
use crate::login::return_to::ReturnTo;
use crate::request::Head;
use crate::session::{Purpose, Sessions};
use crate::types::Scope;

/// Tickets one browser may hold; the oldest give way. With five sign-ins under way they still fit into one head.
const MOST: usize = 3;
/// Cookies of one request that are worth opening; a browser of ours never shows more.
const MOST_SHOWN: usize = 4 * MOST;
const VERSION: u8 = 1;

/// What a desktop's cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desk {
    pub id: TicketId,
    pub expires_at: Timestamp,
    pub scope: Scope,
    pub target: ReturnTo,
}

/// Gives tickets to desktops and knows them again.
#[derive(Debug)]
pub(super) struct Desks {
    cookies: Bound,
    public_url: PublicUrl,
    clock: Clock,
}

impl Desks {
    pub(super) fn new(sessions: Arc<Sessions>, public_url: PublicUrl, clock: Clock) -> Self {
        Self { cookies: Bound::new(sessions, "handoff", Purpose::Handoff, LIFE, MOST_SHOWN), public_url, clock }
    }

    /// The cookie that binds a ticket to this browser, and the ends of those it pushes out.
    pub(super) fn give(&self, desk: &Desk, head: &Head) -> Vec<HeaderValue> {
        let mut cookies = vec![self.cookies.give(&desk.id.0, &encode(desk))];
        let (mut live, dead): (Vec<_>, Vec<_>) =
            self.shown(head).partition(|(_, desk)| desk.as_ref().is_some_and(|desk| self.is_good(desk)));
        live.sort_by_key(|(_, desk)| desk.as_ref().map(|desk| desk.expires_at));
        let surplus = (live.len() + 1).saturating_sub(MOST);
        let gone = live.into_iter().take(surplus).chain(dead);
        cookies.extend(gone.map(|(name, _)| self.cookies.forget_named(name)));
        cookies
    }

    /// The desk of this ticket, if this browser is the one that asked for it, and it still is good.
    pub(super) fn prove(&self, head: &Head, id: TicketId) -> Option<Desk> {
        let name = self.cookies.name(&id.0);
        let mut shown = self.shown(head).filter(|(found, _)| *found == name).filter_map(|(_, desk)| desk);
        shown.find(|desk| verify_slices_are_equal(&desk.id.0, &id.0).is_ok() && self.is_good(desk))
    }

    /// The line that makes the browser forget one ticket.
    pub(super) fn forget(&self, id: TicketId) -> HeaderValue {
        self.cookies.forget(&id.0)
    }

    /// Ends every hand-off that a browser shows.
    pub(super) fn forget_all(&self, head: &Head) -> Vec<HeaderValue> {
        self.cookies.forget_all(head)
    }

    fn is_good(&self, desk: &Desk) -> bool {
        self.clock.now() < desk.expires_at
    }

    /// Name and content of each of our cookies; no content where the seal does not open.
    fn shown<'a>(&'a self, head: &'a Head) -> impl Iterator<Item = (&'a str, Option<Desk>)> {
        let open = |sealed: &[u8]| decode(&self.cookies.open(sealed)?, &self.public_url);
        self.cookies.shown(head).map(move |(name, sealed)| (name, open(sealed)))
    }
}

/// `version | id 16 | expires u64 | scope | length u16, target` (R41)
fn encode(desk: &Desk) -> Vec<u8> {
    let target = desk.target.as_str();
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&desk.id.0);
    bytes.extend_from_slice(&desk.expires_at.0.to_be_bytes());
    bytes.push(desk.scope.to_byte());
    let length = u16::try_from(target.len()).expect("a return target is bounded");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(target.as_bytes());
    bytes
}

fn decode(bytes: &[u8], site: &PublicUrl) -> Option<Desk> {
    let (&[VERSION], rest) = bytes.split_first_chunk()? else { return None };
    let (id, rest) = rest.split_first_chunk()?;
    let (expires_at, rest) = rest.split_first_chunk()?;
    let (&[scope], rest) = rest.split_first_chunk()?;
    let (length, target) = rest.split_first_chunk()?;
    if target.len() != usize::from(u16::from_be_bytes(*length)) {
        return None;
    }
    Some(Desk {
        id: TicketId(*id),
        expires_at: Timestamp(u64::from_be_bytes(*expires_at)),
        scope: Scope::of_byte(scope)?,
        target: ReturnTo::parse(std::str::from_utf8(target).ok()?, site),
    })
}
