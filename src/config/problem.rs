//! What is wrong with a configuration, said kindly: where, what, and what to write instead. Never quotes a value, since
//! a secret may stand where it should not (R28).

use std::fmt;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A line of the configuration file, counted from 1.
    File { name: Arc<str>, line: usize },
    /// An environment variable.
    Env { name: String },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Env { name } => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One mistake, or one thing to think about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path of the key, as in `session.cookie_name`; `route.0.path` for the first route. Empty for the whole file.
    pub key: String,
    /// Where it was said; [`Origin::Default`] for what is missing.
    pub origin: Origin,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to write instead: whole sentences.
    pub remedy: String,
}

impl Problem {
    /// The line of the file, where it has one.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        match self.origin {
            Origin::File { line, .. } => Some(line),
            Origin::Env { .. } | Origin::Default => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}. {}", self.message, self.remedy)
    }
}

/// Every mistake of one run; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What a validator says of a value: it knows neither the key nor the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    pub remedy: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into() }
    }

    /// For what the contract has and this version has not.
    pub(super) fn not_yet(remedy: impl Into<String>) -> Self {
        Self::new("not supported yet", remedy)
    }

    pub(super) fn at(self, key: impl Into<String>, origin: Origin) -> Problem {
        Problem { key: key.into(), origin, message: self.message, remedy: self.remedy }
    }
}
