//! Names of records: a fixed prefix and a hash, a random id or a checked id, and nothing else (R16).

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::types::{AppId, OpenId, SessionId};

/// Names one record. No text of a stranger or about a person is ever part of it; two kinds never meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(Name);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Code([u8; 32]),
    State([u8; 16]),
    Revoked([u8; 16]),
    RevokedPerson([u8; 32]),
    UserToken([u8; 32]),
    Platform([u8; 32]),
}

/// What a record is about; each kind has room of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    State,
    Revoked,
    UserToken,
    Platform,
}

impl Key {
    /// What became of an authorization code.
    #[must_use]
    pub fn code(code: &str) -> Self {
        Self(Name::Code(digest(&[code])))
    }

    /// A sign-in under way.
    #[must_use]
    pub const fn state(state: [u8; 16]) -> Self {
        Self(Name::State(state))
    }

    /// A session that was ended before its time.
    #[must_use]
    pub const fn revoked(session: SessionId) -> Self {
        Self(Name::Revoked(session.0))
    }

    /// Since when a person's sessions have been ended. An openid is personal, hence hashed.
    #[must_use]
    pub fn revoked_person(openid: &str) -> Self {
        Self(Name::RevokedPerson(digest(&[openid])))
    }

    /// The user tokens of one person and account. An openid is personal, hence hashed.
    #[must_use]
    pub fn user_token(appid: &AppId, openid: &OpenId) -> Self {
        Self(Name::UserToken(digest(&[appid.as_str(), openid.as_str()])))
    }

    /// A platform token or ticket: of which account, of which kind, and of which of the account's applications, if any.
    #[must_use]
    pub fn platform(names: [&str; 3]) -> Self {
        Self(Name::Platform(digest(&names)))
    }

    pub(super) const fn kind(&self) -> Kind {
        match self.0 {
            Name::Code(_) => Kind::Code,
            Name::State(_) => Kind::State,
            Name::Revoked(_) | Name::RevokedPerson(_) => Kind::Revoked,
            Name::UserToken(_) => Kind::UserToken,
            Name::Platform(_) => Kind::Platform,
        }
    }
}

/// SHA-256 over length-delimited parts, so that no two lists of parts look alike (R36).
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// The key as a shared store spells it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, id): (_, &[u8]) = match &self.0 {
            Name::Code(id) => ("code", id),
            Name::State(id) => ("state", id),
            Name::Revoked(id) => ("revoked", id),
            Name::RevokedPerson(id) => ("revoked-person", id),
            Name::UserToken(id) => ("user-token", id),
            Name::Platform(id) => ("platform", id),
        };
        write!(f, "{prefix}:{}", HEXLOWER.encode_display(id))
    }
}

// A state is a credential while its sign-in is under way (R28).
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r16_keys_hold_a_prefix_and_hex_only() {
        let openid = OpenId::parse("o6_bmjrPTlm6_2sgVt7hMZOPfL2M").expect("a valid openid");
        let appid = AppId::parse("wx0123456789abcdef").expect("a valid appid");
        for key in [
            Key::code("a:b\r\n*{}…"),
            Key::state([7; 16]),
            Key::revoked(SessionId([7; 16])),
            Key::revoked_person("o6_bmjr\r\n*{}…"),
            Key::user_token(&appid, &openid),
            Key::platform([appid.as_str(), "jsapi", ""]),
        ] {
            let text = key.to_string();
            let (prefix, id) = text.split_once(':').expect("a prefix");
            assert!(prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{text}");
            assert!(matches!(id.len(), 32 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        }
    }

    #[test]
    fn kinds_with_the_same_id_are_different_records() {
        assert_ne!(Key::state([7; 16]), Key::revoked(SessionId([7; 16])));
    }

    #[test]
    fn r36_parts_of_a_key_cannot_be_shifted() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["abc"]), digest(&["abc", ""]));
    }

    #[test]
    fn r28_keys_print_their_kind_only() {
        assert_eq!(format!("{:?}", Key::state([7; 16])), "Key(State)");
    }
}
