//! R15: no text, however odd, makes the reading of a configuration panic or run for long.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wxgate::config::schema;
use wxgate::config::{Config, variable};

use super::{load, secrets_in_env, with};

/// A value that some key may take, or none.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1.5".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        "[ -~]{0,20}".prop_map(|text| format!("'{}'", text.replace('\'', ""))),
        "\\PC{0,12}".prop_map(|text| format!("'{}'", text.replace('\'', ""))),
        "/[a-z*.?%;/]{0,12}".prop_map(|text| format!("'{text}'")),
        "[0-9]{1,20}(ms|s|m|h|d|B|KiB|MiB)".prop_map(|text| format!("'{text}'")),
        "(http|https|unix|redis)://[a-z0-9.:/@\\[\\]]{0,16}".prop_map(|text| format!("'{text}'")),
        Just("[]".to_owned()),
        Just("['a', 1, {}, []]".to_owned()),
        Just("{ env = 'HOME', file = 1 }".to_owned()),
        Just("{ file = '/dev/null' }".to_owned()),
        Just("{ a = { b = { c = [[[]]] } } }".to_owned()),
    ]
}

fn setting() -> impl Strategy<Value = (String, String)> {
    let names: Vec<String> = schema::keys().iter().map(|key| key.path.replace('*', "0")).collect();
    (proptest::sample::select(names), value())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn r15_any_text_is_judged(text in "\\PC{0,200}") {
        let _ = Config::parse(&text, &[]);
    }

    #[test]
    fn r15_any_toml_like_text_is_judged(text in "([a-z_.]{1,12} ?= ?[\"'\\[{]?[a-z0-9 ]{0,6}[\"'\\]}]?\n|\\[\\[?[a-z_.]{1,12}\\]\\]?\n){0,12}") {
        let _ = Config::parse(&text, &[]);
    }

    /// A good configuration with a few keys replaced: deep in the validators, not only at their door.
    #[test]
    fn r15_any_value_of_any_key_is_judged(settings in proptest::collection::vec(setting(), 1..6)) {
        let mut table: toml::Table = with("", "[[route]]\npath = \"/x\"").parse().expect("TOML");
        for (path, value) in &settings {
            let Ok(value) = format!("x = {value}").parse::<toml::Table>() else { continue };
            put(&mut table, path, value["x"].clone());
        }
        let text = written(&table, "");
        if let Err(problems) = Config::parse(&text, &secrets_in_env()) {
            prop_assert!(!problems.0.is_empty());
            for problem in problems.0 {
                prop_assert!(!problem.message.is_empty() && problem.remedy.ends_with('.'), "{problem}");
                prop_assert!(problem.to_string().chars().all(|c| !c.is_control()), "{problem}");
            }
        }
    }

    #[test]
    fn r15_any_variable_is_judged(index in 0..200usize, text in "\\PC{0,30}") {
        let keys = schema::keys();
        let path = keys[index % keys.len()].path.replace('*', "0");
        let mut env = secrets_in_env();
        env.push((variable(&path), text.clone()));
        env.push((format!("WXGATE_{text}"), text));
        prop_assert!(Config::parse(&with("", "[[route]]\npath = \"/x\""), &env).is_err());
    }
}

/// Sets a dotted path, `0` standing for the only route, replacing whatever is in the way.
fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    let Some((first, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    if first == "route" {
        let routes = table.get_mut("route").and_then(toml::Value::as_array_mut).expect("there is a route");
        let route = routes[0].as_table_mut().expect("it is a table");
        return put(route, rest.strip_prefix("0.").expect("of route 0"), value);
    }
    let entry = table.entry(first).or_insert_with(|| toml::Table::new().into());
    if !entry.is_table() {
        *entry = toml::Table::new().into();
    }
    put(entry.as_table_mut().expect("just made one"), rest, value);
}

/// The crate's writer is not built in; inline tables say everything.
fn written(table: &toml::Table, indent: &str) -> String {
    table.iter().map(|(key, value)| format!("{indent}{key} = {}\n", inline(value))).collect()
}

fn inline(value: &toml::Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        toml::Value::String(text) => {
            let escaped: String = text
                .chars()
                .flat_map(|c| match c {
                    '"' | '\\' => vec!['\\', c],
                    c => vec![c],
                })
                .collect();
            format!("\"{escaped}\"")
        }
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => format!("{number:?}"),
        toml::Value::Boolean(on) => on.to_string(),
        toml::Value::Datetime(when) => when.to_string(),
        toml::Value::Array(items) => format!("[{}]", list(items.iter().map(inline).collect())),
        toml::Value::Table(table) => {
            format!("{{ {} }}", list(table.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect()))
        }
    }
}

#[test]
fn r15_hopeless_files_are_refused_quickly() {
    let started = Instant::now();
    let many = (0..50_000).fold(String::new(), |text, index| text + &format!("k{index} = 1\n"));
    let problems = Config::parse(&many, &[]).expect_err("nothing but unknown keys");
    assert!(problems.0.len() <= 100, "{}", problems.0.len());
    for deep in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{b = ".repeat(50_000)),
        format!("{}a = 1", "a.".repeat(50_000)),
    ] {
        assert_eq!(Config::parse(&deep, &[]).expect_err("too deep").0.len(), 1);
    }
    let long = format!("{} = 1\n", "k".repeat(500_000));
    assert!(Config::parse(&long, &[]).expect_err("a long name").to_string().len() < 2000);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn the_samples_of_this_file_start_from_a_good_configuration() {
    let table: toml::Table = with("", "[[route]]\npath = \"/x\"").parse().expect("TOML");
    load(&written(&table, ""));
}
