//! Rule 21 in 企业微信: `wx.config` with the corporation's ticket, `wx.agentConfig` with the application's.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use wxgate::simulator::{AGENT_ID, CORP_ID};

use super::{OTHER_AGENT, add_application, token};
use crate::harness::{Sim, text};

const PAGE: &str = "http://127.0.0.1:4180/staff?a=1";

async fn tickets(sim: &Sim) -> (String, String) {
    let token = token(sim).await;
    let corps = sim.get(&format!("/cgi-bin/get_jsapi_ticket?access_token={token}")).await.json();
    let agents = sim.get(&format!("/cgi-bin/ticket/get?access_token={token}&type=agent_config")).await.json();
    (text(&corps, "ticket").to_owned(), text(&agents, "ticket").to_owned())
}

fn signed(ticket: &str, url: &str) -> Value {
    let string1 = format!("jsapi_ticket={ticket}&noncestr=n&timestamp=1414587457&url={url}");
    let signature = data_encoding::HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, string1.as_bytes()).as_ref());
    json!({
        "appId": CORP_ID, "timestamp": 1_414_587_457, "nonceStr": "n", "signature": signature,
        "url": PAGE, "mode": "android", "jsApiList": ["selectExternalContact"],
    })
}

fn agents(ticket: &str, agent_id: &str) -> Value {
    let mut config = signed(ticket, PAGE);
    config["agentid"] = json!(agent_id);
    config
}

async fn verify(sim: &Sim, config: &Value) -> (String, i64, String) {
    let answer = sim.ask("POST", "/__sim/jssdk/verify", &[], config.to_string().as_bytes()).await.unwrap();
    let answer = answer.json();
    let hint = answer["hint"].as_str().unwrap_or_default().to_owned();
    (text(&answer, "errMsg").to_owned(), answer["errCode"].as_i64().unwrap(), hint)
}

#[tokio::test]
async fn rule_21_each_call_has_its_ticket_and_mixing_them_is_42012() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let (corps, own) = tickets(&sim).await;
    let check = async |config: Value, message: &str, errcode: i64, hint: &str| {
        let told = verify(&sim, &config).await;
        assert_eq!((told.0.as_str(), told.1), (message, errcode), "{}", told.2);
        assert!(told.2.contains(hint), "{}", told.2);
    };
    check(signed(&corps, PAGE), "config:ok", 0, "").await;
    check(agents(&own, AGENT_ID), "agentConfig:ok", 0, "").await;
    check(signed(&own, PAGE), "config:invalid signature", 42012, "agent_config").await;
    check(agents(&corps, AGENT_ID), "agentConfig:invalid signature", 42012, "corporation's").await;
    check(signed(&corps, "http://127.0.0.1:4180/staff"), "config:invalid signature", 40093, "without the query").await;
    check(agents("x", AGENT_ID), "agentConfig:invalid signature", 40093, "no ticket").await;
    check(agents(&own, "1"), "agentConfig:invalid agentid", 40056, "no such application").await;
    check(agents(&own, OTHER_AGENT), "agentConfig:invalid url domain", 50001, "js_hosts").await;
    sim.control("kill", &json!({"what": ["agent_config"]})).await;
    check(agents(&own, AGENT_ID), "agentConfig:invalid signature", 42012, "dead").await;
    let events = sim.events("jssdk").await;
    assert_eq!((&events[1]["agent_id"], &events[1]["outcome"]), (&json!(AGENT_ID), &json!("ok")));
}

#[tokio::test]
async fn rule_21_a_corporations_pages_are_those_of_all_its_applications() {
    let sim = Sim::start().await;
    add_application(&sim).await;
    let (corps, _) = tickets(&sim).await;
    let at = |page: &str| {
        let mut config = signed(&corps, page);
        config["url"] = json!(page);
        config
    };
    assert_eq!(verify(&sim, &at("https://work.example.com:8443/x")).await.0, "config:ok");
    assert_eq!(verify(&sim, &at("https://work.example.com/x")).await.0, "config:invalid url domain");
}

/// What the bridge answers to a page that calls `agentConfig` the way WeCom's own script does; see `agent.mjs`.
#[tokio::test]
async fn rule_21_the_bridge_grants_what_agent_config_asked_for() {
    let sim = Sim::start().await;
    let (corps, own) = tickets(&sim).await;
    let simulator = format!("http://{}", sim.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/simulator/wecom/agent.mjs");
    let mut node = std::process::Command::new("node");
    node.args([script, &simulator, CORP_ID, AGENT_ID, &corps, &own]);
    let output =
        tokio::task::spawn_blocking(move || node.output()).await.unwrap().expect("node: tests/run installs it");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaint}"));
    assert_eq!(
        told,
        json!({
            "before": "selectExternalContact:the permission value is offline verifying",
            "empty": {"err_msg": "agentConfig:fail_empty signature", "err_code": 40063},
            "wrong": {"err_msg": "agentConfig:fail_invalid signature", "err_code": 42012},
            "config": "preVerifyJSAPI:ok",
            "still": "selectExternalContact:the permission value is offline verifying",
            "right": "agentConfig:ok",
            "after": "selectExternalContact:ok",
            // 企业微信 looks at the URL of now, on an iPhone too.
            "pushed": "selectExternalContact:the permission value is offline verifying",
            "again": "agentConfig:ok",
            "at_last": "selectExternalContact:ok",
        })
    );
}
