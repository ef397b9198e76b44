//! Gathers what the file and the environment said, as one flat map from key paths to values, each with its origin.
//! Knows which names exist; does not know what values mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest;
use super::problem::{Fault, Origin, Problem};
use super::schema::{self, Kind, Support};
use super::value::{Value, printable};

/// Far more than a person reads; keeps a hopeless file from costing minutes.
const MAX_PROBLEMS: usize = 100;

/// One value somebody set.
pub(super) struct Entry {
    pub value: Value,
    pub origin: Origin,
}

/// Everything that was said, before it is understood.
#[derive(Default)]
pub(super) struct Source {
    pub entries: BTreeMap<String, Entry>,
    /// Sections that are there, even when empty: `[identity.jwt]` alone is a wish.
    pub sections: BTreeMap<String, Origin>,
    /// How many `[[route]]` there are, and how many tables of any other list.
    pub lists: BTreeMap<&'static str, usize>,
    /// Variables some `{ env = … }` names.
    pub named: BTreeSet<String>,
    pub problems: Vec<Problem>,
}

impl Source {
    pub(super) fn push(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    /// How many tables of this list there are.
    pub(super) fn count(&self, list: &str) -> usize {
        self.lists.get(list).copied().unwrap_or_default()
    }

    /// Whether a section, or any key in it, was set.
    pub(super) fn has_section(&self, section: &str) -> bool {
        let within = |path: &String| path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        self.sections.contains_key(section) || self.entries.keys().any(within)
    }

    /// Reads the file's text. A syntax error is the only problem then: whatever follows it would be guesswork.
    pub(super) fn read_file(text: &str, name: &str) -> Result<Self, Problem> {
        let lines = Lines::of(text, name);
        let table = DeTable::parse(text).map_err(|error| {
            let origin = lines.origin(error.span().map_or(text.len(), |span| span.start));
            Fault::new(format!("not TOML: {}", error.message()), "See https://toml.io for the syntax.").at("", origin)
        })?;
        let mut source = Self::default();
        source.walk(table.get_ref(), "", &lines);
        Ok(source)
    }

    fn walk(&mut self, table: &DeTable<'_>, section: &str, lines: &Lines) {
        for (key, value) in table {
            let path = if section.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{section}.{key}", key = key.get_ref())
            };
            let origin = lines.origin(key.span().start);
            // A quoted key may hold a dot, and must not pass for two levels.
            if key.get_ref().contains(['.', '*']) {
                self.unknown(&path, origin);
            } else {
                self.place(path, value, origin, lines);
            }
        }
    }

    /// Puts one key of the file where it belongs, or says why it belongs nowhere.
    fn place(&mut self, path: String, value: &Spanned<DeValue<'_>>, origin: Origin, lines: &Lines) {
        if let Some(remedy) = schema::unbuilt(&path) {
            self.push(Fault::not_yet(remedy).at(path, origin));
        } else if let Some(list) = schema::LISTS.iter().find(|list| **list == path) {
            self.place_list(list, value, &origin, lines);
        } else if let Some(key) = schema::find(&path) {
            self.insert(path, key.kind.is_secret(), Value::of(value.get_ref()), origin);
        } else if !schema::is_section(&path) {
            self.unknown(&path, origin);
        } else if let DeValue::Table(table) = value.get_ref() {
            self.sections.insert(path.clone(), origin);
            self.walk(table, &path, lines);
        } else if is_upstream(&path) {
            // `upstream = "http://…"` is short for a table with only the URL.
            self.insert(format!("{path}.url"), false, Value::of(value.get_ref()), origin);
        } else {
            let message = format!("is {}, not a section", Value::of(value.get_ref()).description());
            self.push(
                Fault::new(message, format!("Write [{path}] on a line of its own, and its keys below."))
                    .at(path, origin),
            );
        }
    }

    fn place_list(&mut self, list: &'static str, value: &Spanned<DeValue<'_>>, origin: &Origin, lines: &Lines) {
        let remedy = format!("Write [[{list}]] on a line of its own, and its keys below.");
        let DeValue::Array(tables) = value.get_ref() else {
            self.push(Fault::new("is not a list of tables", remedy).at(list, origin.clone()));
            return;
        };
        self.lists.insert(list, tables.len());
        for (index, table) in tables.iter().enumerate() {
            let path = format!("{list}.{index}");
            let origin = lines.origin(table.span().start);
            if let DeValue::Table(table) = table.get_ref() {
                self.sections.insert(path.clone(), origin);
                self.walk(table, &path, lines);
            } else {
                self.push(Fault::new("is not a table", remedy.clone()).at(path, origin));
            }
        }
    }

    pub(super) fn insert(&mut self, path: String, secret: bool, value: Value, origin: Origin) {
        if secret {
            self.note_variables(&value);
        }
        self.entries.insert(path, Entry { value, origin });
    }

    /// Remembers which variables a secret names, so that they do not count as misspelt keys.
    fn note_variables(&mut self, value: &Value) {
        match value {
            Value::List(items) => items.iter().for_each(|item| self.note_variables(item)),
            Value::Table(table) => {
                if let Some(Value::Text(name)) = table.get("env") {
                    self.named.insert(name.to_string());
                }
            }
            _ => {}
        }
    }

    fn unknown(&mut self, path: &str, origin: Origin) {
        if !self.is_full() {
            let remedy = format!("The nearest known key is {}.", nearest::key(path));
            self.push(Fault::new("unknown key", remedy).at(printable(path), origin));
        }
    }
}

/// Whether this is a place where a table with a URL, or the URL alone, may stand.
pub(super) fn is_upstream(path: &str) -> bool {
    path == "upstream" || (path.starts_with("route.") && path.ends_with(".upstream"))
}

/// The kind of value a path takes in this version.
pub(super) fn built_kind(path: &str) -> Option<&'static Kind> {
    schema::find(path).filter(|key| key.support != Support::Later).map(|key| &key.kind)
}

/// Where each line of the file starts.
struct Lines {
    name: Arc<str>,
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str, name: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { name: name.into(), starts: std::iter::once(0).chain(breaks).collect() }
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::File { name: self.name.clone(), line: self.starts.partition_point(|start| *start <= offset) }
    }
}
