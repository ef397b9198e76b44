//! What holds of every session cookie: it opens only as it was sealed, and reads back as it was written.

use bytes::Bytes;

use super::{Keys, Purpose, Session};
use crate::secret::Secret;
use crate::types::AppId;

/// R17, R23, R43: what is sealed opens where it was meant to, and nothing else made of it opens anywhere.
pub(crate) fn only_what_was_sealed_opens(plain: &[u8], forge: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let keys = keys(b"a secret of the operator's, of any length");
    let sealed = keys.seal(Purpose::Session, plain);
    assert_eq!(keys.open(Purpose::Session, sealed.as_bytes()).as_deref(), Some(plain));
    for purpose in [Purpose::Flow, Purpose::Handoff, Purpose::Consent] {
        assert_eq!(keys.open(purpose, sealed.as_bytes()), None, "{purpose:?}");
    }
    let forged = forge(sealed.clone().into_bytes());
    if forged != sealed.as_bytes() {
        assert_eq!(keys.open(Purpose::Session, &forged), None, "{}", String::from_utf8_lossy(&forged));
    }
}

/// Whatever a browser sends that was never sealed here.
pub(crate) fn nothing_else_opens(text: &[u8]) {
    let keys = keys(&crate::clock::random::<32>());
    for purpose in [Purpose::Session, Purpose::Flow, Purpose::Handoff, Purpose::Consent] {
        assert_eq!(keys.open(purpose, text), None);
    }
}

fn keys(first: &[u8]) -> Keys {
    let secrets = [first.to_vec(), b"the operator's secret before that one".to_vec()].map(Secret::new);
    Keys::new(&secrets, "https://m.example.com", "__Host-wxgate")
}

/// R41: no byte of a record is passed over, and what another release wrote is read or refused.
pub(crate) fn a_record_is_read_whole(bytes: &[u8]) {
    let Some(session) = Session::decode(Bytes::copy_from_slice(bytes)) else { return };
    assert_eq!(session.encoded(), bytes);
    let texts = [session.openid(), session.unionid(), session.userid(), session.nickname(), session.avatar()];
    let told: usize = texts.iter().flatten().map(|text| text.len()).sum();
    assert!(told + session.appid().len() <= bytes.len());
    // Only a checked appid is ever sealed.
    if AppId::parse(session.appid()).is_ok() {
        let again = Session::new(session.id, session.times, &session.identity());
        assert_eq!((again.id, again.times, again.account), (session.id, session.times, session.account));
        assert!(session.tells_the_same_as(&session.clone()));
    }
}
