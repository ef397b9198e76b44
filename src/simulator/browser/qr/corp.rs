//! A link to 企业微信's page with a QR code, `/wwlogin/sso/login`: its parameters may come in any order.

use serde_json::{Map, Value, json};

use super::codes::Errand;
use super::desk::Lang;
use crate::simulator::browser::link::{MAX_STATE, loose};
use crate::simulator::browser::page_error::{self, PageError};
use crate::simulator::browser::way_back::{self, WayBack};
use crate::simulator::settings::Scope;
use crate::simulator::world::World;

/// What the link asks for. A state may be missing here.
pub(super) fn read(world: &World, raw: &str, noted: &mut Map<String, Value>) -> Result<(Errand, Lang), PageError> {
    let pairs = loose(raw);
    let bytes = |name: &str| -> Vec<u8> {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map_or_else(Vec::new, |(_, value)| percent_encoding::percent_decode_str(value).collect())
    };
    let text = |name: &str| String::from_utf8_lossy(&bytes(name)).into_owned();
    let (corp_id, agent_id) = (text("appid"), text("agentid"));
    let way_back = WayBack { redirect_uri: text("redirect_uri"), state: bytes("state") };
    noted.insert("app_id".to_owned(), json!(corp_id));
    noted.insert("agent_id".to_owned(), json!(agent_id));
    noted.insert("state".to_owned(), json!(way_back.state_text()));
    noted.insert("redirect_uri".to_owned(), json!(way_back.redirect_uri));
    if text("login_type") != "CorpApp" {
        return Err(page_error::LOGIN_TYPE);
    }
    if world.applications(&corp_id).next().is_none() {
        return Err(page_error::UNKNOWN_CORP);
    }
    let account = world.application(&corp_id, &agent_id).ok_or(page_error::UNKNOWN_AGENT)?.clone();
    if account.banned {
        return Err(page_error::BANNED);
    }
    if way_back.redirect_uri.is_empty() {
        return Err(page_error::NO_REDIRECT_URI);
    }
    if !way_back::permitted(&way_back.redirect_uri, &account) {
        return Err(page_error::SSO_HOST);
    }
    if way_back.state.len() > MAX_STATE {
        return Err(page_error::STATE_TOO_LONG);
    }
    let lang = if text("lang") == "en" { Lang::English } else { Lang::Chinese };
    Ok((Errand { account, scope: Scope::Base, way_back, user_agent: String::new() }, lang))
}
