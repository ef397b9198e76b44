//! Hands out values by key, typed and checked, and notes what was handed out, what was wrong and what is doubtful.

use std::time::Duration;

use super::env::Env;
use super::parse;
use super::problem::{Fault, Origin, Problem};
use super::schema::{self, Key, Kind};
use super::secrets;
use super::source::{Entry, Source};
use super::value::Value;
use crate::secret::Secret;

/// One line of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The key's path.
    pub key: String,
    /// As TOML; secrets masked, ids of people shortened.
    pub shown: String,
    pub origin: Origin,
}

/// What is left to read, and what has been learned so far.
pub(super) struct Reader<'a> {
    pub source: Source,
    env: &'a Env,
    pub warnings: Vec<Problem>,
    pub effective: Vec<Effective>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(source: Source, env: &'a Env) -> Self {
        Self { source, env, warnings: Vec::new(), effective: Vec::new() }
    }

    /// Where a key was set.
    pub(super) fn origin(&self, path: &str) -> Origin {
        self.source.entries.get(path).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// Whether the operator set the key.
    pub(super) fn is_set(&self, path: &str) -> bool {
        self.source.entries.contains_key(path)
    }

    pub(super) fn refuse(&mut self, path: &str, fault: Fault) {
        let origin = self.origin(path);
        self.source.push(fault.at(path, origin));
    }

    pub(super) fn warn(&mut self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let origin = self.origin(path);
        self.warnings.push(Fault::new(message, remedy).at(path, origin));
    }

    /// Says that a key is needed; points at its section when that is there.
    pub(super) fn missing(&mut self, path: &str, remedy: &str) {
        let section = path.rsplit_once('.').map_or("", |(section, _)| section);
        let origin = self.source.sections.get(section).cloned().unwrap_or(Origin::Default);
        self.source.push(Fault::new("missing", remedy).at(path, origin));
    }

    /// Notes a value that nobody wrote and that follows from others.
    pub(super) fn derived(&mut self, path: &str, shown: String) {
        self.effective.push(Effective { key: path.to_owned(), shown, origin: Origin::Default });
    }

    /// The key's value, or its default's where it has one. A value that cannot be read is a problem, and the default
    /// stands in, so that the rest can still be judged.
    pub(super) fn read<T>(&mut self, path: &str, parse: impl Fn(&Value, &Kind) -> Result<T, Fault>) -> Option<T> {
        let key = schema::find(path).expect("only keys of the table are read");
        let Some(Entry { value, origin }) = self.source.entries.get(path) else {
            let default = default_of(key)?;
            self.derived(path, default.to_toml());
            return Some(read_default(key, &default, parse));
        };
        let shown = if key.kind.is_secret() { value.masked() } else { value.to_toml() };
        let origin = origin.clone();
        let parsed = parse(value, &key.kind);
        self.effective.push(Effective { key: path.to_owned(), shown, origin: origin.clone() });
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(fault) => {
                self.source.push(fault.at(path, origin));
                default_of(key).map(|default| read_default(key, &default, parse))
            }
        }
    }

    /// As [`Reader::read`], for a key with a default.
    fn defaulted<T>(&mut self, path: &str, parse: impl Fn(&Value, &Kind) -> Result<T, Fault>) -> T {
        self.read(path, parse).expect("this key has a default")
    }

    /// A text that `check` accepts.
    pub(super) fn text<T>(&mut self, path: &str, check: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        self.read(path, |value, _| check(parse::text(value)?))
    }

    pub(super) fn switch(&mut self, path: &str) -> bool {
        self.defaulted(path, |value, _| parse::switch(value))
    }

    pub(super) fn optional_switch(&mut self, path: &str) -> Option<bool> {
        self.read(path, |value, _| parse::switch(value))
    }

    pub(super) fn integer<T: TryFrom<u64>>(&mut self, path: &str) -> T {
        let number = self.defaulted(path, |value, kind| match kind {
            Kind::Integer(bounds) => parse::integer(value, bounds),
            Kind::Size(bounds) => parse::size(value, bounds),
            _ => unreachable!("{path} is no number"),
        });
        T::try_from(number).ok().expect("the bounds of the table fit the type")
    }

    pub(super) fn duration(&mut self, path: &str) -> Duration {
        self.optional_duration(path).expect("this key has a default")
    }

    pub(super) fn optional_duration(&mut self, path: &str) -> Option<Duration> {
        self.read(path, |value, kind| match kind {
            Kind::Duration(bounds) => parse::duration(value, bounds),
            _ => unreachable!("{path} is no duration"),
        })
    }

    pub(super) fn duration_or_off(&mut self, path: &str) -> Option<Duration> {
        self.defaulted(path, |value, kind| match kind {
            Kind::DurationOrOff(bounds) => parse::duration_or_off(value, bounds),
            _ => unreachable!("{path} is no duration"),
        })
    }

    /// What the key's word stands for: `meanings` in the order of the table's words.
    pub(super) fn choice<T: Copy, const N: usize>(&mut self, path: &str, meanings: [T; N]) -> T {
        self.optional_choice(path, meanings).expect("this key has a default")
    }

    pub(super) fn optional_choice<T: Copy, const N: usize>(&mut self, path: &str, meanings: [T; N]) -> Option<T> {
        self.read(path, |value, kind| match kind {
            Kind::Choice(words) => {
                debug_assert_eq!(words.len(), N, "{path}");
                parse::choice(value, words).map(|place| meanings[place])
            }
            _ => unreachable!("{path} is no choice"),
        })
    }

    /// Every item that `check` accepts; each other one is a problem of its own. A single text is a list of one.
    pub(super) fn list<T>(&mut self, path: &str, check: impl Fn(&str) -> Result<T, Fault>) -> Vec<T> {
        let items = self.read(path, |value, _| match value {
            Value::List(items) => Ok(items.iter().map(|item| check(parse::text(item)?)).collect()),
            Value::Text(_) => Ok(vec![check(parse::text(value)?)]),
            other => Err(parse::wrong(other, r#"Write ["first", "second"]."#)),
        });
        let items = items.unwrap_or_default();
        let several = items.len() > 1;
        let mut good = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Ok(item) => good.push(item),
                Err(fault) if several => {
                    let message = format!("item {}: {}", index + 1, fault.message);
                    self.refuse(path, Fault::new(message, fault.remedy));
                }
                Err(fault) => self.refuse(path, fault),
            }
        }
        good
    }

    /// The secrets of a key, in order. The key's kind says whether several are welcome.
    pub(super) fn secrets(&mut self, path: &str) -> Option<Vec<Secret<Vec<u8>>>> {
        let env = self.env;
        let found = self.read(path, |value, kind| match (value, kind) {
            (Value::List(items), Kind::Secrets) if items.is_empty() => {
                Err(Fault::new("is empty", "Name at least one secret, or remove the key."))
            }
            (Value::List(items), Kind::Secrets) => items.iter().map(|item| secrets::read(item, env)).collect(),
            (value, _) => secrets::read(value, env).map(|secret| vec![secret]),
        })?;
        let mut secrets = Vec::new();
        for found in found {
            if let Some(doubt) = found.doubt {
                self.warn(path, doubt.message, doubt.remedy);
            }
            secrets.push(found.secret);
        }
        Some(secrets)
    }
}

fn default_of(key: &Key) -> Option<Value> {
    key.default.map(|text| Value::of_toml(text).expect("defaults are TOML: a test reads each"))
}

fn read_default<T>(key: &Key, default: &Value, parse: impl Fn(&Value, &Kind) -> Result<T, Fault>) -> T {
    match parse(default, &key.kind) {
        Ok(value) => value,
        Err(fault) => unreachable!("the default of {} {}: a test reads each", key.path, fault.message),
    }
}
