//! A gate without a socket, and browsers that keep or lose its cookies.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request};
use tokio::runtime::Handle;

use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::local::me::Me;
use crate::login::{Accounts, Answer, Endpoint, Error, Lasting, Login, Options, Parts, Redirect, Refused, Sections};
use crate::request::{Head, Peer, Rules};
use crate::secret::Secret;
use crate::session::{Session, Sessions};
use crate::store::{Memory, Store};
use crate::types::Scope;
use crate::wechat::scripted::{self, Reply, Scripted, account};
use crate::wechat::{self, Client, Platform, UserTokens, wecom};

pub(super) const EXCHANGE: &str = "/sns/oauth2/access_token";
pub(super) const PROFILE: &str = "/sns/userinfo";
const PHONE: &str = "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.31";

/// One gate, or one replica of several.
pub(super) struct Gate {
    pub login: Login,
    pub sessions: Arc<Sessions>,
    pub me: Me,
    pub clock: Clock,
    pub wechat: Arc<Scripted>,
    store: Arc<dyn Store>,
    memory: Arc<Memory>,
    wishes: Wishes,
}

/// What tests vary.
#[derive(Clone)]
pub(super) struct Wishes {
    pub account: config::OfficialAccount,
    pub website_app: bool,
    /// With what scope.
    pub wecom: Option<Scope>,
    pub attempts_per_minute: u32,
    pub keep_fragment: bool,
    pub handoff: bool,
    pub budget: Duration,
    /// `None`: the memory.
    pub store: Option<Arc<dyn Store>>,
    /// `None`: the test's own.
    pub runtime: Option<Handle>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            account: account(),
            website_app: false,
            wecom: None,
            attempts_per_minute: 0,
            keep_fragment: false,
            handoff: false,
            budget: Duration::from_secs(8),
            store: None,
            runtime: None,
        }
    }
}

/// A gate whose WeChat answers by `script`.
pub(super) async fn gate(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Gate {
    Gate::with(script, Wishes::default()).await
}

impl Gate {
    pub(super) async fn with(script: impl Fn(&str) -> Reply + Send + Sync + 'static, wishes: Wishes) -> Self {
        let clock = Clock::fixed(Timestamp(1_000_000));
        let memory = Arc::new(Memory::new(clock.clone()));
        let store = wishes.store.clone().unwrap_or_else(|| memory.clone());
        Self::build(Arc::new(Scripted::begin(script).await), clock, memory, store, wishes)
    }

    /// Another process with the same store and secret.
    pub(super) fn replica(&self) -> Self {
        let (store, memory) = (Arc::clone(&self.store), Arc::clone(&self.memory));
        Self::build(Arc::clone(&self.wechat), self.clock.clone(), memory, store, self.wishes.clone())
    }

    fn build(wechat: Arc<Scripted>, clock: Clock, memory: Arc<Memory>, store: Arc<dyn Store>, wishes: Wishes) -> Self {
        let (public_url, paths) = (public_url(), paths());
        let website_app = wishes.website_app.then(scripted::website_app);
        let wecom = wishes.wecom.map(|scope| config::WeCom { scope, ..scripted::corporation() });
        let app_ids =
            vec![wishes.account.app_id.clone(), scripted::website_app().app_id, scripted::corporation().corp_id];
        let sessions = Arc::new(Sessions::new(&session(), &public_url, app_ids, memory.clone(), clock.clone()));
        let endpoints = wechat.endpoints();
        let tokens = |client: Client| UserTokens::new(client, Arc::clone(&store), clock.clone());
        let wechat_accounts = wechat::Accounts {
            official_account: Some(tokens(started(Client::new(&wishes.account, &endpoints, Handle::current())))),
            website_app: website_app
                .as_ref()
                .map(|app| tokens(started(Client::of_website_app(app, &endpoints, Handle::current())))),
            wecom: wecom.as_ref().map(|wecom| {
                let client = started(wecom::Client::new(wecom, &endpoints, Handle::current()));
                let platform = Platform::new(client.clone(), Arc::clone(&store), clock.clone(), Handle::current());
                wecom::Members::new(client, platform)
            }),
        };
        let sign_in = config::SignIn {
            handoff: wishes.handoff,
            keep_fragment: wishes.keep_fragment,
            attempts_per_minute: wishes.attempts_per_minute,
            verify_files: Vec::new(),
            language: config::Language::Auto,
        };
        let sections = Sections {
            public_url: &public_url,
            paths: &paths,
            accounts: Accounts {
                official_account: Some(&wishes.account),
                website_app: website_app.as_ref(),
                wecom: wecom.as_ref(),
            },
            sign_in: &sign_in,
            endpoints: &endpoints,
        };
        let parts = Parts {
            sessions: Arc::clone(&sessions),
            store: Arc::clone(&store),
            wechat: wechat_accounts.clone(),
            clock: clock.clone(),
            runtime: wishes.runtime.clone().unwrap_or_else(Handle::current),
            lasting: Lasting::new(&clock),
        };
        let options = Options { budget: wishes.budget, ..Options::default() };
        let me = Me::new(Arc::clone(&sessions), wechat_accounts);
        let login = Login::new(sections, parts, options);
        Self { login, sessions, me, clock, wechat, store, memory, wishes }
    }

    pub(super) fn session_of(&self, head: &Head) -> Option<Session> {
        self.sessions.resume(head).map(|resumed| resumed.session)
    }
}

fn started<T>(client: Result<T, wechat::NotStarted>) -> T {
    client.expect("TLS can be set up")
}

fn public_url() -> config::PublicUrl {
    config::PublicUrl { origin: "https://m.example.com".into(), https: true, host: "m.example.com".into(), port: None }
}

fn paths() -> config::Paths {
    config::Paths {
        prefix: "/_wechat".into(),
        login: "/_wechat/login".into(),
        callback: "/_wechat/callback".into(),
        logout: "/_wechat/logout".into(),
        me: "/_wechat/me".into(),
    }
}

fn session() -> config::Session {
    config::Session {
        secrets: vec![Secret::new(vec![7; 32])],
        is_drawn: false,
        ttl: Duration::from_hours(7 * 24),
        idle: Some(Duration::from_hours(24)),
        cookie_name: "wxgate".into(),
        cookie_domain: None,
        same_site: config::SameSite::Lax,
    }
}

fn rules() -> Rules {
    let server = config::Server {
        listen: Vec::new(),
        trusted_proxies: Vec::new(),
        proxy_protocol: false,
        workers: 1,
        max_connections: 1,
        max_header_bytes: 32 << 10,
        header_timeout: Duration::from_secs(1),
        keepalive_timeout: Duration::from_secs(1),
        shutdown_grace: Duration::from_secs(1),
        tls: None,
    };
    let identity = config::Identity { headers: true, encoding: config::Encoding::Percent, jwt: None };
    Rules::new(&server, &identity, &public_url())
}

/// A browser with its cookies.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    pub cookies: BTreeMap<String, String>,
    pub agent: &'static str,
    pub address: SocketAddr,
}

