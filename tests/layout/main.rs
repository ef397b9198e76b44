//! Holds the house to its plan: who may use whom, which crates are named where, how every file begins.

mod source;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source::{Named, Place, Source};
use table::{CONFINED, FREE, ROOMS, UNSPOKEN};

#[test]
fn the_house_follows_its_plan() {
    let files = files();
    assert!(files.len() > 10, "only {} files under src", files.len());
    let broken = judge(&files);
    assert!(broken.is_empty(), "{} rules broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn nobody_may_use_what_comes_later_so_there_is_no_cycle() {
    for (at, (room, may_use)) in ROOMS.iter().enumerate() {
        for used in *may_use {
            assert!(ROOMS[..at].iter().any(|(above, _)| above == used), "{room} may use {used}, which is not above it");
        }
    }
}

#[test]
fn planted_violations_are_found() {
    let plan = "//! A room.\n";
    for (file, code, expected) in [
        ("policy.rs", "use crate::session::Session;", "policy.rs:2: policy may not use session"),
        ("policy.rs", "use crate::{config::{self, Auth},\n login as l};", "policy.rs:3: policy may not use login"),
        ("policy.rs", "fn f() { crate::wechat::call::<u8>() }", "policy.rs:2: policy may not use wechat"),
        ("policy.rs", "use super::session;", "policy.rs:2: policy may not use session"),
        ("request/path.rs", "use super::super::{policy::Access};", "request/path.rs:2: request may not use policy"),
        ("request/path.rs", "mod a { use super::super::super::edge; }", "request/path.rs:2: request may not use edge"),
        (
            "simulator/wire.rs",
            "pub(crate) use crate::types::OpenId;",
            "simulator/wire.rs:2: simulator may not use types",
        ),
        ("demo/site/mod.rs", "use crate::app;", "demo/site/mod.rs:2: demo/site may not use app"),
        ("listener/mod.rs", "type E = <crate::edge::Edge as T>::U;", "listener/mod.rs:2: listener may not use edge"),
        ("policy.rs", "use crate as c;", "policy.rs:2: the crate as a whole is no room"),
        ("policy.rs", "use super::*;", "policy.rs:2: the crate as a whole is no room"),
        (
            "login/mod.rs",
            "use std::time; fn f(t: time::SystemTime) {}",
            "login/mod.rs:2: std::time::SystemTime belongs",
        ),
        ("login/mod.rs", "use hyper as h; fn f() { h::server::a() }", "login/mod.rs:2: hyper::server belongs"),
        ("app.rs", "use crate::Config;", "app.rs:2: crate::Config is no room"),
        ("main.rs", "fn main() { wxgate::app::run() }", "main.rs:2: main may not use app"),
        ("attic.rs", "", "attic.rs:1: attic is not in the plan"),
        ("store/mod.rs", "use moka::sync::Cache;", "store/mod.rs:2: moka belongs to store/memory"),
        ("edge/mod.rs", "fn f(e: minijinja::Error) {}", "edge/mod.rs:2: minijinja belongs to edge/pages"),
        ("edge/mod.rs", "use hyper::{body, server::conn::http1};", "edge/mod.rs:2: hyper::server belongs to listener"),
        ("login/flow.rs", "use ::jsonwebtoken as jwt;", "login/flow.rs:2: jsonwebtoken belongs to identity"),
        ("config/file.rs", "use tokio::fs;", "config/file.rs:2: config stays free of tokio: no live objects"),
        ("policy.rs", "pub async fn f() {}", "policy.rs:2: policy stays free of `async`: pure"),
        ("login/door.rs", "\u{feff}", "login/door.rs:1: the file does not open with //!"),
    ] {
        let text = if code == "\u{feff}" { "use std::fmt;".to_owned() } else { format!("{plan}{code}") };
        let found = judge(&[(file.to_owned(), text)]);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{file}: {code}\nexpected {expected}\nfound {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (file, code) in [
        ("policy.rs", "use crate::config::Auth; use crate::types::{OpenId, Scope};"),
        ("policy.rs", "// use crate::session::Session;\n/* crate::login /* nested */ crate::edge */"),
        ("policy.rs", r##"const A: &str = "crate::edge"; const B: &[u8] = br#"crate::"edge""#; const C: char = '"';"##),
        ("policy.rs", "fn f<'a>(x: &'a str) -> char { '\\'' } // crate::edge's"),
        ("policy.rs", "#[cfg(test)]\nmod tests { use crate::session::Session; async fn f() {} }"),
        ("policy.rs", "#[cfg(test)]\nuse crate::session::Session;\nfn f() { self::g() }"),
        ("identity/mod.rs", "use crate::session::cookie; fn f() { cookie::seal() }"),
        ("session/mod.rs", "mod cookie; use cookie::Jar; use aws_lc_rs::aead::Nonce;"),
        ("store/memory.rs", "use moka::sync::Cache; use super::{Key, Store}; use crate::store::contract;"),
        ("edge/pages/mod.rs", "use minijinja::Environment; use super::fault;"),
        ("edge/mod.rs", "use hyper::body::Incoming; fn f() -> impl Sized + use<> {}"),
        ("demo/mod.rs", "pub mod site; use crate::{app, simulator}; use site::Options;"),
        ("cli/mod.rs", "use clap::Parser; use crate::app::App;"),
        ("main.rs", "fn main() { wxgate::cli::main() }"),
    ] {
        let found = judge(&[(file.to_owned(), format!("//! A room.\n{code}"))]);
        assert!(found.is_empty(), "{file}: {code}\n{found:?}");
    }
    let tests_of_store = ("store/mod.rs".to_owned(), "//! A.\n#[cfg(test)]\nmod contract;".to_owned());
    let contract = ("store/contract.rs".to_owned(), "//! A.\nuse crate::session::Session;".to_owned());
    assert!(judge(&[tests_of_store, contract]).is_empty(), "a file that is only compiled for tests may use more");
}

/// Every file under `src/` with its text, by name.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.insert(path);
            }
        }
    }
    let below = |path: &Path| path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
    found.into_iter().map(|path| (below(&path), fs::read_to_string(&path).expect("readable text"))).collect()
}

