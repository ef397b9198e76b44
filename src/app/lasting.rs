//! What a gate keeps through all its configurations: what it remembers, what it counts, and what it is spoken to by.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Options;
use crate::attempts::Used;
use crate::clock::Clock;
use crate::config::Config;
use crate::edge::access_log::AccessLog;
use crate::listener::Slots;
use crate::login;
use crate::metrics::Traffic;
use crate::session::Revocations;
use crate::store::Memory;
use crate::wechat::Caller;

#[derive(Debug)]
pub(super) struct Lasting {
    pub options: Options,
    /// Calls to WeChat are made, and counted, here.
    pub caller: Caller,
    pub memory: Arc<Memory>,
    pub revocations: Revocations,
    pub login: login::Lasting,
    /// Of the allowances for signatures.
    pub signatures: Used,
    pub slots: Arc<Slots>,
    /// Whether the gate takes nothing new any more.
    pub draining: watch::Sender<bool>,
    /// One for each worker.
    pub workers: Vec<Notes>,
}

/// What one worker puts down.
#[derive(Debug)]
pub(super) struct Notes {
    pub traffic: Arc<Traffic>,
    pub log: Arc<AccessLog>,
}

impl Lasting {
    /// `control` is the runtime that WeChat is spoken to on.
    pub(super) fn new(config: &Config, options: &Options, control: &Handle, workers: usize) -> Self {
        let clock = &options.clock;
        let memory = Arc::new(Memory::new(clock.clone()));
        let notes = || Notes {
            traffic: Arc::default(),
            log: Arc::new(AccessLog::new(config.log.format, clock.clone(), (options.access_log)())),
        };
        Self {
            options: options.clone(),
            caller: Caller::from(control.clone()),
            revocations: memory.clone().into(),
            memory,
            login: login::Lasting::new(clock),
            signatures: Used::default(),
            slots: Arc::new(Slots::new(config.server.max_connections)),
            draining: watch::Sender::new(false),
            workers: (0..workers).map(|_| notes()).collect(),
        }
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.options.clock
    }

    pub(super) const fn control(&self) -> &Handle {
        &self.caller.runtime
    }
}
