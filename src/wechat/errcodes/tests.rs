//! The table against what `error.rs` decides, against the lists of WeChat's that it has to cover, and against itself.

use std::collections::BTreeSet;

use super::*;
use crate::wechat::{Api, Trouble};

/// Every errcode that anybody has told us about is far below this.
const HIGHEST: i64 = 100_000;

/// What operators meet beside refused calls: success, WeChat's own error pages, and WeCom's.
const NEVER_AN_ANSWER: &[i64] =
    &[0, 10003, 10004, 10005, 10006, 10009, 10010, 10011, 10012, 10013, 10015, 10016, 40063, 40093, 42012];

fn classified(errcode: i64) -> bool {
    Api::ALL.iter().any(|api| Trouble::of(*api, errcode) != Trouble::Unknown)
}

#[test]
fn what_the_gate_acts_upon_is_explained_and_nothing_else() {
    let explained: BTreeSet<i64> = all().map(|known| known.errcode).collect();
    let acted_upon: BTreeSet<i64> = (-1..HIGHEST).filter(|errcode| classified(*errcode)).collect();
    let expected = acted_upon.iter().chain(NEVER_AN_ANSWER).copied().collect();
    assert_eq!(explained, expected);
    assert!(NEVER_AN_ANSWER.iter().all(|errcode| !classified(*errcode)));
}

#[test]
fn no_errcode_is_explained_twice() {
    let mut seen = BTreeSet::new();
    assert!(all().all(|known| seen.insert(known.errcode)), "{seen:?}");
}

#[test]
fn both_languages_say_something_everywhere() {
    for known in all() {
        for text in [Some(known.meaning), Some(known.cure), known.menu, Some(known.gate)].into_iter().flatten() {
            let Text { zh, en } = text;
            assert!(zh.contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{}: {zh}", known.errcode);
            assert!(en.split(' ').all(|word| !word.is_empty()), "{}: {en}", known.errcode);
            assert!(![zh, en].iter().any(|text| text.contains(['\n', '\t']) || text.ends_with(' ')), "{zh} {en}");
        }
        assert!(known.gate.en.ends_with('.') && known.gate.zh.ends_with('。'), "{}", known.errcode);
    }
}

/// What the texts say of the page a visitor sees is what the classification leads to.
#[test]
fn the_page_that_is_named_is_the_one_that_is_shown() {
    // Of these the texts tell several cases apart.
    for known in all().filter(|known| ![40001, 40014, 50001].contains(&known.errcode)) {
        let named = ["login-loop", "login-declined", "wechat-misconfigured", "wechat-unavailable"]
            .into_iter()
            .find(|slug| known.gate.en.contains(slug));
        let expected = match Trouble::of(Api::UserToken, known.errcode) {
            Trouble::CodeRefused if known.errcode == 41008 => Some("login-declined"),
            Trouble::CodeRefused => Some("login-loop"),
            Trouble::UserRefused => Some("login-declined"),
            // Said of fetching tokens only: a sign-in does not meet these.
            Trouble::Misconfigured if (89501..=89507).contains(&known.errcode) => None,
            Trouble::Misconfigured => Some("wechat-misconfigured"),
            Trouble::Busy => Some("wechat-unavailable"),
            Trouble::TokenDead | Trouble::NoPermission | Trouble::Unknown => None,
            Trouble::Unreachable | Trouble::Nonsense => unreachable!("no errcode means that"),
        };
        assert_eq!(named, expected, "{}", known.errcode);
    }
}

/// What the log says of a refusal.
fn sentence(errcode: i64, errmsg: Option<&str>) -> String {
    Error::refused_because(Api::StableToken, errcode, errmsg.unwrap_or_default()).advice().into_owned()
}

#[test]
fn the_address_to_whitelist_is_in_the_sentence() {
    let errmsg = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 66d19aa4-3f927127-199f930f";
    let line = sentence(40164, Some(errmsg));
    assert!(line.contains("The address is 203.0.113.9 ") && line.contains("API IP白名单"), "{line}");
    assert!(!line.contains("rid") && !line.contains('\n'), "{line}");
    assert_eq!(Error::refused_because(Api::StableToken, 40164, errmsg).advice(), line);
}

#[test]
fn every_error_comes_with_advice() {
    for error in [
        Error::refused(Api::StableToken, 123_456),
        Error::unreachable(Api::Ticket, "planted-detail"),
        Error::nonsense(Api::Ticket, "planted-detail"),
    ] {
        let advice = error.advice();
        assert!(advice.len() > 40 && !advice.contains("planted") && !advice.contains('\n'), "{advice}");
    }
}

#[test]
fn r28_wechats_own_words_stay_out_of_the_sentence() {
    let planted = "planted-secret 203.0.113.9\nlevel=ERROR forged";
    for errcode in all().map(|known| known.errcode).chain([123_456]) {
        let line = sentence(errcode, Some(planted));
        assert!(!line.contains("planted") && !line.contains("forged") && !line.contains('\n'), "{line}");
        let about_addresses = [40164, 60020, 61004].contains(&errcode) || (89501..=89507).contains(&errcode);
        assert_eq!(line.contains("203.0.113.9"), about_addresses, "{line}");
        assert!(line.starts_with(&format!("errcode {errcode}")), "{line}");
    }
    assert!(!sentence(40164, None).contains("The address is"));
}
