//! What stands for api.weixin.qq.com and qyapi.weixin.qq.com: always HTTP 200, the outcome in the body.

mod cgi;
mod sns;
mod wire;

use std::borrow::Cow;

use http::{Method, StatusCode};

use super::Shared;
use super::exchange::{Answer, Ask, Reply, reply};
use super::world::World;
use wire::Object;

/// Where an account's own endpoints are, as opposed to the visitors'.
const CGI_BIN: &str = "/cgi-bin/";

type Outcome = Result<Vec<u8>, Refused>;

/// An errcode and what WeChat says beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused {
    errcode: i64,
    errmsg: Cow<'static, str>,
}

const fn refused(errcode: i64, errmsg: &'static str) -> Refused {
    Refused { errcode, errmsg: Cow::Borrowed(errmsg) }
}

pub(super) fn answer(ask: &Ask, shared: &Shared) -> Answer {
    let mut world = shared.world();
    let outcome =
        if ask.path.starts_with(CGI_BIN) { cgi::answer(&mut world, ask) } else { visitors(&mut world, ask, shared) };
    Ok(match outcome {
        Ok(body) => plain(&ask.path, body),
        Err(Refused { errcode, errmsg }) => error(ask, errcode, &errmsg, &mut world),
    })
}

fn visitors(world: &mut World, ask: &Ask, shared: &Shared) -> Outcome {
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
    call(world, &ask.parameters(), &shared.base_url)
}

/// An error as WeChat sends it: HTTP 200, and a tail on the message that is different every time.
pub(super) fn error(ask: &Ask, errcode: i64, errmsg: &str, world: &mut World) -> Reply {
    let tail = match errcode {
        _ if cgi::wecom::is_asked(&ask.path) => cgi::wecom::tail(world, errcode, ask.peer),
        // The one message without a comma here, as many reports have it.
        40164 => format!(" {}", world.noise.rid()),
        _ => world.noise.errmsg_suffix(),
    };
    plain(&ask.path, Object::new().number("errcode", errcode).text("errmsg", format!("{errmsg}{tail}")).finish())
}

/// The visitors' side calls its JSON text; the other side has a charset that does not exist; WeCom is correct.
fn plain(path: &str, body: Vec<u8>) -> Reply {
    let content_type = if cgi::wecom::is_asked(path) {
        "application/json; charset=UTF-8"
    } else if path.starts_with(CGI_BIN) {
        "application/json; encoding=utf-8"
    } else {
        "text/plain"
    };
    reply(StatusCode::OK, content_type, body)
}
