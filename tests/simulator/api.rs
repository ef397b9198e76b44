//! Rules 11 to 15: codes become tokens, tokens become profiles.

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, APP_SECRET};

use crate::harness::{OFFICIAL, Sim, WEBSITE, exchange_target, link, parameter, text};

const BASE: &str = "snsapi_base";
const USERINFO: &str = "snsapi_userinfo";

async fn refresh(sim: &Sim, refresh_token: &str) -> Value {
    let target =
        format!("/sns/oauth2/refresh_token?appid={APP_ID}&grant_type=refresh_token&refresh_token={refresh_token}");
    sim.get(&target).await.json()
}

async fn auth(sim: &Sim, token: &Value) -> i64 {
    let target = format!("/sns/auth?access_token={}&openid={}", text(token, "access_token"), text(token, "openid"));
    sim.get(&target).await.errcode()
}

#[tokio::test]
async fn rule_11_every_outcome_is_http_200_and_text_plain() {
    let sim = Sim::start().await;
    let good = exchange_target(&sim.code("lin", BASE).await);
    for target in [&good, &good, "/sns/userinfo", "/sns/auth?access_token=x&openid=y", "/sns/nonsense"] {
        let answer = sim.get(target).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain")), "{target}");
        answer.json();
    }
    for method in ["POST", "PUT", "DELETE"] {
        let fresh = exchange_target(&sim.code("lin", BASE).await);
        assert_eq!(sim.ask(method, &fresh, &[], b"").await.unwrap().errcode(), 43001);
    }
}

#[tokio::test]
async fn rule_11_errors_end_in_a_suffix_of_the_old_or_new_manner() {
    let sim = Sim::start().await;
    let mut seen = (false, false);
    while seen != (true, true) {
        let answer = sim.get(&exchange_target("nonsense")).await.json();
        assert_eq!(answer["errcode"], 40029);
        let errmsg = text(&answer, "errmsg");
        if let Some(rid) = errmsg.strip_prefix("invalid code, rid: ") {
            let parts: Vec<_> = rid.split('-').collect();
            assert!(parts.len() == 3 && parts.iter().all(|part| part.len() == 8), "{errmsg}");
            assert!(rid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{errmsg}");
            seen.1 = true;
        } else {
            assert!(errmsg.starts_with("invalid code, hints: [ req_id: ") && errmsg.ends_with(" ]"), "{errmsg}");
            seen.0 = true;
        }
    }
}

#[tokio::test]
async fn rule_12_a_code_is_good_once() {
    let sim = Sim::start().await;
    let code = sim.code("lin", BASE).await;
    assert!(code.len() == 32 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let token = sim.exchange(&code).await;
    assert_eq!((&token["expires_in"], &token["scope"]), (&json!(7200), &json!(BASE)));
    assert!(token.get("errcode").is_none());
    assert_eq!(sim.exchange(&code).await["errcode"], 40163);
    assert_ne!(sim.code("lin", BASE).await, code);
}

#[tokio::test]
async fn rule_12_of_many_exchanges_at_once_one_succeeds() {
    let sim = std::sync::Arc::new(Sim::start().await);
    let code = sim.code("lin", BASE).await;
    let mut exchanges = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (sim, code) = (std::sync::Arc::clone(&sim), code.clone());
        exchanges.spawn(async move { sim.exchange(&code).await });
    }
    let answers = exchanges.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.get("access_token").is_some()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer["errcode"] == 40163).count(), 49);
}

#[tokio::test]
async fn rule_12_what_is_wrong_has_its_errcode_and_leaves_the_code_alone() {
    let sim = Sim::start().await;
    let code = sim.code("lin", BASE).await;
    let good = exchange_target(&code);
    for (from, to, errcode) in [
        (APP_ID, "", 41002),
        (APP_ID, "wxffffffffffffffff", 40013),
        (APP_ID, OFFICIAL, 40029),
        (APP_SECRET, "", 41004),
        (APP_SECRET, "0000", 40125),
        ("authorization_code", "client_credential", 40002),
        ("authorization_code", "", 40002),
        (code.as_str(), "", 41008),
        (code.as_str(), "authdeny", 40029),
    ] {
        let answer = sim.get(&good.replace(from, to)).await;
        assert_eq!(answer.errcode(), errcode, "{from} -> {to}");
    }
    assert!(sim.exchange(&code).await.get("access_token").is_some());
}

