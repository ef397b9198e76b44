//! Which door a browser is sent to, what comes of each, and what a site without one of them says.

use wxgate::simulator::{AGENT_ID, CORP_ID, Settings, WEBSITE_APP_ID};

use crate::support::doors::{
    ALL, OFFICIAL_ACCOUNT, WEBSITE_APP, WECOM_DESKTOP, WECOM_WEBVIEW, sections, without_official_account,
};
use crate::support::visit::{component, within};
use crate::support::{CHROME, SAFARI, WECHAT, WECOM, World};

#[tokio::test]
async fn every_door_leads_to_its_account_and_back() {
    let world = World::with_every_door("").await;
    for door in &ALL {
        let mut browser = world.visitor_at(door);
        let arrived = world.sign_in_at(door, &mut browser, "/there?a=1").await;
        assert_eq!(arrived.json()["target"], "/there?a=1", "{door:?}");
        for (name, value) in
            [("x-wechat-account", door.account), ("x-wechat-appid", door.app_id), ("x-wechat-scope", door.scope)]
        {
            assert_eq!(arrived.told(name).as_deref(), Some(value), "{door:?}");
        }
        let me = browser.fetch(&world.url("/_wechat/me")).await.json();
        assert_eq!((&me["account"], &me["appid"]), (&door.account.into(), &door.app_id.into()), "{door:?}");
    }
}

