//! Callbacks that are not what they seem.

use std::time::Duration;

use proptest::prelude::*;

use super::gate::{EXCHANGE, state_of};
use super::sign_in::well;
use super::{Browser, gate};
use crate::login::Error;
use crate::types::Scope;

#[tokio::test]
async fn r1_a_state_of_another_browser_signs_nobody_in() {
    let gate = gate(well).await;
    let mut attacker = Browser::new();
    let state = state_of(&attacker.open(&gate, "/page?secret", Scope::Base).await.expect("away"));
    let mut victim = Browser::new();
    let away = victim.callback(&gate, "ATTACKERS-CODE", &state).await.expect("starts again");
    assert_ne!(state_of(&away), state);
    for unknown in ["", "x", "0123456789abcdef0123456789abcdef", &state.to_uppercase(), &state[1..], "%00", "中"] {
        let mut victim = Browser::new();
        state_of(&victim.callback(&gate, "CODE", unknown).await.expect("starts again"));
        assert!(victim.session(&gate).is_none());
    }
    assert!(gate.wechat.asked(EXCHANGE).is_empty(), "a code without proof is not spent");
}

#[tokio::test]
async fn a_signed_in_visitor_with_a_foreign_callback_just_goes_home() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::Base, "CODE").await.expect("signed in");
    let session = browser.session(&gate).expect("a session");
    let back = browser.callback(&gate, "FOREIGN", &"0".repeat(32)).await.expect("home");
    assert_eq!((back.status.as_u16(), back.location.as_str()), (303, "/#"));
    assert_eq!(browser.session(&gate).expect("the same session").id, session.id);
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn r20_a_repeated_code_or_state_is_refused() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/", Scope::Base).await.expect("away"));
    for query in [
        format!("code=A&code=B&state={state}"),
        format!("code=A&code=A&state={state}"),
        format!("code=A&state={state}&state={state}"),
        format!("code=A&state={state}&%73tate=x"),
        format!("code=&code&state={state}"),
    ] {
        let answer = browser.get(&gate, &format!("/_wechat/callback?{query}")).await;
        assert!(matches!(answer, Err(Error::RepeatedParameter)), "{query}");
    }
    let tolerated = format!("/_wechat/callback?from=a&code=A&state={state}&from=b&isappinstalled=0");
    assert_eq!(browser.get(&gate, &tolerated).await.expect("back").location, "/#");
}

#[tokio::test]
async fn a_sign_in_that_was_declined_is_a_page_and_never_a_loop() {
    let gate = gate(well).await;
    for (query, proven) in
        [("state=STATE", true), ("code=&state=STATE", true), ("code=authdeny&state=STATE", true), ("", false)]
    {
        let mut browser = Browser::new();
        let state = state_of(&browser.open(&gate, "/page", Scope::UserInfo).await.expect("away"));
        let target = format!("/_wechat/callback?{}", query.replace("STATE", &state));
        let refused = browser.get(&gate, &target).await.expect_err("declined");
        let expected = if proven { "/page" } else { "/" };
        assert!(matches!(&refused, Error::Declined { retry, .. } if retry.as_str() == expected), "{query}");
        assert_eq!(browser.flows(), usize::from(!proven), "{query}");
    }
    assert!(gate.wechat.asked(EXCHANGE).is_empty());
}

#[tokio::test]
async fn r13_a_flow_lives_no_longer_than_its_state() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let away = browser.open(&gate, "/page", Scope::Base).await.expect("away");
    assert!(
        away.cookies[0].to_str().expect("ASCII").ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600")
    );
    let state = state_of(&away);
    // A browser that keeps a cookie for longer than it was told to.
    gate.clock.advance(Duration::from_mins(10));
    let again = browser.callback(&gate, "CODE", &state).await.expect("starts again");
    let back = browser.callback(&gate, "CODE-2", &state_of(&again)).await.expect("back");
    assert_eq!(back.location, "/page#", "the target was ours, only late");
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn r23_a_flow_cookie_is_good_for_nothing_else() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    let (name, sealed) = browser.cookies.pop_first().expect("the flow");
    // Not as a session, not under another name, not for another state.
    browser.cookies.insert("__Host-wxgate".into(), sealed.clone());
    assert!(browser.session(&gate).is_none());
    browser.cookies = [("__Host-wxgate-flow-00000000".to_owned(), sealed.clone())].into();
    assert_ne!(state_of(&browser.callback(&gate, "CODE", &state).await.expect("starts again")), state);
    let other = state_of(&browser.open(&gate, "/other", Scope::Base).await.expect("away"));
    let names: Vec<String> = browser.cookies.keys().cloned().collect();
    browser.cookies = names.into_iter().map(|name| (name, sealed.clone())).collect();
    assert_ne!(state_of(&browser.callback(&gate, "CODE", &other).await.expect("starts again")), other);
    // A session is no flow either.
    browser.cookies = [(name, sealed)].into();
    browser.callback(&gate, "CODE", &state).await.expect("back");
    let session = browser.cookies["__Host-wxgate"].clone();
    for value in browser.cookies.values_mut() {
        value.clone_from(&session);
    }
    browser.lose_session();
    state_of(&browser.callback(&gate, "CODE", &state).await.expect("starts again"));
}

#[tokio::test]
async fn r41_no_bit_of_a_flow_cookie_can_be_changed() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    let (name, sealed) = browser.cookies.pop_first().expect("the flow");
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let mut browser = Browser::new();
        browser.cookies.insert(name.clone(), String::from_utf8(bytes).expect("ASCII"));
        assert_ne!(state_of(&browser.callback(&gate, "CODE", &state).await.expect("starts again")), state);
        assert_eq!(browser.flows(), 1, "what does not open is forgotten");
    }
    assert!(gate.wechat.asked(EXCHANGE).is_empty());
}

#[tokio::test]
async fn only_reads_are_redirected() {
    let gate = gate(well).await;
    let browser = Browser::new();
    for target in ["/_wechat/login", "/_wechat/callback?code=A"] {
        let head = browser.head("POST", target, &[]);
        let endpoint = gate.login.endpoint(head.path()).expect("an endpoint");
        let refused = gate.login.answer(endpoint, &head, b"", None).await.expect_err("a POST");
        assert!(matches!(refused.error, Error::BadRequest(_)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r15_no_query_or_cookie_panics(
        query in "[a-z%=&+;0-9/?\\-._~:@!$'()*,]{0,60}",
        cookies in proptest::collection::vec(("(__Host-wxgate-flow-[0-9a-f]{7,9}|__Host-wxgate|x)", "[!-:<-~]{0,90}"), 0..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let gate = gate(well).await;
            let mut browser = Browser::new();
            browser.cookies = cookies.into_iter().collect();
            for target in ["/_wechat/callback", "/_wechat/login"] {
                let mut browser = browser.clone();
                let _ = browser.get(&gate, &format!("{target}?{query}")).await;
                assert!(browser.session(&gate).is_none());
            }
        });
    }
}