impl Browser {
    /// A phone's WeChat.
    pub(super) fn new() -> Self {
        Self { cookies: BTreeMap::new(), agent: PHONE, address: "203.0.113.7:40000".parse().expect("an address") }
    }

    pub(super) fn head(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Head {
        let mut request = Request::builder().method(method).uri(target).header("host", "m.example.com");
        request = request.header("user-agent", self.agent).header("accept", "text/html");
        if !self.cookies.is_empty() {
            let line: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", line.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let rules = rules();
        let request = request.body(()).expect("a request");
        rules.clean(request, &Peer::new(self.address, &rules)).expect("a clean request").into_parts().0
    }

    /// Takes `Set-Cookie` lines as RFC 6265 has it.
    pub(super) fn take(&mut self, lines: &[HeaderValue]) {
        for line in lines {
            let line = line.to_str().expect("ASCII");
            let (pair, attributes) = line.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(super) fn lose_session(&mut self) {
        self.cookies.remove("__Host-wxgate");
    }

    pub(super) fn flows(&self) -> usize {
        self.cookies.keys().filter(|name| name.starts_with("__Host-wxgate-flow-")).count()
    }

    /// Asks for a protected page.
    pub(super) async fn open(&mut self, gate: &Gate, target: &str, scope: Scope) -> Result<Redirect, Error> {
        let answer = gate.login.begin(&self.head("GET", target, &[]), scope).await;
        self.keep(answer)
    }

    /// Asks for an endpoint of the gate's.
    pub(super) async fn get(&mut self, gate: &Gate, target: &str) -> Result<Redirect, Error> {
        let head = self.head("GET", target, &[]);
        let endpoint = gate.login.endpoint(head.path()).expect("an endpoint");
        let visitor = gate.session_of(&head);
        let answer = gate.login.answer(endpoint, &head, b"", visitor.as_ref()).await;
        self.keep(answer)
    }

    pub(super) async fn callback(&mut self, gate: &Gate, code: &str, state: &str) -> Result<Redirect, Error> {
        self.get(gate, &format!("/_wechat/callback?code={code}&state={state}")).await
    }

    /// Signs out from a page of the site.
    pub(super) async fn sign_out(&mut self, gate: &Gate) -> Result<Redirect, Error> {
        let head = self.head("POST", "/_wechat/logout", &[("origin", "https://m.example.com")]);
        let visitor = gate.session_of(&head);
        let answer = gate.login.answer(Endpoint::Logout, &head, b"", visitor.as_ref()).await;
        self.keep(answer)
    }

    /// Asks for a page and comes back from WeChat with `code`.
    pub(super) async fn sign_in(&mut self, gate: &Gate, scope: Scope, code: &str) -> Result<Redirect, Error> {
        let away = self.open(gate, "/page?a=1", scope).await?;
        self.callback(gate, code, &state_of(&away)).await
    }

    pub(super) fn session(&self, gate: &Gate) -> Option<Session> {
        gate.session_of(&self.head("GET", "/", &[]))
    }

    fn keep(&mut self, answer: Result<Answer, Refused>) -> Result<Redirect, Error> {
        match answer {
            Ok(Answer::Redirect(redirect)) => {
                self.take(&redirect.cookies);
                Ok(redirect)
            }
            Ok(page) => panic!("a page: {page:?}"),
            Err(refused) => {
                self.take(&refused.cookies);
                Err(refused.error)
            }
        }
    }
}

/// The state in a redirect to WeChat.
#[track_caller]
pub(super) fn state_of(away: &Redirect) -> String {
    assert_eq!(away.status, 302, "{}", away.location);
    let (_, rest) = away.location.split_once("&state=").expect("a state");
    rest.strip_suffix("#wechat_redirect").expect("WeChat's fragment").to_owned()
}
