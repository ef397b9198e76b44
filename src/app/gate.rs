//! A gate while it runs: what it is made of at the moment, and how it takes another configuration.
//!
//! All that can fail is done before anything changes; then each worker gets its next edge, and with it every request that
//! comes from then on. Requests in flight, and tunnels, finish where they are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::built::Built;
use super::doors::{Door, Opened};
use super::lasting::Lasting;
use super::tls::Tls;
use super::wechat;
use super::worker::{Present, Worker};
use super::{Options, StartError, raised};
use crate::admin::{Admin, Front};
use crate::config::{Config, Listen};
use crate::listener::{Change, Entrance, Settings, Socket};
use crate::types::Account;

/// What is shared by whoever runs a gate and whoever reloads it.
#[derive(Debug)]
pub(super) struct Gate {
    lasting: Lasting,
    workers: Vec<Line>,
    now: Mutex<Now>,
}

/// By which a worker is reached.
#[derive(Debug)]
struct Line {
    present: Arc<Present>,
    changes: mpsc::UnboundedSender<Change>,
}

/// What there is of the configuration in force.
#[derive(Debug)]
struct Now {
    built: Built,
    doors: Vec<Door>,
    tls: Option<Tls>,
    admin: Option<Operator>,
}

/// The operator's listener, open until dropped.
#[derive(Debug)]
struct Operator {
    address: SocketAddr,
    front: Front,
    close: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Brings a gate another configuration while it runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reloader(Arc<Gate>);

/// What a reload has changed besides all that it says nothing of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Addresses that are listened on from now on.
    pub opened: Vec<Listen>,
    /// Those that are not any more.
    pub closed: Vec<Listen>,
    /// Keys that are as they were, since only another start can change them.
    pub need_a_restart: Vec<&'static str>,
}

impl Reloader {
    pub(super) const fn new(gate: Arc<Gate>) -> Self {
        Self(gate)
    }

    /// From when this returns, whatever is asked is answered as `config` says, on connections that are open already as
    /// well. Sessions, sign-ins under way, tokens and counters stay.
    ///
    /// # Errors
    /// [`StartError`] for what would keep a gate from starting so; then everything is as it was.
    pub fn reload(&self, config: &Config) -> Result<Reloaded, StartError> {
        self.0.reload(config.clone())
    }
}

impl Gate {
    pub(super) fn new(
        config: &Config,
        options: &Options,
        control: &Handle,
        workers: usize,
    ) -> Result<(Self, Vec<Worker>), StartError> {
        let lasting = Lasting::new(config, options, control, workers);
        let built = Built::new(config.clone(), &lasting, None)?;
        let section = config.server.tls.as_ref();
        let mut tls = section.map(|section| Tls::new(section, options.clock.clone())).transpose()?;
        let handshake = tls.as_ref().map(|tls| &tls.handshake);
        let Opened { doors, entrances } = Opened::new(&config.server, handshake, &[], &lasting)?;
        let admin = open_admin(&built, &lasting, None)?;
        if let Some(tls) = &mut tls {
            tls.keep_watching(control);
        }
        let (lines, workers) = entrances
            .into_iter()
            .zip(&built.edges)
            .map(|(entrances, edge)| {
                let (tell, changes) = mpsc::unbounded_channel();
                let present = Arc::new(Present::new(edge.clone()));
                let settings = Settings::new(&config.server, lasting.slots.clone());
                let line = Line { present: present.clone(), changes: tell };
                (line, Worker { first: Change { settings, limits: built.limits(), entrances }, present, changes })
            })
            .unzip();
        let now = Mutex::new(Now { built, doors, tls, admin });
        Ok((Self { lasting, workers: lines, now }, workers))
    }

    pub(super) fn addresses(&self, tls: bool) -> Vec<Listen> {
        let now = self.lock();
        now.doors.iter().filter(|door| door.is_for_tls() == tls).flat_map(Door::addresses).cloned().collect()
    }

