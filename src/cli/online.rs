//! `wxgate check --online`: asks WeChat for a token, and says what the answer proves and what it does not.

use std::io::{self, Write};

use tokio::runtime::Builder;

use super::{FAILED, GOOD, explain};
use crate::config::{Config, TokenSource};
use crate::wechat::{Api, Client, Error, Granted};

/// Asks once and writes what comes of it; no token and no secret is among that (R28).
///
/// Returns the exit code of the process: 0, or 1 when WeChat says no or nothing.
pub(super) fn ask(config: &Config, out: &mut impl Write) -> io::Result<u8> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(&config.official_account, &config.endpoints, runtime.handle().clone());
    let client = client.map_err(io::Error::other)?;
    writeln!(out, "\nasking {}{} for a token", config.endpoints.api, Api::StableToken.path())?;
    if config.official_account.token == TokenSource::Classic {
        writeln!(out, "(not {}: a new token from there would end the one in use)", Api::ClassicToken.path())?;
    }
    out.flush()?;
    match runtime.block_on(client.stable_token()) {
        Ok(granted) => accepted(config, &granted, out).map(|()| GOOD),
        Err(error) => refused(&error, out).map(|()| FAILED),
    }
}

fn accepted(config: &Config, granted: &Granted, out: &mut impl Write) -> io::Result<()> {
    let (app_id, host) = (config.official_account.app_id.as_str(), &config.public_url.host);
    writeln!(
        out,
        "good: WeChat accepts app_id {app_id}, its app_secret, and calls from this machine; the token is good for {} s\n\n\
         not checked, since nobody but WeChat's console can tell:\n  \
         web authorization domain (网页授权域名): must be {host}, exactly, or visitors see error 10003\n  \
         kind of account: must be a verified service account (已认证服务号), or visitors see error 10005\n  \
         JS-SDK domains (JS接口安全域名): must hold {host} where pages use the JS-SDK",
        granted.expires_in.as_secs(),
    )
}

fn refused(error: &Error, out: &mut impl Write) -> io::Result<()> {
    let Some(errcode) = error.errcode else {
        return writeln!(out, "failed: {error}\n{}", error.advice());
    };
    writeln!(out, "refused, errcode {errcode}")?;
    if let Some(ip) = error.ip {
        writeln!(out, "要加入白名单的 IP / the address to whitelist: {ip}")?;
    }
    writeln!(out)?;
    explain::write(errcode, out)
}
