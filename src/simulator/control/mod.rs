//! The simulator's own side, `/__sim/…`: what tests and curious people turn and read.

pub(super) mod duplicates;
pub(super) mod faults;
mod home;
mod people;
mod platform;
mod qr;
mod rules;

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::exchange::{Answer, Ask, Reply, json as json_reply};
use super::settings::{Account, Snapshot};
use super::world::{Auto, World};
use super::{Shared, browser};
use duplicates::Duplicates;
use faults::Fault;
use people::UserForm;
use rules::Rules;

/// A mistake in what was sent, in words for whoever sent it.
type Mistake = String;

type Outcome = Result<Value, Mistake>;

pub(super) async fn answer(ask: &Ask, shared: &Arc<Shared>) -> Answer {
    let reply = match (ask.path.as_str(), &ask.method) {
        ("/", _) => home::page(shared),
        // The one deed that may have to wait: for a site that is asked before the browser is.
        ("/__sim/qr", &Method::POST) => told(qr::act(ask, shared).await),
        _ => turn(ask, shared),
    };
    if ask.method == Method::POST {
        // The clock may have moved, or the world been replaced.
        shared.stir();
    }
    Ok(reply)
}

fn turn(ask: &Ask, shared: &Shared) -> Reply {
    let mut world = shared.world();
    let outcome = match (ask.path.as_str(), &ask.method) {
        ("/__sim/events", &Method::GET) => events(&world, ask),
        ("/__sim/events", &Method::DELETE) => {
            world.log.clear();
            Ok(json!([]))
        }
        ("/__sim/clock", &Method::GET) => Ok(clock(&world)),
        ("/__sim/clock", &Method::POST) => advance(&mut world, ask),
        ("/__sim/auto", &Method::GET) => Ok(auto(&world)),
        ("/__sim/auto", &Method::POST) => set_auto(&mut world, ask),
        ("/__sim/faults", &Method::GET) => Ok(json!(world.faults.due())),
        ("/__sim/faults", &Method::POST) => set_faults(&mut world, ask),
        ("/__sim/duplicates", &Method::GET) => Ok(json!(world.duplicates)),
        ("/__sim/duplicates", &Method::POST) => set_duplicates(&mut world, ask),
        ("/__sim/snapshot", &Method::GET) => Ok(json!({"mode": world.settings.snapshot})),
        ("/__sim/snapshot", &Method::POST) => set_snapshot(&mut world, ask),
        ("/__sim/users", &Method::GET) => Ok(people::users(&world, &shared.base_url)),
        ("/__sim/users", &Method::POST) => put_users(&mut world, ask, &shared.base_url),
        ("/__sim/accounts", &Method::GET) => Ok(json!(world.settings.accounts)),
        ("/__sim/accounts", &Method::POST) => put_accounts(&mut world, ask),
        ("/__sim/rules", &Method::GET) => Ok(json!(Rules::of(&world.settings))),
        ("/__sim/rules", &Method::POST) => set_rules(&mut world, ask),
        ("/__sim/qr", &Method::GET) => Ok(qr::list(&world, shared)),
        ("/__sim/kill", &Method::POST) => platform::kill(&mut world, ask),
        ("/__sim/quotas", &Method::GET) => Ok(platform::quotas(&world)),
        ("/__sim/quotas", &Method::POST) => platform::set_quotas(&mut world, ask),
        ("/__sim/whitelist", &Method::GET) => Ok(platform::whitelist(&world)),
        ("/__sim/whitelist", &Method::POST) => platform::set_whitelist(&mut world, ask),
        ("/__sim/trusted_ips", &Method::GET) => Ok(platform::trusted_ips(&world)),
        ("/__sim/trusted_ips", &Method::POST) => platform::set_trusted_ips(&mut world, ask),
        ("/__sim/administrator", &Method::POST) => platform::administrator(&mut world, ask),
        ("/__sim/reset", &Method::POST) => {
            *world = World::new(shared.settings.clone());
            Ok(json!({}))
        }
        _ => return no_such(ask),
    };
    told(outcome)
}

fn told(outcome: Outcome) -> Reply {
    match outcome {
        Ok(value) => json_reply(StatusCode::OK, &value),
        Err(mistake) => json_reply(StatusCode::BAD_REQUEST, &json!({"error": mistake})),
    }
}

fn no_such(ask: &Ask) -> Reply {
    let error = format!("nothing answers {} {}; GET / tells what does", ask.method, ask.path);
    json_reply(StatusCode::NOT_FOUND, &json!({"error": error}))
}

