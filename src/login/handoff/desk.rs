//! Binds a ticket to the desktop that asked for it: its proof is a sealed cookie (R1, R23).

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use http::HeaderValue;

use super::ticket::{LIFE, TicketId};
use crate::clock::{Clock, Timestamp};
use crate::config::PublicUrl;
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
    sessions: Arc<Sessions>,
    public_url: PublicUrl,
    /// Of every cookie's name; eight hex digits follow.
    prefix: String,
    clock: Clock,
}

impl Desks {
    pub(super) fn new(sessions: Arc<Sessions>, public_url: PublicUrl, clock: Clock) -> Self {
        let prefix = format!("{}-", sessions.jar().full_name("handoff"));
        Self { sessions, public_url, prefix, clock }
    }

    /// The cookie that binds a ticket to this browser, and the ends of those it pushes out.
    pub(super) fn give(&self, desk: &Desk, head: &Head) -> Vec<HeaderValue> {
        let sealed = self.sessions.keys().seal(Purpose::Handoff, &encode(desk));
        let mut cookies = vec![self.sessions.jar().set(&self.name(desk.id), &sealed, LIFE)];
        let (mut live, dead): (Vec<_>, Vec<_>) =
            self.shown(head).into_iter().partition(|(_, desk)| desk.as_ref().is_some_and(|desk| self.is_good(desk)));
        live.sort_by_key(|(_, desk)| desk.as_ref().map(|desk| desk.expires_at));
        let surplus = (live.len() + 1).saturating_sub(MOST);
        let gone = live.into_iter().take(surplus).chain(dead);
        cookies.extend(gone.map(|(name, _)| self.sessions.jar().expire(&name)));
        cookies
    }

    /// The desk of this ticket, if this browser is the one that asked for it, and it still is good.
    pub(super) fn prove(&self, head: &Head, id: TicketId) -> Option<Desk> {
        let name = self.name(id);
        let shown = self.shown(head).into_iter().filter(|(found, _)| *found == name).filter_map(|(_, desk)| desk);
        shown.into_iter().find(|desk| verify_slices_are_equal(&desk.id.0, &id.0).is_ok() && self.is_good(desk))
    }

    /// The line that makes the browser forget one ticket.
    pub(super) fn forget(&self, id: TicketId) -> HeaderValue {
        self.sessions.jar().expire(&self.name(id))
    }

    /// Ends every hand-off that a browser shows.
    pub(super) fn forget_all(&self, head: &Head) -> Vec<HeaderValue> {
        let mut names: Vec<String> = self.shown(head).into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names.iter().map(|name| self.sessions.jar().expire(name)).collect()
    }

    fn is_good(&self, desk: &Desk) -> bool {
        self.clock.now() < desk.expires_at
    }

    fn name(&self, id: TicketId) -> String {
        let hash = digest(&SHA256, &id.0);
        format!("{}{}", self.prefix, HEXLOWER.encode(&hash.as_ref()[..4]))
    }

    /// Name and content of each of our cookies; no content where the seal does not open.
    fn shown(&self, head: &Head) -> Vec<(String, Option<Desk>)> {
        head.cookies()
            .filter_map(|(name, sealed)| {
                let name = std::str::from_utf8(name).ok()?;
                let tag = name.strip_prefix(&self.prefix)?;
                let plain = tag.len() == 8 && tag.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
                plain.then_some((name.to_owned(), sealed))
            })
            .take(MOST_SHOWN)
            .map(|(name, sealed)| (name, self.open(sealed)))
            .collect()
    }

    fn open(&self, sealed: &[u8]) -> Option<Desk> {
        decode(&self.sessions.keys().open(Purpose::Handoff, sealed)?, &self.public_url)
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
