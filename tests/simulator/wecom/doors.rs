//! Links of a corporation: inside the app, and on the desktop by QR code.

use serde_json::{Value, json};
use wxgate::simulator::{AGENT_ID, APP_ID, CORP_ID};

use super::{BASE, DESKTOP, OTHER_AGENT, PHONE, PRIVATE, add_application, code, getuserinfo, link, token, visit};
use crate::harness::{Answer, CALLBACK, Sim, bare_link, parameter, text};

const ZHANG: &[(&str, &str)] = &[("x-sim-user", "zhang")];

/// Follows a link from this client.
async fn from(sim: &Sim, user_agent: &str, query: &str) -> Answer {
    let headers = [("user-agent", user_agent), ("x-sim-user", "zhang")];
    sim.ask("GET", &format!("/connect/oauth2/authorize?{query}"), &headers, b"").await.unwrap()
}

#[tokio::test]
async fn rule_1_agentid_comes_after_state_unless_lenient() {
    let sim = Sim::start().await;
    let before =
        link(BASE, "s").replace(&format!("&state=s&agentid={AGENT_ID}"), &format!("&agentid={AGENT_ID}&state=s"));
    assert!(visit(&sim, &before, ZHANG).await.shows("该链接无法访问"));
    let back = visit(&sim, &link(BASE, "s"), ZHANG).await;
    let code = parameter(back.location(), "code").unwrap();
    assert_eq!((back.location(), code.len()), (format!("{CALLBACK}?code={code}&state=s").as_str(), 43));
    visit(&sim, &format!("{}&connect_redirect=1", link(BASE, "s")), ZHANG).await.location();
    sim.control("rules", &json!({"lenient": true})).await;
    visit(&sim, &before, ZHANG).await.location();
}

#[tokio::test]
async fn rule_3_a_corporations_link_opens_in_wecom_and_wechat_and_an_accounts_link_in_wechat_alone() {
    let sim = Sim::start().await;
    let desktop_app = "Mozilla/5.0 (Windows NT 10.0) wxwork/3.1.8 (MicroMessenger/6.2) WeChat/2.0.4";
    for user_agent in [PHONE, desktop_app, crate::harness::PHONE] {
        from(&sim, user_agent, &link(BASE, "s")).await.location();
    }
    assert!(from(&sim, DESKTOP, &link(BASE, "s")).await.shows("请在企业微信客户端打开链接"));
    let accounts = crate::harness::link(APP_ID, CALLBACK, BASE, "s");
    for user_agent in [PHONE, desktop_app, DESKTOP] {
        assert!(from(&sim, user_agent, &accounts).await.shows("请在微信客户端打开链接"), "{user_agent}");
    }
    from(&sim, crate::harness::PHONE, &accounts).await.location();
    sim.control("rules", &json!({"require_wechat": false})).await;
    from(&sim, DESKTOP, &link(BASE, "s")).await.location();
    from(&sim, PHONE, &accounts).await.location();
}

#[tokio::test]
async fn rule_4_a_corporations_page_errors() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let at = |redirect_uri: &str, agent_id: &str, scope: &str| {
        format!("{}&agentid={agent_id}", bare_link(CORP_ID, redirect_uri, scope, "s"))
    };
    let check = async |query: String, shown: &str| {
        let page = visit(&sim, &query, ZHANG).await;
        assert!(page.shows(shown), "{query}: {page:?}");
    };
    check(at(CALLBACK, "1000001", BASE), "agentid 参数错误").await;
    check(at(CALLBACK, AGENT_ID, "snsapi_userinfo"), "Scope 参数错误").await;
    check(at(CALLBACK, AGENT_ID, "snsapi_login"), "Scope 参数错误").await;
    check(at(CALLBACK, OTHER_AGENT, BASE), "50001").await;
    check(at("https://work.example.com/cb", OTHER_AGENT, BASE), "redirect_uri域名与后台配置不一致").await;
    check(at(CALLBACK, AGENT_ID, ""), "scope不能为空").await;
    check(link(BASE, &"s".repeat(129)), "state参数过长").await;
    visit(&sim, &at("https://work.example.com:8443/cb", OTHER_AGENT, BASE), ZHANG).await.location();
    // Another account's scope is no corporation's, and the other way round.
    let accounts = crate::harness::link(APP_ID, CALLBACK, PRIVATE, "s");
    assert!(sim.visit(&accounts, ZHANG).await.shows("Scope 参数错误"));
}

#[tokio::test]
async fn rule_8_members_are_asked_for_what_is_private_and_each_time() {
    let sim = Sim::start().await;
    let come = async |scope: &str, user: &str, answer: &str| {
        let raw = link(scope, "s");
        let mut fields = vec![("link", raw.as_str()), ("user", user)];
        if !answer.is_empty() {
            fields.push(("answer", answer));
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("user-agent", PHONE), ("content-type", "application/x-www-form-urlencoded")];
        sim.ask("POST", "/connect/oauth2/pick", &headers, form.as_bytes()).await.unwrap()
    };
    let picker = visit(&sim, &link(BASE, "s"), &[]).await;
    assert!(picker.shows("张伟") && picker.shows("企业成员 ZhangWei") && picker.shows("企业客户"));
    come(BASE, "zhang", "").await.location();
    for _ in 0..2 {
        assert!(come(PRIVATE, "zhang", "").await.shows("获取你的头像、手机、邮箱等敏感信息"));
        come(PRIVATE, "zhang", "allow").await.location();
    }
    assert_eq!(come(PRIVATE, "zhang", "refuse").await.location(), format!("{CALLBACK}?state=s"));
    come(PRIVATE, "wang", "").await.location();
}

