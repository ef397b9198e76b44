//! Rule 10: a desktop shows a QR code, a phone scans it, and the desktop goes on.

use std::time::Duration;

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, Settings, WEBSITE_APP_ID, WEBSITE_APP_SECRET};

use crate::harness::{Answer, CALLBACK, OFFICIAL, Sim, WEBSITE, bare_link, parameter, text};

const LOGIN: &str = "snsapi_login";
const DESKTOP: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36";

/// A link of the default website app.
fn link(state: &str) -> String {
    bare_link(WEBSITE_APP_ID, CALLBACK, LOGIN, state)
}

/// Follows a link from a desktop browser.
async fn visit(sim: &Sim, query: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("user-agent", DESKTOP)], headers].concat();
    sim.ask("GET", &format!("/connect/qrconnect?{query}"), &headers, b"").await.unwrap()
}

/// Shows a code to a desktop; its uuid.
async fn show(sim: &Sim, state: &str) -> String {
    let page = visit(sim, &link(state), &[]).await;
    assert!(page.shows("使用微信扫一扫登录") && page.shows("小程咖啡网页版"), "{page:?}");
    page.text().split("/connect/qrcode/").nth(1).unwrap()[..16].to_owned()
}

/// What the page is told of its code, having been told this before.
async fn poll(sim: &Sim, uuid: &str, last: &str) -> Value {
    sim.get(&format!("/connect/l/qrconnect?uuid={uuid}&last={last}")).await.json()
}

async fn exchange(sim: &Sim, code: &str) -> Value {
    let target = format!(
        "/sns/oauth2/access_token?appid={WEBSITE_APP_ID}&secret={WEBSITE_APP_SECRET}&code={code}&grant_type=authorization_code"
    );
    sim.get(&target).await.json()
}

/// A form on the phone.
async fn press(sim: &Sim, fields: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    sim.ask("POST", "/connect/confirm", &headers, form.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn rule_1_qrconnect_has_its_order_too_and_takes_a_language() {
    let sim = Sim::start().await;
    let swapped = link("s").replace("response_type=code&scope=snsapi_login", "scope=snsapi_login&response_type=code");
    for wrong in [&swapped, &format!("{}&self_redirect=true", link("s"))] {
        assert!(visit(&sim, wrong, &[]).await.shows("该链接无法访问"), "{wrong}");
    }
    assert!(visit(&sim, &format!("{}&lang=en", link("s")), &[]).await.shows("Scan with WeChat to log in"));
    assert!(visit(&sim, &format!("{}&lang=cn", link("s")), &[]).await.shows("使用微信扫一扫登录"));
    sim.control("rules", &json!({"lenient": true})).await;
    assert!(visit(&sim, &swapped, &[]).await.shows("使用微信扫一扫登录"));
}

#[tokio::test]
async fn rule_4_qrconnect_is_for_website_apps_and_their_host_alone() {
    let sim = Sim::start().await;
    let site = "https://m.example.com/cb";
    let mut banned = sim.account(WEBSITE).await;
    banned["app_id"] = json!("wxbanned");
    banned["banned"] = json!(true);
    sim.control("accounts", &banned).await;
    for (app_id, redirect_uri, scope, expected) in [
        (WEBSITE, site, LOGIN, "使用微信扫一扫登录"),
        (WEBSITE, site, "snsapi_login,snsapi_login", "使用微信扫一扫登录"),
        (OFFICIAL, site, "snsapi_base", "该链接无法访问"),
        (OFFICIAL, site, LOGIN, "该链接无法访问"),
        (APP_ID, CALLBACK, LOGIN, "该链接无法访问"),
        ("wxbanned", site, LOGIN, "该链接无法访问"),
        (WEBSITE, site, "snsapi_userinfo", "该链接无法访问"),
        (WEBSITE, site, "snsapi_login,snsapi_base", "该链接无法访问"),
        (WEBSITE, "https://www.m.example.com/cb", LOGIN, "该链接无法访问"),
        (WEBSITE, "https://m.example.com:8443/cb", LOGIN, "该链接无法访问"),
        (WEBSITE, CALLBACK, LOGIN, "该链接无法访问"),
        ("wxffffffffffffffff", site, LOGIN, "AppID 参数错误"),
        (WEBSITE, site, "", "scope不能为空"),
        (WEBSITE, "", LOGIN, "redirect_uri不能为空"),
    ] {
        let page = visit(&sim, &bare_link(app_id, redirect_uri, scope, "s"), &[]).await;
        assert!(page.shows(expected), "{app_id} {redirect_uri} {scope}: {page:?}");
    }
    let long = visit(&sim, &link(&"s".repeat(129)), &[]).await;
    assert!(long.shows("state参数过长"));
    // The other way round, as ever.
    let inside = sim.visit(&bare_link(WEBSITE_APP_ID, CALLBACK, LOGIN, "s"), &[]).await;
    assert!(inside.shows("不支持微信开放平台的Appid") && inside.shows("10016"));
    assert!(sim.events("code").await.is_empty());
}

#[tokio::test]
async fn rule_10_a_phone_scans_and_confirms_and_the_desktop_goes_on() {
    let sim = Sim::start().await;
    let uuid = show(&sim, "state1").await;
    let picture = sim.get(&format!("/connect/qrcode/{uuid}")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/svg+xml")));
    assert_eq!(poll(&sim, &uuid, "").await, json!({"wx_errcode": 408, "wx_code": "", "redirect_url": null}));

    let phone = sim.get(&format!("/connect/confirm?uuid={uuid}")).await;
    assert!(phone.shows("选择微信用户") && phone.shows("林小雨"));
    assert!(press(&sim, &[("uuid", &uuid), ("user", "lin")]).await.shows("确认登录"));
    assert_eq!(poll(&sim, &uuid, "408").await["wx_errcode"], 404);
    assert!(sim.events("code").await.is_empty(), "to scan is not to confirm");
    assert!(press(&sim, &[("uuid", &uuid), ("user", "lin"), ("answer", "allow")]).await.shows("已确认登录"));

    let told = poll(&sim, &uuid, "404").await;
    let (code, back) = (text(&told, "wx_code"), text(&told, "redirect_url"));
    assert_eq!((told["wx_errcode"].as_i64(), code.len()), (Some(405), 32));
    assert_eq!(back, format!("{CALLBACK}?code={code}&state=state1"));
    // Nobody scans it again, and the code works once.
    assert!(press(&sim, &[("uuid", &uuid), ("user", "fei"), ("answer", "allow")]).await.shows("二维码已失效"));
    let token = exchange(&sim, code).await;
    assert_eq!(token["scope"], LOGIN);
    assert_eq!(exchange(&sim, code).await["errcode"], 40163);
    let profile = sim.userinfo(&token).await.json();
    assert_eq!((text(&profile, "nickname"), &profile["unionid"]), ("林小雨🌧️", &token["unionid"]));
    // Another openid than the official account's, and the same person.
    let inside = sim.token("lin", "snsapi_userinfo").await;
    assert_ne!(inside["openid"], token["openid"]);
    assert_eq!(inside["unionid"], token["unionid"]);

    let outcomes: Vec<_> = sim.events("qr").await.iter().map(|event| text(event, "outcome").to_owned()).collect();
    assert_eq!(outcomes, ["scanned", "confirmed", "gone"]);
    let shown = sim.event("qrconnect").await;
    assert_eq!((text(&shown, "outcome"), text(&shown, "uuid")), ("qr", uuid.as_str()));
}

#[tokio::test]
async fn rule_10_a_waiting_page_hears_at_once() {
    let sim = Sim::start().await;
    let uuid = show(&sim, "s").await;
    let waiting = poll(&sim, &uuid, "408");
    let deeds = async {
        // The page is asking by then, or asks a little later: both hear.
        sim.control("qr", &json!({"do": "scan", "user": "lin", "uuid": uuid})).await;
    };
    let (told, ()) =
        tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(waiting, deeds) }).await.unwrap();
    assert_eq!(told["wx_errcode"], 404);
    let (told, ()) = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::join!(poll(&sim, &uuid, "404"), sim.advance(300))
    })
    .await
    .unwrap();
    assert_eq!(told["wx_errcode"], 402);
}

