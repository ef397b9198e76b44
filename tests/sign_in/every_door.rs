//! What holds at each door alike: proofs by number (SECURITY.md), and codes that are spent once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::doors::{ALL, Door, OFFICIAL_ACCOUNT, WEBSITE_APP, WECOM_WEBVIEW};
use crate::support::visit::component;
use crate::support::{Answer, Browser, World};

/// Code and state of a callback's address.
fn parameters(callback: &str) -> (String, String) {
    let url = url::Url::parse(callback).expect("a URL");
    let value = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).expect("a parameter").1.into_owned();
    (value("code"), value("state"))
}

/// At WeChat; or, in a browser that could not have begun this sign-in, with the choice of a door.
fn begins_again(answer: &Answer) -> bool {
    answer.status == 302 || (answer.status == 200 && answer.text().contains("&amp;door="))
}

fn refusing(mut browser: Browser) -> Browser {
    browser.headers.insert("x-sim-answer", "refuse-no-code".parse().expect("a word"));
    browser
}

#[tokio::test]
async fn r1_a_state_of_another_browser_gives_no_session_and_costs_no_code() {
    let world = World::with_every_door("").await;
    for door in &ALL {
        let mut attacker = world.visitor_at(door);
        let callback = world.callback_at(door, &mut attacker, "/attack").await;
        let before = world.spent_at(door).await;
        let mut busy = world.visitor_at(door);
        world.begin_at(door, &mut busy, "/mine").await;
        for mut victim in [world.visitor_at(door), busy] {
            let back = victim.get(&callback).await;
            assert!(!back.gives_a_session() && [200, 302].contains(&back.status.as_u16()), "{door:?}: {}", back.text());
        }
        assert_eq!(world.spent_at(door).await, before, "{door:?}");
        assert!(attacker.get(&callback).await.gives_a_session(), "{door:?}: it is good where it belongs");
    }
}

#[tokio::test]
async fn a_code_of_another_door_signs_nobody_in_and_is_spent_once() {
    let world = World::with_every_door("").await;
    for (one, other) in [
        (&OFFICIAL_ACCOUNT, &WECOM_WEBVIEW),
        (&WECOM_WEBVIEW, &OFFICIAL_ACCOUNT),
        (&WEBSITE_APP, &WECOM_WEBVIEW),
        (&WECOM_WEBVIEW, &WEBSITE_APP),
        (&OFFICIAL_ACCOUNT, &WEBSITE_APP),
        (&WEBSITE_APP, &OFFICIAL_ACCOUNT),
    ] {
        let mut browser = world.visitor_at(one);
        let (_, state) = parameters(&world.callback_at(one, &mut browser, "/one").await);
        browser.user_agent = other.agent.to_owned();
        browser.headers.insert("x-sim-user", other.user.parse().expect("a name"));
        let (code, its_state) = parameters(&world.callback_at(other, &mut browser, "/other").await);

        let spent = async || world.spent_at(one).await + world.spent_at(other).await;
        let before = spent().await;
        let crossed = browser.get(&world.url(&format!("/_wechat/callback?code={code}&state={state}"))).await;
        assert!(!crossed.gives_a_session() && begins_again(&crossed), "{one:?} {other:?}: {}", crossed.text());
        let attempts = world.events_of(one.event).await.len();
        // Not even with the state it came with: it has been sent to WeChat, and that is not done twice.
        let late = browser.get(&world.url(&format!("/_wechat/callback?code={code}&state={its_state}"))).await;
        assert!(!late.gives_a_session() && begins_again(&late), "{one:?} {other:?}: {}", late.text());
        assert_eq!(world.events_of(one.event).await.len(), attempts, "{one:?} {other:?}");
        assert!(spent().await <= before + 1, "{one:?} {other:?}");
        assert!(world.session_of(&mut browser).is_none());
    }
}

#[tokio::test]
async fn r2_no_door_leads_off_the_site() {
    let world = World::with_every_door("").await;
    for door in &ALL {
        for hostile in
            ["https://evil.example/", "//evil.example", "/\\evil.example", "\t//evil.example", "javascript:alert(1)"]
        {
            let mut browser = world.visitor_at(door);
            let callback = world.callback_at(door, &mut browser, hostile).await;
            let back = browser.get(&callback).await;
            assert_eq!(back.header("location"), Some("/#"), "{door:?} {hostile:?}");
        }
    }
}

