//! WeChat's return: proven before the code is spent, and the code spent once.

use std::time::Duration;

use proptest::prelude::*;

use crate::support::visit::{FLOW, SESSION, component};
use crate::support::{Browser, WECHAT, World};

/// Code and state of a callback's address.
fn parameters(callback: &str) -> (String, String) {
    let url = url::Url::parse(callback).expect("a URL");
    let value = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).expect("a parameter").1.into_owned();
    (value("code"), value("state"))
}

/// A callback that must sign nobody in and cost no code.
async fn proves_nothing(world: &World, browser: &mut Browser, callback: &str, what: &str) {
    let before = world.exchanges().await;
    let back = browser.get(callback).await;
    assert!(!back.gives_a_session(), "{what}");
    assert_eq!(back.status, 302, "{what}: sign-in starts again: {}", back.text());
    world.authorize_url(&back);
    assert_eq!(world.exchanges().await, before, "{what}: a code was spent");
}

#[tokio::test]
async fn r1_a_state_of_another_browser_gives_no_session_and_costs_no_code() {
    let world = World::start("").await;
    let mut attacker = world.visitor("fei");
    let callback = world.callback_of(&mut attacker, "/attack").await;
    let (code, state) = parameters(&callback);
    let at = |query: String| world.url(&format!("/_wechat/callback?{query}"));

    proves_nothing(&world, &mut world.visitor("lin"), &callback, "a browser that never began").await;

    let mut busy = world.visitor("lin");
    world.begin(&mut busy, "/mine").await;
    proves_nothing(&world, &mut busy, &callback, "a browser with a sign-in of its own").await;

    let mut renamed = world.visitor("lin");
    world.begin(&mut renamed, "/mine").await;
    let own = world.jar(&mut renamed).values().next().expect("a flow").clone();
    let stolen_name = world.flows_of(&mut attacker).remove(0);
    world.jar(&mut renamed).clear();
    world.jar(&mut renamed).insert(stolen_name.clone(), own);
    proves_nothing(&world, &mut renamed, &callback, "its own flow under the other's name").await;

    for (what, query) in [
        ("no state", format!("code={code}")),
        ("an empty state", format!("code={code}&state=")),
        ("a state in capitals", format!("code={code}&state={}", state.to_uppercase())),
        ("a state with a tail", format!("code={code}&state={state}0")),
        ("half a state", format!("code={code}&state={}", &state[..16])),
        ("a state of zeros", format!("code={code}&state={}", "0".repeat(32))),
        ("a name in capitals", format!("code={code}&STATE={state}")),
    ] {
        proves_nothing(&world, &mut attacker.clone(), &at(query), what).await;
    }

    let mut mangled = attacker.clone();
    let flow = world.jar(&mut mangled).get_mut(&stolen_name).expect("the flow");
    let at = flow.len() - 20;
    let swapped = if flow[at..].starts_with('A') { "B" } else { "A" };
    flow.replace_range(at..=at, swapped);
    proves_nothing(&world, &mut mangled, &callback, "a flow with one character changed").await;

    let back = attacker.get(&callback).await;
    assert!(back.gives_a_session(), "the code is still good where it belongs");
}

#[tokio::test]
async fn r20_a_repeated_code_or_state_is_refused_and_costs_nothing() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let (code, state) = parameters(&world.callback_of(&mut browser, "/").await);
    for query in [
        format!("code={code}&state={state}&code={code}"),
        format!("code={code}&state={state}&state={state}"),
        format!("code=other&code={code}&state={state}"),
        format!("code={code}&%63ode=other&state={state}"),
        format!("code={code}&state={state}&st%61te="),
        format!("code&code={code}&state={state}"),
        format!("code={code}&code=authdeny&state={state}"),
    ] {
        let answer = browser.get(&world.url(&format!("/_wechat/callback?{query}"))).await;
        answer.assert_page(400, "bad-request");
        assert!(!answer.gives_a_session(), "{query}");
    }
    assert_eq!(world.exchanges().await, 0);
}

