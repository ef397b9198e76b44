//! The documented `config.toml` against the table of keys.

use std::collections::BTreeMap;

use wxgate::config::schema::{self, Kind, Support};
use wxgate::config::{Config, Origin};

const REFERENCE: &str = include_str!("../../config.toml");

/// Settings begin right behind the number sign, explanations after a blank.
fn is_setting(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
}

fn uncommented() -> String {
    REFERENCE.lines().map(|line| if is_setting(line) { &line[1..] } else { line }.to_owned() + "\n").collect()
}

/// Every value of the uncommented file by the path of the table.
fn documented() -> BTreeMap<String, toml::Value> {
    fn gather(path: &str, value: &toml::Value, into: &mut BTreeMap<String, toml::Value>) {
        let known = schema::keys().iter().any(|key| key.path == path);
        match value {
            toml::Value::Table(table) if !known => {
                for (key, value) in table {
                    gather(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, into);
                }
            }
            toml::Value::Array(items) if items.first().is_some_and(toml::Value::is_table) => {
                let path = if schema::is_list(path) { format!("{path}.*") } else { path.to_owned() };
                items.iter().for_each(|item| gather(&path, item, into));
            }
            value => {
                into.insert(path.to_owned(), value.clone());
            }
        }
    }
    let mut values = BTreeMap::new();
    gather("", &uncommented().parse::<toml::Table>().expect("the uncommented file is TOML").into(), &mut values);
    values
}

/// The section, with the number of a list's table in its place.
fn in_table(section: &str, number: &str) -> String {
    let list = schema::LISTS.iter().find(|list| section == **list || section.starts_with(&format!("{list}.")));
    list.map_or_else(|| section.to_owned(), |list| format!("{list}.{number}{}", &section[list.len()..]))
}

#[test]
fn every_key_is_documented_with_its_true_default() {
    let mut documented = documented();
    for key in schema::keys() {
        let value = documented.remove(key.path).unwrap_or_else(|| panic!("{} is not documented", key.path));
        if let Some(default) = key.default {
            let default = format!("x = {default}").parse::<toml::Table>().expect("defaults are TOML")["x"].clone();
            assert_eq!(value, default, "{}", key.path);
        }
    }
    assert_eq!(documented.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "documented, but no keys");
}

#[test]
fn what_has_no_default_or_no_support_says_so_above() {
    let mut section = String::new();
    let mut above = String::new();
    for line in REFERENCE.lines() {
        let setting = line.trim_start_matches('#');
        if !is_setting(line) && line.starts_with('#') {
            above += setting;
            continue;
        }
        if let Some(header) = setting.strip_prefix('[') {
            section = in_table(header.trim_matches(['[', ']']), "*") + ".";
        } else if let Some((name, _)) = setting.split_once(" = ") {
            let path = format!("{section}{name}");
            let key = schema::keys().iter().find(|key| key.path == path).unwrap_or_else(|| panic!("{path}"));
            // The id and the secret of an account are explained together.
            let explained = if name == "app_secret" && above.is_empty() { "No default" } else { &above };
            assert_eq!(key.default.is_none(), explained.contains("No default"), "{path}: {explained}");
            assert_eq!(key.support == Support::Later, explained.contains("Not supported yet"), "{path}: {explained}");
        }
        above.clear();
    }
}

#[test]
fn the_reference_is_a_configuration_at_its_defaults() {
    let env = super::pairs(&[
        ("WECHAT_APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WXGATE_SECRET", "kUqzXvR3m8Yw1LdT5hN7cJ2sB9fG4pQ6"),
    ]);
    let loaded = Config::parse(REFERENCE, &env).expect("usable as it is");
    assert_eq!(loaded.warnings, []);
    let set: Vec<_> =
        loaded.effective.iter().filter(|line| line.origin != Origin::Default).map(|line| line.key.as_str()).collect();
    let needed =
        ["public_url", "upstream.url", "official_account.app_id", "official_account.app_secret", "session.secret"];
    assert_eq!(set, needed);
}

#[test]
fn all_that_is_built_works_uncommented() {
    let built: String = {
        let mut drop_section = false;
        let mut lines = Vec::new();
        for line in REFERENCE.lines().map(|line| if is_setting(line) { &line[1..] } else { line }) {
            if let Some(header) = line.strip_prefix('[') {
                let path = in_table(header.trim_matches(['[', ']']), "0");
                drop_section = schema::unbuilt(&path).is_some();
                lines.push(if drop_section { String::new() } else { line.to_owned() });
                continue;
            }
            lines.push(if drop_section { String::new() } else { line.to_owned() });
        }
        lines.join("\n")
    };
    let key = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n")
        .expect("written");
    let pair = super::Pair::of("m.example.com");
    let env = super::pairs(&[
        ("WXGATE_SERVER__TLS__CERT", &pair.cert),
        ("WXGATE_SERVER__TLS__KEY", &pair.key),
        ("WXGATE_SERVER__TLS__MORE__0__CERT", &pair.cert),
        ("WXGATE_SERVER__TLS__MORE__0__KEY", &pair.key),
        ("WXGATE_UPSTREAM__URL", "https://127.0.0.1:8443"),
        ("WXGATE_UPSTREAM__CA_FILE", super::AUTHORITY),
        ("WXGATE_ROUTE__0__UPSTREAM__URL", "https://127.0.0.1:9443"),
        ("WXGATE_ROUTE__0__UPSTREAM__CA_FILE", super::AUTHORITY),
        ("WECHAT_APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WXGATE_SECRET", "kUqzXvR3m8Yw1LdT5hN7cJ2sB9fG4pQ6"),
        ("ADMIN_TOKEN", "kUqzXvR3m8Yw1LdT5hN7"),
        ("WXGATE_PAGES__LOGO_FILE", "tests/config/logo.svg"),
        ("WEBSITE_APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WECOM_SECRET", "0123456789abcdef0123456789abcdef0123456789a"),
        ("WXGATE_IDENTITY__JWT__KEY__FILE", &key.path().display().to_string()),
    ]);
    let loaded = Config::parse(&built, &env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.config.routes.len(), 1);
    assert_eq!(loaded.config.server.tls.map(|tls| tls.pairs.len()), Some(2));
    for key in schema::keys().iter().filter(|key| key.support != Support::Later) {
        let path = key.path.replace('*', "0");
        let line =
            loaded.effective.iter().find(|line| line.key == path).unwrap_or_else(|| panic!("{path} is not shown"));
        assert_ne!(line.origin, Origin::Default, "{path}");
        if matches!(key.kind, Kind::Secret | Kind::Secrets) {
            assert!(line.shown.starts_with("••••"), "{path} is shown as {}", line.shown);
        }
    }
}
