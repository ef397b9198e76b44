//! Users as JSON, in and out.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Mistake;
use crate::simulator::browser::avatar;
use crate::simulator::random;
use crate::simulator::settings::{Belonging, Following, User};
use crate::simulator::world::World;

/// A user as the control side takes one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserForm {
    id: String,
    nickname: Option<String>,
    nickname_hex: Option<String>,
    avatar: Option<u16>,
    following: Option<Following>,
    userid: Option<String>,
    #[serde(default)]
    customer: bool,
}

impl UserForm {
    pub(super) fn into_user(self) -> Result<User, Mistake> {
        let id_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=64).contains(&self.id.len()) || !self.id.bytes().all(id_byte) {
            return Err("id: 1 to 64 letters, digits, '-' or '_'".to_owned());
        }
        if self.avatar.is_some_and(|hue| hue >= 360) {
            return Err("avatar: a hue from 0 to 359".to_owned());
        }
        let nickname = match (self.nickname, self.nickname_hex) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(hex)) => super::unhex(&hex).ok_or("nickname_hex: an even number of hex digits")?,
            _ => return Err("give either nickname or nickname_hex".to_owned()),
        };
        let belonging = belonging(self.userid, self.customer)?;
        let following = self.following.unwrap_or(Following::Yes);
        Ok(User { id: self.id, nickname, avatar: self.avatar, following, belonging })
    }
}

/// A member by userid, a customer, or an outsider.
fn belonging(userid: Option<String>, customer: bool) -> Result<Belonging, Mistake> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@');
    match userid {
        None if customer => Ok(Belonging::Customer),
        None => Ok(Belonging::Outsider),
        Some(_) if customer => Err("give either userid or customer: who works there is no customer".to_owned()),
        Some(userid) if (1..=64).contains(&userid.len()) && userid.bytes().all(plain) => {
            Ok(Belonging::Member { userid })
        }
        Some(_) => Err("userid: 1 to 64 letters, digits, '-', '_', '.' or '@'".to_owned()),
    }
}

/// All users, with what the accounts know them by.
pub(super) fn users(world: &World, base_url: &str) -> Value {
    world.settings.users.iter().map(|user| to_json(user, world, base_url)).collect()
}

fn to_json(user: &User, world: &World, base_url: &str) -> Value {
    let accounts = &world.settings.accounts;
    let openids: Map<String, Value> = accounts
        .iter()
        .map(|account| (account.app_id.clone(), json!(random::openid(&account.app_id, &user.id))))
        .collect();
    let bound = accounts.iter().filter_map(|account| account.open_platform.as_deref());
    let unionids: Map<String, Value> =
        bound.map(|group| (group.to_owned(), json!(random::unionid(group, &user.id)))).collect();
    json!({
        "id": user.id,
        "nickname": String::from_utf8_lossy(&user.nickname),
        "nickname_hex": data_encoding::HEXLOWER.encode(&user.nickname),
        "avatar": user.avatar,
        "headimgurl": avatar::url(base_url, user).unwrap_or_default(),
        "following": user.following,
        "userid": user.belonging.userid(),
        "customer": user.belonging == Belonging::Customer,
        "openids": openids,
        "unionids": unionids,
    })
}
