//! Replays the seeds of every target, so that what was once found is found again at once.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::{TARGETS, Target};

/// A target with fewer has hardly been thought about.
const FEWEST: usize = 8;

#[test]
fn r15_every_property_holds_on_its_seeds() {
    let mut broken = Vec::new();
    for Target { name, holds } in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= FEWEST, "{name} has only {} seeds", seeds.len());
        for seed in seeds {
            let bytes = std::fs::read(&seed).expect("a readable seed");
            if catch_unwind(|| holds(&bytes)).is_err() {
                broken.push(seed.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "broken by\n{}", broken.join("\n"));
}

#[test]
fn every_target_is_one_that_can_be_fuzzed() {
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let bins = manifest["bin"].as_array().expect("targets");
    let bins: BTreeSet<&str> = bins.iter().filter_map(|bin| bin["name"].as_str()).collect();
    let known: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(bins, known);
    for name in known {
        let code = std::fs::read_to_string(fuzz().join(format!("targets/{name}.rs"))).expect("a target");
        assert!(code.contains(&format!("holds(\"{name}\", bytes)")), "{name} attacks something else");
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(name: &str) -> Vec<PathBuf> {
    let folder = fuzz().join("seeds").join(name);
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&folder) {
        Ok(files) => files.map(|file| file.expect("an entry").path()).collect(),
        Err(error) => panic!("{}: {error}", folder.display()),
    };
    files.sort();
    files
}
