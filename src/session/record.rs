//! What a session cookie holds, as compact bytes that are read in place.
//!
//! `version | account | scope | snapshot | id 16 | issued u64 | life u32 | seen u32 | then six texts, each with its u16
//! length: appid openid unionid userid nickname avatar`. Big-endian; an absent text has length 0. The seal around it
//! covers every field, the expiry included (R41).

use std::ops::Range;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::types::{Account, AppId, AvatarUrl, Identity, Nickname, OpenId, Scope, SessionId, UnionId, UserId, Visitor};

const VERSION: u8 = 1;
const TEXTS: usize = 6;
/// Where the texts begin.
const AFTER_TIMES: usize = 4 + 16 + 8 + 4 + 4;

/// When a session began, ends, and was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_seen: Timestamp,
}

/// A signed-in visitor. The texts are views into one buffer: cloning and handing them on copies nothing.
#[derive(Clone)]
pub struct Session {
    pub id: SessionId,
    pub account: Account,
    pub scope: Scope,
    /// A virtual user of WeChat's snapshot page.
    pub snapshot: bool,
    pub times: Times,
    bytes: Bytes,
    texts: [Range<u16>; TEXTS],
}

/// Which of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    AppId,
    OpenId,
    UnionId,
    UserId,
    Nickname,
    Avatar,
}

impl Session {
    pub(super) fn new(id: SessionId, times: Times, identity: &Identity) -> Self {
        let bytes = encode(id, times, identity);
        Self::decode(bytes.into()).expect("what encode wrote, decode reads")
    }

    /// The whole record, for [`Session::decode`].
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a record whose seal has been opened. `None` when it is of another version or not whole.
    #[must_use]
    pub fn decode(bytes: Bytes) -> Option<Self> {
        let mut rest = Reader { bytes: &bytes, at: 0 };
        let [VERSION, account, scope, snapshot] = rest.take::<4>()? else { return None };
        let account = Account::of_byte(account)?;
        let scope = Scope::of_byte(scope)?;
        let id = SessionId(rest.take()?);
        let issued_at = Timestamp(u64::from_be_bytes(rest.take()?));
        let [expires_at, last_seen] = [rest.take()?, rest.take()?]
            .map(|delta| Timestamp(issued_at.0.saturating_add(u64::from(u32::from_be_bytes(delta)))));
        let mut texts: [Range<u16>; TEXTS] = Default::default();
        for text in &mut texts {
            *text = rest.text()?;
        }
        if rest.at != bytes.len() {
            return None;
        }
        let times = Times { issued_at, expires_at, last_seen };
        Some(Self { id, account, scope, snapshot: snapshot != 0, times, bytes, texts })
    }

    pub(super) fn seen_at(&self, now: Timestamp) -> Self {
        Self::new(self.id, Times { last_seen: now, ..self.times }, &self.identity())
    }

    /// Whether this is the session of that same person at that same account.
    #[must_use]
    pub fn is_of(&self, identity: &Identity) -> bool {
        self.account == identity.account
            && self.appid() == identity.appid.as_str()
            && self.openid() == identity.openid.as_ref().map(OpenId::as_str)
            && self.userid() == identity.userid.as_ref().map(UserId::as_str)
    }

    #[must_use]
    pub fn appid(&self) -> &str {
        self.text(Text::AppId).unwrap_or_default()
    }

    #[must_use]
    pub fn openid(&self) -> Option<&str> {
        self.text(Text::OpenId)
    }

    #[must_use]
    pub fn unionid(&self) -> Option<&str> {
        self.text(Text::UnionId)
    }

    #[must_use]
    pub fn userid(&self) -> Option<&str> {
        self.text(Text::UserId)
    }

    #[must_use]
    pub fn nickname(&self) -> Option<&str> {
        self.text(Text::Nickname)
    }

    #[must_use]
    pub fn avatar(&self) -> Option<&str> {
        self.text(Text::Avatar)
    }

    /// Whether both say the same of the same visitor; when they were seen aside.
    #[must_use]
    pub fn tells_the_same_as(&self, other: &Self) -> bool {
        (self.id, self.account, self.scope, self.snapshot, self.times.expires_at)
            == (other.id, other.account, other.scope, other.snapshot, other.times.expires_at)
            && self.bytes.get(AFTER_TIMES..) == other.bytes.get(AFTER_TIMES..)
    }

    /// A text as shared bytes, without a copy; `None` when it is absent.
    #[must_use]
    pub fn share(&self, which: Text) -> Option<Bytes> {
        let Range { start, end } = self.texts[which as usize];
        (start < end).then(|| self.bytes.slice(usize::from(start)..usize::from(end)))
    }