#[tokio::test]
async fn a_website_app_tells_who_they_are_at_once() {
    let world = World::with_every_door("").await;
    let mut browser = world.visitor_at(&WEBSITE_APP);
    let arrived = world.sign_in_at(&WEBSITE_APP, &mut browser, "/").await;
    let person = world.person("lin").await;
    let openid = arrived.told("x-wechat-openid").expect("an openid");
    assert_eq!(openid, person["openids"][WEBSITE_APP_ID]);
    assert_ne!(openid, world.openid("lin").await, "an openid is an account's own");
    assert_eq!(arrived.told("x-wechat-unionid").as_deref(), person["unionids"]["sim-open-platform"].as_str());
    assert!(arrived.told("x-wechat-nickname").is_some() && arrived.told("x-wechat-avatar").is_some());

    world.tell_wechat("users", r#"{"id":"lin","nickname":"renamed"}"#).await;
    let fresh = browser.fetch(&world.url("/_wechat/me?fresh=1")).await.json();
    assert_eq!((&fresh["nickname"], &fresh["stale"]), (&"renamed".into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn a_member_of_a_corporation_is_a_userid_and_anybody_else_an_openid() {
    let world = World::with_every_door("").await;
    for door in [&WECOM_WEBVIEW, &WECOM_DESKTOP] {
        for (user, userid) in [("zhang", Some("ZhangWei")), ("chen", Some("chen.jing@cafe")), ("lin", None)] {
            let mut browser = world.guest_at(door, user);
            let arrived = world.sign_in_at(door, &mut browser, "/").await;
            assert_eq!(arrived.told("x-wechat-userid").as_deref(), userid, "{user}");
            assert_eq!(arrived.told("x-wechat-openid").is_none(), userid.is_some(), "{user}");
            assert_eq!(arrived.told("x-wechat-nickname"), None, "{user}");
            let fresh = browser.fetch(&world.url("/_wechat/me?fresh=1")).await.json();
            assert_eq!(fresh["stale"], true, "there is nobody to ask");
        }
    }
    assert!(world.events_of("getuserdetail").await.is_empty(), "nobody was asked for more");
}

#[tokio::test]
async fn privateinfo_brings_the_picture_of_members_who_agree() {
    let more = sections() + "scope = 'privateinfo'\n";
    let world = World::with(|text| text + &more, Settings::default()).await;
    let mut member = world.visitor_at(&WECOM_WEBVIEW);
    let away = world.begin_at(&WECOM_WEBVIEW, &mut member, "/").await;
    let query = away.query().expect("a query").to_owned();
    assert!(
        query.contains("&scope=snsapi_privateinfo&") && query.ends_with(&format!("&agentid={AGENT_ID}")),
        "{query}"
    );
    assert!(query.starts_with(&format!("appid={CORP_ID}&redirect_uri=")), "{query}");
    let callback = world.consent(&mut member, &away).await;
    member.get(&callback).await;
    let arrived = member.get(&world.url("/")).await;
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_privateinfo"));
    assert!(arrived.told("x-wechat-avatar").is_some());
    assert_eq!(arrived.told("x-wechat-userid").as_deref(), Some("ZhangWei"));

    // Who has nothing private to show has not shown it.
    let mut outsider = world.guest_at(&WECOM_WEBVIEW, "lin");
    let arrived = world.sign_in_at(&WECOM_WEBVIEW, &mut outsider, "/").await;
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_base"));
    let mut desktop = world.visitor_at(&WECOM_DESKTOP);
    let arrived = world.sign_in_at(&WECOM_DESKTOP, &mut desktop, "/").await;
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_base"));

    // Without an answer they are signed in all the same.
    world.fault(r#"{"api":"getuserdetail","errcode":-1}"#).await;
    let mut unlucky = world.visitor_at(&WECOM_WEBVIEW);
    let arrived = world.sign_in_at(&WECOM_WEBVIEW, &mut unlucky, "/").await;
    assert_eq!(arrived.told("x-wechat-userid").as_deref(), Some("ZhangWei"));
    assert_eq!(arrived.told("x-wechat-avatar"), None);
}

#[tokio::test]
async fn a_desktop_with_several_doors_chooses_and_its_choice_holds() {
    let world = World::with_every_door("").await;
    let mut browser = world.visitor_at(&WEBSITE_APP);
    let place = "/menu?a=1&b=%E4%B8%AD";
    for path in [place.to_owned(), format!("/_wechat/login?rd={}", component(place))] {
        let page = browser.get(&world.url(&path)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.content_type().starts_with("text/html") && page.set_cookies().is_empty());
        let shown = page.shown();
        for word in ["website_app", "wecom"] {
            let link = format!("&door={word}\"");
            let end = shown.find(&link).unwrap_or_else(|| panic!("no way through {word}: {shown}"));
            let start = shown[..end].rfind("href=\"").expect("a link") + 6;
            let answer = browser.get(&world.url(&shown[start..end + link.len() - 1])).await;
            assert_eq!(world.authorize_url(&answer).path() == WEBSITE_APP.page, word == "website_app", "{word}");
        }
        assert!(!shown.contains("door=handoff") && !shown.contains("door=official_account"), "{shown}");
    }
    // A code that is no good begins again at the same door, not at the choice.
    let callback = world.callback_at(&WECOM_DESKTOP, &mut browser, place).await;
    world.fault(r#"{"api":"getuserinfo","times":1,"errcode":40029}"#).await;
    let back = browser.get(&callback).await;
    assert_eq!((back.status.as_u16(), world.authorize_url(&back).path()), (302, WECOM_DESKTOP.page));
    let callback = world.consent(&mut browser, &world.authorize_url(&back)).await;
    assert_eq!(browser.get(&callback).await.header("location"), Some(&*format!("{place}#")));
}

#[tokio::test]
async fn a_door_that_is_not_this_browsers_is_passed_over_and_one_that_is_none_refused() {
    let world = World::with_every_door("").await;
    for (agent, door) in [(WECHAT, &OFFICIAL_ACCOUNT), (WECOM, &WECOM_WEBVIEW)] {
        for word in ["website_app", "wecom", "official_account", "handoff"] {
            let answer = world.browser(agent).get(&world.url(&format!("/_wechat/login?rd=/&door={word}"))).await;
            let away = world.authorize_url(&answer);
            assert!(
                away.path() == door.page && away.query().is_some_and(|query| query.contains(door.app_id)),
                "{word}"
            );
        }
    }
    for query in ["door=", "door=WeCom", "door=phone", "door=wecom&door=wecom", "door=website_app&d%6For=wecom"] {
        let answer = world.browser(CHROME).fetch(&world.url(&format!("/_wechat/login?rd=/&{query}"))).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (400, "bad-request"), "{query}");
    }
}

#[tokio::test]
async fn where_a_door_is_missing_the_page_says_so_and_which_way_to_go() {
    let website = sections().split("[wecom]").next().expect("a part").to_owned();
    let wecom = sections().split_once("[wecom]").map(|(_, rest)| format!("[wecom]{rest}")).expect("a part");
    for (more, agent, says) in [
        (&website, WECHAT, "Open this page on a computer"),
        (&website, WECOM, "Open this page on a computer"),
        (&website, SAFARI, "Open this page on a computer"),
        (&wecom, WECHAT, "Open this page in WeCom"),
        (&wecom, SAFARI, "Open this page in WeCom"),
    ] {
        let world = World::with(|text| without_official_account(&text) + more, Settings::default()).await;
        let mut browser = world.browser(agent);
        browser.headers.insert("accept-language", "en".parse().expect("a language"));
        let page = browser.get(&world.url("/there")).await;
        page.assert_page(401, "not-in-wechat");
        assert!(page.text().contains(says) && page.shown().contains(&world.url("/there")), "{}", page.text());
        let program = world.browser(agent).fetch(&world.url("/_wechat/login?rd=/")).await;
        assert_eq!((program.status.as_u16(), &*program.slug()), (401, "not-in-wechat"));
        assert!(world.wechat_events().await.is_empty());
    }
}

#[tokio::test]
async fn a_site_without_an_official_account_signs_in_and_signs_pages_by_what_it_has() {
    let wecom = sections();
    let world = World::with(|text| without_official_account(&text) + &wecom, Settings::default()).await;
    for door in [&WEBSITE_APP, &WECOM_WEBVIEW, &WECOM_DESKTOP] {
        let mut browser = world.visitor_at(door);
        world.sign_in_at(door, &mut browser, "/").await;
    }
    let page = component(&world.url("/"));
    let signed = world.browser(CHROME).fetch(&world.url(&format!("/jsconfig?url={page}"))).await;
    assert_eq!(signed.json()["appId"], CORP_ID);
}

#[tokio::test]
async fn where_nobody_can_sign_jsconfig_is_the_sites_own() {
    let website = sections().split("[wecom]").next().expect("a part").to_owned();
    let open = "[[route]]\npath = '/**'\nauth = 'none'\n";
    let world = World::with(|text| without_official_account(&text) + &website + open, Settings::default()).await;
    for path in ["/jsconfig?url=x", "/_wechat/jsconfig"] {
        assert_eq!(world.browser(WECHAT).fetch(&world.url(path)).await.json()["target"], path);
    }
}

#[tokio::test]
async fn inside_wecom_the_corporation_signs_and_with_agent_its_application() {
    let world = World::with_every_door("").await;
    let page = component(&world.url("/"));
    for (agent, more, id) in
        [(WECHAT, "", OFFICIAL_ACCOUNT.app_id), (CHROME, "", OFFICIAL_ACCOUNT.app_id), (WECOM, "", CORP_ID)]
    {
        let signed = world.browser(agent).fetch(&world.url(&format!("/jsconfig?url={page}{more}"))).await.json();
        assert_eq!(signed["appId"], id, "{agent}");
    }
    let signed = world.browser(WECOM).fetch(&world.url(&format!("/jsconfig?url={page}&agent=1"))).await.json();
    let mut names: Vec<_> = signed.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["agentid", "corpid", "debug", "jsApiList", "nonceStr", "signature", "timestamp"]);
    assert_eq!((&signed["corpid"], &signed["agentid"]), (&CORP_ID.into(), &AGENT_ID.into()));
    assert_eq!((world.events_of("get_jsapi_ticket").await.len(), world.events_of("agent_ticket").await.len()), (1, 1));

    let without = World::start("").await;
    let url = without.url(&format!("/jsconfig?url={}&agent=1", component(&without.url("/"))));
    let refused = without.browser(WECOM).fetch(&url).await;
    assert_eq!((refused.status.as_u16(), &*refused.slug()), (400, "bad-request"));
}

#[tokio::test]
async fn userinfo_is_asked_for_at_the_official_account_only() {
    let world = World::with_every_door("[[route]]\npath = '/profile'\nscope = 'userinfo'\n").await;
    for door in &ALL {
        let mut browser = world.visitor_at(door);
        world.sign_in_at(door, &mut browser, "/").await;
        let asked = browser.get(&world.url("/profile")).await;
        if door.account != "official_account" {
            assert_eq!(asked.status, 200, "{door:?}: {}", asked.text());
            continue;
        }
        // Refusing costs the one page, and nothing else.
        let away = world.authorize_url(&asked);
        assert!(away.query().is_some_and(|query| query.contains("scope=snsapi_userinfo")));
        browser.headers.insert("x-sim-answer", "refuse-no-code".parse().expect("a word"));
        let callback = world.consent(&mut browser, &away).await;
        browser.get(&callback).await.assert_page(403, "login-declined");
        assert_eq!(browser.get(&world.url("/")).await.told("x-wechat-scope").as_deref(), Some("snsapi_base"));
        browser.headers.remove("x-sim-answer");
        let arrived = world.sign_in(&mut browser, "/profile").await;
        assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"));
    }
}

#[tokio::test]
async fn members_are_allowed_by_their_userid() {
    let world = World::with_every_door("[[route]]\npath = '/staff'\nallow = ['userid:ZhangWei']\n").await;
    for (user, status) in [("zhang", 200), ("chen", 403), ("lin", 403)] {
        let mut browser = world.guest_at(&WECOM_WEBVIEW, user);
        world.sign_in_at(&WECOM_WEBVIEW, &mut browser, "/").await;
        assert_eq!(browser.get(&world.url("/staff")).await.status, status, "{user}");
    }
    let mut customer = world.visitor_at(&OFFICIAL_ACCOUNT);
    world.sign_in_at(&OFFICIAL_ACCOUNT, &mut customer, "/").await;
    assert_eq!(customer.get(&world.url("/staff")).await.status, 403);
}

#[tokio::test]
async fn the_scope_of_the_official_account_is_asked_of_its_own_visitors_only() {
    let all = sections();
    let world =
        World::with(|text| within(&text, "official_account", "scope = 'userinfo'") + &all, Settings::default()).await;
    for door in [&WECOM_WEBVIEW, &WECOM_DESKTOP, &WEBSITE_APP] {
        let mut browser = world.visitor_at(door);
        let arrived = world.sign_in_at(door, &mut browser, "/").await;
        assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some(door.scope), "{door:?}");
        assert_eq!(browser.get(&world.url("/again")).await.status, 200);
    }
}
