//! `wxgate demo`: shows the main job on a bare machine.

use std::io;
use std::net::SocketAddr;

use super::logging::Logging;
use super::{BAD, FAILED, asked_to_stop, reload, say};
use crate::app::Options;
use crate::config::{Log, LogFormat, LogLevel};
use crate::demo::{Demo, Error};

pub(super) fn demo(listen: SocketAddr, upstream: Option<&str>) -> io::Result<u8> {
    let logging = Logging::start(Log { format: LogFormat::Text, level: LogLevel::Info, access: true });
    let demo = match Demo::start(listen, upstream, &Options { access_log: logging.access_log(), ..Options::default() })
    {
        Ok(demo) => demo,
        Err(error @ (Error::Config(_) | Error::Start(_))) => {
            drop(logging);
            say(&format!("wxgate demo: {error}"));
            return Ok(BAD);
        }
        Err(Error::Io(error)) => return Err(error),
    };
    say(&format!(
        "\n  wxgate demo\n\n    {:<26} open this in a browser\n    {:<26} the pretend WeChat\n    {:<26} the site behind the gate\n\n  Ctrl-C ends it.\n",
        demo.public_url(),
        demo.simulator_url(),
        demo.upstream(),
    ));
    match demo.run(asked_to_stop(reload::nothing_to_reload)) {
        Ok(()) => Ok(0),
        Err(error) => {
            say(&format!("wxgate demo: {error}"));
            Ok(FAILED)
        }
    }
}
