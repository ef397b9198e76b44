//! The environment as configuration: `WXGATE_` and a key's path in capitals, two underscores between levels.

use std::collections::BTreeMap;
use std::ffi::OsString;

use zeroize::Zeroizing;

use super::nearest;
use super::problem::{Fault, Origin};
use super::schema;
use super::source::{Source, built_kind, is_upstream};
use super::value::{Value, printable};

const PREFIX: &str = "WXGATE_";

/// More routes than anybody reads through in order.
const MAX_TABLES: usize = 1000;

/// The variables of this process; `None` for a value that is not UTF-8.
#[derive(Default)]
pub(super) struct Env(BTreeMap<String, Option<Zeroizing<String>>>);

impl Env {
    pub(super) fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let readable = |text: OsString| text.into_string().ok().map(Zeroizing::new);
        Self(
            variables.into_iter().map(|(name, value)| (name.to_string_lossy().into_owned(), readable(value))).collect(),
        )
    }

    /// The value of one variable.
    ///
    /// # Errors
    /// What keeps it from being read, without its value.
    pub(super) fn read(&self, name: &str) -> Result<&str, &'static str> {
        match self.0.get(name) {
            Some(Some(value)) => Ok(value),
            Some(None) => Err("is not UTF-8"),
            None => Err("is not set"),
        }
    }

    /// Lays the variables over what the file said, and refuses those that mean nothing.
    pub(super) fn lay_over(&self, source: &mut Source) {
        let ours = || self.0.keys().filter_map(|name| Some((name.as_str(), path_of(name)?)));
        for list in schema::LISTS {
            let count = tables_in(list, ours().map(|(_, path)| path), source.count(list));
            source.lists.insert(list, count);
        }
        let mut strangers = Vec::new();
        for (name, path) in ours() {
            match self.target(&path) {
                Target::Unbuilt(remedy) => source.push(Fault::not_yet(remedy).at(path, from(name))),
                Target::Key(path) if is_beyond(&path, source) => {
                    source.push(gap(&path, source).at(path, from(name)));
                }
                Target::Key(path) => self.set(source, name, path),
                Target::None => strangers.push(name),
            }
        }
        for name in strangers {
            if !source.named.contains(name) && !source.is_full() {
                source.push(stranger(name).at("", from(name)));
            }
        }
    }

    fn target(&self, path: &str) -> Target {
        if let Some(remedy) = schema::unbuilt(path) {
            return Target::Unbuilt(remedy);
        }
        let path = if is_upstream(path) { format!("{path}.url") } else { path.to_owned() };
        let secret = path.rsplit_once('.').filter(|(_, place)| matches!(*place, "env" | "file"));
        let is_secret = |path: &str| built_kind(path).is_some_and(schema::Kind::is_secret);
        match built_kind(&path) {
            Some(_) => Target::Key(path),
            None if secret.is_some_and(|(parent, _)| is_secret(parent)) => Target::Key(path),
            None => Target::None,
        }
    }

    fn set(&self, source: &mut Source, name: &str, path: String) {
        let origin = from(name);
        let text = match self.read(name) {
            Ok(text) => text,
            Err(why) => {
                source.push(Fault::new(why, "Write it in UTF-8, or unset it.").at(path, origin));
                return;
            }
        };
        let (path, value) = match built_kind(&path) {
            Some(kind) => (path, Value::of_variable(text, kind)),
            None => within_secret(&path, text),
        };
        let value = match value {
            Ok(value) => value,
            Err(fault) => {
                source.push(fault.at(path, origin));
                return;
            }
        };
        if let Some(Origin::Env { name: other }) = source.entries.get(&path).map(|entry| &entry.origin) {
            let fault = Fault::new(format!("is set by {other} as well"), "Keep one of the two.");
            source.push(fault.at(path, origin));
            return;
        }
        let secret = built_kind(&path).is_some_and(schema::Kind::is_secret);
        source.insert(path, secret, value, origin);
    }
}

