//! Builds what the gate's own pages show of the site: its name and its logo.

use std::fmt;

use memchr::memmem;

use super::files::{self, Limit};
use super::problem::Fault;
use super::reader::Reader;
use super::{Logo, Pages, Picture};

/// What fits beside a logo on a phone.
const MAX_NAME_CHARS: usize = 40;
/// A logo is shown at the height of a line of text, on pages of a few KiB.
const LIMIT: Limit = Limit { bytes: 64 << 10, words: "64 KiB", remedy: LOGO };

const LOGO: &str = "Name a PNG, JPEG or SVG file of at most 64 KiB.";

pub(super) fn pages(read: &mut Reader<'_>) -> Pages {
    Pages { site_name: read.text("pages.site_name", site_name), logo: read.text("pages.logo_file", logo) }
}

fn site_name(text: &str) -> Result<String, Fault> {
    const REMEDY: &str = "Write the site's name as visitors know it, in 40 characters at most.";
    let name = text.trim();
    if name.is_empty() {
        Err(Fault::new("is empty", REMEDY))
    } else if name.chars().count() > MAX_NAME_CHARS {
        Err(Fault::new("is longer than 40 characters", REMEDY))
    } else if let Some(odd) = name.chars().find(|c| c.is_control() || turns_text(*c)) {
        Err(Fault::new(format!("contains '{}'", odd.escape_unicode()), REMEDY))
    } else {
        Ok(name.to_owned())
    }
}

/// Whether a character, itself unseen, changes the order in which others are read.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn logo(path: &str) -> Result<Logo, Fault> {
    let bytes = files::read(files::open(path)?, path, LIMIT)?.to_vec();
    let picture = picture(&bytes).map_err(|why| files::about(path, why, LOGO))?;
    Ok(Logo { bytes, picture })
}

/// What the bytes are, whatever the file is called.
fn picture(bytes: &[u8]) -> Result<Picture, &'static str> {
    let whole = |end: &[u8], picture| memmem::rfind(bytes, end).map(|_| picture).ok_or("breaks off");
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        whole(b"IEND", Picture::Png)
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        whole(b"\xff\xd9", Picture::Jpeg)
    } else if let Some(svg) = std::str::from_utf8(bytes).ok().filter(|text| is_svg(text)) {
        // Browsers draw nothing else in an <img>.
        let named = svg.contains("http://www.w3.org/2000/svg");
        if !named {
            return Err("is an SVG without xmlns=\"http://www.w3.org/2000/svg\"");
        }
        whole(b">", Picture::Svg)
    } else {
        Err("is neither PNG, JPEG nor SVG")
    }
}

/// Whether the first element is `svg`, whatever XML allows in front of it.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<!DOCTYPE") {
            // Drawing programs declare entities there.
            if rest.split_once('>').is_some_and(|(head, _)| head.contains('[')) { "]>" } else { ">" }
        } else {
            let after = rest.strip_prefix("<svg").and_then(|after| after.chars().next());
            return after.is_some_and(|c| c.is_whitespace() || c == '>');
        };
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after.trim_start();
    }
}

impl Picture {
    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Svg => "image/svg+xml",
        }
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({:?}, {} bytes)", self.picture, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

    #[test]
    fn a_logo_is_what_its_bytes_say() {
        let doctype = format!("\u{feff}<?xml version=\"1.0\"?>\n<!-- > --><!DOCTYPE svg [<!ENTITY a \"b\">]>\n{SVG}");
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\n....IEND\xae\x42\x60\x82"[..], Ok(Picture::Png)),
            (b"\x89PNG\r\n\x1a\n....", Err("breaks off")),
            (b"\xff\xd8\xff\xe0....\xff\xd9", Ok(Picture::Jpeg)),
            (b"\xff\xd8\xff\xe0....", Err("breaks off")),
            (SVG.as_bytes(), Ok(Picture::Svg)),
            (doctype.as_bytes(), Ok(Picture::Svg)),
            (b"<!DOCTYPE svg PUBLIC \"x\"><svg xmlns='http://www.w3.org/2000/svg'></svg>", Ok(Picture::Svg)),
            (b"<svg></svg>", Err("is an SVG without xmlns=\"http://www.w3.org/2000/svg\"")),
            (b"<!doctype html><svg></svg>", Err("is neither PNG, JPEG nor SVG")),
            (b"<svgx/>", Err("is neither PNG, JPEG nor SVG")),
            (b"<!-- <svg", Err("is neither PNG, JPEG nor SVG")),
            (b"GIF89a", Err("is neither PNG, JPEG nor SVG")),
            (b"", Err("is neither PNG, JPEG nor SVG")),
            (b"\x1f\x8b\x08svgz", Err("is neither PNG, JPEG nor SVG")),
        ] {
            assert_eq!(picture(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_name_is_one_plain_line() {
        for (text, expected) in [
            ("  山风茶舍 ", Ok("山风茶舍")),
            ("Tea & <b>Wind</b>", Ok("Tea & <b>Wind</b>")),
            (" ", Err("is empty")),
            ("a\nb", Err("contains '\\u{a}'")),
            ("a\u{202e}b", Err("contains '\\u{202e}'")),
        ] {
            let found = site_name(text).map_err(|fault| fault.message);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text:?}");
        }
        assert!(site_name(&"山".repeat(40)).is_ok() && site_name(&"山".repeat(41)).is_err());
    }
}
