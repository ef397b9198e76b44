//! The user's side of the API: a code becomes tokens, tokens become a profile.

use serde_json::json;

use super::wire::Object;
use super::{Outcome, Refused, refused};
use crate::simulator::browser::avatar;
use crate::simulator::exchange::Parameters;
use crate::simulator::settings::{Account, AccountKind};
use crate::simulator::world::{AccessToken, Grant, RefreshToken, Who, World};

/// Life of an access token and of a refresh token, in seconds.
const ACCESS_SECONDS: u64 = 7200;
const REFRESH_SECONDS: u64 = 30 * 24 * 3600;

/// `GET /sns/oauth2/access_token`: spends a code.
pub(super) fn access_token(world: &mut World, parameters: &Parameters, _base_url: &str) -> Outcome {
    let outcome = exchange(world, parameters);
    let code = parameters.text("code");
    let app_id = parameters.text("appid");
    let (outcome, body) = match outcome {
        Ok((grant, body)) => {
            (json!({"outcome": "ok", "app_id": app_id, "code": code, "openid": grant.openid}), Ok(body))
        }
        Err(refused) => (json!({"outcome": refused.errcode, "app_id": app_id, "code": code}), Err(refused)),
    };
    world.note("exchange", outcome);
    body
}

fn exchange(world: &mut World, parameters: &Parameters) -> Result<(Grant, Vec<u8>), Refused> {
    let account = known_account(world, parameters)?;
    let secret = parameters.text("secret").ok_or(refused(41004, "appsecret missing"))?;
    if secret != account.app_secret {
        return Err(refused(40125, "invalid appsecret"));
    }
    if parameters.text("grant_type") != Some("authorization_code") {
        return Err(refused(40002, "invalid grant_type"));
    }
    let app_id = account.app_id.clone();
    let code = parameters.text("code").ok_or(refused(41008, "missing code"))?;
    let grant = spend(world, &app_id, code)?;
    let (access_token, refresh_token) = issue(world, &grant);
    let body = granted(&access_token, &refresh_token, &grant);
    let body = match grant.who {
        Who::Virtual { .. } => body.number("is_snapshotuser", 1),
        Who::User(_) => body,
    };
    let body = body.maybe("unionid", world.unionid(&grant)).finish();
    Ok((grant, body))
}

/// Marks a code as used and tells what it stood for. A refusal leaves it as it was.
fn spend(world: &mut World, app_id: &str, code: &str) -> Result<Grant, Refused> {
    let now = world.clock.now();
    let code = world.codes.find_mut(code).filter(|code| code.grant.app_id == app_id);
    let code = code.ok_or(refused(40029, "invalid code"))?;
    if code.used {
        return Err(refused(40163, "code been used"));
    }
    if now >= code.expires_at {
        return Err(refused(42003, "code expired"));
    }
    code.used = true;
    Ok(code.grant.clone())
}

fn issue(world: &mut World, grant: &Grant) -> (String, String) {
    let now = world.clock.now();
    let access_token = world.random.token();
    let refresh_token = world.random.token();
    world
        .access_tokens
        .put(access_token.clone(), AccessToken { grant: grant.clone(), expires_at: now + ACCESS_SECONDS });
    let refresh =
        RefreshToken { grant: grant.clone(), access_token: access_token.clone(), expires_at: now + REFRESH_SECONDS };
    world.refresh_tokens.put(refresh_token.clone(), refresh);
    (access_token, refresh_token)
}

/// What exchange and refresh have in common.
fn granted(access_token: &str, refresh_token: &str, grant: &Grant) -> Object {
    Object::new()
        .text("access_token", access_token)
        .seconds("expires_in", ACCESS_SECONDS)
        .text("refresh_token", refresh_token)
        .text("openid", &grant.openid)
        .text("scope", grant.scope.name())
}

/// `GET /sns/oauth2/refresh_token`: a live access token gets its full life back, a dead one a successor. No secret.
pub(super) fn refresh_token(world: &mut World, parameters: &Parameters, _base_url: &str) -> Outcome {
    let outcome = refresh(world, parameters);
    let result = outcome.as_ref().map_or_else(|refused| json!(refused.errcode), |_| json!("ok"));
    let details = json!({
        "outcome": result,
        "app_id": parameters.text("appid"),
        "refresh_token": parameters.text("refresh_token"),
    });
    world.note("refresh", details);
    outcome
}

