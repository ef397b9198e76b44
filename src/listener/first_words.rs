//! What a client of HTTP/2 says first: its preface, then SETTINGS (RFC 9113 section 3.4). h2 insists on the one only.

use std::io;

/// Where the kind of the first frame stands: behind 24 bytes of preface and 3 of the frame's length.
const KIND: usize = 27;

/// SETTINGS without ACK, as kind and flags: there is nothing yet to acknowledge.
const SETTINGS: [u8; 2] = [4, 0];

/// Listens until the first frame is known.
#[derive(Debug)]
pub(super) struct FirstWords {
    heard: usize,
}

impl FirstWords {
    pub(super) fn new() -> Self {
        Self { heard: 0 }
    }

    /// # Errors
    /// When the first frame is another, whatever came before it: of that h2 is the judge.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = KIND + SETTINGS.len();
        if self.heard == end {
            return Ok(());
        }
        let wanted = bytes.iter().take(end - self.heard);
        for byte in wanted {
            if let Some(at) = self.heard.checked_sub(KIND)
                && *byte != SETTINGS[at]
            {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/2 begins with SETTINGS"));
            }
            self.heard += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(frame: &[u8]) -> Vec<u8> {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame].concat()
    }

    #[test]
    fn http2_begins_with_settings_however_it_comes_apart() {
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
        for (first, may_begin) in [
            (&[0, 0, 6, 4, 0, 0, 0, 0, 0][..], true),
            (&[0, 0, 0, 4, 0, 0, 0, 0, 0], true),
            (&[0, 0, 0, 4, 1, 0, 0, 0, 0], false),
            (&[0, 0, 9, 1, 5, 0, 0, 0, 1], false),
            (&ping, false),
            // Not yet known.
            (&[0, 0, 8], true),
        ] {
            let more = if first.len() < 9 { Vec::new() } else { ping.repeat(5) };
            let all = [said(first), more].concat();
            for size in [1, 9, 24, 27, 28, all.len()] {
                let mut words = FirstWords::new();
                let heard: io::Result<Vec<()>> = all.chunks(size).map(|piece| words.hear(piece)).collect();
                assert_eq!(heard.is_ok(), may_begin, "{first:?} in pieces of {size}");
            }
        }
    }
}