#[tokio::test]
async fn privateinfo_without_an_application_is_base() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    let back = visit(&sim, &bare_link(CORP_ID, CALLBACK, PRIVATE, "s"), ZHANG).await;
    let told = getuserinfo(&sim, &token, &parameter(back.location(), "code").unwrap()).await;
    assert_eq!((text(&told, "userid"), told.get("user_ticket")), ("ZhangWei", None));
    let told = getuserinfo(&sim, &token, &code(&sim, "zhang", PRIVATE).await).await;
    assert!(told.get("user_ticket").is_some());
}

/// A link to the desktop's page.
fn sso(redirect_uri: &str, more: &str) -> String {
    let redirect_uri: String = form_urlencoded::byte_serialize(redirect_uri.as_bytes()).collect();
    format!("login_type=CorpApp&appid={CORP_ID}&agentid={AGENT_ID}&redirect_uri={redirect_uri}{more}")
}

async fn desktop(sim: &Sim, query: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("user-agent", DESKTOP)], headers].concat();
    sim.ask("GET", &format!("/wwlogin/sso/login?{query}"), &headers, b"").await.unwrap()
}

#[tokio::test]
async fn rule_10_the_desktop_signs_members_and_outsiders_in_by_qr_code() {
    let sim = Sim::start().await;
    let page = desktop(&sim, &sso(CALLBACK, "&state=s1&lang=zh"), &[]).await;
    assert!(page.shows("请使用企业微信扫描二维码登录") && page.shows("小程咖啡员工"), "{page:?}");
    assert!(desktop(&sim, &sso(CALLBACK, "&lang=en"), &[]).await.shows("Scan with WeCom to log in"));
    let uuid = text(&sim.get("/__sim/qr").await.json()[0], "uuid").to_owned();
    let phone = sim.ask("POST", "/connect/confirm", &[], format!("uuid={uuid}&user=zhang").as_bytes()).await.unwrap();
    assert!(phone.shows("企业微信登录") && phone.shows("确认你的成员身份"));
    let told = sim.control("qr", &json!({"do": "confirm", "uuid": uuid})).await;
    let back = text(&told, "redirect_url");
    assert_eq!(parameter(back, "state").as_deref(), Some("s1"));
    let token = token(&sim).await;
    let member = getuserinfo(&sim, &token, &parameter(back, "code").unwrap()).await;
    // Nothing private on this way.
    assert_eq!(member, json!({"errcode": 0, "errmsg": "ok", "userid": "ZhangWei"}));
    let back = desktop(&sim, &sso(CALLBACK, "&state=s"), &[("x-sim-user", "wang")]).await;
    let outsider = getuserinfo(&sim, &token, &parameter(back.location(), "code").unwrap()).await;
    assert_eq!(text(&outsider, "openid").len(), 28);
    let outcomes: Vec<_> = sim.events("sso_login").await.iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, ["qr", "qr", "code"]);
}

#[tokio::test]
async fn rule_4_the_desktop_page_has_its_errors() {
    let sim = Sim::start().await;
    let good = sso(CALLBACK, "&state=s");
    for (query, shown) in [
        (good.replace("CorpApp", "ServiceApp"), "login_type 参数错误"),
        (good.replace("login_type=CorpApp&", ""), "login_type 参数错误"),
        (good.replace(CORP_ID, APP_ID), "appid 参数错误"),
        (good.replace(AGENT_ID, "1"), "agentid 参数错误"),
        (sso("https://m.example.com/cb", "&state=s"), "redirect_uri与配置的授权完成回调域名不一致"),
        (sso("", "&state=s"), "redirect_uri不能为空"),
        (sso(CALLBACK, &format!("&state={}", "s".repeat(129))), "state参数过长"),
        (good.clone(), "请使用企业微信扫描二维码登录"),
    ] {
        let page = desktop(&sim, &query, &[]).await;
        assert!(page.shows(shown), "{query}: {page:?}");
    }
    sim.control("faults", &json!({"api": "sso_login", "times": 1, "http_status": 500})).await;
    assert_eq!(desktop(&sim, &good, &[]).await.status, 500);
}

#[tokio::test]
async fn rule_25_the_log_tells_who_came_through_which_door() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    let code = code(&sim, "zhang", BASE).await;
    getuserinfo(&sim, &token, &code).await;
    let came = sim.event("authorize").await;
    assert_eq!(
        (&came["outcome"], &came["app_id"], &came["agent_id"], &came["user"]),
        (&json!("code"), &json!(CORP_ID), &json!(AGENT_ID), &json!("zhang"))
    );
    let spent = sim.event("getuserinfo").await;
    assert_eq!((&spent["outcome"], &spent["code"], &spent["userid"]), (&json!("ok"), &json!(code), &json!("ZhangWei")));
    assert_eq!((&spent["app_id"], &spent["openid"]), (&json!(CORP_ID), &Value::Null));
}
