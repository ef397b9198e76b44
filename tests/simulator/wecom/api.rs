//! What stands for qyapi.weixin.qq.com.

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, APP_SECRET, CORP_ID, CORP_SECRET};

use super::{BASE, OTHER_SECRET, PRIVATE, add_application, code, getuserinfo, link, token, token_answer, visit};
use crate::harness::{CALLBACK, Sim, bare_link, parameter, text};

async fn detail(sim: &Sim, token: &str, body: &Value) -> Value {
    let target = format!("/cgi-bin/auth/getuserdetail?access_token={token}");
    sim.ask("POST", &target, &[], body.to_string().as_bytes()).await.unwrap().json()
}

async fn corps_ticket(sim: &Sim, token: &str) -> Value {
    sim.get(&format!("/cgi-bin/get_jsapi_ticket?access_token={token}")).await.json()
}

async fn agents_ticket(sim: &Sim, token: &str) -> Value {
    sim.get(&format!("/cgi-bin/ticket/get?access_token={token}&type=agent_config")).await.json()
}

#[tokio::test]
async fn gettoken_hands_out_the_same_token_to_its_end_and_one_per_secret() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let answer = sim.get(&format!("/cgi-bin/gettoken?corpid={CORP_ID}&corpsecret={CORP_SECRET}")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json; charset=UTF-8")));
    let first = answer.json();
    assert_eq!((&first["errcode"], &first["errmsg"], &first["expires_in"]), (&json!(0), &json!("ok"), &json!(7200)));
    let other = token_answer(&sim, OTHER_SECRET).await;
    assert_ne!(other["access_token"], first["access_token"]);
    sim.advance(7100).await;
    let again = token_answer(&sim, CORP_SECRET).await;
    assert_eq!(again["access_token"], first["access_token"]);
    assert!(again["expires_in"].as_u64().unwrap() <= 100, "{again}");
    sim.advance(100).await;
    let next = token_answer(&sim, CORP_SECRET).await;
    assert_ne!(next["access_token"], first["access_token"]);
    assert_eq!(corps_ticket(&sim, text(&first, "access_token")).await["errcode"], 42001);
    assert_eq!(corps_ticket(&sim, text(&next, "access_token")).await["errcode"], 0);
    let fresh: Vec<_> = sim.events("gettoken").await.iter().map(|event| event["fresh"].clone()).collect();
    assert_eq!(fresh, [true, true, false, true]);
}

#[tokio::test]
async fn gettoken_says_what_is_wrong_in_wecoms_words() {
    let sim = Sim::start().await;
    for (query, errcode) in [
        ("", 41002),
        ("corpid=ww1&corpsecret=x", 40013),
        (&format!("corpid={APP_ID}&corpsecret={APP_SECRET}"), 40013),
        (&format!("corpid={CORP_ID}"), 41004),
        (&format!("corpid={CORP_ID}&corpsecret={APP_SECRET}"), 40001),
    ] {
        let answer = sim.get(&format!("/cgi-bin/gettoken?{query}")).await;
        assert_eq!((answer.status, answer.errcode()), (200, errcode), "{query}");
        let message = text(&answer.json(), "errmsg").to_owned();
        let (_, after) = message.split_once(", hint: [").unwrap_or_else(|| panic!("{message}"));
        let tail =
            format!("], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}");
        assert!(after.ends_with(&tail), "{message}");
    }
    let posted = sim.ask("POST", "/cgi-bin/gettoken", &[], b"").await.unwrap();
    assert_eq!(posted.errcode(), 43001);
    sim.control("quotas", &json!({"gettoken_per_minute": 1})).await;
    token(&sim).await;
    let often = token_answer(&sim, CORP_SECRET).await;
    assert!(text(&often, "errmsg").starts_with("api freq out of limit, "), "{often}");
    assert_eq!(often["errcode"], 45009);
    sim.advance(60).await;
    token(&sim).await;
}

