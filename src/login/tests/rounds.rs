//! Nobody goes round for ever, and nobody is stopped who does not.

use std::time::Duration;

use super::gate::state_of;
use super::sign_in::well;
use super::{Browser, gate};
use crate::login::Error;
use crate::types::Scope;
use crate::wechat::scripted::Reply;

#[tokio::test]
async fn a_browser_that_refuses_cookies_is_sent_away_three_times() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let mut state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("round 1"));
    for round in 2..=3 {
        browser.cookies.clear();
        let code = format!("CODE-{round}");
        state = state_of(&browser.callback(&gate, &code, &state).await.expect("another round"));
    }
    browser.cookies.clear();
    assert!(matches!(browser.callback(&gate, "CODE-4", &state).await, Err(Error::Loop)));
    gate.clock.advance(Duration::from_mins(1));
    browser.callback(&gate, "CODE-5", &state).await.expect("a minute later it may try again");
}

#[tokio::test]
async fn a_browser_that_loses_its_session_is_sent_away_three_times() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    for round in 1..=3 {
        browser.sign_in(&gate, Scope::Base, &format!("CODE-{round}")).await.expect("signed in");
        browser.lose_session();
    }
    assert!(matches!(browser.open(&gate, "/page", Scope::Base).await, Err(Error::Loop)));
    assert!(matches!(browser.get(&gate, "/_wechat/login").await, Err(Error::Loop)));
    gate.clock.advance(Duration::from_mins(1));
    browser.open(&gate, "/page", Scope::Base).await.expect("a minute later it may try again");
}

#[tokio::test]
async fn a_code_refused_again_and_again_is_three_rounds() {
    let gate = gate(|_| Reply::errcode(40029)).await;
    let mut browser = Browser::new();
    let mut state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("round 1"));
    for round in 2..=3 {
        state = state_of(&browser.callback(&gate, &format!("CODE-{round}"), &state).await.expect("another round"));
    }
    assert!(matches!(browser.callback(&gate, "CODE-4", &state).await, Err(Error::Loop)));
    assert_eq!(browser.flows(), 0, "what failed is forgotten");
}

#[tokio::test]
async fn stepping_up_with_codes_that_are_refused_is_no_endless_loop_either() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::Base, "GOOD").await.expect("signed in");
    gate.wechat.now(|_| Reply::errcode(40029));
    let mut away = browser.open(&gate, "/page", Scope::UserInfo).await;
    let mut rounds = 0;
    while let Ok(redirect) = away {
        rounds += 1;
        assert!(rounds <= 3, "a fourth round");
        away = browser.callback(&gate, &format!("BAD-{rounds}"), &state_of(&redirect)).await;
    }
    assert!(matches!(away, Err(Error::Loop)));
}

#[tokio::test]
async fn many_people_behind_one_shared_link_all_get_in() {
    let gate = gate(well).await;
    let mut sharer = Browser::new();
    let shared = state_of(&sharer.open(&gate, "/page", Scope::Base).await.expect("away"));
    sharer.callback(&gate, "SHARED", &shared).await.expect("signed in");
    for friend in 0..50 {
        let mut browser = Browser::new();
        let away = browser.callback(&gate, "SHARED", &shared).await.expect("starts again");
        let back = browser.callback(&gate, &format!("FRIEND-{friend}"), &state_of(&away)).await.expect("back");
        assert_eq!(back.location, "/#");
        assert!(browser.session(&gate).is_some());
    }
}

#[tokio::test]
async fn five_tabs_sign_in_at_once_and_a_sixth_pushes_out_the_first() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let mut states = Vec::new();
    for tab in 0..6 {
        states.push(state_of(&browser.open(&gate, &format!("/tab{tab}"), Scope::Base).await.expect("away")));
        gate.clock.advance(Duration::from_secs(1));
        assert_eq!(browser.flows(), (tab + 1).min(5));
    }
    for (tab, state) in states.iter().enumerate().skip(1) {
        browser.lose_session();
        let back = browser.callback(&gate, &format!("CODE-{tab}"), state).await.expect("back");
        assert_eq!(back.location, format!("/tab{tab}#"));
    }
    browser.lose_session();
    state_of(&browser.callback(&gate, "CODE-0", &states[0]).await.expect("the first starts again"));
}

#[tokio::test]
async fn signing_out_and_in_is_no_loop() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    for turn in 0..6 {
        browser.sign_in(&gate, Scope::Base, &format!("CODE-{turn}")).await.expect("signed in");
        browser.sign_out(&gate).await.expect("signed out");
        assert!(browser.cookies.is_empty());
    }
}