fn events(world: &World, ask: &Ask) -> Outcome {
    let parameters = ask.parameters();
    let kind = parameters.text("kind");
    let after = parameters.text("after").map_or(Ok(0), str::parse::<u64>);
    let after = after.map_err(|_| "after: expected the seq of an event".to_owned())?;
    let wanted = world.log.events().filter(|event| event.seq > after && kind.is_none_or(|kind| event.kind == kind));
    Ok(wanted.map(super::log::Event::to_json).collect())
}

fn clock(world: &World) -> Value {
    json!({"now": world.clock.now(), "advanced": world.clock.ahead()})
}

fn advance(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        advance: u64,
    }
    // A century. Sums of times and lifetimes then never come near the end of a u64.
    const MAX: u64 = 100 * 365 * 24 * 3600;
    let Form { advance } = parse(ask)?;
    if advance.saturating_add(world.clock.ahead()) > MAX {
        return Err("advance: at most a century in all".to_owned());
    }
    world.clock.advance(advance);
    Ok(clock(world))
}

fn auto(world: &World) -> Value {
    match &world.auto {
        Some(auto) => json!({"user": auto.user, "answer": browser::decision_name(auto.decision)}),
        None => json!({"user": null}),
    }
}

fn set_auto(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        user: Option<String>,
        answer: Option<String>,
    }
    let form: Form = parse(ask)?;
    let decision = browser::decision(form.answer.as_deref())?;
    world.auto = match form.user {
        None => None,
        Some(user) if world.user(&user).is_some() => Some(Auto { user, decision }),
        Some(user) => return Err(format!("user: there is no user {user:?}; GET /__sim/users lists them")),
    };
    Ok(auto(world))
}

fn set_faults(world: &mut World, ask: &Ask) -> Outcome {
    let faults: Vec<Fault> = one_or_more(parse(ask)?)?;
    for (index, fault) in faults.iter().enumerate() {
        if let Some(problem) = fault.problem() {
            return Err(format!("fault {index}: {problem}"));
        }
    }
    world.faults.replace(faults);
    Ok(json!(world.faults.due()))
}

fn set_duplicates(world: &mut World, ask: &Ask) -> Outcome {
    let wanted: Duplicates = parse(ask)?;
    if wanted.times == Some(0) {
        return Err("times: at least 1; leave it out for always".to_owned());
    }
    world.duplicates = wanted;
    Ok(json!(world.duplicates))
}

fn set_snapshot(world: &mut World, ask: &Ask) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        mode: Snapshot,
    }
    let Form { mode } = parse(ask)?;
    world.settings.snapshot = mode;
    Ok(json!({"mode": mode}))
}

fn put_users(world: &mut World, ask: &Ask, base_url: &str) -> Outcome {
    let forms: Vec<UserForm> = one_or_more(parse(ask)?)?;
    let users = forms.into_iter().map(UserForm::into_user).collect::<Result<Vec<_>, _>>()?;
    for user in users {
        put(&mut world.settings.users, user, |user| user.id.clone());
    }
    Ok(people::users(world, base_url))
}

fn put_accounts(world: &mut World, ask: &Ask) -> Outcome {
    let accounts: Vec<Account> = one_or_more(parse(ask)?)?;
    if let Some(problem) = accounts.iter().find_map(Account::problem) {
        return Err(problem.to_owned());
    }
    for account in accounts {
        put(&mut world.settings.accounts, account, Account::key);
    }
    Ok(json!(world.settings.accounts))
}

fn set_rules(world: &mut World, ask: &Ask) -> Outcome {
    let rules: Rules = parse(ask)?;
    rules.apply(&mut world.settings);
    Ok(json!(Rules::of(&world.settings)))
}

/// Adds to a list, or takes the place of the one with the same name.
fn put<T>(list: &mut Vec<T>, new: T, name: impl Fn(&T) -> String) {
    match list.iter_mut().find(|old| name(old) == name(&new)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

fn parse<T: DeserializeOwned>(ask: &Ask) -> Result<T, Mistake> {
    serde_json::from_slice(&ask.body).map_err(|error| format!("the body is not what is expected here: {error}"))
}

/// A list, or a single thing as a list of one.
fn one_or_more<T: DeserializeOwned>(value: Value) -> Result<Vec<T>, Mistake> {
    let items = match value {
        Value::Array(items) => items,
        single => vec![single],
    };
    let parsed = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| serde_json::from_value(item).map_err(|error| format!("item {index}: {error}")));
    parsed.collect()
}

/// Bytes written as hex digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}
