//! What stands for api.weixin.qq.com: always HTTP 200, always `text/plain`, the outcome in the body.

mod sns;
mod wire;

use http::{Method, StatusCode};

use super::Shared;
use super::exchange::{Answer, Ask, Reply, reply};
use super::random::Random;
use super::world::World;
use wire::Object;

/// An errcode and what WeChat says beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused {
    errcode: i64,
    errmsg: &'static str,
}

const fn refused(errcode: i64, errmsg: &'static str) -> Refused {
    Refused { errcode, errmsg }
}

pub(super) fn answer(ask: &Ask, shared: &Shared) -> Answer {
    let mut world = shared.world();
    let outcome = judge(ask, &mut world, &shared.base_url);
    Ok(match outcome {
        Ok(body) => plain(body),
        Err(Refused { errcode, errmsg }) => error(errcode, errmsg, &mut world.noise),
    })
}

fn judge(ask: &Ask, world: &mut World, base_url: &str) -> Result<Vec<u8>, Refused> {
    let call = match ask.path.as_str() {
        "/sns/oauth2/access_token" => sns::access_token,
        "/sns/oauth2/refresh_token" => sns::refresh_token,
        "/sns/userinfo" => sns::userinfo,
        "/sns/auth" => sns::auth,
        _ => return Err(refused(40066, "invalid url")),
    };
    if ask.method != Method::GET {
        return Err(refused(43001, "require GET method"));
    }
    call(world, &ask.parameters(), base_url)
}

/// An error as WeChat sends it: HTTP 200, and a tail on the message that is different every time.
pub(super) fn error(errcode: i64, errmsg: &str, random: &mut Random) -> Reply {
    let errmsg = format!("{errmsg}{}", random.errmsg_suffix());
    plain(Object::new().number("errcode", errcode).text("errmsg", errmsg).finish())
}

fn plain(body: Vec<u8>) -> Reply {
    reply(StatusCode::OK, "text/plain", body)
}
