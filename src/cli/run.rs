//! `wxgate run`: the gate itself.

use std::io;
use std::path::Path;

use tracing::{error, info, warn};

use super::logging::Logging;
use super::reload::reload;
use super::{BAD, FAILED, asked_to_stop, descriptors, say};
use crate::app::{App, Inherited, Options};
use crate::config::Config;

pub(super) fn run(file: Option<&Path>) -> io::Result<u8> {
    // Before there are threads.
    let inherited = Inherited::from_env();
    let loaded = match Config::load(file, std::env::vars_os()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            say(&problems.to_string());
            return Ok(BAD);
        }
    };
    let logging = Logging::start(loaded.config.log);
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    descriptors::raise();
    descriptors::warn_of_too_few(&loaded.config.server);
    let options = Options { access_log: logging.access_log(), inherited, ..Options::default() };
    let app = match App::bind(&loaded.config, &options) {
        Ok(app) => app,
        Err(error) => {
            drop(logging);
            say(&format!("wxgate: {error}"));
            return Ok(BAD);
        }
    };
    for address in app.addresses() {
        info!(%address, public_url = %loaded.config.public_url.origin, "listening");
    }
    for address in app.tls_addresses() {
        info!(%address, public_url = %loaded.config.public_url.origin, "listening for TLS");
    }
    if let Some(address) = app.admin_address() {
        info!(%address, "listening for the operator");
    }
    let reloader = app.reloader();
    match app.run(asked_to_stop(|| reload(file, &reloader))) {
        Ok(()) => {
            info!("stopped");
            Ok(0)
        }
        Err(error) => {
            error!(%error, "stopped");
            Ok(FAILED)
        }
    }
}
