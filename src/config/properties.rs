//! What holds of every configuration, however it is written.

use super::{Config, PathPattern, Problem, Problems, routes};

/// Stands wherever the text says `SECRET`, and as the value of the variable `SECRET`.
const SECRET: &str = "xyzzy-plugh-0123456789-a-secret-nobody-may-read";

/// R15, R28: any text is a configuration or comes with something to do about each problem; no value is ever quoted.
pub(crate) fn problems_are_kind_and_discreet(text: &str) {
    let text = text.replace("SECRET", SECRET);
    let environment = [("SECRET".to_owned(), SECRET.to_owned()), ("OTHER".to_owned(), String::new())];
    let lines = text.lines().count().max(1);
    match Config::parse(&text, &environment) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| is_kind(warning, lines));
            assert!(!format!("{:?}", loaded.config.session).contains(SECRET), "a secret is printed");
            assert!(!loaded.config.session.secrets.is_empty());
            let origin = &loaded.config.public_url.origin;
            assert_eq!(url::Url::parse(origin).map(|url| url.origin().ascii_serialization()).as_ref(), Ok(origin));
        }
        Err(Problems(problems)) => {
            assert!(!problems.is_empty() && problems.len() <= 100);
            problems.iter().for_each(|problem| is_kind(problem, lines));
            let said = problems.iter().map(|problem| format!("{problem} {problem:?}")).collect::<String>();
            assert!(is_a_name(&text) || !said.contains(SECRET), "{said}");
        }
    }
}

fn is_kind(problem: &Problem, lines: usize) {
    let Problem { message, remedy, .. } = problem;
    assert!(!message.is_empty() && !message.ends_with('.'), "{message:?}");
    assert!(remedy.ends_with(['.', ')']) || remedy.ends_with("…"), "{remedy:?}");
    assert!(problem.line().is_none_or(|line| (1..=lines + 1).contains(&line)), "{problem:?} of {lines} lines");
    assert!(!problem.to_string().contains(['\n', '\r']), "{problem:?}");
}

/// Whether the operator used it as the name of a key, a variable or a file: names are said.
fn is_a_name(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    names(&toml::Value::Table(table)).iter().any(|name| name.contains(SECRET))
}

fn names(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::Table(table) => {
            let places = ["env", "file"].iter().filter_map(|place| table.get(*place)?.as_str()).map(str::to_owned);
            table.keys().cloned().chain(places).chain(table.values().flat_map(names)).collect()
        }
        toml::Value::Array(items) => items.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// A route's pattern, where the configuration takes the text for one.
pub(crate) fn pattern(text: &str) -> Option<PathPattern> {
    routes::pattern(text).ok().map(PathPattern)
}
