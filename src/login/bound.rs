//! Sealed cookies that bind something to one browser, each named after the id of what it binds (R1, R23).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::HeaderValue;

use crate::request::Head;
use crate::session::{Purpose, Sessions};

/// One kind of such cookies.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    sessions: Arc<Sessions>,
    purpose: Purpose,
    /// Of every cookie's name; eight hex digits follow.
    prefix: String,
    life: Duration,
    /// How many of one request are worth opening; a browser of ours never shows more.
    most_shown: usize,
}

impl Bound {
    /// `kind` is the word in the cookies' names.
    pub(super) fn new(
        sessions: Arc<Sessions>,
        kind: &str,
        purpose: Purpose,
        life: Duration,
        most_shown: usize,
    ) -> Self {
        let prefix = format!("{}-", sessions.jar().full_name(kind));
        Self { sessions, purpose, prefix, life, most_shown }
    }

    /// A hash, so that the name alone does not give the id away.
    pub(super) fn name(&self, id: &[u8; 16]) -> String {
        let hash = digest(&SHA256, id);
        format!("{}{}", self.prefix, HEXLOWER.encode(&hash.as_ref()[..4]))
    }

    /// The line that gives a browser its cookie.
    pub(super) fn give(&self, id: &[u8; 16], content: &[u8]) -> HeaderValue {
        let sealed = self.sessions.keys().seal(self.purpose, content);
        self.sessions.jar().set(&self.name(id), &sealed, self.life)
    }

    /// The line that makes a browser forget the cookie of one id.
    pub(super) fn forget(&self, id: &[u8; 16]) -> HeaderValue {
        self.forget_named(&self.name(id))
    }

    pub(super) fn forget_named(&self, name: &str) -> HeaderValue {
        self.sessions.jar().expire(name)
    }

    /// Ends all that a browser shows, whatever the cookies hold.
    pub(super) fn forget_all(&self, head: &Head) -> Vec<HeaderValue> {
        let mut names: Vec<&str> = self.shown(head).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| self.forget_named(name)).collect()
    }

    /// Name and sealed content of each of these cookies.
    pub(super) fn shown<'a>(&'a self, head: &'a Head) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        head.cookies()
            .filter_map(|(name, sealed)| {
                let name = std::str::from_utf8(name).ok()?;
                let tag = name.strip_prefix(&self.prefix)?;
                let plain = tag.len() == 8 && tag.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
                plain.then_some((name, sealed))
            })
            .take(self.most_shown)
    }

    /// What was sealed here for this purpose.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Bytes> {
        self.sessions.keys().open(self.purpose, sealed)
    }
}