#[tokio::test]
async fn r15_r16_any_code_is_spent_as_it_came_and_never_answers_for_another() {
    let world = World::start("").await;
    let odd = ["wxgate:code", "../../etc", "a\0b", "*", "名", "a b+c&d=e#f%", "'\"<script>", "{{7*7}}", "\r\nSET x y"];
    let long = "c".repeat(512);
    for code in odd.into_iter().chain([&*long]) {
        let mut browser = world.visitor("lin");
        let authorize = world.begin(&mut browser, "/").await;
        let (_, state) = authorize.query_pairs().find(|(name, _)| name == "state").expect("a state");
        let callback = world.url(&format!("/_wechat/callback?code={}&state={state}", component(code)));
        let back = browser.get(&callback).await;
        assert_eq!(back.status, 302, "{code:?}: {}", back.text());
        assert!(!back.gives_a_session(), "{code:?}");
        let spent = world.events_of("exchange").await;
        assert_eq!(spent.last().expect("an exchange")["code"], code);
    }
    assert_eq!(world.exchanges().await, odd.len() + 1);
    let mut browser = world.visitor("lin");
    let (_, state) = parameters(&world.callback_of(&mut browser, "/").await);
    let too_long = world.url(&format!("/_wechat/callback?code={long}c&state={state}"));
    browser.get(&too_long).await.assert_page(400, "bad-request");
    assert_eq!(world.exchanges().await, odd.len() + 1);
}

#[tokio::test]
async fn a_callback_asked_for_again_has_the_first_ones_outcome() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/landing").await;
    let first = browser.get(&callback).await;
    let session = world.session_of(&mut browser).expect("a session");
    for (what, minutes) in [("at once", 0), ("after a while", 5), ("nearly too late", 4)] {
        world.clock.advance(Duration::from_mins(minutes));
        let again = browser.get(&callback).await;
        assert_eq!((again.status, again.header("location")), (first.status, Some("/landing#")), "{what}");
        assert_eq!(world.session_of(&mut browser).as_ref(), Some(&session), "{what}");
    }
    // The same without the session cookie: it was lost, but the browser is still the one that began.
    world.jar(&mut browser).remove(SESSION);
    browser.get(&callback).await;
    assert_eq!(world.session_of(&mut browser), Some(session));
    // Ten minutes are over; the session goes on, and the target is still known from the browser's own cookie.
    world.clock.advance(Duration::from_mins(2));
    let late = browser.get(&callback).await;
    assert_eq!((late.status.as_u16(), late.header("location")), (303, Some("/landing#")));
    assert_eq!(world.exchanges().await, 1);
}

#[tokio::test]
async fn a_narrow_callback_asked_for_again_does_not_undo_a_step_up() {
    let world = World::start("[[route]]\npath = '/profile'\nscope = 'userinfo'\n").await;
    let mut browser = world.visitor("lin");
    let narrow = world.callback_of(&mut browser, "/").await;
    browser.get(&narrow).await;
    let arrived = world.sign_in(&mut browser, "/profile").await;
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"));
    let back = browser.get(&narrow).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, Some("/#")));
    let still = browser.get(&world.url("/profile")).await;
    assert_eq!(still.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"));
}

#[tokio::test]
async fn a_shared_callback_link_signs_its_readers_in_as_themselves() {
    let world = World::start("").await;
    let mut sharer = world.visitor("lin");
    let link = world.callback_of(&mut sharer, "/secret-place").await;
    sharer.get(&link).await;

    let mut friend = world.signed_in("fei").await;
    let session = world.session_of(&mut friend);
    let back = friend.get(&link).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, Some("/#")));
    assert!(back.set_cookies().is_empty());
    assert_eq!(world.session_of(&mut friend), session);

    let mut stranger = world.visitor("wang");
    let arrived = stranger.follow(&link).await;
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("wang").await));
    assert_eq!(arrived.json()["target"], "/", "where somebody else was going is not a stranger's to know");
    assert_eq!(world.exchanges().await, 3, "one each");
}

#[tokio::test]
async fn a_code_answers_to_the_state_it_came_with_only() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let (code, _) = parameters(&world.callback_of(&mut browser, "/one").await);
    let (_, other) = parameters(&world.callback_of(&mut browser, "/two").await);
    let first = browser.get(&world.url(&format!("/_wechat/callback?code={code}&state={other}"))).await;
    assert_eq!(
        first.header("location"),
        Some("/two#"),
        "WeChat does not tie codes to states; the gate does from here on"
    );
    let mut stranger = world.visitor("fei");
    let (_, foreign) = parameters(&world.callback_of(&mut stranger, "/three").await);
    let stolen = stranger.get(&world.url(&format!("/_wechat/callback?code={code}&state={foreign}"))).await;
    assert_eq!(stolen.status, 302);
    assert!(!stolen.gives_a_session());
    assert_eq!(world.exchanges().await, 1, "a code goes to WeChat once");
}