#[tokio::test]
async fn rule_12_a_code_lives_five_minutes() {
    let sim = Sim::start().await;
    let (early, late) = (sim.code("lin", BASE).await, sim.code("lin", BASE).await);
    // Its clock goes on by itself as well, while a test takes its time.
    sim.advance(270).await;
    assert!(sim.exchange(&early).await.get("access_token").is_some());
    sim.advance(30).await;
    assert_eq!(sim.exchange(&late).await["errcode"], 42003);
}

#[tokio::test]
async fn rule_13_a_base_token_has_no_profile() {
    let sim = Sim::start().await;
    let base = sim.token("lin", BASE).await;
    assert_eq!(sim.userinfo(&base).await.errcode(), 48001);
    assert_eq!(auth(&sim, &base).await, 0);
    let full = sim.token("lin", USERINFO).await;
    for lang in ["zh_CN", "zh_TW", "en", ""] {
        let target = format!(
            "/sns/userinfo?access_token={}&openid={}&lang={lang}",
            text(&full, "access_token"),
            text(&full, "openid")
        );
        assert_eq!(sim.get(&target).await.json()["nickname"], "林小雨🌧️");
    }
}

#[tokio::test]
async fn rule_13_a_token_goes_with_its_own_openid() {
    let sim = Sim::start().await;
    let (lin, fei) = (sim.token("lin", USERINFO).await, sim.token("fei", USERINFO).await);
    let mixed = json!({"access_token": lin["access_token"], "openid": fei["openid"]});
    assert_eq!(sim.userinfo(&mixed).await.errcode(), 40003);
    assert_eq!(auth(&sim, &mixed).await, 40003);
    let unknown = json!({"access_token": "12_unknown", "openid": fei["openid"]});
    assert_eq!(sim.userinfo(&unknown).await.errcode(), 40001);
    assert_eq!(sim.get("/sns/userinfo?openid=o").await.errcode(), 41001);
    assert_eq!(sim.get("/sns/auth?access_token=x").await.errcode(), 41009);
}

#[tokio::test]
async fn rule_13_tokens_expire_and_are_refreshed() {
    let sim = Sim::start().await;
    let token = sim.token("lin", USERINFO).await;
    let refresh_token = text(&token, "refresh_token");
    // Alive: the same token, its full life again.
    sim.advance(7000).await;
    assert_eq!(refresh(&sim, refresh_token).await["access_token"], token["access_token"]);
    sim.advance(7000).await;
    assert_eq!(auth(&sim, &token).await, 0);
    // Dead: another one.
    sim.advance(200).await;
    assert_eq!(sim.userinfo(&token).await.errcode(), 42001);
    assert_eq!(auth(&sim, &token).await, 42001);
    let renewed = refresh(&sim, refresh_token).await;
    assert_ne!(renewed["access_token"], token["access_token"]);
    assert_eq!((&renewed["openid"], &renewed["scope"]), (&token["openid"], &json!(USERINFO)));
    assert_eq!(sim.userinfo(&renewed).await.json()["openid"], token["openid"]);
    assert_eq!(sim.userinfo(&token).await.errcode(), 42001);
    // A refresh token lives thirty days from its issue.
    sim.advance(30 * 24 * 3600).await;
    assert_eq!(refresh(&sim, refresh_token).await["errcode"], 42002);
    assert_eq!(refresh(&sim, "12_unknown").await["errcode"], 40030);
    assert_eq!(refresh(&sim, "").await["errcode"], 41003);
    let foreign =
        format!("/sns/oauth2/refresh_token?appid={OFFICIAL}&grant_type=refresh_token&refresh_token={refresh_token}");
    assert_eq!(sim.get(&foreign).await.errcode(), 40030);
    assert_eq!(sim.get(&foreign.replace("=refresh_token&", "=code&")).await.errcode(), 40002);
    assert_eq!(sim.get("/sns/oauth2/refresh_token?appid=wx1").await.errcode(), 40013);
}

