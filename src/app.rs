//! From configuration to a running gate: builds each part from its own section and wires them once.

mod tls;
mod wechat;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

use self::tls::Tls;
use self::wechat::Wechat;
use crate::admin::{self, Admin};
use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::edge::access_log::{AccessLog, Sink};
use crate::edge::pages::Pages;
use crate::edge::{Edge, Https};
use crate::identity::{Identity, KeyError};
pub use crate::listener::Inherited;
use crate::listener::{self, BindError, Bound, Entrance, Origin, Settings, Slots, Socket, SocketFile};
use crate::local::Local;
use crate::local::jsconfig::{self, JsConfig};
use crate::local::me::Me;
use crate::login::{self, Login};
use crate::metrics::Traffic;
use crate::patience::{Limits, Patience};
use crate::policy::Policy;
use crate::request::{Peer, Rules};
use crate::session::{Recent, Sessions};
use crate::store::Memory;
use crate::tls::PairError;
use crate::types::Scope;
use crate::upstream::Upstream;
use crate::wechat::{Caller, NotStarted};

/// What a gate is given besides its configuration.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    /// For the demo: an ordinary browser is let through the official account's door.
    pub every_browser_is_wechat: bool,
    /// What systemd holds for the gate.
    pub inherited: Inherited,
    /// Where access lines go, asked once per worker.
    pub access_log: Arc<dyn Fn() -> Sink + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            every_browser_is_wechat: false,
            inherited: Inherited::default(),
            access_log: Arc::new(|| Box::new(std::io::stderr())),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("clock", &self.clock)
            .field("every_browser_is_wechat", &self.every_browser_is_wechat)
            .finish_non_exhaustive()
    }
}

/// A gate that holds its addresses and is ready to run.
#[derive(Debug)]
pub struct App {
    addresses: Vec<Listen>,
    tls_addresses: Vec<Listen>,
    socket_files: Vec<SocketFile>,
    workers: Vec<Worker>,
    tls: Option<Tls>,
    admin: Option<Admin>,
    /// WeChat is spoken to here, so that a slow call never stalls a request.
    control: Runtime,
}

/// What one worker's thread needs.
#[derive(Debug)]
struct Worker {
    entrances: Vec<Entrance<Socket>>,
    edge: Edge,
    settings: Settings,
    limits: Limits,
}