#[tokio::test]
async fn a_corporation_is_no_account_and_an_account_no_corporation() {
    let sim = Sim::start().await;
    let corps = token(&sim).await;
    let exchange =
        format!("/sns/oauth2/access_token?appid={CORP_ID}&secret={CORP_SECRET}&code=x&grant_type=authorization_code");
    assert_eq!(sim.get(&exchange).await.errcode(), 40013);
    let classic = format!("/cgi-bin/token?grant_type=client_credential&appid={CORP_ID}&secret={CORP_SECRET}");
    assert_eq!(sim.get(&classic).await.errcode(), 40013);
    assert_eq!(sim.get(&format!("/cgi-bin/ticket/getticket?access_token={corps}&type=jsapi")).await.errcode(), 40014);
    let accounts = sim.get(&classic.replace(CORP_ID, APP_ID).replace(CORP_SECRET, APP_SECRET)).await.json();
    assert_eq!(corps_ticket(&sim, text(&accounts, "access_token")).await["errcode"], 40014);
    // Codes do not cross either.
    let code = code(&sim, "zhang", BASE).await;
    assert_eq!(sim.exchange(&code).await["errcode"], 40029);
    let accounts_code = sim.code("zhang", BASE).await;
    assert_eq!(getuserinfo(&sim, &corps, &accounts_code).await["errcode"], 40029);
    assert!(sim.exchange(&accounts_code).await.get("access_token").is_some(), "nothing was spent");
    assert_eq!(getuserinfo(&sim, &corps, &code).await["errcode"], 0);
}

#[tokio::test]
async fn getuserinfo_tells_members_customers_and_strangers_apart() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    let who = async |user: &str| getuserinfo(&sim, &token, &code(&sim, user, BASE).await).await;
    assert_eq!(who("zhang").await, json!({"errcode": 0, "errmsg": "ok", "userid": "ZhangWei"}));
    assert_eq!(who("chen").await["userid"], "chen.jing@cafe");
    let (customer, stranger) = (who("lin").await, who("wang").await);
    assert_eq!((text(&customer, "openid").len(), text(&customer, "external_userid").len()), (28, 32));
    assert_eq!((text(&stranger, "openid").len(), stranger.get("external_userid")), (28, None));
    assert_eq!(who("lin").await, customer, "the same each time");
    let users = sim.get("/__sim/users").await.json();
    assert_eq!((&users[0]["openids"][CORP_ID], &users[0]["customer"]), (&customer["openid"], &json!(true)));
    assert_eq!((&users[6]["userid"], &users[6]["nickname"]), (&json!("ZhangWei"), &json!("张伟")));
    // The predecessor spells otherwise.
    let before = format!("/cgi-bin/user/getuserinfo?access_token={token}&code={}", code(&sim, "zhang", BASE).await);
    assert_eq!(sim.get(&before).await.json()["UserId"], "ZhangWei");
    let before = format!("/cgi-bin/user/getuserinfo?access_token={token}&code={}", code(&sim, "lin", BASE).await);
    assert_eq!(sim.get(&before).await.json()["OpenId"], customer["openid"]);
}

#[tokio::test]
async fn rule_12_a_corporations_code_works_once_within_five_minutes() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    let (used, young, old) =
        (code(&sim, "zhang", BASE).await, code(&sim, "zhang", BASE).await, code(&sim, "zhang", BASE).await);
    assert_eq!(getuserinfo(&sim, &token, &used).await["errcode"], 0);
    assert_eq!(getuserinfo(&sim, &token, &used).await["errcode"], 40029);
    assert_eq!(getuserinfo(&sim, &token, "").await["errcode"], 41008);
    for (token, errcode) in [("", 41001), ("x", 40014)] {
        assert_eq!(getuserinfo(&sim, token, &young).await["errcode"], errcode);
    }
    sim.advance(270).await;
    assert_eq!(getuserinfo(&sim, &token, &young).await["errcode"], 0);
    sim.advance(30).await;
    assert_eq!(getuserinfo(&sim, &token, &old).await["errcode"], 40029);
}

#[tokio::test]
async fn a_code_sent_to_a_host_of_another_application_is_50001() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let (token, other) = (token(&sim).await, token_answer(&sim, OTHER_SECRET).await);
    let code = code(&sim, "zhang", BASE).await;
    let refused = getuserinfo(&sim, text(&other, "access_token"), &code).await;
    assert_eq!(refused["errcode"], 50001);
    assert_eq!(getuserinfo(&sim, &token, &code).await["errcode"], 0, "a refusal spends nothing");
    // Without an agentid nobody looks at the host before that.
    let back = visit(&sim, &bare_link(CORP_ID, "https://evil.example/cb", BASE, "s"), &[("x-sim-user", "zhang")]).await;
    let code = parameter(back.location(), "code").unwrap();
    assert_eq!(getuserinfo(&sim, &token, &code).await["errcode"], 50001);
}

