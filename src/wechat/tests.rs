//! The client and the kept tokens against a scripted WeChat.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::scripted::{APP_SECRET, CORP_ID, OPENID, Reply, Scripted, account, corporation, nowhere, token};
use super::*;
use crate::clock::{Clock, Timestamp};
use crate::config::Endpoints;
use crate::secret::Secret;
use crate::store::{Key, Memory};
use crate::types::OpenId;

const EXCHANGE: &str = "/sns/oauth2/access_token";
const REFRESH: &str = "/sns/oauth2/refresh_token";
const PROFILE: &str = "/sns/userinfo";

fn client(wechat: &Scripted) -> Client {
    Client::new(&account(), &wechat.endpoints(), Handle::current()).expect("TLS can be set up")
}

fn openid() -> OpenId {
    OpenId::parse(OPENID).expect("a valid openid")
}

#[tokio::test]
async fn urls_are_in_wechats_order_and_encoded_once() {
    let wechat = Scripted::begin(|target| match target {
        target if target.starts_with(PROFILE) => Reply::profile("n"),
        _ => Reply::token("snsapi_userinfo"),
    })
    .await;
    let client = client(&wechat);
    client.user_token("a&b=c/中").await.expect("a token");
    client.refresh(&Secret::new("R+1".into())).await.expect("a token");
    client.profile(&Secret::new("A 1".into()), &openid()).await.expect("a profile");
    assert_eq!(
        wechat.asked(EXCHANGE),
        [format!(
            "{EXCHANGE}?appid=wx0123456789abcdef&secret={APP_SECRET}&code=a%26b%3Dc%2F%E4%B8%AD&grant_type=authorization_code"
        )]
    );
    assert_eq!(
        wechat.asked(REFRESH),
        [format!("{REFRESH}?appid=wx0123456789abcdef&grant_type=refresh_token&refresh_token=R%2B1")]
    );
    assert_eq!(wechat.asked(PROFILE), [format!("{PROFILE}?access_token=A%201&openid={OPENID}&lang=zh_CN")]);
}

#[tokio::test]
async fn troubles_are_told_apart_and_never_tried_again() {
    for (reply, expected) in [
        (Reply::Reset, Trouble::Unreachable),
        (Reply::json("<html>"), Trouble::Nonsense),
        (Reply::Body(vec![b' '; 65 * 1024]), Trouble::Unreachable),
        (Reply::errcode(40029), Trouble::CodeRefused),
        (Reply::errcode(-1), Trouble::Busy),
    ] {
        let wechat = Scripted::begin(move |_| reply.clone()).await;
        let error = client(&wechat).user_token("CODE").await.expect_err("trouble");
        assert_eq!(error.trouble, expected);
        assert_eq!(wechat.asked(EXCHANGE).len(), 1, "{expected:?}");
    }
}

