//! The command line. Exit codes: 0 success; 1 failure while running; 2 bad usage or configuration, nothing was started.

pub mod check;
mod demo;
mod descriptors;
mod explain;
mod logging;
mod notify;
mod online;
mod reload;
mod run;
mod simulate;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::clock::random;

const GOOD: u8 = 0;
/// A failure while running.
const FAILED: u8 = 1;
/// Bad usage or configuration.
const BAD: u8 = 2;

/// Signs visitors in with WeChat in front of an existing web site.
#[derive(Debug, Parser)]
#[command(name = "wxgate", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gate (what happens without a command, too)
    Run(Configured),
    /// Show every problem of the configuration, or what it amounts to
    Check {
        #[command(flatten)]
        configured: Configured,
        /// Ask WeChat, too: fetch a token, and explain a refusal
        #[arg(long)]
        online: bool,
    },
    /// Show the gate at work: gate, WeChat simulator and a sample site in one process, no configuration
    Demo {
        /// Where the gate listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4180")]
        listen: SocketAddr,
        /// Stand in front of this site instead of the sample: "http://host:port" or "unix:/path.sock"
        #[arg(long, value_name = "URL")]
        upstream: Option<String>,
    },
    /// Run the WeChat simulator alone
    Simulate {
        /// Where the simulator listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4190")]
        listen: SocketAddr,
    },
    /// Print one fresh random session secret
    Secret,
    /// Say what a WeChat errcode means and what to do about it
    Explain {
        /// The number that WeChat, an error page of its own, or wxgate's log shows
        #[arg(allow_negative_numbers = true)]
        errcode: i64,
    },
}

#[derive(Debug, Args)]
struct Configured {
    /// The configuration file [default: config.toml, if there is one]
    #[arg(short, long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Configured {
    /// The file named, else the usual one where it exists: the environment alone may be enough.
    fn file(self) -> Option<PathBuf> {
        let usual = PathBuf::from("config.toml");
        self.config.or_else(|| usual.exists().then_some(usual))
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Run(cli.configured)) {
        Command::Run(configured) => run::run(configured.file().as_deref()),
        Command::Check { configured, online } => {
            check::check(configured.file().as_deref(), std::env::vars_os(), online, &mut io::stdout())
        }
        Command::Demo { listen, upstream } => demo::demo(listen, upstream.as_deref()),
        Command::Simulate { listen } => simulate::simulate(listen),
        Command::Secret => secret(&mut io::stdout()),
        Command::Explain { errcode } => explain::explain(errcode, &mut io::stdout(), &mut io::stderr()),
    };
    ExitCode::from(done.unwrap_or_else(|error| {
        say(&format!("wxgate: {error}"));
        FAILED
    }))
}

/// 256 bits as base64url, which needs no quoting anywhere.
fn secret(out: &mut impl Write) -> io::Result<u8> {
    writeln!(out, "{}", data_encoding::BASE64URL_NOPAD.encode(&random::<32>()))?;
    Ok(0)
}

/// To standard error, where nobody listening is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Until the process is asked to stop. SIGHUP is taken and `hung_up` called, since its default is to kill.
async fn asked_to_stop(hung_up: impl Fn()) {
    use tokio::signal::unix::{SignalKind, signal};
    let caught = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = caught else {
        tracing::warn!("signals cannot be caught: stopping will not be graceful");
        return std::future::pending().await;
    };
    notify::ready();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => hung_up(),
        }
    }
    notify::stopping();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn r37_secrets_are_fresh_and_long_enough_to_be_accepted() {
        let fresh = || {
            let mut out = Vec::new();
            assert_eq!(secret(&mut out).unwrap(), 0);
            out
        };
        let (one, other) = (fresh(), fresh());
        assert_ne!(one, other);
        assert!(one.trim_ascii().len() >= 32);
    }
}
