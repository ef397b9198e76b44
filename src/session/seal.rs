//! Seals what travels through the browser, and opens only what was sealed here for the same purpose (R23).
//!
//! AES-256-GCM-SIV (RFC 8452) with a fresh nonce per seal; the associated data binds purpose, site, cookie name and
//! format version (R17, R43). Text form: base64url of `version | key hint | nonce | ciphertext and tag`.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use bytes::Bytes;

use crate::clock::random;
use crate::secret::Secret;

const VERSION: u8 = 1;
const HEADER: usize = 2;

/// No cookie of ours is longer; a longer one is not worth decoding.
const MAX_TEXT: usize = 8 * 1024;

/// What a sealed text is for. One sealed for another purpose does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Session,
    Flow,
    /// A desktop that waits for a phone.
    Handoff,
    /// Whom a phone has vouched for, as a store keeps it.
    Consent,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Session, Self::Flow, Self::Handoff, Self::Consent];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Flow => "flow",
            Self::Handoff => "handoff",
            Self::Consent => "consent",
        }
    }
}

/// The operator's secrets as keys: the first seals, all open.
pub struct Keys {
    /// By secret, then by purpose.
    secrets: Vec<[Key; Purpose::ALL.len()]>,
}

struct Key {
    /// Tells which secret sealed a text, so that rotation costs no trial openings.
    hint: u8,
    cipher: LessSafeKey,
    associated: Vec<u8>,
}

impl Keys {
    /// `secrets` holds at least one; configuration saw to their length (R46).
    #[must_use]
    pub fn new(secrets: &[Secret<Vec<u8>>], site: &str, cookie_name: &str) -> Self {
        let secrets = secrets
            .iter()
            .map(|secret| Purpose::ALL.map(|purpose| Key::derive(secret.expose(), purpose, site, cookie_name)))
            .collect();
        Self { secrets }
    }

    /// Seals under the newest secret.
    ///
    #[must_use]
    pub fn seal(&self, purpose: Purpose, plain: &[u8]) -> String {
        let key = &self.secrets.first().expect("configuration gives at least one secret")[purpose as usize];
        let nonce: [u8; NONCE_LEN] = random();
        let mut sealed = Vec::with_capacity(HEADER + NONCE_LEN + plain.len() + AES_256_GCM_SIV.tag_len());
        sealed.extend_from_slice(&[VERSION, key.hint]);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = key
            .cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(key.associated.as_slice()),
                &mut sealed[HEADER + NONCE_LEN..],
            )
            .expect("a cookie is far shorter than the cipher's limit");
        sealed.extend_from_slice(tag.as_ref());
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(&sealed)
    }

    /// What was sealed, if it was sealed here, for this purpose, under a secret still known.
    #[must_use]
    pub fn open(&self, purpose: Purpose, text: &[u8]) -> Option<Bytes> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let mut sealed = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        let (&[version, hint], rest) = sealed.split_first_chunk::<HEADER>()?;
        let nonce = *rest.first_chunk::<NONCE_LEN>()?;
        if version != VERSION {
            return None;
        }
        let matching = || self.secrets.iter().map(|keys| &keys[purpose as usize]).filter(|key| key.hint == hint);
        let (first, others) = (matching().next()?, matching().skip(1));
        let start = HEADER + NONCE_LEN;
        // Opening in place destroys the text when it fails; two secrets with one hint are rare enough for a copy.
        let spare = others.clone().next().map(|_| sealed.clone());
        if let Some(length) = first.open(nonce, &mut sealed[start..]) {
            sealed.truncate(start + length);
            return Some(Bytes::from(sealed).slice(start..));
        }
        others.into_iter().find_map(|key| {
            let mut copy = spare.as_ref()?[start..].to_vec();
            let length = key.open(nonce, &mut copy)?;
            copy.truncate(length);
            Some(copy.into())
        })
    }
}

