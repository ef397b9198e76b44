//! Signing out.

use super::gate::{EXCHANGE, state_of};
use super::sign_in::well;
use super::{Browser, gate};
use crate::login::{Answer, Endpoint, Error};
use crate::types::Scope;

#[tokio::test]
async fn r11_signing_out_ends_every_copy_of_the_session() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    let state = state_of(&browser.open(&gate, "/page", Scope::Base).await.expect("away"));
    browser.callback(&gate, "CODE", &state).await.expect("back");
    let copy = browser.clone();
    let out = browser.sign_out(&gate).await.expect("out");
    assert_eq!((out.status.as_u16(), out.location.as_str()), (303, "/"));
    assert!(browser.cookies.is_empty(), "session and flows are forgotten: {:?}", browser.cookies.keys());
    assert!(out.cookies.iter().all(|line| {
        line.to_str().expect("ASCII").ends_with("=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0")
    }));
    assert!(copy.session(&gate).is_none(), "a copy is worth nothing");
    // Nor does the callback bring it back, in a browser that kept its cookies.
    let mut copy = copy;
    state_of(&copy.callback(&gate, "CODE", &state).await.expect("starts again"));
    assert!(copy.session(&gate).is_none());
    assert_eq!(gate.wechat.asked(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn signing_out_goes_where_the_form_or_the_query_says() {
    let gate = gate(well).await;
    let browser = Browser::new();
    let post = async |target: &str, form: &str| {
        let head = browser.head("POST", target, &[("sec-fetch-site", "same-origin")]);
        gate.login.answer(Endpoint::Logout, &head, form.as_bytes(), None).await
    };
    for (target, form, expected) in [
        ("/_wechat/logout", "", "/"),
        ("/_wechat/logout?rd=/q", "", "/q"),
        ("/_wechat/logout?rd=/q", "rd=%2Fform%3Fa%3D1&x=2", "/form?a=1"),
        ("/_wechat/logout", "rd=https://evil.example/", "/"),
        ("/_wechat/logout?rd=/\\evil.example", "", "/"),
    ] {
        match post(target, form).await {
            Ok(Answer::Redirect(redirect)) => assert_eq!(redirect.location, expected),
            other => panic!("{target} {form}: {other:?}"),
        }
    }
    let repeated = post("/_wechat/logout", "rd=/a&rd=/b").await.expect_err("repeated");
    assert!(matches!(repeated.error, Error::RepeatedParameter));
}

#[tokio::test]
async fn nobody_is_signed_out_by_a_link_or_another_site() {
    let gate = gate(well).await;
    let mut browser = Browser::new();
    browser.sign_in(&gate, Scope::Base, "CODE").await.expect("signed in");
    let link = browser.head("GET", "/_wechat/logout?rd=/bye", &[]);
    let session = gate.session_of(&link);
    let answer = gate.login.answer(Endpoint::Logout, &link, b"", session.as_ref()).await;
    assert!(matches!(answer, Ok(Answer::ConfirmLogout { rd }) if rd.as_str() == "/bye"));
    for headers in [&[("origin", "https://evil.example")][..], &[("sec-fetch-site", "cross-site")], &[]] {
        let head = browser.head("POST", "/_wechat/logout", headers);
        let refused = gate.login.answer(Endpoint::Logout, &head, b"", session.as_ref()).await.expect_err("foreign");
        assert!(matches!(refused.error, Error::NotSameOrigin) && refused.cookies.is_empty());
    }
    assert!(browser.session(&gate).is_some());
}
