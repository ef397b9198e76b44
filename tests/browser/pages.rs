//! Every page of the gate's own, looked at in a real browser: both languages, three screens, light and dark.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::children::in_repository;
use crate::gallery;

/// Both languages, phone and desktop, light and dark.
const PICTURES_PER_PAGE: usize = 2 * 2 * 2;

/// Looks at every stop; pictures are left in `SCREENSHOTS`, where that is set.
fn look_at(stops: &[Value]) {
    let folder = tempfile::tempdir().expect("a folder");
    let chosen = std::env::var_os("SCREENSHOTS");
    let folder = chosen.as_deref().map_or(folder.path(), Path::new);
    let mut node = Command::new("node");
    node.arg("pages.js").arg(folder).arg(json!(stops).to_string()).current_dir(in_repository("tests/browser"));
    let output = node.output().expect("node is installed: tests/run installs it");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("ok ").count(), 2 * stops.len(), "{told}");
    for stop in stops {
        let name = format!("{}-", stop["name"].as_str().expect("a name"));
        let pictures = std::fs::read_dir(folder).expect("a folder").flatten();
        let pictures = pictures.filter(|entry| entry.file_name().to_string_lossy().starts_with(&name));
        assert!(pictures.count() >= PICTURES_PER_PAGE, "{name}");
    }
}

#[test]
fn every_page_is_readable_on_every_screen() {
    let (url, names) = gallery::open();
    let ready = |name: &str| match name {
        "handoff-scanned" => json!("#scanned:not([hidden])"),
        _ => Value::Null,
    };
    let stop = |name: &&str| json!({ "name": name, "url": format!("{url}/{name}"), "ready": ready(name) });
    // Polling ends elsewhere at once, which another test looks at.
    look_at(&names.iter().filter(|name| **name != "handoff-polling").map(stop).collect::<Vec<_>>());
}
