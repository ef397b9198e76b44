//! Holds the crate to its dependencies: one crypto library, few duplicates, licences we may ship.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The platforms that are built and shipped.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// aws-lc is the one crypto library: a second one would be a second thing to patch in a hurry.
const BANNED: [&str; 6] = ["ring", "openssl", "openssl-sys", "native-tls", "boring", "mbedtls"];

/// What is in the binary or its build twice, and who is to blame. All known; a new one wants a look.
const TWICE: [(&str, &str); 3] = [
    ("base64", "0.22 by jsonwebtoken and pem, 0.23 by hyper-util and reqwest"),
    ("syn", "2 and 3, while derive macros move over; build time only"),
    ("untrusted", "0.7 by aws-lc-rs, 0.9 by rustls-webpki"),
];

/// No copyleft, nothing that asks for more than a notice.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

#[test]
fn no_second_crypto_library_is_built() {
    for target in TARGETS {
        let graph = Graph::read(target);
        let names: BTreeSet<_> = graph.reached(With::Tests).iter().map(|id| graph.name(id)).collect();
        assert!(names.contains("aws-lc-rs"), "{target}: the graph is not ours: {names:?}");
        for banned in BANNED {
            assert!(!names.contains(banned), "{target}: {banned} is in the build");
        }
    }
}

#[test]
fn duplicates_are_the_known_ones() {
    for target in TARGETS {
        let graph = Graph::read(target);
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for id in graph.reached(With::Shipped) {
            versions.entry(graph.name(id)).or_default().insert(graph.text(id, "version"));
        }
        let twice: BTreeMap<_, _> = versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
        let known: BTreeSet<_> = TWICE.iter().map(|(name, _)| *name).collect();
        assert_eq!(twice.keys().copied().collect::<BTreeSet<_>>(), known, "{target}: {twice:?}");
    }
}

#[test]
fn every_licence_is_allowed() {
    for target in TARGETS {
        let graph = Graph::read(target);
        for id in graph.reached(With::Tests) {
            let licence = graph.text(id, "license");
            assert!(allowed(licence), "{target}: {} is under {licence:?}", graph.name(id));
        }
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    for (expected, expression) in [
        (true, "MIT"),
        (true, "MIT/Apache-2.0"),
        (true, "Unlicense OR MIT"),
        (true, "GPL-3.0 OR (MIT AND ISC)"),
        (true, "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"),
        (true, "ISC AND (Apache-2.0 OR ISC) AND MIT"),
        (false, "GPL-3.0"),
        (false, "MIT AND GPL-3.0"),
        (false, "(MIT OR ISC) AND MPL-2.0"),
        (false, "MIT OR ISC AND"),
        (false, "(MIT"),
        (false, "MIT)"),
        (false, ""),
    ] {
        assert_eq!(allowed(expression), expected, "{expression}");
    }
}

#[test]
fn the_package_says_what_it_is_built_with() {
    let graph = Graph::read(TARGETS[0]);
    let root = graph.package(&graph.root);
    assert_eq!(root["edition"], "2024");
    assert_eq!(root["license"], "Apache-2.0 OR MIT");
    let rust = root["rust_version"].as_str().expect("rust-version is set");
    assert_eq!(rust, "1.95", "tried with this one; say so in the changelog when it moves");
    let newer = graph.reached(With::Tests).into_iter().filter(|id| {
        let wanted = graph.package(id)["rust_version"].as_str().map(version);
        wanted.is_some_and(|wanted| wanted > version(rust))
    });
    assert_eq!(newer.map(|id| graph.name(id)).collect::<Vec<_>>(), Vec::<&str>::new(), "these need a newer Rust");
}

#[test]
fn the_lock_file_is_committed() {
    let tracked = Command::new("git")
        .args(["ls-files", "--error-unmatch", "Cargo.lock"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock").is_file());
    // Outside a checkout (a source archive) there is no git to ask, and the file's presence must do.
    if Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
        let tracked = tracked.expect("git runs");
        assert!(tracked.status.success(), "Cargo.lock: {}", String::from_utf8_lossy(&tracked.stderr));
    }
}

fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().expect("a number")).collect()
}

/// What `cargo metadata` says about one platform.
struct Graph {
    root: String,
    packages: BTreeMap<String, Value>,
    nodes: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Shipped,
    Tests,
}

impl Graph {
    fn read(target: &str) -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", target])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata failed (run `cargo fetch --locked` once): {errors}");
        let mut all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let root = all["resolve"]["root"].as_str().expect("a root").to_owned();
        let nodes = by_id(all["resolve"]["nodes"].take());
        Self { root, packages: by_id(all["packages"].take()), nodes }
    }

    fn package(&self, id: &str) -> &Value {
        &self.packages[id]
    }

    fn name(&self, id: &str) -> &str {
        self.text(id, "name")
    }

    fn text(&self, id: &str, field: &str) -> &str {
        self.package(id)[field].as_str().unwrap_or_default()
    }

    /// The ids of all packages that are compiled.
    fn reached(&self, with: With) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![self.root.as_str()];
        while let Some(id) = waiting.pop() {
            if reached.insert(id) {
                let for_tests = with == With::Tests && id == self.root;
                let dependencies = list(&self.nodes[id]["deps"]);
                waiting.extend(
                    dependencies.filter(|to| self.is_active(id, to, for_tests)).filter_map(|to| to["pkg"].as_str()),
                );
            }
        }
        reached
    }

    /// Cargo lists an optional dependency under a node even when only a weak feature (`name?/feature`) mentions it.
    /// It is compiled when an active feature truly turns it on.
    fn is_active(&self, from: &str, to: &Value, for_tests: bool) -> bool {
        let wanted = |kind: &Value| for_tests || kind != "dev";
        if !list(&to["dep_kinds"]).any(|kind| wanted(&kind["kind"])) {
            return false;
        }
        let name = self.name(to["pkg"].as_str().expect("an id"));
        let mut declared = list(&self.package(from)["dependencies"])
            .filter(|dependency| dependency["name"] == name && wanted(&dependency["kind"]));
        declared.any(|dependency| {
            let called = dependency["rename"].as_str().unwrap_or(name);
            dependency["optional"] == false || self.is_turned_on(from, called)
        })
    }

    fn is_turned_on(&self, package: &str, dependency: &str) -> bool {
        let features = &self.package(package)["features"];
        let active = list(&self.nodes[package]["features"]).filter_map(Value::as_str);
        let mut lines = active.flat_map(|feature| list(&features[feature]).filter_map(Value::as_str));
        lines.any(|line| {
            let line = line.strip_prefix("dep:").unwrap_or(line);
            line.split('/').next() == Some(dependency)
        })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn by_id(list: Value) -> BTreeMap<String, Value> {
    let Value::Array(items) = list else { panic!("a list of packages") };
    items.into_iter().map(|item| (item["id"].as_str().expect("an id").to_owned(), item)).collect()
}

/// Whether an SPDX expression can be met with the allowed licences; what cannot be read cannot be met.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) == Some(true) && rest.is_empty()
}

/// `AND` binds closer than `OR`.
fn any_of(words: &mut &[&str]) -> Option<bool> {
    let mut met = all_of(words)?;
    while take(words, "OR") {
        met |= all_of(words)?;
    }
    Some(met)
}

fn all_of(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while take(words, "AND") {
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    if take(words, "(") {
        let met = any_of(words)?;
        return take(words, ")").then_some(met);
    }
    let (name, rest) = words.split_first()?;
    *words = rest;
    // An exception only ever permits more.
    if take(words, "WITH") {
        *words = words.split_first()?.1;
    }
    Some(LICENCES.contains(name))
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}