/// Why a gate does not start. Nothing has been started then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("server.tls: {0}. {remedy}", remedy = .0.flaw.remedy())]
    Certificate(#[from] PairError),
    #[error("server.tls: the keys of tickets cannot be made: {0}")]
    Tickets(#[source] rustls::Error),
    #[error(transparent)]
    Admin(#[from] admin::BindError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("route: a path is no pattern: {0}")]
    Pattern(#[from] globset::Error),
    #[error("the WeChat client cannot be made: {0}")]
    Client(#[from] NotStarted),
    #[error("the runtime cannot be made: {0}")]
    Runtime(#[source] std::io::Error),
}

/// Why a running gate stopped by itself.
#[derive(Debug, thiserror::Error)]
#[error("a worker stopped: {0}")]
pub struct RunError(String);

impl App {
    /// Builds every part and takes the addresses.
    ///
    /// # Errors
    /// [`StartError`] for an address that is taken, a key that does not sign, or a system without resources.
    pub fn bind(config: &Config, options: &Options) -> Result<Self, StartError> {
        let control = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("wxgate-control")
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let clock = options.clock.clone();
        let memory = Arc::new(Memory::new(clock.clone()));
        let sessions = Arc::new(Sessions::new(
            &config.session,
            &config.public_url,
            wechat::app_ids(config),
            memory.clone(),
            clock.clone(),
        ));
        let caller = Caller::from(control.handle().clone());
        let Wechat { official_account, wecom, accounts } = Wechat::new(config, &caller, &memory, &clock)?;
        let login = Arc::new(Login::new(
            login::Sections {
                public_url: &config.public_url,
                paths: &config.paths,
                accounts: wechat::accounts(config),
                sign_in: &config.sign_in,
                endpoints: &config.endpoints,
            },
            login::Parts {
                sessions: sessions.clone(),
                store: memory.clone(),
                wechat: accounts.clone(),
                clock: clock.clone(),
                runtime: control.handle().clone(),
            },
            login::Options { every_browser_is_wechat: options.every_browser_is_wechat, ..login::Options::default() },
        ));
        let pages = Arc::new(Pages::new(&config.public_url, &config.paths, &config.pages, config.sign_in.language));
        let jsconfig = Arc::new(JsConfig::new(
            jsconfig::Sections { jssdk: &config.jssdk, paths: &config.paths, sign_in: &config.sign_in },
            jsconfig::Signers { official_account: official_account.clone(), wecom: wecom.clone() },
            clock.clone(),
        ));
        let scope = config.official_account.as_ref().map_or(Scope::Base, |account| account.scope);
        let policy = Policy::new(&config.routes, scope)?;

        let count = match config.server.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            count => count,
        };
        let tls = config.server.tls.as_ref().map(|section| Tls::new(section, clock.clone())).transpose()?;
        let Bound { addresses, sockets, mut files } =
            listener::bind("server.listen", &config.server.listen, &options.inherited, count)?;
        let of_tls: &[Listen] = config.server.tls.as_ref().map_or(&[], |section| &section.listen);
        let Bound { addresses: tls_addresses, sockets: tls_sockets, files: tls_files } =
            listener::bind("server.tls.listen", of_tls, &options.inherited, count)?;
        files.extend(tls_files);
        let slots = Arc::new(Slots::new(config.server.max_connections));
        let traffic: Vec<Arc<Traffic>> = sockets.iter().map(|_| Arc::default()).collect();
        let workers = sockets
            .into_iter()
            .zip(tls_sockets)
            .zip(&traffic)
            .map(|((sockets, tls_sockets), traffic)| {
                let identity =
                    Identity::new(&config.identity, &config.public_url, sessions.jar().clone(), clock.clone())?;
                let edge = Edge {
                    rules: Rules::new(&config.server, &config.identity, &config.public_url),
                    https: Https::new(&config.server, &config.public_url),
                    policy: policy.clone(),
                    sessions: sessions.clone(),
                    recent: Recent::default(),
                    login: login.clone(),
                    local: Local::new(&config.sign_in, &config.paths, &config.pages, identity.jwks()),
                    jsconfig: jsconfig.clone(),
                    me: Me::new(sessions.clone(), accounts.clone()),
                    me_path: config.paths.me.clone(),
                    identity,
                    upstream: Upstream::new(&config.upstream, &config.routes, traffic),
                    traffic: traffic.clone(),
                    pages: pages.clone(),
                    log: config
                        .log
                        .access
                        .then(|| AccessLog::new(config.log.format, clock.clone(), (options.access_log)())),
                };
                let settings = Settings::new(&config.server, slots.clone());
                let plain = sockets.into_iter().map(|socket| Entrance { socket, tls: None });
                let handshake = tls.as_ref().map(|tls| tls.handshake.clone());
                let tls = tls_sockets.into_iter().map(|socket| Entrance { socket, tls: handshake.clone() });
                Ok(Worker { entrances: plain.chain(tls).collect(), edge, settings, limits: limits(config) })
            })
            .collect::<Result<_, KeyError>>()?;
        let calls = caller.calls;
        let parts =
            admin::Parts { official_account, wecom, calls, sessions, login, traffic, slots, store: memory, clock };
        let admin = config.admin.as_ref().map(|section| Admin::bind(section, parts)).transpose()?;
        Ok(Self { addresses, tls_addresses, socket_files: files, workers, tls, admin, control })
    }

    /// Where the gate listens without TLS, ports found.
    #[must_use]
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    /// Where the gate listens for TLS, ports found.
    #[must_use]
    pub fn tls_addresses(&self) -> &[Listen] {
        &self.tls_addresses
    }

    /// Where the admin listener is, its port found.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Serves until `stop`, then lets requests in flight finish. Blocks its thread.
    ///
    /// # Errors
    /// [`RunError`] when a worker ends before it is told to.
    pub fn run(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut stop = std::pin::pin!(stop);
        // Its first poll is what catches signals: whoever has been answered can count on that.
        let stopped = self.control.block_on(std::future::poll_fn(|cx| Poll::Ready(stop.as_mut().poll(cx).is_ready())));
        let (told, tell) = (watch::Sender::new(false), mpsc::unbounded_channel::<String>());
        // The operator can look on until the last request has been answered.
        let over = watch::Sender::new(false);
        let admin = self.admin.map(|admin| self.control.spawn(admin.serve(told.subscribe(), raised(&over))));
        if let Some(tls) = self.tls {
            self.control.spawn(tls.certificates.watch());
        }
        let (ended, mut endings) = tell;
        let threads: Vec<JoinHandle<()>> = self
            .workers
            .into_iter()
            .enumerate()
            .map(|(index, worker)| {
                let (stop, ended) = (raised(&told), ended.clone());
                std::thread::Builder::new()
                    .name(format!("wxgate-worker-{index}"))
                    .spawn(move || {
                        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| worker.run(stop)));
                        let _ = ended.send(match outcome {
                            Ok(Ok(())) => "it was told to".to_owned(),
                            Ok(Err(error)) => error.to_string(),
                            Err(_) => "it panicked".to_owned(),
                        });
                    })
                    .expect("a thread can be made at start")
            })
            .collect();
        drop(ended);
        let early = self.control.block_on(async {
            tokio::select! {
                () = async { if !stopped { stop.await } } => None,
                early = endings.recv() => early,
            }
        });
        // While somebody still listens there, so that nobody has taken the place.
        drop(self.socket_files);
        told.send_replace(true);
        for thread in threads {
            // Its ending has been reported above.
            let _ = thread.join();
        }
        over.send_replace(true);
        if let Some(admin) = admin {
            match self.control.block_on(admin) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the admin listener never began"),
                Err(error) => tracing::error!(%error, "the admin listener stopped"),
            }
        }
        self.control.shutdown_timeout(Duration::from_secs(1));
        early.map_or(Ok(()), |why| Err(RunError(why)))
    }
}

/// Ends when the flag is raised, or nobody is left to raise it.
fn raised(flag: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut flag = flag.subscribe();
    async move {
        let _ = flag.wait_for(|raised| *raised).await;
    }
}

impl Worker {
    fn run(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let Self { entrances, edge, settings, limits } = self;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let patience = Patience::new(&limits);
        let (pages, traffic) = (edge.pages.clone(), edge.traffic.clone());
        let edge = Arc::new(edge);
        let (serving, ticking) = (edge.clone(), edge);
        runtime.block_on(listener::serve(
            entrances,
            settings,
            patience,
            move |origin: Origin| {
                let edge = serving.clone();
                let peer = Peer::new(origin.address, &edge.rules).over_tls(origin.tls);
                // In a box of its own, there only while a request is: a connection at rest should be small.
                move |request, watch| {
                    let answering = edge.clone().answer(request, &peer, &watch);
                    debug_assert!(size_of_val(&answering) <= 1024, "{} bytes a request", size_of_val(&answering));
                    Box::pin(answering)
                }
            },
            Arc::new(move |status| Edge::refuse(&pages, &traffic, status)),
            || ticking.tick(),
            stop,
        ))
    }
}

fn limits(config: &Config) -> Limits {
    let upstreams =
        || std::iter::once(&config.upstream).chain(config.routes.iter().filter_map(|route| route.upstream.as_ref()));
    let longest = |limit: fn(&crate::config::Upstream) -> Duration| upstreams().map(limit).max().unwrap_or_default();
    Limits {
        header: config.server.header_timeout,
        keepalive: config.server.keepalive_timeout,
        response: longest(|upstream| upstream.response_timeout),
        body: longest(|upstream| upstream.idle_timeout),
    }
}