enum Target {
    Key(String),
    Unbuilt(&'static str),
    None,
}

fn from(name: &str) -> Origin {
    Origin::Env { name: printable(name) }
}

/// `session.secret.file` from a variable is `session.secret = { file = … }`.
fn within_secret(path: &str, text: &str) -> (String, Result<Value, Fault>) {
    let (parent, place) = path.rsplit_once('.').unwrap_or((path, ""));
    (parent.to_owned(), Ok(Value::Table(BTreeMap::from([(place.to_owned(), Value::text(text))]))))
}

/// The key path a variable's name stands for; `None` when it is not one of ours.
fn path_of(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    // Any other spelling would be a second variable for the same key. Capitals are no path, so it comes out unknown.
    let capitals = rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    Some(if capitals { rest.to_ascii_lowercase().replace("__", ".") } else { rest.to_ascii_uppercase() })
}

/// The variable that sets this path.
#[must_use]
pub fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

fn index_of(path: &str) -> Option<(&'static str, usize)> {
    let (list, index) = schema::in_list(path)?;
    // Only one spelling of each number, so that no two variables are one key.
    let canonical = index == "0" || !index.starts_with('0');
    Some((list, index.parse().ok().filter(|_| canonical).unwrap_or(usize::MAX)))
}

/// How many tables of a list there are once those of the variables are appended to the file's.
fn tables_in(list: &str, paths: impl Iterator<Item = String>, in_file: usize) -> usize {
    let index = |path: String| index_of(&path).filter(|(of, _)| *of == list).map(|(_, index)| index);
    let mut indices: Vec<usize> = paths.filter_map(index).collect();
    indices.sort_unstable();
    indices
        .into_iter()
        .fold(in_file, |count, index| if index == count && count < MAX_TABLES { count + 1 } else { count })
}

fn is_beyond(path: &str, source: &Source) -> bool {
    index_of(path).is_some_and(|(list, index)| index >= source.count(list))
}

/// Says of a path in a list which table would be the next.
fn gap(path: &str, source: &Source) -> Fault {
    let list = schema::in_list(path).map_or("", |(list, _)| list);
    let (what, count) = (if list == "route" { "route" } else { "certificate" }, source.count(list));
    let remedy = format!("The next {what} is number {count}; numbers start at 0 and leave no gap.");
    Fault::new(format!("there is no such {what}"), remedy)
}

fn stranger(name: &str) -> Fault {
    // Kubernetes puts these into every pod beside a Service called "wxgate".
    if name.starts_with("WXGATE_SERVICE_") || name.starts_with("WXGATE_PORT") {
        let remedy = "If Kubernetes set it for a Service called wxgate, set enableServiceLinks: false in the pod.";
        return Fault::new("not a variable of the gate", remedy);
    }
    let path = name.strip_prefix(PREFIX).unwrap_or_default().to_ascii_lowercase().replace("__", ".");
    let remedy = match schema::keys().iter().find(|key| key.path.starts_with(&format!("{path}."))) {
        Some(key) => {
            format!("Its settings have names of their own, such as {}.", variable(&key.path.replace('*', "0")))
        }
        None => format!("The nearest is {}.", variable(&nearest::setting(&path))),
    };
    Fault::new("not a variable of the gate", remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_stand_for_each_other() {
        for key in schema::keys() {
            let path = key.path.replace('*', "0");
            assert_eq!(path_of(&variable(&path)).as_deref(), Some(path.as_str()));
        }
        assert_eq!(path_of("PATH"), None);
        for odd in
            ["WXGATE_public_url", "WXGATE_Public_URL", "WXGATE_session.ttl", "WXGATE_SESSION.TTL", "WXGATE_log\u{301}"]
        {
            assert!(path_of(odd).is_some_and(|path| schema::find(&path).is_none()), "{odd}");
        }
    }

    #[test]
    fn tables_are_appended_to_lists_without_gaps() {
        let count = |paths: &[&str], in_file| tables_in("route", paths.iter().map(|path| (*path).to_owned()), in_file);
        assert_eq!(count(&[], 2), 2);
        assert_eq!(count(&["route.0.path", "route.1.path", "route.1.auth"], 0), 2);
        assert_eq!(count(&["route.3.path"], 2), 2);
        assert_eq!(count(&["route.02.path", "server.tls.more.2.key"], 2), 2);
        assert_eq!(count(&["route.99999999999999999999.path"], 2), 2);
    }
}
