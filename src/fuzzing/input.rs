//! How a file of bytes is cut into what a property wants: a few words first, then text, so that seeds can be read.

/// What is left of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Up to the end of the line.
    pub(super) fn line(&mut self) -> &'a [u8] {
        let end = memchr::memchr(b'\n', self.0);
        let (line, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        line
    }

    pub(super) fn text_line(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.line()).ok()
    }

    /// All the rest.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }
}

/// Whether one of a line's words is this one.
pub(super) fn says(line: &[u8], word: &str) -> bool {
    line.split(|byte| *byte == b' ').any(|found| found == word.as_bytes())
}

/// The numbers of a line.
pub(super) fn numbers(line: &[u8]) -> impl Iterator<Item = usize> {
    let words = line.split(|byte| *byte == b' ');
    words.filter_map(|word| std::str::from_utf8(word).ok()?.parse::<u16>().ok().map(usize::from))
}
