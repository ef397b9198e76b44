//! Tokens that die underfoot, quotas, and who may fetch tokens, as JSON in and out.

use std::collections::BTreeSet;
use std::net::{AddrParseError, IpAddr};

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Outcome, parse};
use crate::simulator::exchange::Ask;
use crate::simulator::platform::doorman::{Decision, Otherwise, TrustedIps};
use crate::simulator::platform::mint::Kind;
use crate::simulator::platform::quotas::{Counter, Limits};
use crate::simulator::settings::Account;
use crate::simulator::world::World;

/// Ends tokens and tickets at this moment, as another program with the same secret may.
pub(super) fn kill(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        app_id: Option<String>,
        what: Option<Vec<Kind>>,
    }
    let Form { app_id, what } = parse(ask)?;
    let meant = |account: &&Account| app_id.as_ref().is_none_or(|app_id| account.app_id == *app_id);
    let app_ids: Vec<_> = world.settings.accounts.iter().filter(meant).flat_map(names).collect();
    if let Some(app_id) = app_id.filter(|_| app_ids.is_empty()) {
        return Err(format!("app_id: there is no account {app_id:?}; GET /__sim/accounts lists them"));
    }
    let kinds = what.unwrap_or_else(|| Kind::ALL.to_vec());
    let now = world.clock.now();
    for app_id in &app_ids {
        for &kind in &kinds {
            world.platform.mint.kill(app_id, kind, now);
        }
    }
    let killed = json!({"app_ids": app_ids, "what": kinds});
    world.note("kill", killed.clone());
    Ok(killed)
}

/// The names under which an account's tokens and counts are kept: its own, and its corporation's.
fn names(account: &Account) -> BTreeSet<String> {
    BTreeSet::from([account.app_id.clone(), account.key()])
}

/// The limits, and what each account has used of them.
pub(super) fn quotas(world: &World) -> Value {
    let (quotas, now) = (&world.platform.quotas, world.clock.now());
    let mut used = Map::new();
    for name in world.settings.accounts.iter().flat_map(names) {
        let calls = Counter::ALL.map(|counter| (counter.name().to_owned(), quotas.used(&name, counter, now).into()));
        used.insert(name, Value::Object(calls.into_iter().collect()));
    }
    json!({"limits": quotas.limits, "used": used})
}

/// Changes limits; what is absent stays.
pub(super) fn set_quotas(world: &mut World, ask: &Ask) -> Outcome {
    let changed: Map<String, Value> = parse(ask)?;
    let mut limits = json!(world.platform.quotas.limits);
    if let Value::Object(limits) = &mut limits {
        limits.extend(changed);
    }
    let limits: Limits = serde_json::from_value(limits).map_err(|error| format!("quotas: {error}"))?;
    world.platform.quotas.limits = limits;
    Ok(quotas(world))
}

pub(super) fn whitelist(world: &World) -> Value {
    let doorman = &world.platform.doorman;
    let ips = doorman.whitelist.as_ref().map(|ranges| ranges.iter().map(IpNet::to_string).collect::<Vec<_>>());
    json!({"ips": ips, "otherwise": doorman.otherwise, "seen_as": doorman.seen_as})
}

/// Replaces the list and all that goes with it.
pub(super) fn set_whitelist(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        ips: Option<Vec<String>>,
        #[serde(default)]
        otherwise: Otherwise,
        seen_as: Option<String>,
    }
    let Form { ips, otherwise, seen_as } = parse(ask)?;
    let ranges = ips.map(|ips| ips.iter().map(|ip| range(ip)).collect::<Result<Vec<_>, _>>()).transpose()?;
    let seen_as = seen_as.map(|ip| ip.parse::<IpAddr>().map_err(|_| format!("seen_as: {ip:?} is no address")));
    let seen_as = seen_as.transpose()?;
    let doorman = &mut world.platform.doorman;
    (doorman.whitelist, doorman.otherwise, doorman.seen_as) = (ranges, otherwise, seen_as);
    Ok(whitelist(world))
}

pub(super) fn trusted_ips(world: &World) -> Value {
    let trusted = &world.platform.trusted;
    let ips = trusted.ips.as_ref().map(|ranges| ranges.iter().map(IpNet::to_string).collect::<Vec<_>>());
    json!({"ips": ips, "gettoken": trusted.gettoken})
}

/// Replaces the list of 企业可信IP.
pub(super) fn set_trusted_ips(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        ips: Option<Vec<String>>,
        gettoken: Option<bool>,
    }
    let Form { ips, gettoken } = parse(ask)?;
    let ranges = ips.map(|ips| ips.iter().map(|ip| range(ip)).collect::<Result<Vec<_>, _>>()).transpose()?;
    world.platform.trusted = TrustedIps { ips: ranges, gettoken: gettoken.unwrap_or(true) };
    Ok(trusted_ips(world))
}

/// An address, or a range of them.
fn range(text: &str) -> Result<IpNet, String> {
    let address: Result<IpAddr, AddrParseError> = text.parse();
    let range = address.map(IpNet::from).or_else(|_| text.parse::<IpNet>());
    range.map_err(|_| format!("ips: {text:?} is neither an address nor a range like 203.0.113.0/28"))
}

/// The administrator answers about every address that waits (89503).
pub(super) fn administrator(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        answer: Decision,
    }
    let Form { answer } = parse(ask)?;
    let now = world.clock.now();
    let ips = world.platform.doorman.decide(answer, now);
    Ok(json!({"answer": answer, "ips": ips}))
}