#[tokio::test]
async fn getuserdetail_opens_with_a_ticket_for_half_an_hour() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    let told = getuserinfo(&sim, &token, &code(&sim, "zhang", PRIVATE).await).await;
    let ticket = json!({"user_ticket": told["user_ticket"]});
    let known = detail(&sim, &token, &ticket).await;
    assert_eq!((text(&known, "userid"), &known["errcode"]), ("ZhangWei", &json!(0)));
    assert!(text(&known, "avatar").starts_with(&format!("http://{}/mmopen/", sim.address)));
    assert!(known.get("name").is_none(), "there is no name among it");
    assert_eq!(detail(&sim, &token, &ticket).await, known, "more than once");
    assert_eq!(detail(&sim, &token, &json!({"user_ticket": "x"})).await["errcode"], 84015);
    assert_eq!(detail(&sim, &token, &json!([])).await["errcode"], 47001);
    assert_eq!(detail(&sim, "x", &ticket).await["errcode"], 40014);
    let got = sim.get(&format!("/cgi-bin/auth/getuserdetail?access_token={token}")).await;
    assert_eq!(got.errcode(), 43002);
    // An outsider has agreed to nothing; neither has a picture who never set one.
    let outsider = getuserinfo(&sim, &token, &code(&sim, "lin", PRIVATE).await).await;
    assert!(outsider.get("user_ticket").is_none());
    let chen = getuserinfo(&sim, &token, &code(&sim, "chen", PRIVATE).await).await;
    assert_eq!(detail(&sim, &token, &json!({"user_ticket": chen["user_ticket"]})).await["avatar"], "");
    sim.advance(1800).await;
    assert_eq!(detail(&sim, &token, &ticket).await["errcode"], 84014);
}

#[tokio::test]
async fn rule_19_an_untrusted_address_gets_60020_for_tokens_too_or_only_beyond_them() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    let code = code(&sim, "zhang", BASE).await;
    sim.control("trusted_ips", &json!({"ips": ["203.0.113.0/28"]})).await;
    for refused in [token_answer(&sim, CORP_SECRET).await, getuserinfo(&sim, &token, &code).await] {
        assert_eq!(refused["errcode"], 60020);
        let message = text(&refused, "errmsg");
        assert!(message.starts_with("not allow to access from your ip, hint: ["), "{message}");
        assert!(message.contains("from ip: 127.0.0.1, "), "{message}");
    }
    sim.control("trusted_ips", &json!({"ips": ["203.0.113.0/28"], "gettoken": false})).await;
    assert_eq!(token_answer(&sim, CORP_SECRET).await["errcode"], 0);
    assert_eq!(getuserinfo(&sim, &token, &code).await["errcode"], 60020);
    assert_eq!(corps_ticket(&sim, &token).await["errcode"], 60020);
    // The official account's list is another, and the address that callers have is one.
    sim.control("whitelist", &json!({"ips": [], "seen_as": "203.0.113.7"})).await;
    assert_eq!(getuserinfo(&sim, &token, &code).await["errcode"], 0);
    assert_eq!(sim.get("/__sim/trusted_ips").await.json(), json!({"ips": ["203.0.113.0/28"], "gettoken": false}));
}

#[tokio::test]
async fn rule_20_a_corporations_ticket_is_shared_and_an_applications_is_its_own() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let token = token(&sim).await;
    let other = token_answer(&sim, OTHER_SECRET).await;
    let other = text(&other, "access_token");
    let corps = corps_ticket(&sim, &token).await;
    assert_eq!((&corps["errcode"], &corps["expires_in"]), (&json!(0), &json!(7200)));
    assert_eq!(corps_ticket(&sim, other).await["ticket"], corps["ticket"]);
    let (agents, others) = (agents_ticket(&sim, &token).await, agents_ticket(&sim, other).await);
    assert_ne!(agents["ticket"], corps["ticket"]);
    assert_ne!(agents["ticket"], others["ticket"]);
    assert_eq!(sim.get(&format!("/cgi-bin/ticket/get?access_token={token}&type=jsapi")).await.errcode(), 40097);
    sim.control("kill", &json!({"app_id": CORP_ID, "what": ["agent_config"]})).await;
    assert_ne!(agents_ticket(&sim, &token).await["ticket"], agents["ticket"]);
    assert_eq!(corps_ticket(&sim, &token).await["ticket"], corps["ticket"]);
    sim.control("kill", &json!({"what": ["corp_token"]})).await;
    assert_eq!(corps_ticket(&sim, &token).await["errcode"], 40014);
    assert_eq!(sim.events("agent_ticket").await.len(), 4);
}