#[tokio::test]
async fn r48_errors_hold_no_url_and_no_secret() {
    let closed = Endpoints { api: "http://127.0.0.1:1".into(), ..nowhere() };
    let client = Client::new(&account(), &closed, Handle::current()).expect("TLS can be set up");
    let reset = Scripted::begin(|_| Reply::Reset).await;
    let other = Client::new(&account(), &reset.endpoints(), Handle::current()).expect("TLS can be set up");
    let token = Secret::new("TOKEN-1".to_owned());
    for error in [
        client.user_token("CODE-1").await.expect_err("nobody listens"),
        other.user_token("CODE-1").await.expect_err("it is cut"),
        client.stable_token().await.expect_err("nobody listens"),
        other.stable_token().await.expect_err("it is cut"),
        client.classic_token().await.expect_err("nobody listens"),
        other.classic_token().await.expect_err("it is cut"),
        client.ticket(&token, Ticket::Jsapi).await.expect_err("nobody listens"),
        other.ticket(&token, Ticket::Jsapi).await.expect_err("it is cut"),
    ] {
        for text in [format!("{error}"), format!("{error:?}")] {
            for secret in [APP_SECRET, "CODE-1", "TOKEN-1", "secret=", "127.0.0.1"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_profile_of_somebody_else_is_none() {
    let wechat = Scripted::begin(|_| Reply::json(r#"{"openid":"oSomebodyElse_0123456789ab","nickname":"x"}"#)).await;
    let error = client(&wechat).profile(&Secret::new("A".into()), &openid()).await.expect_err("somebody else");
    assert_eq!(error.trouble, Trouble::Nonsense);
}

/// Kept tokens, after a sign-in with `scope`.
async fn signed_in(wechat: &Scripted, scope: &str) -> (UserTokens, Clock, Arc<Memory>) {
    let clock = Clock::fixed(Timestamp(1_000_000));
    let memory = Arc::new(Memory::new(clock.clone()));
    let tokens = UserTokens::new(client(wechat), memory.clone(), clock.clone());
    remember(&tokens, scope).await;
    (tokens, clock, memory)
}

async fn remember(tokens: &UserTokens, scope: &str) {
    let token = UserToken::parse(Api::UserToken, token(OPENID, scope).as_bytes()).expect("a token");
    tokens.remember(&token).await.expect("memory is always there");
}

#[tokio::test]
async fn a_fresh_profile_comes_by_the_kept_token() {
    let wechat = Scripted::begin(|_| Reply::profile("new")).await;
    let (tokens, clock, _) = signed_in(&wechat, "snsapi_userinfo").await;
    clock.advance(Duration::from_hours(1));
    let profile = tokens.profile(&openid()).await.expect("a profile");
    assert_eq!(profile.nickname.expect("a nickname").as_str(), "new");
    assert_eq!((wechat.asked(REFRESH).len(), wechat.asked(PROFILE).len()), (0, 1));
}

#[tokio::test]
async fn an_expired_or_dead_token_is_refreshed_once() {
    for (idle, first) in [(Duration::from_hours(3), 1), (Duration::ZERO, 2)] {
        let wechat = Scripted::begin(|target| match target {
            target if target.starts_with(REFRESH) => Reply::json(&token(OPENID, "").replace("TOKEN-1", "TOKEN-2")),
            target if target.contains("ACCESS-TOKEN-1") => Reply::errcode(42001),
            _ => Reply::profile("new"),
        })
        .await;
        let (tokens, clock, _) = signed_in(&wechat, "snsapi_userinfo").await;
        clock.advance(idle);
        tokens.profile(&openid()).await.expect("a profile");
        tokens.profile(&openid()).await.expect("a profile, by the new token");
        assert_eq!(wechat.asked(REFRESH).len(), 1);
        assert!(wechat.asked(REFRESH)[0].ends_with("refresh_token=REFRESH-TOKEN-1"));
        assert_eq!(wechat.asked(PROFILE).len(), first + 1);
    }
}

#[tokio::test]
async fn without_a_token_that_works_the_profile_is_stale() {
    let wechat = Scripted::begin(|_| Reply::errcode(42002)).await;
    let (tokens, clock, memory) = signed_in(&wechat, "snsapi_userinfo").await;
    clock.advance(Duration::from_hours(3));
    assert!(matches!(tokens.profile(&openid()).await, Err(Stale::WeChat(_))));
    let key = Key::user_token(&account().app_id, &openid());
    assert!(memory.get(&key).is_none(), "a refresh token that is dead is not kept");
    assert!(matches!(tokens.profile(&openid()).await, Err(Stale::Forgotten)));
    let (base, _, _) = signed_in(&wechat, "snsapi_base").await;
    assert!(matches!(base.profile(&openid()).await, Err(Stale::NotAsked)));
}

#[tokio::test]
async fn a_silent_sign_in_keeps_the_token_that_shows_the_profile() {
    let wechat = Scripted::begin(|_| Reply::profile("new")).await;
    let (tokens, _, _) = signed_in(&wechat, "snsapi_userinfo").await;
    remember(&tokens, "snsapi_base").await;
    assert!(tokens.profile(&openid()).await.is_ok());
}

fn members(wechat: &Scripted) -> wecom::Members {
    let clock = Clock::fixed(Timestamp(1_000_000));
    let client = wecom::Client::new(&corporation(), &wechat.endpoints(), Handle::current()).expect("TLS can be set up");
    let store = Arc::new(Memory::new(clock.clone()));
    wecom::Members::new(client.clone(), Platform::new(client, store, clock, Handle::current()))
}

const WECOM_TOKEN: &str = "/cgi-bin/gettoken";
const WECOM_USER: &str = "/cgi-bin/auth/getuserinfo";
const WECOM_DETAIL: &str = "/cgi-bin/auth/getuserdetail";

#[tokio::test]
async fn wecoms_urls_are_literal_and_its_token_is_kept() {
    let wechat = Scripted::begin(|target| {
        Reply::json(if target.starts_with(WECOM_TOKEN) {
            r#"{"errcode":0,"errmsg":"ok","access_token":"T 1","expires_in":7200}"#
        } else if target.starts_with(WECOM_DETAIL) {
            r#"{"errcode":0,"userid":"ZhangWei","name":"a\u0007b","avatar":"https://wework.qpic.cn/x/0"}"#
        } else {
            r#"{"errcode":0,"errmsg":"ok","userid":"ZhangWei","user_ticket":"TICKET-1"}"#
        })
    })
    .await;
    let members = members(&wechat);
    let WecomUser::Member { userid, ticket } = members.user("a&b/中").await.expect("somebody") else {
        panic!("an outsider");
    };
    assert_eq!(userid.as_str(), "ZhangWei");
    let shown = members.detail(&ticket.expect("a ticket")).await.expect("a profile");
    assert_eq!(shown.nickname.expect("a name").as_str(), "ab");
    assert!(shown.avatar.is_some());
    assert_eq!(wechat.asked(WECOM_TOKEN), [format!("{WECOM_TOKEN}?corpid={CORP_ID}&corpsecret={APP_SECRET}")]);
    assert_eq!(wechat.asked(WECOM_USER), [format!("{WECOM_USER}?access_token=T%201&code=a%26b%2F%E4%B8%AD")]);
    let detail = wechat.asked(WECOM_DETAIL).concat();
    assert_eq!(detail, format!(r#"{WECOM_DETAIL}?access_token=T%201?{{"user_ticket":"TICKET-1"}}"#));
}

#[tokio::test]
async fn a_code_is_sent_again_only_where_the_token_was_refused() {
    for (errcode, expected, calls) in [
        (40014, None, 2),
        (42001, None, 2),
        (40029, Some(Trouble::CodeRefused), 1),
        (-1, Some(Trouble::Busy), 1),
        (50001, Some(Trouble::Misconfigured), 1),
        (60020, Some(Trouble::Misconfigured), 1),
    ] {
        let tokens = std::sync::atomic::AtomicUsize::new(0);
        let wechat = Scripted::begin(move |target| {
            if target.starts_with(WECOM_TOKEN) {
                let n = tokens.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                return Reply::json(&format!(r#"{{"access_token":"T{n}","expires_in":7200}}"#));
            }
            if target.contains("access_token=T0") {
                return Reply::errcode(errcode);
            }
            Reply::json(r#"{"OpenId":"oOutsiderOutsider","DeviceId":""}"#)
        })
        .await;
        let found = members(&wechat).user("CODE").await;
        assert_eq!(found.as_ref().err().map(|error| error.trouble), expected, "{errcode}");
        assert_eq!(found.is_ok_and(|who| matches!(who, WecomUser::Outsider { .. })), expected.is_none(), "{errcode}");
        assert_eq!(wechat.asked(WECOM_USER).len(), calls, "{errcode}");
    }
}

#[tokio::test]
async fn a_token_that_wecom_gives_again_though_it_is_dead_ends_it() {
    let wechat = Scripted::begin(|target| {
        if target.starts_with(WECOM_TOKEN) {
            Reply::json(r#"{"access_token":"T","expires_in":7200}"#)
        } else {
            Reply::errcode(40014)
        }
    })
    .await;
    let error = members(&wechat).user("CODE").await.expect_err("dead for good");
    assert_eq!(error.trouble, Trouble::TokenDead);
    assert_eq!((wechat.asked(WECOM_TOKEN).len(), wechat.asked(WECOM_USER).len()), (2, 1));
}

#[tokio::test]
async fn r10_only_ids_name_anybody() {
    for body in [
        r#"{"errcode":0}"#,
        r#"{"userid":"zhang san"}"#,
        r#"{"userid":"a\r\nX: y"}"#,
        r#"{"openid":"short"}"#,
        r#"{"UserId":"","OpenId":""}"#,
        r#"{"userid":7}"#,
        "[]",
    ] {
        let wechat = Scripted::begin(move |target| {
            Reply::json(if target.starts_with(WECOM_TOKEN) {
                r#"{"access_token":"T","expires_in":7200}"#
            } else {
                body
            })
        })
        .await;
        let error = members(&wechat).user("CODE").await.expect_err(body);
        assert_eq!(error.trouble, Trouble::Nonsense, "{body}");
    }
}

#[tokio::test]
async fn r48_wecoms_errors_hold_no_url_and_no_secret() {
    let reset = Scripted::begin(|_| Reply::Reset).await;
    let client = wecom::Client::new(&corporation(), &reset.endpoints(), Handle::current()).expect("TLS can be set up");
    let token = Secret::new("TOKEN-1".to_owned());
    for error in [
        client.token().await.expect_err("it is cut"),
        client.user(&token, "CODE-1").await.expect_err("it is cut"),
        client.detail(&token, &Secret::new("TICKET-1".to_owned())).await.expect_err("it is cut"),
    ] {
        for text in [format!("{error}"), format!("{error:?}"), format!("{client:?}")] {
            for secret in [APP_SECRET, "CODE-1", "TOKEN-1", "TICKET-1", "corpsecret=", "127.0.0.1"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}
