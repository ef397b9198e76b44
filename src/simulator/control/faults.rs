//! Things that go wrong on demand.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::simulator::exchange::{Answer, Ask, Content, Reply, Reset, reply};
use crate::simulator::{Shared, api, server};

/// The longest delay: beyond it a test has hung rather than waited.
const MAX_DELAY_MS: u64 = 120_000;

/// The faults that are due, in order.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn replace(&mut self, faults: Vec<Fault>) {
        self.0 = faults;
    }

    pub(super) fn due(&self) -> &[Fault] {
        &self.0
    }

    /// The first fault that fits this path, counted off.
    pub(in crate::simulator) fn take(&mut self, path: &str) -> Option<Fault> {
        let index = self.0.iter().position(|fault| fault.fits(path))?;
        let fault = self.0[index].clone();
        match &mut self.0[index].times {
            None => {}
            Some(left @ 2..) => *left -= 1,
            Some(_) => {
                self.0.remove(index);
            }
        }
        Some(fault)
    }
}

/// One thing that goes wrong. The module's documentation tells what the members mean.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<Api>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(default)]
    after: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errcode: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errmsg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<usize>,
    #[serde(default)]
    reset_before: bool,
    #[serde(default)]
    reset_after: bool,
}

/// The endpoints by short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Api {
    Authorize,
    Qrconnect,
    SsoLogin,
    AccessToken,
    RefreshToken,
    Userinfo,
    Auth,
    Token,
    StableToken,
    Getticket,
    Getcallbackip,
    GetApiDomainIp,
    ClearQuota,
    Gettoken,
    Getuserinfo,
    Getuserdetail,
    GetJsapiTicket,
    AgentTicket,
}

impl Api {
    const fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/connect/oauth2/authorize",
            Self::Qrconnect => "/connect/qrconnect",
            Self::SsoLogin => "/wwlogin/sso/login",
            Self::AccessToken => "/sns/oauth2/access_token",
            Self::RefreshToken => "/sns/oauth2/refresh_token",
            Self::Userinfo => "/sns/userinfo",
            Self::Auth => "/sns/auth",
            Self::Token => "/cgi-bin/token",
            Self::StableToken => "/cgi-bin/stable_token",
            Self::Getticket => "/cgi-bin/ticket/getticket",
            Self::Getcallbackip => "/cgi-bin/getcallbackip",
            Self::GetApiDomainIp => "/cgi-bin/get_api_domain_ip",
            Self::ClearQuota => "/cgi-bin/clear_quota",
            Self::Gettoken => "/cgi-bin/gettoken",
            Self::Getuserinfo => "/cgi-bin/auth/getuserinfo",
            Self::Getuserdetail => "/cgi-bin/auth/getuserdetail",
            Self::GetJsapiTicket => "/cgi-bin/get_jsapi_ticket",
            Self::AgentTicket => "/cgi-bin/ticket/get",
        }
    }
}

impl Fault {
    fn fits(&self, path: &str) -> bool {
        self.api.map(Api::path).or(self.path.as_deref()) == Some(path)
    }

    /// What is wrong with the fault itself.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let replaces = self.errcode.is_some() || self.http_status.is_some() || self.body().is_some();
        let resets = self.reset_before || self.reset_after;
        if self.api.is_some() == self.path.is_some() {
            Some("give either api or path")
        } else if self.times == Some(0) {
            Some("times: at least 1; leave it out for always")
        } else if self.delay_ms.is_some_and(|delay| delay > MAX_DELAY_MS) {
            Some("delay_ms: at most 120000")
        } else if self.http_status.is_some_and(|status| !(200..=599).contains(&status)) {
            Some("http_status: from 200 to 599")
        } else if self.body_hex.as_deref().is_some_and(|hex| super::unhex(hex).is_none()) {
            Some("body_hex: an even number of hex digits")
        } else if self.body.is_some() && self.body_hex.is_some() {
            Some("give either body or body_hex")
        } else if self.errcode.is_some() && self.body().is_some() {
            Some("give either errcode or a body")
        } else if self.errmsg.is_some() && self.errcode.is_none() {
            Some("errmsg goes with errcode")
        } else if self.reset_before && self.reset_after {
            Some("give either reset_before or reset_after")
        } else if resets && (replaces || self.truncated.is_some()) {
            Some("a connection that is reset carries no answer")
        } else if !replaces && !resets && self.truncated.is_none() && self.delay_ms.is_none() {
            Some(
                "nothing goes wrong: give errcode, http_status, body, truncated, delay_ms, reset_before or reset_after",
            )
        } else {
            None
        }
    }

    fn body(&self) -> Option<Vec<u8>> {
        let text = self.body.as_ref().map(|body| body.clone().into_bytes());
        text.or_else(|| super::unhex(self.body_hex.as_deref()?))
    }

    /// The answer that stands in for the real one.
    fn replacement(&self, ask: &Ask, shared: &Shared) -> Option<Reply> {
        let mut replacement = match (self.errcode, self.body()) {
            (Some(errcode), _) => {
                let errmsg = self.errmsg.as_deref().unwrap_or_else(|| errmsg(errcode));
                api::error(ask, errcode, errmsg, &mut shared.world())
            }
            (None, Some(body)) => reply(StatusCode::OK, "text/plain", body),
            (None, None) if self.http_status.is_some() => reply(StatusCode::OK, "text/html", ""),
            (None, None) => return None,
        };
        if let Some(status) = self.http_status.and_then(|status| StatusCode::from_u16(status).ok()) {
            *replacement.status_mut() = status;
        }
        Some(replacement)
    }
}

/// Answers a request with a fault applied to it.
pub(in crate::simulator) async fn apply(fault: Fault, ask: &Ask, shared: &Arc<Shared>) -> Answer {
    shared.world().note("fault", json!({"path": ask.path, "fault": fault}));
    let delay = Duration::from_millis(fault.delay_ms.unwrap_or_default());
    if !fault.after {
        tokio::time::sleep(delay).await;
    }
    if fault.reset_before {
        return Err(Reset);
    }
    let replacement = fault.replacement(ask, shared);
    let answer = match replacement {
        Some(replacement) if !fault.after => replacement,
        replacement => {
            let real = server::route(ask, shared).await?;
            replacement.unwrap_or(real)
        }
    };
    if fault.after {
        tokio::time::sleep(delay).await;
    }
    if fault.reset_after {
        return Err(Reset);
    }
    Ok(match fault.truncated {
        Some(after) => answer.map(|content: Content| content.cut(after)),
        None => answer,
    })
}

/// What WeChat says beside the errcodes that are usually injected.
const fn errmsg(errcode: i64) -> &'static str {
    match errcode {
        -1 => "system error",
        40001 => "invalid credential, access_token is invalid or not latest",
        40013 => "invalid appid",
        40014 => "invalid access_token",
        40029 => "invalid code",
        40125 => "invalid appsecret",
        40163 => "code been used",
        40164 => "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
        40243 => "appsecret is frozen",
        42001 => "access_token expired",
        45009 => "reach max api daily quota limit",
        45011 => "api minute-quota reach limit, must slower, retry next minute",
        50001 => "redirect_url not registered",
        50002 => "user limited",
        60020 => "not allow to access from your ip",
        _ => "refused on demand",
    }
}
