//! `GET /`: what this is, who lives here, what happened lately, and how to make things go wrong.

use std::fmt::Write as _;

use crate::simulator::Shared;
use crate::simulator::browser::pages;
use crate::simulator::exchange::{Reply, html};
use crate::simulator::random;
use crate::simulator::settings::{AccountKind, User};
use crate::simulator::world::World;

/// As many events as the page shows, newest first.
const SHOWN: usize = 30;

pub(super) fn page(shared: &Shared) -> Reply {
    let world = shared.world();
    let base = pages::escape(&shared.base_url);
    let body = format!(
        r#"<div class="wide"><h1>微信模拟器 <small>A pretend WeChat</small></h1>
<p class="en">It stands for open.weixin.qq.com and api.weixin.qq.com, and for login.work.weixin.qq.com and qyapi.weixin.qq.com. Nothing here is real, and nothing leaves this machine.</p>
<h2>账号 <small>Accounts</small></h2>
<table><tr><th>Account</th><th>Id</th><th>Secret</th><th>redirect_hosts; js_hosts</th></tr>{accounts}</table>
<h2>用户 <small>Users</small></h2>
<table><tr><th>User</th><th>id</th><th>openid at the first account</th><th></th></tr>{users}</table>
<h2>最近事件 <small>Latest events, newest first</small></h2>
<table><tr><th>#</th><th>Kind</th><th>Details</th></tr>{events}</table>
<h2>故障注入 <small>Make things go wrong</small></h2>
<pre># the next exchange of a code: WeChat is busy
curl {base}/__sim/faults -d '[{{"api": "access_token", "times": 1, "errcode": -1}}]'
# the code is consumed, then the connection drops
curl {base}/__sim/faults -d '[{{"api": "access_token", "times": 1, "reset_after": true}}]'
# profiles are slow, and cut off in the middle
curl {base}/__sim/faults -d '[{{"api": "userinfo", "delay_ms": 3000, "truncated": 40}}]'
# nothing goes wrong any more
curl {base}/__sim/faults -d '[]'
# every callback is fetched by a machine without cookies first
curl {base}/__sim/duplicates -d '{{"mode": "prefetch"}}'
# visitors act by themselves: signed in as lin, or declining
curl {base}/__sim/auto -d '{{"user": "lin", "answer": "allow"}}'
curl {base}/__sim/auto -d '{{"user": "lin", "answer": "refuse-authdeny"}}'
curl {base}/__sim/auto -d '{{"user": null}}'
# a desktop shows a QR code: what a phone does with it
curl {base}/__sim/qr -d '{{"do": "confirm", "user": "lin"}}'
curl {base}/__sim/qr -d '{{"do": "refuse", "user": "lin", "refusal": "no-code"}}'
# profiles are those of snapshot pages
curl {base}/__sim/snapshot -d '{{"mode": "always"}}'
# somebody else with the same secret: the account's tokens and tickets die now
curl {base}/__sim/kill -d '{{"what": ["stable", "jsapi"]}}'
# no address but these may fetch tokens (40164); or the administrator is asked (89503), and answers
curl {base}/__sim/whitelist -d '{{"ips": ["203.0.113.0/28"]}}'
curl {base}/__sim/whitelist -d '{{"ips": [], "otherwise": "confirm"}}'
curl {base}/__sim/administrator -d '{{"answer": "approve"}}'
# the same in WeCom (60020); without gettoken, only what is asked with a token is refused
curl {base}/__sim/trusted_ips -d '{{"ips": ["203.0.113.0/28"], "gettoken": false}}'
# the day's calls are used up (45009); and what has been used
curl {base}/__sim/quotas -d '{{"stable_token": 0, "getticket": 0}}'
curl {base}/__sim/quotas
# codes and tokens grow old
curl {base}/__sim/clock -d '{{"advance": 7200}}'
# a host of your own for the account: read it, add to redirect_hosts and js_hosts, post it back
curl {base}/__sim/accounts
# JS-SDK pages outside WeChat: this script ahead of the page's own, with an iPhone's or Android's user agent
curl {base}/__sim/bridge.js
# everything that happened; and everything as it was at the start
curl {base}/__sim/events
curl -X POST {base}/__sim/reset</pre></div>"#,
        accounts = accounts(&world),
        users = world.settings.users.iter().map(|user| person(user, &world)).collect::<String>(),
        events = events(&world),
    );
    html(pages::plain("微信模拟器", &body))
}

fn accounts(world: &World) -> String {
    let mut rows = String::new();
    for account in &world.settings.accounts {
        let kind = match account.kind {
            AccountKind::OfficialAccount => "服务号 official account",
            AccountKind::TestAccount => "测试号 test account",
            AccountKind::WebsiteApp => "网站应用 website app",
            AccountKind::WeCom => "企业微信 WeCom application",
        };
        let agent =
            account.agent_id.as_deref().map_or_else(String::new, |id| format!("<br>agent_id {}", pages::escape(id)));
        let hosts =
            |hosts: &[String]| if hosts.is_empty() { "—".to_owned() } else { pages::escape(&hosts.join(", ")) };
        let _ = write!(
            rows,
            "<tr><td>{}<br><small>{kind}</small></td><td><code>{}{agent}</code></td><td><code>{}</code></td><td>{}; {}</td></tr>",
            pages::escape(&account.name),
            pages::escape(&account.app_id),
            pages::escape(&account.app_secret),
            hosts(&account.redirect_hosts),
            hosts(&account.js_hosts),
        );
    }
    rows
}

fn person(user: &User, world: &World) -> String {
    let openid = world.settings.accounts.first().map(|account| random::openid(&account.app_id, &user.id));
    format!(
        r#"<tr><td><span class="person"><span class="face">{}</span><span class="who"><b>{}</b></span></span></td><td><code>{}</code></td><td><code>{}</code></td><td><small>{}</small></td></tr>"#,
        pages::face(user),
        pages::nickname(user),
        pages::escape(&user.id),
        openid.unwrap_or_default(),
        pages::escape(&pages::describe(user)),
    )
}

fn events(world: &World) -> String {
    let mut rows = String::new();
    for event in world.log.events().rev().take(SHOWN) {
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            event.seq,
            event.kind,
            pages::escape(&event.details().to_string()),
        );
    }
    rows
}