#[tokio::test]
async fn rule_14_ids_are_per_account_and_unionids_only_with_the_profile() {
    let sim = Sim::start().await;
    let (base, full) = (sim.token("lin", BASE).await, sim.token("lin", USERINFO).await);
    let openid = text(&base, "openid");
    assert!(openid.len() == 28 && openid.starts_with('o'));
    assert_eq!(full["openid"], openid);
    assert!(base.get("unionid").is_none());
    assert!(text(&full, "unionid").starts_with('o'));
    assert_eq!(sim.userinfo(&full).await.json()["unionid"], full["unionid"]);

    let query = link(OFFICIAL, "https://m.example.com/cb", USERINFO, "s");
    let back = sim.visit(&query, &[("x-sim-user", "lin")]).await;
    let code = parameter(back.location(), "code").unwrap();
    let elsewhere = sim.get(&exchange_target(&code).replace(APP_ID, OFFICIAL)).await.json();
    assert_ne!(elsewhere["openid"], openid);
    assert!(elsewhere.get("unionid").is_none(), "this account is bound to no Open Platform account");

    // The control side knows them beforehand, and they are the same in another run with another seed.
    let users = Sim::with(Default::default()).await.get("/__sim/users").await.json();
    let lin = users.as_array().unwrap().iter().find(|user| user["id"] == "lin").unwrap();
    assert_eq!(lin["openids"][APP_ID], openid);
    assert_eq!(lin["unionids"]["sim-open-platform"], full["unionid"]);
    assert_ne!(lin["openids"][WEBSITE], openid);
}

#[tokio::test]
async fn rule_15_a_profile_has_blank_places_and_escaped_slashes() {
    let sim = Sim::start().await;
    let answer = sim.userinfo(&sim.token("lin", USERINFO).await).await;
    let profile = answer.json();
    assert_eq!((&profile["sex"], &profile["privilege"]), (&json!(0), &json!([])));
    for blank in ["province", "city", "country"] {
        assert_eq!(profile[blank], "");
    }
    assert!(answer.text().contains(r"\/mmopen\/vi_32\/"));
    let picture = text(&profile, "headimgurl");
    assert!(picture.ends_with("/132"));
    let path = picture.strip_prefix(&format!("http://{}", sim.address)).unwrap();
    let face = sim.get(path).await;
    assert_eq!((face.status, face.header("content-type")), (200, Some("image/svg+xml")));
    assert_eq!(sim.get(&path.replace("/132", "/133")).await.status, 404);
    assert_eq!(sim.userinfo(&sim.token("wang", USERINFO).await).await.json()["headimgurl"], "");
    // A new picture has a new address, and the old one is dead.
    sim.control("users", &json!({"id": "lin", "nickname": "林", "avatar": 7})).await;
    assert_eq!(sim.get(path).await.status, 404);
}

#[tokio::test]
async fn rule_15_odd_names_arrive_as_odd_as_they_are() {
    let sim = Sim::start().await;
    sim.control("users", &json!({"id": "odd", "nickname_hex": "e591070aff225c"})).await;
    let body = sim.userinfo(&sim.token("odd", USERINFO).await).await.body;
    let expected: &[u8] = b"\"nickname\":\"\xe5\x91\x07\n\xff\\\"\\\\\",";
    assert!(body.windows(expected.len()).any(|window| window == expected), "{}", String::from_utf8_lossy(&body));
    let mimi = sim.userinfo(&sim.token("mimi", USERINFO).await).await.body;
    assert!(std::str::from_utf8(&mimi).is_err() && mimi.contains(&0x07));
    let chang = sim.userinfo(&sim.token("chang", USERINFO).await).await.json();
    assert!(text(&chang, "nickname").len() > 400 && text(&chang, "nickname").contains("\"特别\"长的阿长\\"));
}
