//! Fetches secrets from where they lie: the configuration itself, a variable, a file.

use std::fs::File;

use super::env::Env;
use super::files::{self, Limit};
use super::nearest;
use super::parse;
use super::problem::Fault;
use super::value::{Value, printable};
use crate::secret::Secret;

/// Room for any key.
const LIMIT: Limit =
    Limit { bytes: 64 << 10, words: "64 KiB", remedy: "Name a file that holds the secret and nothing else." };

const REMEDY: &str = r#"Write the secret in quotes, { env = "NAME" } or { file = "PATH" }."#;

/// A secret and what is doubtful about the way it is kept.
pub(super) struct Found {
    pub secret: Secret<Vec<u8>>,
    pub doubt: Option<Fault>,
}

/// Reads one secret; never empty.
pub(super) fn read(value: &Value, env: &Env) -> Result<Found, Fault> {
    let found = match value {
        Value::Text(text) => known(text.as_bytes().to_vec()),
        Value::Table(table) => {
            if let Some(stranger) = table.keys().find(|key| !matches!(key.as_str(), "env" | "file")) {
                let remedy = format!("The nearest known one is {}.", nearest::word(stranger, &["env", "file"]));
                return Err(Fault::new(format!("has the unknown key {}", printable(stranger)), remedy));
            }
            match (table.get("env"), table.get("file")) {
                (Some(name), None) => of_variable(parse::text(name)?, env)?,
                (None, Some(path)) => of_file(parse::text(path)?)?,
                _ => return Err(Fault::new("needs either env or file", REMEDY)),
            }
        }
        other => return Err(parse::wrong(other, REMEDY)),
    };
    if found.secret.expose().is_empty() { Err(Fault::new("is empty", REMEDY)) } else { Ok(found) }
}

fn known(secret: Vec<u8>) -> Found {
    Found { secret: Secret::new(secret), doubt: None }
}

fn of_variable(name: &str, env: &Env) -> Result<Found, Fault> {
    match env.read(name) {
        Ok("") => Err(Fault::new(format!("the variable {} is empty", printable(name)), "Put the secret there.")),
        Ok(secret) => Ok(known(secret.as_bytes().to_vec())),
        Err(why) => Err(Fault::new(format!("the variable {} {why}", printable(name)), "Put the secret there.")),
    }
}

fn of_file(path: &str) -> Result<Found, Fault> {
    let file = files::open(path)?;
    let doubt = exposed(&file)
        .then(|| files::about(path, "can be read by others than its owner", "Take their rights away: chmod 600."));
    let secret = files::read(file, path, LIMIT)?;
    // Editors and `echo` end a file with one line break, which is no part of the secret.
    let kept = secret.strip_suffix(b"\r\n").or_else(|| secret.strip_suffix(b"\n")).unwrap_or(&secret);
    Ok(Found { secret: Secret::new(kept.to_vec()), doubt })
}

#[cfg(unix)]
fn exposed(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
const fn exposed(_: &File) -> bool {
    false
}
