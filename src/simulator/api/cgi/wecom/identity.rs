//! Who a code stands for, and what a member let be known of themselves.

use serde::Deserialize;
use serde_json::json;

use super::{bearer, success};
use crate::simulator::api::cgi::Noted;
use crate::simulator::api::wire::Object;
use crate::simulator::api::{Outcome, Refused, refused};
use crate::simulator::browser::avatar;
use crate::simulator::browser::way_back::permitted;
use crate::simulator::exchange::Ask;
use crate::simulator::random;
use crate::simulator::settings::{Account, Belonging, Scope, User};
use crate::simulator::world::{Grant, Who, World};

/// The names of the members, now and before.
struct Names {
    userid: &'static str,
    openid: &'static str,
}

const NOW: Names = Names { userid: "userid", openid: "openid" };
const BEFORE: Names = Names { userid: "UserId", openid: "OpenId" };

/// `GET /cgi-bin/auth/getuserinfo`: spends a code.
pub(super) fn user(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    Ok(identify(world, ask, noted, &NOW)?.finish())
}

/// `GET /cgi-bin/user/getuserinfo`, its predecessor, which spells in capitals and names a device.
pub(super) fn user_as_before(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    Ok(identify(world, ask, noted, &BEFORE)?.text("DeviceId", "").finish())
}

fn identify(world: &mut World, ask: &Ask, noted: &mut Noted, names: &Names) -> Result<Object, Refused> {
    let parameters = ask.parameters();
    noted.insert("code".to_owned(), json!(parameters.text("code")));
    let app = bearer(world, ask, &parameters, noted)?;
    let code = parameters.text("code").ok_or(refused(41008, "missing code"))?;
    let grant = spend(world, &app, code)?;
    let Who::User(id) = &grant.who else { return Err(refused(40029, "invalid code")) };
    let user = world.user(id).ok_or(refused(40029, "invalid code"))?.clone();
    noted.insert("user".to_owned(), json!(user.id));
    Ok(match &user.belonging {
        Belonging::Member { userid } => {
            noted.insert("userid".to_owned(), json!(userid));
            // No ticket where nothing private was asked for.
            let ticket = (grant.scope == Scope::PrivateInfo).then(|| world.issue_user_ticket(&app.app_id, &user.id));
            success().text(names.userid, userid).maybe("user_ticket", ticket)
        }
        outsider => {
            noted.insert("openid".to_owned(), json!(grant.openid));
            let customer = (*outsider == Belonging::Customer).then(|| random::external_userid(&app.app_id, &user.id));
            success().text(names.openid, &grant.openid).maybe("external_userid", customer)
        }
    })
}

/// Marks a code as used and tells what it stood for. WeCom has one errcode for whatever is wrong with it.
fn spend(world: &mut World, app: &Account, code: &str) -> Result<Grant, Refused> {
    let now = world.clock.now();
    let code = world.codes.find_mut(code).filter(|code| code.grant.app_id == app.app_id);
    let code = code.filter(|code| !code.used && now < code.expires_at).ok_or(refused(40029, "invalid code"))?;
    // A code that was sent to a host which is none of this application's.
    if !permitted(&code.redirect_uri, app) {
        return Err(refused(50001, "redirect_url not registered"));
    }
    code.used = true;
    Ok(code.grant.clone())
}

/// `POST /cgi-bin/auth/getuserdetail`: what the member agreed to. No name among it.
pub(super) fn detail(world: &mut World, ask: &Ask, noted: &mut Noted) -> Outcome {
    #[derive(Deserialize)]
    struct Form {
        user_ticket: String,
    }
    let app = bearer(world, ask, &ask.parameters(), noted)?;
    let form: Form = serde_json::from_slice(&ask.body).map_err(|_| refused(47001, "data format error"))?;
    let now = world.clock.now();
    let ticket = world.user_tickets.find(&form.user_ticket).filter(|ticket| ticket.corp_id == app.app_id);
    let ticket = ticket.ok_or(refused(84015, "invalid user_ticket"))?;
    if now >= ticket.expires_at {
        return Err(refused(84014, "user_ticket expired"));
    }
    let user = world.user(&ticket.user).ok_or(refused(84015, "invalid user_ticket"))?;
    noted.insert("user".to_owned(), json!(user.id));
    Ok(details(user, world.settings.base_url.as_deref().unwrap_or_default()))
}

/// A made-up person's details.
fn details(user: &User, base_url: &str) -> Vec<u8> {
    let userid = user.belonging.userid().unwrap_or_default();
    success()
        .text("userid", userid)
        .text("gender", "0")
        .text("avatar", avatar::url(base_url, user).unwrap_or_default())
        .text("qr_code", format!("{base_url}/wwopen/userQRCode?vcode={}", user.id))
        .text("mobile", "13800000000")
        .text("email", format!("{}@example.com", user.id))
        .text("biz_mail", format!("{}@cafe.example.com", user.id))
        .text("address", "广州市海珠区新港中路")
        .finish()
}