    fn text(&self, which: Text) -> Option<&str> {
        let range = &self.texts[which as usize];
        let text = std::str::from_utf8(self.bytes.get(usize::from(range.start)..usize::from(range.end))?).ok()?;
        (!text.is_empty()).then_some(text)
    }

    /// The same, owned and typed, for the paths where speed does not matter.
    ///
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            account: self.account,
            appid: AppId::parse(self.appid()).expect("only a checked appid is sealed"),
            scope: self.scope,
            openid: self.openid().and_then(|text| OpenId::parse(text).ok()),
            unionid: self.unionid().and_then(|text| UnionId::parse(text).ok()),
            userid: self.userid().and_then(|text| UserId::parse(text).ok()),
            nickname: self.nickname().and_then(Nickname::clean),
            avatar: self.avatar().and_then(AvatarUrl::clean),
            snapshot: self.snapshot,
        }
    }
}

impl Visitor for Session {
    fn account(&self) -> Account {
        self.account
    }
    fn scope(&self) -> Scope {
        self.scope
    }
    fn openid(&self) -> Option<&str> {
        self.openid()
    }
    fn unionid(&self) -> Option<&str> {
        self.unionid()
    }
    fn userid(&self) -> Option<&str> {
        self.userid()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}

fn encode(id: SessionId, times: Times, identity: &Identity) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(320);
    bytes.extend_from_slice(&[
        VERSION,
        identity.account.to_byte(),
        identity.scope.to_byte(),
        u8::from(identity.snapshot),
    ]);
    bytes.extend_from_slice(&id.0);
    bytes.extend_from_slice(&times.issued_at.0.to_be_bytes());
    for later in [times.expires_at, times.last_seen] {
        let delta = u32::try_from(later.since(times.issued_at).as_secs()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&delta.to_be_bytes());
    }
    let texts: [&str; TEXTS] = [
        identity.appid.as_str(),
        identity.openid.as_ref().map_or("", OpenId::as_str),
        identity.unionid.as_ref().map_or("", UnionId::as_str),
        identity.userid.as_ref().map_or("", UserId::as_str),
        identity.nickname.as_ref().map_or("", Nickname::as_str),
        identity.avatar.as_ref().map_or("", AvatarUrl::as_str),
    ];
    for text in texts {
        let length = u16::try_from(text.len()).expect("every text is bounded by its type");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(taken)
    }

    fn text(&mut self) -> Option<Range<u16>> {
        let length = u16::from_be_bytes(self.take()?);
        let start = u16::try_from(self.at).ok()?;
        let end = start.checked_add(length)?;
        self.at = usize::from(end);
        (self.at <= self.bytes.len()).then_some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity() -> Identity {
        Identity {
            account: Account::OfficialAccount,
            appid: AppId::parse("wx0123456789abcdef").unwrap(),
            scope: Scope::UserInfo,
            openid: Some(OpenId::parse("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").unwrap()),
            unionid: None,
            userid: None,
            nickname: Nickname::clean("小明😀"),
            avatar: AvatarUrl::clean("https://thirdwx.qlogo.cn/mmopen/vi_32/x/132"),
            snapshot: false,
        }
    }

    const TIMES: Times = Times { issued_at: Timestamp(1000), expires_at: Timestamp(5000), last_seen: Timestamp(1500) };

    #[test]
    fn a_record_comes_back_whole() {
        let session = Session::new(SessionId([7; 16]), TIMES, &identity());
        let back = Session::decode(Bytes::copy_from_slice(session.encoded())).unwrap();
        assert_eq!(back.identity(), identity());
        assert_eq!((back.id, back.times), (SessionId([7; 16]), TIMES));
        assert_eq!(back.unionid(), None);
        assert!(back.is_of(&identity()));
    }

    #[test]
    fn the_longest_identity_fits_a_cookie() {
        let mut longest = identity();
        longest.openid = OpenId::parse(&"o".repeat(64)).ok();
        longest.unionid = UnionId::parse(&"o".repeat(64)).ok();
        longest.nickname = Nickname::clean(&"😀".repeat(200));
        longest.avatar = AvatarUrl::clean(&format!("https://{}", "a".repeat(504)));
        let session = Session::new(SessionId([7; 16]), TIMES, &longest);
        assert!(longest.avatar.is_some() && session.encoded().len() * 4 / 3 < 3000, "{}", session.encoded().len());
    }

    proptest! {
        #[test]
        fn r15_no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            if let Some(session) = Session::decode(bytes.into()) {
                let _ = (session.appid(), session.openid(), session.nickname());
            }
        }

        #[test]
        fn a_cut_record_is_refused(cut in 1usize..40) {
            let session = Session::new(SessionId([7; 16]), TIMES, &identity());
            let bytes = session.encoded();
            prop_assert!(Session::decode(Bytes::copy_from_slice(&bytes[..bytes.len() - cut])).is_none());
        }
    }
}