#[tokio::test]
async fn r13_a_state_older_than_ten_minutes_starts_again_for_the_same_target() {
    let world = World::start("").await;
    for (seconds, good) in [(599, true), (600, false), (3600, false)] {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/far").await;
        let before = world.exchanges().await;
        world.clock.advance(Duration::from_secs(seconds));
        let back = browser.get(&callback).await;
        assert_eq!(back.gives_a_session(), good, "{seconds} s");
        if !good {
            assert_eq!(world.exchanges().await, before, "{seconds} s");
            let authorize = world.authorize_url(&back);
            assert_eq!(world.flows_of(&mut browser).len(), 1, "the old one is forgotten");
            let callback = world.consent(&mut browser, &authorize).await;
            assert_eq!(browser.get(&callback).await.header("location"), Some("/far#"));
        }
    }
}

#[tokio::test]
async fn the_way_back_always_has_a_fragment_of_its_own() {
    let world = World::start("").await;
    for (rd, location) in [("/a", "/a#"), ("/a#b", "/a#b"), ("/#/route?x=1", "/#/route?x=1"), ("/a#", "/a#")] {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, &format!("/_wechat/login?rd={}", component(rd))).await;
        assert_eq!(browser.get(&callback).await.header("location"), Some(location), "{rd}");
    }
}

#[tokio::test]
async fn r15_r30_whatever_comes_to_the_callback_gets_an_answer_and_no_session() {
    let world = World::start("").await;
    let mut signed_in = world.signed_in("lin").await;
    for query in [
        "",
        "code",
        "code=",
        "state=",
        "code=x",
        "state=x",
        "code=%00&state=%00",
        "code=%ff%fe&state=%ff",
        "&&&=&=&",
        "code=x&state=x#y",
        "code=x;state=y",
        "%63%6f%64%65=x",
        "code[]=x&state[]=y",
        "code=x&state=💣",
        "%",
        "%zz=%zz",
    ] {
        let query: String =
            query.chars().map(|c| if c.is_ascii() { c.to_string() } else { component(&c.to_string()) }).collect();
        let url = world.url(&format!("/_wechat/callback?{query}"));
        let back = world.browser(WECHAT).get(&url).await;
        assert!([302, 400, 403].contains(&back.status.as_u16()), "{query}: {}", back.status);
        assert!(!back.gives_a_session(), "{query}");
        let back = signed_in.get(&url).await;
        assert!([303, 400, 403].contains(&back.status.as_u16()), "{query}: {}", back.status);
        assert!(world.session_of(&mut signed_in).is_some(), "{query}");
    }
    assert_eq!(world.exchanges().await, 1);
    assert!(world.jar(&mut signed_in).keys().filter(|name| name.starts_with(FLOW)).count() <= 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, failure_persistence: None, ..ProptestConfig::default() })]

    /// One world for all of the queries: starting one costs more than asking it.
    #[test]
    fn r15_no_query_and_no_cookie_brings_an_endpoint_down(
        attempts in proptest::collection::vec(("[!-~&=%]{0,60}", "[!-~]{0,60}", 0..4usize), 300)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::start("").await;
            for (query, cookie, endpoint) in &attempts {
                let endpoint = ["login", "callback", "logout", "me"][*endpoint];
                let mut browser = world.browser(WECHAT);
                browser.headers.insert("cookie", format!("wxgate={cookie}; wxgate-flow-00000000={cookie}").parse().expect("a value"));
                let query = query.replace('#', "");
                let answer = browser.get(&world.url(&format!("/_wechat/{endpoint}?code=x&state=y&rd={query}&{query}"))).await;
                assert!(answer.status.as_u16() < 500, "{endpoint} {query} {cookie}: {}", answer.status);
                assert!(!answer.gives_a_session(), "{endpoint} {query} {cookie}");
            }
            assert_eq!(world.exchanges().await, 0);
            world.signed_in("lin").await;
        });
    }
}