    pub(super) fn remove_socket_files(&self) {
        self.lock().doors.iter_mut().for_each(Door::remove_files);
    }

    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        self.lock().admin.as_ref().map(|admin| admin.address)
    }

    pub(super) const fn draining(&self) -> &watch::Sender<bool> {
        &self.lasting.draining
    }

    /// Until the last of the operator's requests has been answered.
    pub(super) async fn close_admin(&self) {
        let admin = self.lock().admin.take();
        if let Some(Operator { close, task, .. }) = admin {
            close.send_replace(true);
            if let Err(error) = task.await {
                tracing::error!(%error, "the admin listener stopped");
            }
        }
    }

    fn reload(&self, mut config: Config) -> Result<Reloaded, StartError> {
        let mut now = self.lock();
        let need_a_restart = keep_what_cannot_change(&mut config, &now.built.config);
        let built = Built::new(config, &self.lasting, Some(&now.built))?;
        let section = built.config.server.tls.as_ref();
        let fresh = match (section, &now.tls) {
            (Some(section), None) => Some(Tls::new(section, self.lasting.clock().clone())?),
            _ => None,
        };
        let handshake = fresh.as_ref().or(now.tls.as_ref()).map(|tls| &tls.handshake);
        let Opened { doors: opened, entrances } =
            Opened::new(&built.config.server, handshake, &now.doors, &self.lasting)?;
        let moved = built.config.admin.as_ref().map(|admin| admin.listen)
            != now.built.config.admin.as_ref().map(|admin| admin.listen);
        let before = now.admin.as_ref().map(|admin| &admin.front);
        let admin = if moved { open_admin(&built, &self.lasting, before)? } else { None };
        if let (Some(section), Some(tls)) = (section, &now.tls) {
            tls.certificates.replace(&section.pairs)?;
        }
        // From here on nothing fails.
        let closed = self.switch(&mut now, built, entrances);
        let news = opened.iter().flat_map(Door::addresses).cloned().collect();
        now.doors.extend(opened);
        if moved {
            now.admin = admin;
        } else if let (Some(admin), Some(section)) = (&now.admin, &now.built.config.admin) {
            admin.front.renew(section, now.built.admin_parts(&self.lasting));
        }
        if now.built.config.server.tls.is_none() {
            now.tls = None;
        } else if let Some(mut fresh) = fresh {
            fresh.keep_watching(self.lasting.control());
            now.tls = Some(fresh);
        }
        drop(now);
        Ok(Reloaded { opened: news, closed, need_a_restart })
    }

    /// Gives every worker what is new, and closes the doors that nobody wants any more.
    fn switch(&self, now: &mut Now, built: Built, entrances: Vec<Vec<Entrance<Socket>>>) -> Vec<Listen> {
        let server = &built.config.server;
        self.lasting.slots.resize(server.max_connections);
        for account in Account::ALL {
            if !wechat::is_same(account, &now.built.config, &built.config) {
                self.lasting.login.begin_anew(account);
            }
        }
        let (stay, go): (Vec<Door>, Vec<Door>) = now.doors.drain(..).partition(|door| door.is_in(server));
        go.iter().for_each(Door::close);
        for ((line, edge), entrances) in self.workers.iter().zip(&built.edges).zip(entrances) {
            line.present.replace(edge.clone());
            let settings = Settings::new(server, self.lasting.slots.clone());
            // A worker that has ended by now needs nothing any more.
            let _ = line.changes.send(Change { settings, limits: built.limits(), entrances });
        }
        now.doors = stay;
        now.built = built;
        go.iter().flat_map(Door::addresses).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None`: there is none.
fn open_admin(built: &Built, lasting: &Lasting, before: Option<&Front>) -> Result<Option<Operator>, StartError> {
    let Some(section) = &built.config.admin else { return Ok(None) };
    let admin = Admin::bind(section, built.admin_parts(lasting), before)?;
    let (address, front) = (admin.address(), admin.front());
    let close = watch::Sender::new(false);
    let closed = raised(&close);
    let task = lasting.control().spawn(async move {
        if let Err(error) = admin.serve(closed).await {
            tracing::error!(%error, "the admin listener never began");
        }
    });
    Ok(Some(Operator { address, front, close, task }))
}

/// Leaves in place what a running gate cannot do otherwise, and names what would have changed.
fn keep_what_cannot_change(config: &mut Config, before: &Config) -> Vec<&'static str> {
    // Nobody has asked for another secret: everybody would be signed out.
    if config.session.is_drawn && before.session.is_drawn {
        config.session.secrets.clone_from(&before.session.secrets);
    }
    let mut kept = Vec::new();
    // Each has a thread, and sockets that connections are waiting at.
    if config.server.workers != before.server.workers {
        config.server.workers = before.server.workers;
        kept.push("server.workers");
    }
    // Whoever reads the log would not know what to make of the other half.
    if config.log.format != before.log.format {
        config.log.format = before.log.format;
        kept.push("log.format");
    }
    if config.log.level != before.log.level {
        config.log.level = before.log.level;
        kept.push("log.level");
    }
    kept
}