fn refresh(world: &mut World, parameters: &Parameters) -> Outcome {
    let app_id = known_account(world, parameters)?.app_id.clone();
    if parameters.text("grant_type") != Some("refresh_token") {
        return Err(refused(40002, "invalid grant_type"));
    }
    let refresh_token = parameters.text("refresh_token").ok_or(refused(41003, "refresh_token missing"))?;
    let now = world.clock.now();
    let record = world.refresh_tokens.find_mut(refresh_token).filter(|record| record.grant.app_id == app_id);
    let record = record.ok_or(refused(40030, "invalid refresh_token"))?;
    if now >= record.expires_at {
        return Err(refused(42002, "refresh_token expired"));
    }
    let alive = world.access_tokens.find(&record.access_token).is_some_and(|token| now < token.expires_at);
    if !alive {
        record.access_token = world.random.token();
    }
    let (grant, access_token) = (record.grant.clone(), record.access_token.clone());
    let renewed = AccessToken { grant: grant.clone(), expires_at: now + ACCESS_SECONDS };
    world.access_tokens.put(access_token.clone(), renewed);
    Ok(granted(&access_token, refresh_token, &grant).finish())
}

/// `GET /sns/userinfo`: the profile, for a token that was granted it.
pub(super) fn userinfo(world: &mut World, parameters: &Parameters, base_url: &str) -> Outcome {
    let outcome = profile(world, parameters, base_url);
    note_token_call(world, "userinfo", parameters, &outcome);
    outcome
}

fn profile(world: &World, parameters: &Parameters, base_url: &str) -> Outcome {
    let grant = live_grant(world, parameters)?;
    if !grant.scope.has_profile() {
        return Err(refused(48001, "api unauthorized"));
    }
    let (nickname, picture) = match &grant.who {
        Who::Virtual { hue, .. } => ("微信用户".as_bytes(), Some(avatar::virtual_url(base_url, *hue))),
        Who::User(id) => {
            let user = world.user(id).ok_or(refused(40003, "invalid openid"))?;
            (user.nickname.as_slice(), avatar::url(base_url, user))
        }
    };
    let profile = Object::new()
        .text("openid", &grant.openid)
        .text("nickname", nickname)
        .number("sex", 0)
        .text("language", "")
        .text("city", "")
        .text("province", "")
        .text("country", "")
        .text("headimgurl", picture.unwrap_or_default())
        .texts("privilege", &[]);
    Ok(profile.maybe("unionid", world.unionid(grant)).finish())
}

/// `GET /sns/auth`: whether a token is alive.
pub(super) fn auth(world: &mut World, parameters: &Parameters, _base_url: &str) -> Outcome {
    let outcome =
        live_grant(world, parameters).map(|_| Object::new().number("errcode", 0).text("errmsg", "ok").finish());
    note_token_call(world, "auth", parameters, &outcome);
    outcome
}

fn note_token_call(world: &mut World, kind: &'static str, parameters: &Parameters, outcome: &Outcome) {
    let result = outcome.as_ref().map_or_else(|refused| json!(refused.errcode), |_| json!("ok"));
    let details = json!({
        "outcome": result,
        "openid": parameters.text("openid"),
        "access_token": parameters.text("access_token"),
        "lang": parameters.text("lang"),
    });
    world.note(kind, details);
}

fn known_account<'w>(world: &'w World, parameters: &Parameters) -> Result<&'w Account, Refused> {
    let app_id = parameters.text("appid").ok_or(refused(41002, "appid missing"))?;
    let account = world.account(app_id).filter(|account| account.kind != AccountKind::WeCom);
    account.ok_or(refused(40013, "invalid appid"))
}

/// What a token that is still alive stands for, once the openid beside it is its own.
fn live_grant<'w>(world: &'w World, parameters: &Parameters) -> Result<&'w Grant, Refused> {
    let token = parameters.text("access_token").ok_or(refused(41001, "access_token missing"))?;
    let openid = parameters.text("openid").ok_or(refused(41009, "openid missing"))?;
    let dead = refused(40001, "invalid credential, access_token is invalid or not latest");
    let token = world.access_tokens.find(token).ok_or(dead)?;
    if world.clock.now() >= token.expires_at {
        return Err(refused(42001, "access_token expired"));
    }
    if openid != token.grant.openid {
        return Err(refused(40003, "invalid openid"));
    }
    Ok(&token.grant)
}