#[tokio::test]
async fn rule_10_a_refusal_stays_on_the_page_or_goes_back_without_a_code() {
    let sim = Sim::start().await;
    let uuid = show(&sim, "s").await;
    assert!(press(&sim, &[("uuid", &uuid), ("user", "lin"), ("answer", "refuse")]).await.shows("已取消登录"));
    assert_eq!(poll(&sim, &uuid, "408").await, json!({"wx_errcode": 403, "wx_code": "", "redirect_url": null}));
    // WeChat's new manner: the code is still there to be scanned.
    sim.control("qr", &json!({"do": "scan", "user": "fei"})).await;
    assert_eq!(poll(&sim, &uuid, "403").await["wx_errcode"], 404);
    // The old one.
    sim.control("rules", &json!({"qr_refusal": "no-code"})).await;
    let refused = sim.control("qr", &json!({"do": "refuse"})).await;
    assert_eq!((text(&refused, "state"), text(&refused, "user")), ("refused", "fei"));
    assert_eq!(poll(&sim, &uuid, "404").await["redirect_url"], format!("{CALLBACK}?state=s"));
    let again = sim.ask("POST", "/__sim/qr", &[], br#"{"do": "confirm", "user": "lin"}"#).await.unwrap();
    assert_eq!(again.status, 400);
    assert!(sim.events("code").await.is_empty());
}

#[tokio::test]
async fn rule_10_a_code_is_good_for_five_minutes() {
    let sim = Sim::start().await;
    let uuid = show(&sim, "s").await;
    sim.advance(260).await;
    let listed = sim.get("/__sim/qr").await.json();
    assert_eq!((text(&listed[0], "uuid"), text(&listed[0], "state")), (uuid.as_str(), "waiting"));
    let left = listed[0]["expires_in"].as_u64().unwrap();
    assert!((1..=40).contains(&left), "{left}");
    sim.advance(40).await;
    assert_eq!(poll(&sim, &uuid, "408").await["wx_errcode"], 402);
    assert!(sim.get(&format!("/connect/confirm?uuid={uuid}")).await.shows("二维码已失效"));
    assert_eq!(sim.get("/__sim/qr").await.json()[0]["state"], "expired");
    // The page's link loads it again, with another code.
    assert!(visit(&sim, &link("s"), &[]).await.shows(r#"<a href="">刷新二维码</a>"#));
    assert_ne!(show(&sim, "s").await, uuid);
    assert_eq!(poll(&sim, "0123456789abcdef", "408").await["wx_errcode"], 402, "nobody knows that one");
    assert_eq!(sim.get("/connect/qrcode/0123456789abcdef").await.status, 404);
}

#[tokio::test]
async fn rule_10_who_acts_by_itself_meets_no_page() {
    let sim = Sim::start().await;
    let header = visit(&sim, &link("s"), &[("x-sim-user", "lin")]).await;
    assert_eq!(parameter(header.location(), "code").unwrap().len(), 32);
    let refused = visit(&sim, &link("s"), &[("x-sim-user", "lin"), ("x-sim-answer", "refuse-no-code")]).await;
    assert_eq!(refused.location(), format!("{CALLBACK}?state=s"));
    sim.control("auto", &json!({"user": "fei"})).await;
    assert!(visit(&sim, &link("s"), &[]).await.location().starts_with(CALLBACK));
    sim.control("auto", &json!({"user": "fei", "answer": "refuse-stay"})).await;
    assert!(visit(&sim, &link("s"), &[]).await.shows("已拒绝授权"));
    sim.control("auto", &json!({"user": null})).await;
    // A desktop that once was a phone is no phone now.
    assert!(visit(&sim, &link("s"), &[("cookie", "sim_user=lin")]).await.shows("使用微信扫一扫登录"));
    assert_eq!(visit(&sim, &link("s"), &[("x-sim-user", "nobody")]).await.status, 400);
    // A phone by header: one request scans and confirms.
    let uuid = show(&sim, "s").await;
    let target = format!("/connect/confirm?uuid={uuid}");
    assert!(sim.ask("GET", &target, &[("x-sim-user", "lin")], b"").await.unwrap().shows("已确认登录"));
    assert_eq!(poll(&sim, &uuid, "408").await["wx_errcode"], 405);
}

#[tokio::test]
async fn rule_12_a_website_apps_code_lives_ten_minutes_and_is_its_own() {
    let sim = Sim::start().await;
    let code = async || {
        let back = visit(&sim, &link("s"), &[("x-sim-user", "lin")]).await;
        parameter(back.location(), "code").unwrap()
    };
    let (foreign, young, old) = (code().await, code().await, code().await);
    assert_eq!(sim.exchange(&foreign).await["errcode"], 40029, "not the official account's");
    sim.advance(570).await;
    assert_eq!(exchange(&sim, &young).await["scope"], LOGIN);
    sim.advance(30).await;
    assert_eq!(exchange(&sim, &old).await["errcode"], 42003);
}

#[tokio::test]
async fn rule_7_callbacks_are_doubled_after_a_scan_too() {
    let sim = Sim::start().await;
    sim.control("duplicates", &json!({"mode": "prefetch", "times": 1, "via": sim.address})).await;
    let uuid = show(&sim, "s").await;
    let confirmed = sim.control("qr", &json!({"do": "confirm", "user": "lin"})).await;
    let noted = sim.event("duplicate").await;
    assert_eq!((&noted["url"], &noted["status"]), (&confirmed["redirect_url"], &json!(404)));
    assert_eq!(poll(&sim, &uuid, "408").await["wx_errcode"], 405);
}

#[tokio::test]
async fn rule_4_one_user_may_not_scan_too_often() {
    let sim = Sim::with(Settings { sign_ins_per_minute: Some(1), ..Settings::default() }).await;
    visit(&sim, &link("s"), &[("x-sim-user", "lin")]).await.location();
    assert!(visit(&sim, &link("s"), &[("x-sim-user", "lin")]).await.shows("操作太频繁了"));
    let uuid = show(&sim, "s").await;
    assert!(press(&sim, &[("uuid", &uuid), ("user", "lin"), ("answer", "allow")]).await.shows("10009"));
    assert_eq!(poll(&sim, &uuid, "").await["wx_errcode"], 408, "somebody else may still");
}

#[tokio::test]
async fn rule_16_faults_reach_qrconnect() {
    let sim = Sim::start().await;
    sim.control("faults", &json!({"api": "qrconnect", "times": 1, "http_status": 503})).await;
    assert_eq!(visit(&sim, &link("s"), &[]).await.status, 503);
    assert_eq!(visit(&sim, &link("s"), &[]).await.status, 200);
}

#[tokio::test]
async fn rule_25_qr_codes_do_not_disturb_the_run_of_a_seed() {
    let (quiet, busy) = (Sim::start().await, Sim::start().await);
    show(&busy, "s").await;
    assert_eq!(busy.code("lin", "snsapi_base").await, quiet.code("lin", "snsapi_base").await);
}
