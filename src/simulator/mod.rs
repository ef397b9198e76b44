//! A pretend WeChat on a socket, for `wxgate simulate`, `wxgate demo` and the tests.
//!
//! It shares no code with the gate and imports nothing of it, so that two readings of WeChat's documentation check each
//! other; it is reached by URL only. One address stands for open.weixin.qq.com, api.weixin.qq.com, qyapi.weixin.qq.com
//! and login.work.weixin.qq.com alike. It keeps rules 1–22, 24 and 25 of the fidelity checklist (`WECHAT.md` §12),
//! whose numbers the tests carry in their names; but not what WeChat pushes to sites (22), nor which members an
//! application of WeCom is visible to.
//!
//! # The browser's side
//!
//! `GET /connect/oauth2/authorize` behaves as open.weixin.qq.com does inside WeChat. Who the visitor is comes, in this
//! order, from the header `X-Sim-User` (with `X-Sim-Answer`, see `auto`), from `/__sim/auto`, from the cookie of a
//! browser that was told to remember, or from the page where one picks a user.
//!
//! `GET /connect/qrconnect` is for website apps, in every browser: a page with a QR code that says
//! `/connect/confirm?uuid=…`, where a phone picks its user and says yes or no. The page waits at
//! `/connect/l/qrconnect?uuid=…&last=…`, which answers `{"wx_errcode", "wx_code", "redirect_url"}` as soon as the
//! number is not `last` (408 waiting, 404 scanned, 403 refused, 402 expired, 405 confirmed), and goes to `redirect_url`
//! by itself. A visitor who acts by itself (`X-Sim-User`, `/__sim/auto`) is sent back at once, with no page.
//!
//! In 企业微信, a link whose `appid` is a corporation's opens in user agents with `wxwork` or `MicroMessenger` (those with
//! `wxwork` open no account's), `agentid` after `state`. `GET /wwlogin/sso/login` is the corporations' page with a QR
//! code; its parameters may come in any order. Members are told by userid, customers and strangers by openid.
//!
//! # The API's side
//!
//! `GET /sns/oauth2/access_token`, `/sns/oauth2/refresh_token`, `/sns/userinfo`, `/sns/auth`, as api.weixin.qq.com. And
//! for the account itself:
//!
//! | request | answers |
//! | --- | --- |
//! | `GET /cgi-bin/token` | another token at every call; the one before it lives five minutes more, then 40001. 2000 a day, then 45009 |
//! | `POST /cgi-bin/stable_token` | the same token, its time running down, until less than five minutes are left; then another, and both work. `force_refresh` kills the old one at once: half a minute apart (sooner, nothing is refreshed), 20 a day. Knows nothing of the classic ones |
//! | `GET /cgi-bin/ticket/getticket` | the `jsapi` or `wx_card` ticket, which stays like a stable token does. A token replaced or killed: 40001, at its end: 42001, none at all: 40014 |
//! | `GET /cgi-bin/getcallbackip`, `/cgi-bin/get_api_domain_ip` | lists of addresses |
//! | `POST /cgi-bin/clear_quota`, `/cgi-bin/clear_quota/v2` | the day's counts start again; ten times a month |
//!
//! As qyapi.weixin.qq.com, for a corporation:
//!
//! | request | answers |
//! | --- | --- |
//! | `GET /cgi-bin/gettoken` | the token of the application whose secret it is, the same to its end. 10000 a minute, then 45009 |
//! | `GET /cgi-bin/auth/getuserinfo` | spends a code: `userid` (and `user_ticket` after `snsapi_privateinfo`), or `openid` (and a customer's `external_userid`). 40029 for whatever is wrong with the code, 50001 when it was sent to a host that is none of the application's. `/cgi-bin/user/getuserinfo` is the predecessor, in its spelling |
//! | `POST /cgi-bin/auth/getuserdetail` | what the member agreed to, for half an hour (84014; 84015 for no ticket of this corporation) |
//! | `GET /cgi-bin/get_jsapi_ticket` | the corporation's ticket, for `wx.config`. An hour has 400 calls by corporation and 100 by application |
//! | `GET /cgi-bin/ticket/get?type=agent_config` | the application's ticket, for `wx.agentConfig`; counted alike |
//!
//! # The app's side
//!
//! `GET /__sim/bridge.js` is a script that stands in for what WeChat's app puts into pages, so that the real JS-SDK
//! works in any browser. Inject it ahead of the page's own scripts (`addInitScript`, or a first `<script>`), and let
//! the user agent say `MicroMessenger` and `iPhone` or `Android`: an iPhone looks at the URL its document was loaded
//! from, all else at the URL of now. The page's content security policy must let it connect to the simulator. Every API
//! that was granted answers `ok`, without data. In the page, `__simBridge.calls` tells what was called and answered,
//! and `__simBridge.tap("menu:share:timeline")` taps an entry of the menu.
//!
//! `POST /__sim/jssdk/verify {"appId", "timestamp", "nonceStr", "signature", "url", "entry_url", "mode":
//! "ios"|"android", "jsApiList"}` is the judge behind it: `{"errMsg": "config:ok"}`, `config:invalid signature` with a
//! `hint` of what was signed instead, `config:invalid url domain` when the host is none of the account's `js_hosts`.
//! With `agentid` (and a corporation's id as `appId`) it judges a `wx.agentConfig`: `agentConfig:ok`, or a refusal with
//! WeCom's `errCode` (42012 for another or a dead ticket, 40093 for what was signed otherwise).
//!
//! # The control side
//!
//! JSON in, JSON out. A mistake in what is sent is answered with 400 and `{"error": "…"}`, and nothing is changed.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /__sim/events[?kind=K][&after=SEQ]` | the log, an array in order: `{"seq", "at", "kind", …}`. Kinds below |
//! | `DELETE /__sim/events` | forgets the log |
//! | `POST /__sim/clock {"advance": 301}` | moves the simulated time forward by seconds; `GET` tells it |
//! | `POST /__sim/auto {"user": "lin", "answer": "allow"}` | visitors act by themselves: authorize answers with 302s only. `answer`: `allow` (default), `refuse-no-code`, `refuse-authdeny`, `refuse-stay`. `{"user": null}` ends it |
//! | `POST /__sim/faults [{…}]` | replaces the list of faults: see below. `GET` tells what is left of it |
//! | `POST /__sim/duplicates {"mode": "prefetch", "times": 1, "via": "127.0.0.1:4180"}` | callbacks come more than once: see below |
//! | `GET /__sim/qr` | the QR codes that were shown, oldest first: `uuid`, `app_id`, `state` (`waiting`, `scanned`, `refused`, `expired`, `confirmed`), `user`, `expires_in`, `scan_url`, `redirect_url` |
//! | `POST /__sim/qr {"do": "confirm", "user": "lin", "uuid": "…"}` | what a phone does: `scan`, `confirm`, `refuse` (with `refusal`, or as the rule `qr_refusal` has it). Without `uuid`: the newest code. Without `user`: who has scanned it |
//! | `POST /__sim/snapshot {"mode": "first"}` | `off`, `first` (once per user and account), `always` |
//! | `POST /__sim/users {"id": "zhao", "nickname": "赵", "avatar": 120, "following": "yes"}` | adds or replaces a user, or a list of them. Instead of `nickname`: `nickname_hex` for bytes that are not text. `avatar`: a hue, or absent. `following`: `no`, `yes` (default), `from_menu`. `userid` makes a member of the corporations, `"customer": true` a customer. `GET` lists them with their openids |
//! | `POST /__sim/accounts {…}` | adds or replaces an account, or a list of them; the fields are those of [`Account`]. Corporations have an account for each application, told apart by `agent_id`. `GET` lists them |
//! | `POST /__sim/rules {"lenient": true}` | changes `require_wechat`, `lenient`, `strict_state`, `remember`, `refusal` (`no-code`, `authdeny`, `stay`), `qr_refusal` (the same, on a phone that scanned; at the start `stay`), `sign_ins_per_minute` (0: unlimited); what is absent stays. `GET` tells them |
//! | `POST /__sim/kill {"what": ["stable"], "app_id": "wx…"}` | ends tokens and tickets now, as another program with the same secret can: `classic`, `stable`, `jsapi`, `wx_card`, `corp_token`, `corp_jsapi`, `agent_config`; absent: all, of all accounts |
//! | `POST /__sim/quotas {"token": 2}` | changes `token`, `stable_token`, `getticket`, `force_refresh` (a day), `stable_token_per_minute`, `clear_quota_per_month`, `gettoken_per_minute`, `tickets_per_corp`, `tickets_per_app` (an hour, of each of WeCom's two kinds); 0: not one call; what is absent stays. `GET` tells limits and use. Days begin at midnight in Beijing |
//! | `POST /__sim/whitelist {"ips": ["203.0.113.0/28"], "otherwise": "refuse", "seen_as": "198.51.100.7"}` | who may fetch tokens. Everybody else gets 40164, or, with `"otherwise": "confirm"`, 89503 and waits for the administrator. `seen_as`: the address every caller has, absent: its own. `{"ips": null}` lets everybody. `GET` tells it |
//! | `POST /__sim/trusted_ips {"ips": ["203.0.113.0/28"], "gettoken": true}` | 企业可信IP: who may call WeCom's API; everybody else gets 60020, with `"gettoken": false` only beyond `gettoken`. `seen_as` above counts here too. `GET` tells it |
//! | `POST /__sim/administrator {"answer": "approve"}` | answers for all addresses that wait: `approve`, or `refuse` (89507 for an hour; the next time 89506 for a day) |
//! | `POST /__sim/reset` | the world as it was at the start: no codes, tokens, consents, faults, events; the clock too |
//!
//! **Faults.** Each has `api` (`authorize`, `qrconnect`, `sso_login`, `access_token`, `refresh_token`, `userinfo`,
//! `auth`, `token`, `stable_token`, `getticket`, `getcallbackip`, `get_api_domain_ip`, `clear_quota`, `gettoken`,
//! `getuserinfo`, `getuserdetail`, `get_jsapi_ticket`, `agent_ticket`) or `path`; `times` (absent: always); and what
//! happens: `errcode` (with `errmsg`), `http_status`, `body` (or `body_hex`), `truncated` (bytes of the real answer's
//! body that get through before the connection is cut), `delay_ms`, `reset_before`, `reset_after`. A reset before
//! leaves everything as it was; a reset after consumes the code first. With `"after": true` an `errcode`, `http_status`
//! or `body` replaces the real answer, and a delay holds it back, after everything it does has been done. The first
//! fault in the list that fits a request is applied to it.
//!
//! **Duplicates.** `same-code`: the callback is also requested by the simulator, with no cookie, at the moment the
//! browser is sent there, from 127.0.0.2 where there is one. `prefetch`: the same, to its end, before the browser is
//! sent. `two-codes`: a prefetch with another code and the same state. `off`. `times`: so many sign-ins, absent: all.
//! `via`: where to connect to, whatever the callback's host is; without it the callback's own host. Only plain HTTP.
//!
//! **Events.** `authorize` (`outcome`: `page` with `error`, `hop`, `pick`, `consent`, `declined`, `code`), `qrconnect`
//! and `sso_login` (`outcome`: `page`, `qr` with `uuid`, `declined`, `code`), `qr` (`outcome`: `scanned`, `confirmed`,
//! `refused`, `gone`), `code`, `exchange` (`outcome`: `ok` or the errcode), `refresh`, `userinfo`, `auth`, `fault`,
//! `duplicate`; `token`, `stable_token` and `getticket` (with `fresh`: made for this call), `getcallbackip`,
//! `get_api_domain_ip`, `clear_quota`, `kill`; `gettoken`, `getuserinfo` (with `code`, `user`, and `userid` or
//! `openid`), `getuserdetail`, `get_jsapi_ticket`, `agent_ticket`; and `jssdk` (`outcome`: `ok`, `invalid signature`,
//! …; `looked_at`: the URL that counted). Codes and tokens are in full: they open nothing.
//!
//! `GET /` is a page for people.
//!
//! # Rooms
//!
//! `browser/` is open.weixin.qq.com, its `qr/` what desktops show and phones scan, `api/` is api.weixin.qq.com,
//! `jssdk/` is the app, `control/` is the rest of `/__sim/`, and `platform/` is what the account's side of the API
//! keeps. Each answers an `Ask` with an `Answer` by changing the one `World`; `server` decides between them, and
//! applies faults in front of all but `/__sim/`.

