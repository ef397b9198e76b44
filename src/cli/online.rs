//! `wxgate check --online`: asks WeChat for tokens, and says what the answers prove and what they do not.

use std::io::{self, Write};

use tokio::runtime::Builder;

use super::{FAILED, GOOD, explain};
use crate::config::{Config, OfficialAccount, TokenSource, WeCom, WebsiteApp};
use crate::wechat::{Api, Caller, Client, Error, Granted, wecom};

/// Asks once for each account and writes what comes of it; no token and no secret is among that (R28).
///
/// Returns the exit code of the process: 0, or 1 when WeChat says no or nothing.
pub(super) fn ask(config: &Config, out: &mut impl Write) -> io::Result<u8> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let caller = Caller::from(runtime.handle().clone());
    let mut code = GOOD;
    if let Some(account) = &config.official_account {
        code = code.max(runtime.block_on(official_account(account, config, &caller, out))?);
    }
    if let Some(app) = &config.website_app {
        website_app(app, config, out)?;
    }
    if let Some(app) = &config.wecom {
        code = code.max(runtime.block_on(wecom(app, config, &caller, out))?);
    }
    Ok(code)
}

async fn official_account(
    account: &OfficialAccount,
    config: &Config,
    caller: &Caller,
    out: &mut impl Write,
) -> io::Result<u8> {
    let client = Client::new(account, &config.endpoints, caller.clone()).map_err(io::Error::other)?;
    writeln!(out, "\nasking {}{} for a token", config.endpoints.api, Api::StableToken.path())?;
    if account.token == TokenSource::Classic {
        writeln!(out, "(not {}: a new token from there would end the one in use)", Api::ClassicToken.path())?;
    }
    out.flush()?;
    match client.stable_token().await {
        Ok(granted) => accepted(account, config, &granted, out).map(|()| GOOD),
        Err(error) => refused(&error, out).map(|()| FAILED),
    }
}

fn accepted(account: &OfficialAccount, config: &Config, granted: &Granted, out: &mut impl Write) -> io::Result<()> {
    let (app_id, host) = (account.app_id.as_str(), &config.public_url.host);
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

/// There is nothing to ask: WeChat looks at a website app's secret only together with a visitor's code.
fn website_app(app: &WebsiteApp, config: &Config, out: &mut impl Write) -> io::Result<()> {
    let (app_id, host) = (app.app_id.as_str(), &config.public_url.host);
    writeln!(
        out,
        "\nnot checked: website app {app_id}; WeChat judges its app_secret by a visitor's code only, so sign in once\n  \
         callback domain (授权回调域), at open.weixin.qq.com: must be {host}, exactly"
    )
}

async fn wecom(app: &WeCom, config: &Config, caller: &Caller, out: &mut impl Write) -> io::Result<u8> {
    let client = wecom::Client::new(app, &config.endpoints, caller.clone()).map_err(io::Error::other)?;
    writeln!(out, "\nasking {}{} for a token", config.endpoints.qyapi, Api::WecomToken.path())?;
    out.flush()?;
    let granted = match client.token().await {
        Ok(granted) => granted,
        Err(error) => return refused(&error, out).map(|()| FAILED),
    };
    let (corp_id, agent_id, host) = (app.corp_id.as_str(), app.agent_id.as_str(), &config.public_url.host);
    writeln!(
        out,
        "good: WeCom accepts corp_id {corp_id} and secret; the token is good for {} s\n\n\
         not checked, since nobody but WeCom's console can tell:\n  \
         agent_id: must be that of the app whose secret it is; configured is {agent_id}\n  \
         trusted domain (可信域名): must be {host}, or visitors and the log see error 50001\n  \
         trusted IPs (企业可信IP): must hold this machine's address, or signing in fails with error 60020",
        granted.expires_in.as_secs(),
    )?;
    Ok(GOOD)
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
