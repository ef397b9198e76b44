//! Text made safe to stand in a page, and templates that take nothing else.

use std::fmt::Write;

/// A piece of a page: escaped text, or markup of our own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// Somebody's text, escaped for content and for quoted attributes alike.
    pub(super) fn text(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                _ => safe.push(c),
            }
        }
        Self(safe)
    }

    /// A number.
    pub(super) fn number(number: usize) -> Self {
        Self(number.to_string())
    }

    /// Nothing.
    pub(super) const fn empty() -> Self {
        Self(String::new())
    }

    /// Markup from this crate's own files.
    pub(super) fn ours(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// One piece after another.
    pub(super) fn join(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self(pieces.into_iter().map(|piece| piece.0).collect())
    }

    /// A template with each `{{name}}` replaced, in one pass: what is put in is never looked at again.
    ///
    /// # Panics
    /// When the template names what is not given: both are ours.
    pub(super) fn fill(template: &'static str, values: &[(&str, &Self)]) -> Self {
        let mut page = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").expect("our templates close their braces");
            let (_, value) = values.iter().find(|(given, _)| *given == name).expect("our templates name what is given");
            write!(page, "{before}{}", value.0).expect("a string takes all");
            rest = after;
        }
        page.push_str(rest);
        Self(page)
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = Html::text(r#"<a title="x" onclick='y'>&amp;"#);
        assert_eq!(text.into_string(), "&lt;a title=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;amp;");
    }

    #[test]
    fn what_is_filled_in_is_not_a_template() {
        let page = Html::fill("<p>{{a}}-{{b}}</p>", &[("a", &Html::text("{{b}}")), ("b", &Html::text("<"))]);
        assert_eq!(page.into_string(), "<p>{{b}}-&lt;</p>");
    }
}