mod api;
mod authority;
mod browser;
mod cast;
mod clock;
mod control;
mod exchange;
mod jssdk;
mod log;
mod platform;
mod random;
mod server;
mod settings;
mod world;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use settings::{
    AGENT_ID, APP_ID, APP_SECRET, Account, AccountKind, Belonging, CORP_ID, CORP_SECRET, Following, Refusal, Scope,
    Settings, Snapshot, User, WEBSITE_APP_ID, WEBSITE_APP_SECRET,
};
use world::World;

/// A pretend WeChat, bound to its address and ready to run.
#[derive(Debug)]
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let base_url = settings.base_url.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
        let settings = Settings { base_url: Some(base_url.clone()), ..settings };
        let world = Mutex::new(World::new(settings.clone()));
        let shared = Shared { base_url, world, settings, qr_changes: watch::Sender::default() };
        Ok(Self { listener, address, shared: Arc::new(shared) })
    }

    /// The address it listens on, with the port it was given.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://host:port`: what stands for open.weixin.qq.com and api.weixin.qq.com alike.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.base_url.clone()
    }

    /// Serves until `shutdown` is done; then open connections are closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        server::run(self.listener, self.shared, shutdown).await;
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    base_url: String,
    /// The world as it was at the start, for `/__sim/reset`.
    settings: Settings,
    world: Mutex<World>,
    /// Counts what may have happened to a QR code, for the pages that wait for it.
    qr_changes: watch::Sender<u64>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere must not make every later request panic too.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every page that shows a QR code look again.
    fn stir(&self) {
        self.qr_changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

/// Where a browser on this machine finds a listener that may be bound to every address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