#[tokio::test]
async fn rule_20_tickets_are_counted_by_corporation_and_by_application() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let limits = sim.get("/__sim/quotas").await.json()["limits"].clone();
    assert_eq!((&limits["tickets_per_corp"], &limits["tickets_per_app"]), (&json!(400), &json!(100)));
    sim.control("quotas", &json!({"tickets_per_corp": 3, "tickets_per_app": 2})).await;
    let token = token(&sim).await;
    let other = token_answer(&sim, OTHER_SECRET).await;
    let other = text(&other, "access_token");
    let mut errcodes = Vec::new();
    for token in [&token, &token, &token, other, other] {
        errcodes.push(corps_ticket(&sim, token).await["errcode"].as_i64().unwrap());
    }
    assert_eq!(errcodes, [0, 0, 45009, 0, 45009]);
    assert_eq!(agents_ticket(&sim, &token).await["errcode"], 0, "the other kind has a count of its own");
    sim.advance(3600).await;
    assert_eq!(corps_ticket(&sim, &token).await["errcode"], 0);
}

#[tokio::test]
async fn rule_22_addresses_are_listed_for_a_corporations_token_too() {
    let sim = Sim::start().await;
    let token = token(&sim).await;
    for path in ["getcallbackip", "get_api_domain_ip"] {
        let target = format!("/cgi-bin/{path}?access_token={token}");
        let answer = sim.get(&target).await.json();
        assert_eq!(answer["errcode"], 0, "unlike the official account's, a success says so");
        assert!(answer["ip_list"].as_array().is_some_and(|list| !list.is_empty()), "{answer}");
    }
    sim.advance(7200).await;
    assert_eq!(sim.get(&format!("/cgi-bin/getcallbackip?access_token={token}")).await.errcode(), 42001);
}

#[tokio::test]
async fn rule_16_faults_reach_wecom() {
    let sim = Sim::start().await;
    for (api, target) in [
        ("gettoken", "/cgi-bin/gettoken"),
        ("getuserinfo", "/cgi-bin/auth/getuserinfo"),
        ("getuserdetail", "/cgi-bin/auth/getuserdetail"),
        ("get_jsapi_ticket", "/cgi-bin/get_jsapi_ticket"),
        ("agent_ticket", "/cgi-bin/ticket/get"),
    ] {
        sim.control("faults", &json!({"api": api, "times": 1, "errcode": 60020})).await;
        let answer = sim.get(target).await.json();
        assert_eq!(answer["errcode"], 60020, "{api}");
        assert!(text(&answer, "errmsg").starts_with("not allow to access from your ip, hint: ["), "{answer}");
        assert!(sim.events(api).await.is_empty(), "a fault comes before the call");
    }
    // The code is spent, and nobody hears who it was.
    let (token, code) = (token(&sim).await, code(&sim, "zhang", BASE).await);
    sim.control("faults", &json!({"api": "getuserinfo", "times": 1, "reset_after": true})).await;
    let target = format!("/cgi-bin/auth/getuserinfo?access_token={token}&code={code}");
    assert!(sim.ask("GET", &target, &[], b"").await.is_err());
    assert_eq!(getuserinfo(&sim, &token, &code).await["errcode"], 40029);
}

#[tokio::test]
async fn rule_25_wecom_does_not_disturb_the_run_of_a_seed() {
    let (quiet, busy) = (Sim::start().await, Sim::start().await);
    let told = token(&busy).await;
    corps_ticket(&busy, &told).await;
    visit(&busy, &link(BASE, "s"), &[]).await;
    assert_eq!(busy.code("lin", BASE).await, quiet.code("lin", BASE).await);
    let again = visit(&busy, &bare_link(APP_ID, CALLBACK, BASE, "s"), &[]).await;
    assert!(again.shows("请在微信客户端打开链接"));
}