impl Key {
    fn derive(secret: &[u8], purpose: Purpose, site: &str, cookie_name: &str) -> Self {
        let extracted = Salt::new(HKDF_SHA256, b"wxgate cookies v1").extract(secret);
        let mut derived = [0; 33];
        extracted
            .expand(&[b"seal ", purpose.as_str().as_bytes()], Length33)
            .and_then(|output| output.fill(&mut derived))
            .expect("33 bytes are within what HKDF-SHA256 can give");
        let (bytes, hint) = (&derived[..32], derived[32]);
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, bytes).expect("the key has 32 bytes"));
        let mut associated = Vec::new();
        for part in [purpose.as_str(), site, cookie_name] {
            associated.extend_from_slice(&(part.len() as u64).to_be_bytes());
            associated.extend_from_slice(part.as_bytes());
        }
        associated.push(VERSION);
        Self { hint, cipher, associated }
    }

    fn open(&self, nonce: [u8; NONCE_LEN], sealed: &mut [u8]) -> Option<usize> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.cipher.open_in_place(nonce, Aad::from(self.associated.as_slice()), sealed).ok().map(|plain| plain.len())
    }
}

struct Length33;

impl aws_lc_rs::hkdf::KeyType for Length33 {
    fn len(&self) -> usize {
        33
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({} secrets)", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD as BASE64URL;
    use proptest::prelude::*;

    use super::*;

    fn keys(secrets: &[&str], site: &str, cookie: &str) -> Keys {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(secret.as_bytes().to_vec())).collect();
        Keys::new(&secrets, site, cookie)
    }

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "another secret of thirty-two bytes";

    #[test]
    fn r17_r43_a_seal_opens_only_where_it_was_meant_to() {
        let here = keys(&[ONE], "https://a.example", "wxgate");
        let sealed = here.seal(Purpose::Session, b"hello");
        assert_eq!(here.open(Purpose::Session, sealed.as_bytes()).as_deref(), Some(&b"hello"[..]));
        assert_eq!(here.open(Purpose::Flow, sealed.as_bytes()), None, "another purpose");
        let elsewhere = keys(&[ONE], "https://b.example", "wxgate");
        assert_eq!(elsewhere.open(Purpose::Session, sealed.as_bytes()), None, "another site under one secret");
        let renamed = keys(&[ONE], "https://a.example", "other");
        assert_eq!(renamed.open(Purpose::Session, sealed.as_bytes()), None, "another cookie under one secret");
        assert_ne!(sealed, here.seal(Purpose::Session, b"hello"), "a nonce was used twice");
    }

    #[test]
    fn secrets_rotate_first_seals_all_open() {
        let old = keys(&[ONE], "s", "c").seal(Purpose::Session, b"old");
        let rotated = keys(&[TWO, ONE], "s", "c");
        assert_eq!(rotated.open(Purpose::Session, old.as_bytes()).as_deref(), Some(&b"old"[..]));
        let new = rotated.seal(Purpose::Session, b"new");
        assert_eq!(keys(&[ONE], "s", "c").open(Purpose::Session, new.as_bytes()), None);
        assert_eq!(keys(&[TWO], "s", "c").open(Purpose::Session, old.as_bytes()), None, "a retired secret opened");
    }

    #[test]
    fn secrets_that_share_a_hint_are_all_tried() {
        let candidates: Vec<String> = (0..2000).map(|n| format!("{n:032}")).collect();
        let hint = |secret: &str| keys(&[secret], "s", "c").secrets[0][0].hint;
        let first = &candidates[0];
        let twin = candidates[1..].iter().find(|other| hint(other) == hint(first)).expect("256 hints, 1999 secrets");
        let sealed = keys(&[twin], "s", "c").seal(Purpose::Session, b"x");
        assert!(keys(&[first, twin], "s", "c").open(Purpose::Session, sealed.as_bytes()).is_some());
    }

    proptest! {
        #[test]
        fn r15_whatever_arrives_opens_or_not_but_never_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(keys(&[ONE], "s", "c").open(Purpose::Session, &text), None);
        }

        #[test]
        fn any_changed_byte_breaks_the_seal(plain in proptest::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let keys = keys(&[ONE], "s", "c");
            let sealed = keys.seal(Purpose::Flow, &plain);
            prop_assert_eq!(keys.open(Purpose::Flow, sealed.as_bytes()), Some(plain.into()));
            let mut bytes = BASE64URL.decode_to_vec(sealed.as_bytes()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_eq!(keys.open(Purpose::Flow, BASE64URL.encode_to_string(&bytes).as_bytes()), None);
        }
    }
}
