//! The certificates that are shown to clients, each to whom it is for; replaced under way when their files change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};

use super::pair::{Certified, Doubt, Pair, PairError, Print};
use crate::clock::Clock;

/// Pairs of files, and what they held when they were last good.
///
/// A handshake takes a read lock for the moment of choosing; a request takes none.
#[derive(Debug)]
pub struct Certificates {
    shown: RwLock<Arc<Shown>>,
    /// Whoever replaces what is shown holds this from reading the files to the end.
    held: Mutex<Vec<Held>>,
    clock: Clock,
}

/// A pair, and what it was when somebody last looked.
#[derive(Debug)]
struct Held {
    pair: Pair,
    certified: Certified,
    /// Of what was last read, good or not: what is wrong is said once.
    seen: Seen,
    said: Vec<Doubt>,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Print(Print),
    Not(PairError),
}

/// By name, in the order of the configuration; the first of all is for everybody else.
#[derive(Debug)]
struct Shown {
    first: Arc<CertifiedKey>,
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// How soon new files are noticed. Reading them costs next to nothing, and sees what a look at their dates would
    /// not: a directory that is a link to another one, as Kubernetes has it.
    pub const LOOK: Duration = Duration::from_secs(2);

    /// Reads every pair; there is at least one.
    ///
    /// # Errors
    /// The first pair that cannot be shown.
    pub fn read(pairs: &[Pair], clock: Clock) -> Result<Self, PairError> {
        let held = held(pairs)?;
        Ok(Self { shown: RwLock::new(Arc::new(Shown::of(&held))), held: Mutex::new(held), clock })
    }

    /// Takes other pairs in place of those there were, or none of them. Handshakes under way are not disturbed.
    ///
    /// # Errors
    /// The first pair that cannot be shown; what was shown before is still shown then.
    pub fn replace(&self, pairs: &[Pair]) -> Result<(), PairError> {
        let mut all = self.lock();
        *all = held(pairs)?;
        self.show(&all);
        Ok(())
    }

    /// Looks at the files: what is new and good is shown from now on, what is not good is told to the log once, and what
    /// was shown before is still shown.
    pub fn reload(&self) {
        let mut all = self.lock();
        let mut changed = false;
        for held in &mut *all {
            changed |= held.look();
            held.say(self.clock.now());
        }
        if changed {
            self.show(&all);
        }
    }

    /// Looks at the files for as long as it is polled.
    pub async fn watch(self: Arc<Self>) {
        let mut looks = tokio::time::interval(Self::LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let own = self.clone();
            // A file may be on a network disk that does not answer.
            if let Err(error) = tokio::task::spawn_blocking(move || own.reload()).await {
                warn!(%error, "looking at the certificates failed");
            }
        }
    }

    fn show(&self, held: &[Held]) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Shown::of(held));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn held(pairs: &[Pair]) -> Result<Vec<Held>, PairError> {
    assert!(!pairs.is_empty(), "the configuration names at least one pair");
    let held = |pair: &Pair| {
        let texts = pair.texts()?;
        let (certified, seen) = (texts.certified(pair)?, Seen::Print(texts.print()));
        Ok(Held { pair: pair.clone(), certified, seen, said: Vec::new() })
    };
    pairs.iter().map(held).collect()
}

impl Held {
    /// Whether there is something new to show.
    fn look(&mut self) -> bool {
        let (seen, read) = match self.pair.texts() {
            Ok(texts) if self.seen == Seen::Print(texts.print()) => return false,
            Ok(texts) => (Seen::Print(texts.print()), texts.certified(&self.pair)),
            Err(error) if self.seen == Seen::Not(error.clone()) => return false,
            Err(error) => (Seen::Not(error.clone()), Err(error)),
        };
        self.seen = seen;
        match read {
            Ok(certified) => {
                info!(cert = %self.pair.cert.display(), "the certificate was replaced");
                (self.certified, self.said) = (certified, Vec::new());
                true
            }
            Err(error) => {
                warn!(%error, "the certificate was not replaced, the one before is still shown");
                false
            }
        }
    }

    /// Tells the log what is doubtful, once.
    fn say(&mut self, now: crate::clock::Timestamp) {
        let doubts = self.certified.doubts(now);
        for doubt in doubts.iter().filter(|doubt| !self.said.contains(doubt)) {
            warn!(cert = %self.pair.cert.display(), "{doubt}");
        }
        self.said = doubts;
    }
}

impl Shown {
    fn of(held: &[Held]) -> Self {
        let mut by_name: HashMap<String, Vec<Arc<CertifiedKey>>> = HashMap::new();
        for certified in held.iter().map(|held| &held.certified) {
            for name in &certified.names {
                by_name.entry(name.clone()).or_default().push(certified.key.clone());
            }
        }
        Self { first: held[0].certified.key.clone(), by_name }
    }

    /// The certificates for a name: those that have it, else those with a wildcard in place of its first label.
    fn named(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let wildcard = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
        self.by_name.get(name).or_else(wildcard).map(Vec::as_slice)
    }

    fn choose(&self, hello: &ClientHello<'_>) -> Arc<CertifiedKey> {
        // rustls gives the name in small letters, and none for an IP address.
        let named = hello.server_name().and_then(|name| self.named(name)).unwrap_or_default();
        // One name may have an ECDSA and an RSA certificate, for clients that know only the latter.
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        named.iter().find(fits).or_else(|| named.first()).unwrap_or(&self.first).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner).clone();
        Some(shown.choose(&hello))
    }
}
