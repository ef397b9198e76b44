//! What holds of whatever WeChat, or somebody in its place, answers.

use serde_json::Value;

use super::error::{Api, Error};
use super::wire::{Granted, Profile, UserToken, WecomProfile, WecomUser, repair};
use crate::types::{AvatarUrl, Nickname};

/// R10, R15, R21, R28: any bytes are an answer or an error, and nothing in an answer can break out of where it is put.
pub(crate) fn answers_are_clean_or_refused(body: &[u8]) {
    good_json_is_left_alone(body);
    if let Some(token) = quiet(UserToken::parse(Api::UserToken, body)) {
        assert!(!token.access_token.expose().is_empty());
        ids_are_plain(token.openid.as_str());
        token.unionid.iter().for_each(|id| ids_are_plain(id.as_str()));
    }
    if let Some(profile) = quiet(Profile::parse(Api::Profile, body)) {
        ids_are_plain(profile.openid.as_str());
        profile_is_plain(profile.nickname.as_ref(), profile.avatar.as_ref());
    }
    match quiet(WecomUser::parse(Api::WecomUser, body)) {
        Some(WecomUser::Member { userid, .. }) => assert!(is_plain(userid.as_str(), b"_-.@/")),
        Some(WecomUser::Outsider { openid }) => ids_are_plain(openid.as_str()),
        None => {}
    }
    if let Some(profile) = quiet(WecomProfile::parse(Api::WecomDetail, body)) {
        profile_is_plain(profile.nickname.as_ref(), profile.avatar.as_ref());
    }
    if let Some(granted) = quiet(Granted::parse(Api::Ticket, "ticket", body)) {
        assert!((1..=7200).contains(&granted.expires_in.as_secs()) && !granted.value.expose().is_empty());
    }
}

/// An error has only words of ours in it, on one line.
fn quiet<T>(answer: Result<T, Error>) -> Option<T> {
    let said = |error: &Error| format!("{error} {error:?}");
    let error = match answer {
        Ok(answer) => return Some(answer),
        Err(error) => said(&error),
    };
    assert!(error.len() < 400 && error.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{error:?}");
    None
}

fn good_json_is_left_alone(body: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        let repaired = serde_json::from_str::<Value>(&repair(body));
        assert_eq!(repaired.expect("what was JSON is JSON"), value);
    }
}

fn ids_are_plain(id: &str) {
    assert!((8..=64).contains(&id.len()) && is_plain(id, b"_-"), "{id:?}");
}

fn is_plain(id: &str, also: &[u8]) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
}

fn profile_is_plain(nickname: Option<&Nickname>, avatar: Option<&AvatarUrl>) {
    if let Some(name) = nickname.map(Nickname::as_str) {
        assert!(!name.is_empty() && name.chars().count() <= Nickname::MAX_CHARS && !name.chars().any(char::is_control));
    }
    if let Some(url) = avatar.map(AvatarUrl::as_str) {
        assert!(url.starts_with("http") && url.len() <= AvatarUrl::MAX_BYTES);
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