/// Every broken rule as `file:line: rule`.
fn judge(files: &[(String, String)]) -> Vec<String> {
    let for_tests: Vec<String> = files.iter().flat_map(|(file, text)| Source::test_only_files(file, text)).collect();
    let sources = files.iter().map(|(file, text)| Source::read(file, text));
    let mut all: Vec<String> = sources
        .flat_map(|source| {
            let only_tests = for_tests.iter().any(|place| lies_in(&source.file, place));
            let mut broken = opening(&source);
            if !only_tests {
                broken.extend(uses(&source).chain(confined(&source)).chain(kept_out(&source)));
            }
            broken
        })
        .collect();
    // A name imported once and used twice in one line is one mistake.
    all.dedup();
    all
}

fn opening(source: &Source) -> Vec<String> {
    let good = source.first_line.starts_with("//! ") && source.first_line.len() > "//! ".len();
    if good { vec![] } else { vec![format!("{}:1: the file does not open with //! and a sentence", source.file)] }
}

fn uses(source: &Source) -> impl Iterator<Item = String> {
    let file = &source.file;
    let Some((room, may_use)) = room_of(file) else {
        // The root only lists the rooms.
        let planned = file == "lib.rs";
        let name = file.split(['/', '.']).next().unwrap_or_default();
        return (!planned)
            .then(|| format!("{file}:1: {name} is not in the plan"))
            .into_iter()
            .collect::<Vec<_>>()
            .into_iter();
    };
    let own = room.split('/').next().unwrap_or(room);
    let mut broken = Vec::new();
    for Named { line, place, segments } in source.named() {
        let Some(used) = segments.first() else {
            broken.push(format!("{file}:{line}: the crate as a whole is no room"));
            continue;
        };
        if place == Place::Elsewhere || used == own {
            continue;
        }
        if !ROOMS.iter().any(|(known, _)| known == used) {
            broken.push(format!("{file}:{line}: crate::{used} is no room"));
        } else if !may_use.contains(&used.as_str()) {
            broken.push(format!("{file}:{line}: {room} may not use {used}"));
        }
    }
    broken.into_iter()
}

fn confined(source: &Source) -> impl Iterator<Item = String> {
    let mut broken = Vec::new();
    for named in source.named() {
        for (what, places) in CONFINED.iter().filter(|(what, _)| begins_with(&named, what)) {
            if !places.iter().any(|place| lies_in(&source.file, place)) {
                broken.push(format!("{}:{}: {what} belongs to {}", source.file, named.line, places.join(", ")));
            }
        }
    }
    broken.into_iter()
}

fn kept_out(source: &Source) -> impl Iterator<Item = String> {
    let mut broken = Vec::new();
    for (room, crates, why) in FREE.iter().filter(|(room, ..)| lies_in(&source.file, room)) {
        for named in source.named() {
            for what in crates.iter().filter(|what| begins_with(&named, what)) {
                broken.push(format!("{}:{}: {room} stays free of {what}: {why}", source.file, named.line));
            }
        }
    }
    for (room, words, why) in UNSPOKEN.iter().filter(|(room, ..)| lies_in(&source.file, room)) {
        for word in *words {
            let lines = source.lines_with(word);
            broken.extend(lines.map(|line| format!("{}:{line}: {room} stays free of `{word}`: {why}", source.file)));
        }
    }
    broken.into_iter()
}

/// The closest room of the plan that a file lies in.
fn room_of(file: &str) -> Option<(&'static str, &'static [&'static str])> {
    let inside = ROOMS.iter().filter(|(room, _)| lies_in(file, room));
    inside.max_by_key(|(room, _)| room.len()).copied()
}

/// `place` is a file without its ending, or a folder.
fn lies_in(file: &str, place: &str) -> bool {
    file.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn begins_with(named: &Named, what: &str) -> bool {
    named.place == Place::Elsewhere
        && what.split("::").enumerate().all(|(at, step)| named.segments.get(at).is_some_and(|segment| segment == step))
}