#[tokio::test]
async fn r14_the_pages_of_every_door_escape_what_they_show() {
    let world = World::with_every_door("").await;
    let nasty = "/x?q=\"><script>alert(1)</script>'`${1}{{7*7}}<img src=x onerror=alert(1)>";
    for door in &ALL {
        let mut declining = refusing(world.visitor_at(door));
        let away = world.begin_at(door, &mut declining, nasty).await;
        let state = away.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
        let declined = declining.get(&world.url(&format!("/_wechat/callback?state={state}"))).await;
        declined.assert_page(403, "login-declined");
        let choosing =
            world.browser(door.agent).get(&world.url(&format!("/_wechat/login?rd={}", component(nasty)))).await;
        for page in [declined, choosing].iter().filter(|page| page.status != 302) {
            let text = page.text();
            assert!(!text.contains("<script>alert") && !text.contains("<img src"), "{door:?}: {text}");
            let policy = page.header("content-security-policy").expect("a policy");
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
    }
}

#[tokio::test]
async fn r20_a_repeated_code_or_state_is_refused_and_costs_nothing() {
    let world = World::with_every_door("").await;
    for door in &ALL {
        let mut browser = world.visitor_at(door);
        let (code, state) = parameters(&world.callback_at(door, &mut browser, "/").await);
        let before = world.spent_at(door).await;
        for query in [
            format!("code={code}&state={state}&code={code}"),
            format!("code={code}&state={state}&state={state}"),
            format!("code={code}&%63ode=other&state={state}"),
        ] {
            let answer = browser.get(&world.url(&format!("/_wechat/callback?{query}"))).await;
            answer.assert_page(400, "bad-request");
        }
        assert_eq!(world.spent_at(door).await, before, "{door:?}");
    }
}

#[tokio::test]
async fn r23_what_travels_through_the_browser_is_sealed() {
    let world = World::with_every_door("").await;
    for door in &ALL {
        let mut browser = world.visitor_at(door);
        let callback = world.callback_at(door, &mut browser, "/planted-target").await;
        let flows = world.flows_of(&mut browser);
        let sealed = world.jar(&mut browser)[&flows[0]].clone();
        for told in ["planted-target", door.app_id, door.account, &*parameters(&callback).1] {
            assert!(!sealed.contains(told), "{door:?}: {told} in {sealed}");
        }
        let mut mangled = browser.clone();
        let flow = world.jar(&mut mangled).get_mut(&flows[0]).expect("the flow");
        let at = flow.len() - 20;
        let swapped = if flow[at..].starts_with('A') { "B" } else { "A" };
        flow.replace_range(at..=at, swapped);
        assert!(!mangled.get(&callback).await.gives_a_session(), "{door:?}");
        assert!(browser.get(&callback).await.gives_a_session(), "{door:?}");
    }
}

#[tokio::test]
async fn r31_r39_sign_ins_begun_are_counted_at_every_door_together() {
    let world = World::with(
        |text| {
            text.replace("[server]\n", "[server]\ntrusted_proxies = ['127.0.0.1']\n")
                + &crate::support::doors::sections()
                + "[sign_in]\nattempts_per_minute = 4\n"
        },
        wxgate::simulator::Settings::default(),
    )
    .await;
    for (door, address) in ALL.iter().zip(["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3::", "2001:db8:1:2::4"])
    {
        let mut browser = world.visitor_at(door);
        browser.headers.insert("x-forwarded-for", address.parse().expect("an address"));
        world.begin_at(door, &mut browser, "/").await;
    }
    for door in &ALL {
        let mut browser = world.visitor_at(door);
        browser.headers.insert("x-forwarded-for", "2001:db8:1:2:ffff::".parse().expect("an address"));
        browser.get(&world.login_at(door, "/")).await.assert_page(429, "rate-limited");
    }
    world.clock.advance(Duration::from_mins(1));
    let mut browser = world.visitor_at(&WEBSITE_APP);
    browser.headers.insert("x-forwarded-for", "2001:db8:1:2::9".parse().expect("an address"));
    world.begin_at(&WEBSITE_APP, &mut browser, "/").await;
}

#[tokio::test]
async fn two_hundred_callbacks_are_one_exchange_at_every_door() {
    for door in &ALL {
        let world = World::with_every_door("").await;
        let mut browser = world.visitor_at(door);
        let callback = world.callback_at(door, &mut browser, "/landing?x=1").await;
        world.fault(&format!(r#"{{"api":"{}","delay_ms":700}}"#, door.api)).await;
        let all: Vec<_> = (0..200)
            .map(|_| {
                let (mut twin, callback) = (browser.clone(), callback.clone());
                tokio::spawn(async move { (twin.get(&callback).await, twin) })
            })
            .collect();
        let mut sessions = BTreeSet::new();
        for one in all {
            let (back, mut twin) = one.await.expect("a callback");
            assert_eq!((back.status.as_u16(), back.header("location")), (303, Some("/landing?x=1#")), "{door:?}");
            sessions.insert(world.session_of(&mut twin).expect("a session"));
        }
        assert_eq!(sessions.len(), 1, "{door:?}: everybody shares one cookie");
        assert_eq!(world.spent_at(door).await, 1, "{door:?}");
    }
}

#[tokio::test]
async fn troubles_show_the_same_pages_at_every_door() {
    for door in &ALL {
        for (errcode, status, slug) in [
            (-1, 503, "wechat-unavailable"),
            (45009, 503, "wechat-unavailable"),
            (40013, 503, "wechat-misconfigured"),
            (50001, 503, "wechat-misconfigured"),
            (50002, 403, "login-declined"),
        ] {
            let world = World::with_every_door("").await;
            let mut browser = world.visitor_at(door);
            let callback = world.callback_at(door, &mut browser, "/").await;
            world.fault(&format!(r#"{{"api":"{}","errcode":{errcode}}}"#, door.api)).await;
            browser.get(&callback).await.assert_page(status, slug);
        }
    }
}

#[tokio::test]
async fn a_dead_token_of_wecoms_is_replaced_and_nobody_notices() {
    let world = World::with_every_door("").await;
    let mut first = world.visitor_at(&WECOM_WEBVIEW);
    world.sign_in_at(&WECOM_WEBVIEW, &mut first, "/").await;
    assert_eq!(world.events_of("gettoken").await.len(), 1);
    world.tell_wechat("kill", "{}").await;
    let mut second = world.visitor_at(&WECOM_WEBVIEW);
    world.sign_in_at(&WECOM_WEBVIEW, &mut second, "/").await;
    let mut third = world.visitor_at(&WECOM_WEBVIEW);
    world.sign_in_at(&WECOM_WEBVIEW, &mut third, "/").await;
    assert_eq!(world.events_of("gettoken").await.len(), 2, "and kept");
}

#[tokio::test]
async fn an_untrusted_address_is_the_operators_affair() {
    let world = World::with_every_door("").await;
    let mut browser = world.visitor_at(&WECOM_WEBVIEW);
    let callback = world.callback_at(&WECOM_WEBVIEW, &mut browser, "/").await;
    world.fault(r#"{"api":"getuserinfo","errcode":60020}"#).await;
    browser.get(&callback).await.assert_page(503, "wechat-misconfigured");
    // The other doors are none the worse for it.
    for door in [&OFFICIAL_ACCOUNT, &WEBSITE_APP] {
        let mut browser = world.visitor_at(door);
        world.sign_in_at(door, &mut browser, "/").await;
    }
}

/// A session is its account's: what one door gave is there at all others, and signing in elsewhere replaces it.
#[tokio::test]
async fn signing_in_through_another_door_is_another_session() {
    let world = World::with_every_door("").await;
    let mut browser = world.visitor_at(&WEBSITE_APP);
    let first = world.sign_in_at(&WEBSITE_APP, &mut browser, "/").await;
    world.sign_out(&mut browser).await;
    browser.headers.insert("x-sim-user", "zhang".parse().expect("a name"));
    let wecom = Door { agent: WEBSITE_APP.agent, page: "/wwlogin/sso/login", ..WECOM_WEBVIEW };
    let second = world.sign_in_at(&wecom, &mut browser, "/").await;
    assert_ne!(first.told("x-wechat-session"), second.told("x-wechat-session"));
    assert_eq!(second.told("x-wechat-openid"), None);
}
