//! What is made of a configuration, all of it anew, but for connections to an upstream or an account that is the same.

use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use super::lasting::{Lasting, Notes};
use super::wechat::{self, Wechat};
use crate::admin;
use crate::config::{self, Config};
use crate::edge::pages::Pages;
use crate::edge::{Edge, Https};
use crate::identity::{Identity, KeyError};
use crate::local::Local;
use crate::local::jsconfig::{self, JsConfig};
use crate::local::me::Me;
use crate::login::{self, Login};
use crate::patience::Limits;
use crate::policy::Policy;
use crate::request::Rules;
use crate::session::{Recent, Sessions};
use crate::types::Scope;
use crate::upstream::Upstream;

#[derive(Debug)]
pub(super) struct Built {
    pub config: Config,
    pub wechat: Wechat,
    pub sessions: Arc<Sessions>,
    pub login: Arc<Login>,
    /// One for each worker.
    pub edges: Vec<Arc<Edge>>,
}

impl Built {
    /// `before` is what this is to take the place of.
    ///
    /// # Errors
    /// [`StartError`] for a key that does not sign, or a system without resources. Nothing has changed then.
    pub(super) fn new(config: Config, lasting: &Lasting, before: Option<&Self>) -> Result<Self, StartError> {
        let clock = lasting.clock();
        let wechat = Wechat::new(&config, lasting, before.map(|before| (&before.config, &before.wechat)))?;
        let sessions = Arc::new(Sessions::new(
            &config.session,
            &config.public_url,
            wechat::app_ids(&config),
            lasting.revocations.clone(),
            clock.clone(),
        ));
        let login = Arc::new(login(&config, lasting, &wechat, &sessions));
        let pages = Arc::new(Pages::new(&config.public_url, &config.paths, &config.pages, config.sign_in.language));
        let jsconfig = Arc::new(JsConfig::new(
            jsconfig::Sections { jssdk: &config.jssdk, paths: &config.paths, sign_in: &config.sign_in },
            jsconfig::Signers { official_account: wechat.official_account.clone(), wecom: wechat.wecom.clone() },
            lasting.signatures.clone(),
            clock.clone(),
        ));
        let scope = config.official_account.as_ref().map_or(Scope::Base, |account| account.scope);
        let policy = Policy::new(&config.routes, scope)?;
        let edge = |Notes { traffic, log }: &Notes, before: Option<&Arc<Edge>>| {
            let identity = Identity::new(&config.identity, &config.public_url, sessions.jar().clone(), clock.clone())?;
            let before = before.map(|edge| &edge.upstream);
            Ok(Arc::new(Edge {
                rules: Rules::new(&config.server, &config.identity, &config.public_url),
                https: Https::new(&config.server, &config.public_url),
                policy: policy.clone(),
                sessions: sessions.clone(),
                recent: Recent::default(),
                login: login.clone(),
                local: Local::new(&config.sign_in, &config.paths, &config.pages, identity.jwks()),
                jsconfig: jsconfig.clone(),
                me: Me::new(sessions.clone(), wechat.accounts.clone()),
                me_path: config.paths.me.clone(),
                identity,
                upstream: Upstream::new(&config.upstream, &config.routes, traffic, before),
                traffic: traffic.clone(),
                pages: pages.clone(),
                log: config.log.access.then(|| log.clone()),
            }))
        };
        let edges: Result<_, KeyError> = lasting
            .workers
            .iter()
            .enumerate()
            .map(|(index, notes)| edge(notes, before.and_then(|before| before.edges.get(index))))
            .collect();
        Ok(Self { edges: edges?, wechat, sessions, login, config })
    }

    /// How long anybody is kept waiting.
    pub(super) fn limits(&self) -> Limits {
        let Config { upstream, routes, server, .. } = &self.config;
        let upstreams = || std::iter::once(upstream).chain(routes.iter().filter_map(|route| route.upstream.as_ref()));
        let longest = |limit: fn(&config::Upstream) -> Duration| upstreams().map(limit).max().unwrap_or_default();
        Limits {
            header: server.header_timeout,
            keepalive: server.keepalive_timeout,
            response: longest(|upstream| upstream.response_timeout),
            body: longest(|upstream| upstream.idle_timeout),
        }
    }

    /// What the operator's listener tells of.
    pub(super) fn admin_parts(&self, lasting: &Lasting) -> admin::Parts {
        admin::Parts {
            official_account: self.wechat.official_account.clone(),
            wecom: self.wechat.wecom.clone(),
            calls: lasting.caller.calls.clone(),
            sessions: self.sessions.clone(),
            login: self.login.clone(),
            traffic: lasting.workers.iter().map(|notes| notes.traffic.clone()).collect(),
            slots: lasting.slots.clone(),
            store: lasting.memory.clone(),
            clock: lasting.clock().clone(),
            draining: lasting.draining.subscribe(),
        }
    }
}

fn login(config: &Config, lasting: &Lasting, wechat: &Wechat, sessions: &Arc<Sessions>) -> Login {
    Login::new(
        login::Sections {
            public_url: &config.public_url,
            paths: &config.paths,
            accounts: wechat::accounts(config),
            sign_in: &config.sign_in,
            endpoints: &config.endpoints,
        },
        login::Parts {
            sessions: sessions.clone(),
            store: lasting.memory.clone(),
            wechat: wechat.accounts.clone(),
            clock: lasting.clock().clone(),
            runtime: lasting.control().clone(),
            lasting: lasting.login.clone(),
        },
        login::Options {
            every_browser_is_wechat: lasting.options.every_browser_is_wechat,
            ..login::Options::default()
        },
    )
}
