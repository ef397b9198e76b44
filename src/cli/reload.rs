//! SIGHUP: the configuration is read again, and taken whole or not at all.

use std::path::Path;

use tracing::{error, info, warn};

use crate::app::Reloader;
use crate::config::Config;

/// Reads what `wxgate run` began with, the environment included, and gives it to the gate.
pub(super) fn reload(file: Option<&Path>, reloader: &Reloader) {
    const REFUSED: &str = "SIGHUP: the new configuration is refused, the one before stays in force";
    let loaded = match Config::load(file, std::env::vars_os()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in &problems.0 {
                error!("{problem}");
            }
            return error!(problems = problems.0.len(), "{REFUSED}");
        }
    };
    let reloaded = match reloader.reload(&loaded.config) {
        Ok(reloaded) => reloaded,
        Err(problem) => {
            error!("{problem}");
            return error!(problems = 1, "{REFUSED}");
        }
    };
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    for key in reloaded.need_a_restart {
        warn!(key, "changed, which takes a restart: it is as it was");
    }
    for address in reloaded.opened {
        info!(%address, "listening");
    }
    for address in reloaded.closed {
        info!(%address, "no longer listening");
    }
    info!(warnings = loaded.warnings.len(), "SIGHUP: the new configuration is in force");
}

/// For what has no file.
pub(super) fn nothing_to_reload() {
    warn!("SIGHUP: there is no configuration to read again");
}
