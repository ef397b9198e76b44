//! Values as the operator wrote them, in the file or in a variable, before anybody asked what they mean.
//!
//! No `Debug`: any of them may be a secret.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::problem::Fault;
use super::schema::Kind;

/// What hides a secret, however long that is.
pub(super) const MASK: &str = "••••";

/// A value of TOML, texts wiped on drop.
#[derive(Clone)]
pub(super) enum Value {
    Text(Zeroizing<String>),
    Integer(i64),
    Switch(bool),
    List(Vec<Value>),
    Table(BTreeMap<String, Value>),
    /// What no key takes: a float, a date, a number beyond 64 bits. Holds the word for it.
    Other(&'static str),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }

    /// Takes over what the TOML parser made. It bounds the depth, so recursion is safe.
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::text(text),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Self::Other("a number beyond 64 bits"), Self::Integer),
            DeValue::Float(_) => Self::Other("a number with a fraction"),
            DeValue::Boolean(on) => Self::Switch(*on),
            DeValue::Datetime(_) => Self::Other("a date or time"),
            DeValue::Array(items) => Self::List(items.iter().map(|item| Self::of(item.get_ref())).collect()),
            DeValue::Table(table) => Self::of_table(table),
        }
    }

    fn of_table(table: &DeTable<'_>) -> Self {
        Self::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), Self::of(value.get_ref()))).collect())
    }

    /// Reads the text of a default or of a variable as TOML; the error says nothing of the text.
    pub(super) fn of_toml(text: &str) -> Option<Self> {
        DeValue::parse(text).ok().map(|value| Self::of(value.get_ref()))
    }

    /// Reads a variable as the kind of value its key takes. What does not fit stays text, for the validator to refuse.
    pub(super) fn of_variable(text: &str, kind: &Kind) -> Result<Self, Fault> {
        match kind {
            Kind::Switch | Kind::Integer(_) => Ok(match Self::of_toml(text.trim()) {
                Some(value @ (Self::Switch(_) | Self::Integer(_))) => value,
                _ => Self::text(text),
            }),
            Kind::List | Kind::Secrets if text.trim_start().starts_with('[') => Self::of_toml(text.trim())
                .ok_or_else(|| Fault::new("starts with '[' but is no TOML array", r#"Write ["first", "second"]."#)),
            Kind::List => {
                let items = text.split(',').map(str::trim);
                Ok(Self::List(if text.trim().is_empty() { Vec::new() } else { items.map(Self::text).collect() }))
            }
            // Commas may be part of a secret, so only the array form lists several.
            _ => Ok(Self::text(text)),
        }
    }

    /// What it is, for "is …".
    pub(super) const fn description(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::Switch(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(description) => description,
        }
    }

    /// As one line of TOML. Not for secrets.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(number) => number.to_string(),
            Self::Switch(on) => on.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::to_toml).collect::<Vec<_>>().join(", ")),
            Self::Table(_) => "{ … }".to_owned(),
            Self::Other(description) => (*description).to_owned(),
        }
    }

    /// What may be shown of a secret: that there is one and, when it lies elsewhere, where.
    pub(super) fn masked(&self) -> String {
        match self {
            Self::List(items) => format!("[{}]", items.iter().map(Self::masked).collect::<Vec<_>>().join(", ")),
            Self::Table(table) => match table.iter().next() {
                Some((place, Self::Text(name))) => format!("{MASK} ({place} {})", printable(name)),
                _ => MASK.to_owned(),
            },
            _ => MASK.to_owned(),
        }
    }
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// A name of the operator's as one short printable line.
pub(super) fn printable(name: &str) -> String {
    const SHOWN_CHARS: usize = 120;
    let mut shown: String = name.chars().take(SHOWN_CHARS).collect::<String>().escape_debug().collect();
    if name.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_reads_back_as_itself() {
        for text in ["", "plain", "a\"b\\c", "line\nbreak\ttab\u{7f}\u{0}", "中文"] {
            let Some(Value::Text(read)) = Value::of_toml(&quoted(text)) else { panic!("{text:?} was not text") };
            assert_eq!(read.as_str(), text);
        }
    }

    #[test]
    fn variables_are_read_as_the_kind_their_key_takes() {
        for (text, kind, shown) in [
            ("a, b", &Kind::List, r#"["a", "b"]"#),
            (r#"["a", "b"]"#, &Kind::List, r#"["a", "b"]"#),
            ("a", &Kind::List, r#"["a"]"#),
            ("", &Kind::List, "[]"),
            ("true", &Kind::Switch, "true"),
            ("yes", &Kind::Switch, r#""yes""#),
            ("20_000", &Kind::Integer(0..=1), "20000"),
            ("true", &Kind::Text, r#""true""#),
        ] {
            let value = Value::of_variable(text, kind).expect("readable");
            assert_eq!(value.to_toml(), shown, "{text}");
        }
        assert!(Value::of_variable("[a", &Kind::List).is_err());
    }

    #[test]
    fn r28_a_masked_secret_tells_neither_text_nor_length() {
        assert_eq!(Value::text("short").masked(), Value::text(&"long".repeat(50)).masked());
        assert_eq!(Value::of_toml(r#"["one", "two"]"#).map(|list| list.masked()).as_deref(), Some("[••••, ••••]"));
        let file = Value::of_toml(r#"{ file = "/run/secrets/wechat" }"#).expect("a table");
        assert_eq!(file.masked(), "•••• (file /run/secrets/wechat)");
    }
}
