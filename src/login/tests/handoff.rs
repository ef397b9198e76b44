//! A hand-off among replicas, without a store, and by sessions that have no say in it.

use std::future::poll_fn;
use std::sync::Arc;

use super::exchange::Away;
use super::gate::{Wishes, state_of};
use super::sign_in::well;
use super::{Browser, Gate};
use crate::login::handoff::{Page, Progress};
use crate::login::{Answer, Error, Refused};
use crate::types::{Account, AppId, Identity, OpenId, Outside, Scope};
use crate::wechat::scripted::{OPENID, account, website_app};

const DESKTOP: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36";

async fn gate(store: Option<Arc<dyn crate::store::Store>>) -> Gate {
    Gate::with(well, Wishes { handoff: true, store, ..Wishes::default() }).await
}

/// A desktop with its ticket's id.
async fn desktop(gate: &Gate) -> (Browser, String) {
    let mut browser = Browser { agent: DESKTOP, ..Browser::new() };
    let answer = gate.login.begin(&browser.head("GET", "/page", &[]), Scope::Base).await;
    let Ok(Answer::Handoff(Page::Scan(page))) = answer else { panic!("no code: {answer:?}") };
    browser.take(&page.cookies);
    let (_, id) = page.scan.split_once("?t=").expect("a ticket");
    (browser, id.to_owned())
}

async fn ask(gate: &Gate, browser: &Browser, path: &str, id: &str) -> Result<Answer, Refused> {
    let head = browser.head("GET", &format!("/_wechat/handoff{path}?t={id}"), &[]);
    let endpoint = gate.login.endpoint(head.path()).expect("an endpoint");
    gate.login.answer(endpoint, &head, b"", gate.session_of(&head).as_ref()).await
}

async fn number(gate: &Gate, browser: &Browser, id: &str) -> String {
    match ask(gate, browser, "/state", id).await {
        Ok(Answer::Progress(Progress::Scanned(number))) => number.to_string(),
        other => panic!("no number: {other:?}"),
    }
}

async fn allow(gate: &Gate, phone: &Browser, id: &str, number: &str) -> Result<Answer, Refused> {
    let head = phone.head("POST", "/_wechat/handoff", &[("origin", "https://m.example.com")]);
    let endpoint = gate.login.endpoint(head.path()).expect("an endpoint");
    let form = format!("ticket={id}&number={number}&answer=allow");
    gate.login.answer(endpoint, &head, form.as_bytes(), gate.session_of(&head).as_ref()).await
}

/// Signs a phone in by the code it has scanned.
async fn scan(gate: &Gate, id: &str) -> Browser {
    let mut phone = Browser::new();
    let away = phone.get(gate, &format!("/_wechat/handoff?t={id}")).await.expect("to WeChat");
    let back = phone.callback(gate, &format!("CODE-{id}"), &state_of(&away)).await.expect("back");
    assert_eq!(back.location, format!("/_wechat/handoff?t={id}#"));
    let asked = ask(gate, &phone, "", id).await;
    assert!(matches!(asked, Ok(Answer::Handoff(Page::Confirm(_)))), "{asked:?}");
    phone
}

#[tokio::test]
async fn desktop_and_phone_may_speak_to_different_replicas() {
    let here = gate(None).await;
    let there = here.replica();
    let (mut browser, id) = desktop(&here).await;
    let listening = ask(&here, &browser, "/wait", &id).await;
    let Ok(Answer::Waiting(mut waiting)) = listening else { panic!("no stream: {listening:?}") };
    assert_eq!(poll_fn(|cx| waiting.poll_next(cx)).await, Some(Progress::Waiting));
    let phone = scan(&there, &id).await;
    assert!(matches!(poll_fn(|cx| waiting.poll_next(cx)).await, Some(Progress::Scanned(_))));
    let number = number(&there, &browser, &id).await;
    let said = allow(&there, &phone, &id, &number).await;
    assert!(matches!(said, Ok(Answer::Handoff(Page::Confirmed))), "{said:?}");
    assert_eq!(poll_fn(|cx| waiting.poll_next(cx)).await, Some(Progress::Allowed));
    assert_eq!(poll_fn(|cx| waiting.poll_next(cx)).await, None);
    let on = browser.get(&here, &format!("/_wechat/handoff/finish?t={id}")).await.expect("in");
    assert_eq!(on.location, "/page");
    let session = browser.session(&there).expect("a session");
    assert_eq!((session.account, session.openid()), (Account::OfficialAccount, Some(OPENID)));
    assert_ne!(session.id, phone.session(&there).expect("its own").id);
}

#[tokio::test]
async fn without_a_store_desktops_are_shown_the_way_to_wechat() {
    let gate = gate(Some(Arc::new(Away))).await;
    let browser = Browser { agent: DESKTOP, ..Browser::new() };
    let refused = gate.login.begin(&browser.head("GET", "/page", &[]), Scope::Base).await.expect_err("no ticket");
    assert!(matches!(refused.error, Error::NotInWechat { outside: Outside::Desktop, .. }), "{:?}", refused.error);
    assert!(refused.cookies.is_empty());
}

#[tokio::test]
async fn sessions_of_other_accounts_and_virtual_ones_have_no_say() {
    let gate = gate(None).await;
    let whole = |account, appid: AppId, snapshot| Identity {
        account,
        appid,
        scope: Scope::Login,
        openid: OpenId::parse(OPENID).ok(),
        unionid: None,
        userid: None,
        nickname: None,
        avatar: None,
        snapshot,
    };
    for (identity, has_a_say) in [
        (whole(Account::WebsiteApp, website_app().app_id, false), false),
        (whole(Account::OfficialAccount, account().app_id, true), false),
        (whole(Account::OfficialAccount, account().app_id, false), true),
    ] {
        let (browser, id) = desktop(&gate).await;
        let mut other = Browser::new();
        other.take(&[gate.sessions.open(&identity, None).cookie]);
        let scanned = ask(&gate, &other, "", &id).await;
        assert_eq!(matches!(scanned, Ok(Answer::Handoff(Page::Confirm(_)))), has_a_say, "{scanned:?}");
        if !has_a_say {
            let waiting = ask(&gate, &browser, "/state", &id).await;
            assert!(matches!(waiting, Ok(Answer::Progress(Progress::Waiting))), "taken up: {waiting:?}");
            scan(&gate, &id).await;
        }
        let said = allow(&gate, &other, &id, &number(&gate, &browser, &id).await).await;
        assert_eq!(matches!(said, Ok(Answer::Handoff(Page::Confirmed))), has_a_say, "{said:?}");
        assert!(has_a_say || matches!(said, Err(Refused { error: Error::CodeExpired, .. })), "{said:?}");
    }
}

#[tokio::test]
async fn an_operator_who_ends_a_persons_sessions_ends_their_word_too() {
    let gate = gate(None).await;
    let (mut browser, id) = desktop(&gate).await;
    let phone = scan(&gate, &id).await;
    let number = number(&gate, &browser, &id).await;
    allow(&gate, &phone, &id, &number).await.expect("said");
    gate.sessions.revoke_all_of(&OpenId::parse(OPENID).expect("a valid openid"));
    let refused = browser.get(&gate, &format!("/_wechat/handoff/finish?t={id}")).await.expect_err("no session");
    assert!(matches!(refused, Error::HandoffRefused { .. }), "{refused:?}");
    assert!(browser.session(&gate).is_none());
}
