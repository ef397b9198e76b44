//! Everything the gates of this test program say to their operators: events at every level, and access lines.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::filter::LevelFilter;

static SAID: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes to what [`everything`] reads.
#[derive(Debug, Clone, Copy)]
pub struct Ear;

impl Write for Ear {
    fn write(&mut self, said: &[u8]) -> io::Result<usize> {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(said);
        Ok(said.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to listen; the first call counts.
pub fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing_subscriber::fmt().with_writer(|| Ear).with_ansi(false).with_max_level(LevelFilter::TRACE).init();
    });
}

/// All that was said so far. Access lines come in batches: those of a world are complete once its gate has stopped.
pub fn everything() -> String {
    String::from_utf8_lossy(&SAID.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
