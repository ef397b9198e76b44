//! Reads the files that the configuration names, none of them without bound.

use std::fs::File;
use std::io::{self, Read};

use zeroize::Zeroizing;

use super::problem::Fault;
use super::value::printable;

/// What a file may be, and what to do about one that is more.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// A path to something endless is then an error and not a full memory.
    pub bytes: usize,
    /// The same in words.
    pub words: &'static str,
    pub remedy: &'static str,
}

/// Opens a file. A relative path counts from the working directory.
pub(super) fn open(path: &str) -> Result<File, Fault> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

/// All of an open file; a larger one is a fault. What is read never moves, and is wiped: it may be a secret.
pub(super) fn read(file: File, path: &str, limit: Limit) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let room = limit.bytes + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(room as u64).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() == room {
        return Err(about(path, &format!("is larger than {}", limit.words), limit.remedy));
    }
    Ok(bytes)
}

/// What is wrong with a file.
pub(super) fn about(path: &str, message: &str, remedy: impl Into<String>) -> Fault {
    Fault::new(format!("the file {} {message}", printable(path)), remedy)
}

fn unreadable(path: &str, error: &io::Error) -> Fault {
    let remedy = "A relative path counts from the working directory of the gate.";
    about(path, &format!("cannot be read: {}", error.kind()), remedy)
}
