//! From configuration to a running gate: builds each part from its own section and wires them once.

mod built;
mod doors;
mod gate;
mod lasting;
mod tls;
mod wechat;
mod worker;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

use self::gate::Gate;
pub use self::gate::{Reloaded, Reloader};
use self::worker::Worker;
use crate::admin;
use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::edge::access_log::Sink;
use crate::identity::KeyError;
use crate::listener::BindError;
pub use crate::listener::Inherited;
use crate::tls::PairError;
use crate::wechat::NotStarted;

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
    gate: Arc<Gate>,
    workers: Vec<Worker>,
    /// WeChat is spoken to here, so that a slow call never stalls a request.
    control: Runtime,
}

/// Why a gate does not start, or takes no other configuration. Nothing has changed then.
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
        let workers = match config.server.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            workers => workers,
        };
        let (gate, workers) = Gate::new(config, options, control.handle(), workers)?;
        Ok(Self { gate: Arc::new(gate), workers, control })
    }

    /// Where the gate listens without TLS, ports found.
    #[must_use]
    pub fn addresses(&self) -> Vec<Listen> {
        self.gate.addresses(false)
    }

    /// Where the gate listens for TLS, ports found.
    #[must_use]
    pub fn tls_addresses(&self) -> Vec<Listen> {
        self.gate.addresses(true)
    }

    /// Where the admin listener is, its port found.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.gate.admin_address()
    }

    /// By which the gate takes another configuration while it runs.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.gate.clone())
    }

    /// Serves until `stop`, then lets requests in flight finish. Blocks its thread.
    ///
    /// # Errors
    /// [`RunError`] when a worker ends before it is told to.
    pub fn run(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut stop = std::pin::pin!(stop);
        // Its first poll is what catches signals: whoever has been answered can count on that.
        let stopped = self.control.block_on(std::future::poll_fn(|cx| Poll::Ready(stop.as_mut().poll(cx).is_ready())));
        let (ended, mut endings) = mpsc::unbounded_channel::<String>();
        let threads: Vec<JoinHandle<()>> = self
            .workers
            .into_iter()
            .enumerate()
            .map(|(index, worker)| {
                let (stop, ended) = (raised(self.gate.draining()), ended.clone());
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
        self.gate.remove_socket_files();
        self.gate.draining().send_replace(true);
        for thread in threads {
            // Its ending has been reported above.
            let _ = thread.join();
        }
        // The operator could look on until the last request had been answered.
        self.control.block_on(self.gate.close_admin());
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
