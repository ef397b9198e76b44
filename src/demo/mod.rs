//! `wxgate demo`: the gate, a pretend WeChat and a sample site in one process.
//!
//! [`site`] is the site behind the gate. It knows the gate only as any PHP or Node site would: by the headers it is sent
//! and by a few URLs. The simulator is reached by URL only, exactly as WeChat would be.

pub mod site;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::{App, Options, RunError, StartError};
use crate::clock::random;
use crate::config::{Config, Problems};
use crate::simulator::{self, Simulator};

/// A demo that holds its addresses. In it every browser counts as WeChat's, and a desktop's may choose to scan instead.
#[derive(Debug)]
pub struct Demo {
    app: App,
    side: Runtime,
    stop: watch::Sender<bool>,
    public_url: String,
    simulator_url: String,
    upstream: String,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--upstream` is no address.
    #[error("{0}")]
    Config(Problems),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Demo {
    /// Starts simulator and sample site and takes the gate's address. `upstream` replaces the sample site.
    ///
    /// # Errors
    /// [`Error`] when an address is taken or `upstream` is none.
    pub fn start(listen: SocketAddr, upstream: Option<&str>, options: &Options) -> Result<Self, Error> {
        let side = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("wxgate-demo")
            .enable_all()
            .build()?;
        let stop = watch::Sender::new(false);
        let stopped = |mut stop: watch::Receiver<bool>| async move {
            // A sender that is gone means the same.
            let _ = stop.wait_for(|stop| *stop).await;
        };

        let simulator = side.block_on(simulator_beside(listen))?;
        let simulator_url = simulator.base_url();
        side.spawn(simulator.run(stopped(stop.subscribe())));

        let upstream = if let Some(url) = upstream {
            url.to_owned()
        } else {
            let listener = side.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
            let url = format!("http://{}", listener.local_addr()?);
            side.spawn(site::serve(listener, site::Options::default(), stopped(stop.subscribe())));
            url
        };
        // The public URL must be known before the gate is built, so a free port is found first.
        let listen = with_port(listen)?;
        let public_url = format!("http://{}", reachable(listen));
        let text = configuration(&public_url, listen, &upstream, &simulator_url);
        let loaded = Config::parse(&text, &[]).map_err(Error::Config)?;
        let app = App::bind(&loaded.config, &Options { every_browser_is_wechat: true, ..options.clone() })?;
        Ok(Self { app, side, stop, public_url, simulator_url, upstream })
    }

    /// Where a browser finds the gate.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Where the pretend WeChat is.
    #[must_use]
    pub fn simulator_url(&self) -> &str {
        &self.simulator_url
    }

    /// The site behind the gate.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Serves until `stop`. Blocks its thread.
    ///
    /// # Errors
    /// [`RunError`] as of the gate.
    pub fn run(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let outcome = self.app.run(stop);
        self.stop.send_replace(true);
        self.side.shutdown_timeout(std::time::Duration::from_secs(1));
        outcome
    }
}

/// Ten ports above the gate, where one would look for it; anywhere when that is taken.
async fn simulator_beside(listen: SocketAddr) -> io::Result<Simulator> {
    let settings = || simulator::Settings { require_wechat: false, ..simulator::Settings::default() };
    let port = if listen.port() == 0 { 0 } else { listen.port().saturating_add(10) };
    let beside = SocketAddr::new(listen.ip(), port);
    match Simulator::bind(beside, settings()).await {
        Ok(simulator) => Ok(simulator),
        Err(_) => Simulator::bind(SocketAddr::new(listen.ip(), 0), settings()).await,
    }
}

fn with_port(listen: SocketAddr) -> io::Result<SocketAddr> {
    if listen.port() == 0 { std::net::TcpListener::bind(listen)?.local_addr() } else { Ok(listen) }
}

/// What a browser on this machine types.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()) } else { address }
}

fn configuration(public_url: &str, listen: SocketAddr, upstream: &str, simulator: &str) -> String {
    let (app_id, app_secret) = (simulator::APP_ID, simulator::APP_SECRET);
    let (website_id, website_secret) = (simulator::WEBSITE_APP_ID, simulator::WEBSITE_APP_SECRET);
    let (corp_id, agent_id, corp_secret) = (simulator::CORP_ID, simulator::AGENT_ID, simulator::CORP_SECRET);
    let (secret, key) = (BASE64URL_NOPAD.encode(&random::<32>()), signing_key());
    // A literal string in TOML takes anything but its own quote.
    let upstream = upstream.replace('\'', "%27");
    format!(
        "public_url = '{public_url}'\n\
         upstream = '{upstream}'\n\
         [server]\nlisten = '{listen}'\nshutdown_grace = '2s'\n\
         [official_account]\napp_id = '{app_id}'\napp_secret = '{app_secret}'\nscope = 'userinfo'\n\
         [website_app]\napp_id = '{website_id}'\napp_secret = '{website_secret}'\n\
         [wecom]\ncorp_id = '{corp_id}'\nagent_id = '{agent_id}'\nsecret = '{corp_secret}'\n\
         [session]\nsecret = '{secret}'\n\
         [identity.jwt]\nheader = 'X-Wechat-Jwt'\nkey = '''\n{key}'''\n\
         [endpoints]\nopen = '{simulator}'\napi = '{simulator}'\nqyapi = '{simulator}'\nwwlogin = '{simulator}'\n\
         [[route]]\npath = '/'\nauth = 'optional'\n"
    )
}

/// A fresh P-256 key in PEM (RFC 7468).
fn signing_key() -> String {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("the system gives randomness and aws-lc knows P-256");
    let base64 = BASE64.encode(key.as_ref());
    let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}
