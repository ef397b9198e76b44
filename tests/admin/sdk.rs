//! Two SDKs that applications really use, with no more than another base URL and a header (`tests/sdk`).

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use wxgate::simulator::APP_ID;

use super::operator::{TOKEN, world};
use crate::support::World;

const PAGE: &str = "http://127.0.0.1/page?a=b&c=%E4%BD%A0";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// What the program says at its end. tests/run installs what it needs.
async fn run(world: &World, program: &str, script: &str) -> Value {
    let mut command = Command::new(folder().join(program));
    if program == "node" {
        command = Command::new(program);
    }
    command.arg(folder().join(script)).args([&world.operator_url(""), APP_ID, TOKEN, PAGE]);
    // A proxy of the machine's has no business between two programs on it.
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    let running = tokio::task::spawn_blocking(move || command.output().expect("tests/run has installed it"));
    let output = running.await.expect("no panic");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

async fn works(program: &str, script: &str) {
    let world = world().await;
    let said = run(&world, program, script).await;
    let token = world.token().await.json()["access_token"].clone();
    let events = world.events_of("getticket").await;
    assert_eq!(said["access_token"], token, "{said}");
    assert!(said["jsapi"].is_string() && said["jsapi"] != said["wx_card"], "{said}");
    assert_eq!(said["healed"], said["jsapi"], "a dead token is replaced by the SDK itself: {said}");
    assert_eq!((&said["wrong_appid"], &said["wrong_token"]), (&json!(40013), &json!("status code: 401")), "{said}");
    // However many clients there were.
    assert_eq!((world.events_of("stable_token").await.len(), events.len()), (1, 2));

    let config = &said["config"];
    let mut question = json!({ "url": PAGE, "mode": "android", "jsApiList": ["chooseImage"] });
    for name in ["appId", "timestamp", "nonceStr", "signature"] {
        question[name] = config[name].clone();
    }
    let judged = world.tell_wechat("jssdk/verify", &question.to_string()).await;
    assert_eq!(judged["errMsg"], "config:ok", "{judged}");
}

#[tokio::test]
async fn co_wechat_api_works_by_another_base_url() {
    works("node", "co_wechat_api.js").await;
}

#[tokio::test]
async fn wechatpy_works_by_another_base_url() {
    works(".venv/bin/python", "wechatpy_client.py").await;
}
