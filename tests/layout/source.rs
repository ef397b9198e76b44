//! Reads Rust source just closely enough to know which paths it names: comments, literals and test-only items left out.

use std::collections::HashMap;

/// One file of `src/`.
pub(crate) struct Source {
    /// Below `src/`, with `/`.
    pub(crate) file: String,
    /// The first line as written.
    pub(crate) first_line: String,
    tokens: Vec<Token>,
    /// Where the file's own module lies: `login::flow` for `login/flow.rs`.
    module: Vec<String>,
}

struct Token {
    text: String,
    line: usize,
}

/// A path some code names, resolved as far as the file itself tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) place: Place,
    pub(crate) segments: Vec<String>,
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the root of this crate.
    Here,
    /// At another crate, or at something in scope that is no business of ours.
    Elsewhere,
}

impl Source {
    pub(crate) fn read(file: &str, text: &str) -> Self {
        let tokens = without_tests(tokens(&blank(text)));
        let first_line = text.lines().next().unwrap_or_default().to_owned();
        Self { file: file.to_owned(), first_line, tokens, module: module_of(file) }
    }

    /// Files that this one declares for tests only (`#[cfg(test)] mod name;`), as path prefixes without `.rs`.
    pub(crate) fn test_only_files(file: &str, text: &str) -> Vec<String> {
        let all = tokens(&blank(text));
        let folder = module_of(file).join("/");
        let is = |at: usize, text: &str| all.get(at).is_some_and(|token| token.text == text);
        test_items(&all)
            .into_iter()
            .filter_map(|(start, end)| {
                let module = (start..end).find(|&at| is(at, "mod") && is(at + 2, ";"))?;
                let name = &all[module + 1].text;
                Some(if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") })
            })
            .collect()
    }

    /// Where this word stands in the code.
    pub(crate) fn lines_with(&self, word: &str) -> impl Iterator<Item = usize> {
        self.tokens.iter().filter(move |token| token.text == word).map(|token| token.line)
    }

    /// Every path of at least one segment in a `use`, of at least two elsewhere.
    pub(crate) fn named(&self) -> Vec<Named> {
        let mut walk = Walk { tokens: &self.tokens, at: 0, inline: Vec::new(), depth: 0, found: Vec::new() };
        let mut raw = walk.paths();
        let bound: HashMap<String, Vec<String>> =
            raw.iter().filter_map(|path| Some((path.binding.clone()?, path.segments.clone()))).collect();
        for path in raw.iter_mut().filter(|path| !path.in_use) {
            if let Some(meaning) = bound.get(&path.segments[0]) {
                path.segments.splice(0..1, meaning.iter().cloned());
            }
        }
        raw.into_iter().map(|path| self.resolve(path)).collect()
    }

    fn resolve(&self, path: RawPath) -> Named {
        let mut here: Vec<String> = self.module.iter().chain(&path.inline).cloned().collect();
        let mut segments = path.segments.into_iter().peekable();
        let mut place = Place::Elsewhere;
        while let Some(step) = segments.next_if(|step| ["crate", "wxgate", "self", "super"].contains(&step.as_str())) {
            place = Place::Here;
            match step.as_str() {
                "super" => drop(here.pop()),
                "self" => {}
                _ => here.clear(),
            }
        }
        let segments =
            if place == Place::Here { here.into_iter().chain(segments).collect() } else { segments.collect() };
        Named { line: path.line, place, segments }
    }
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs");
    let path = if path == "lib" || path == "main" { "" } else { path };
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

struct RawPath {
    line: usize,
    segments: Vec<String>,
    in_use: bool,
    /// What a `use` or `mod` brings into scope in this file.
    binding: Option<String>,
    inline: Vec<String>,
}

struct Walk<'a> {
    tokens: &'a [Token],
    at: usize,
    inline: Vec<(String, usize)>,
    depth: usize,
    found: Vec<RawPath>,
}

impl Walk<'_> {
    fn paths(&mut self) -> Vec<RawPath> {
        while self.at < self.tokens.len() {
            match self.text(0) {
                "use" if self.text(1) != "<" => {
                    self.at += 1;
                    self.tree(Vec::new());
                }
                "mod" if self.text(2) == "{" => {
                    self.depth += 1;
                    self.inline.push((self.text(1).to_owned(), self.depth));
                    self.at += 3;
                }
                "mod" if self.text(2) == ";" => {
                    self.record(vec!["self".to_owned(), self.text(1).to_owned()], Some(self.text(1).to_owned()), true);
                    self.at += 3;
                }
                "{" => {
                    self.depth += 1;
                    self.at += 1;
                }
                "}" => {
                    self.inline.retain(|(_, depth)| *depth != self.depth);
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                _ => self.expression_path(),
            }
        }
        std::mem::take(&mut self.found)
    }

    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| &token.text)
    }

    fn record(&mut self, segments: Vec<String>, binding: Option<String>, in_use: bool) {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |token| token.line);
        let inline = self.inline.iter().map(|(name, _)| name.clone()).collect();
        self.found.push(RawPath { line, segments, in_use, binding, inline });
    }

    /// One use tree after `prefix`, recorded leaf by leaf.
    fn tree(&mut self, mut prefix: Vec<String>) {
        if self.text(0) == "::" {
            self.at += 1;
        }
        loop {
            match self.text(0) {
                "{" => {
                    self.at += 1;
                    while !["}", ""].contains(&self.text(0)) {
                        self.tree(prefix.clone());
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.record(prefix, None, true);
                    self.at += 1;
                    return;
                }
                step if is_word(step) => {
                    prefix.push(step.to_owned());
                    self.at += 1;
                    if self.text(0) == "::" {
                        self.at += 1;
                        continue;
                    }
                    return self.leaf(prefix);
                }
                _ => {
                    self.at += 1;
                    return;
                }
            }
        }
    }

    fn leaf(&mut self, mut path: Vec<String>) {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let mut name = path.last().cloned();
        if self.text(0) == "as" {
            name = Some(self.text(1).to_owned());
            self.at += 2;
        }
        self.at -= 1;
        self.record(path, name, true);
        self.at += 1;
    }

    fn expression_path(&mut self) {
        let continues = self.at > 0 && ["::", "."].contains(&self.tokens[self.at - 1].text.as_str());
        if continues || !is_word(self.text(0)) || self.text(1) != "::" {
            self.at += 1;
            return;
        }
        let mut segments = vec![self.text(0).to_owned()];
        let mut ahead = 1;
        while self.text(ahead) == "::" && is_word(self.text(ahead + 1)) {
            segments.push(self.text(ahead + 1).to_owned());
            ahead += 2;
        }
        if segments.len() > 1 {
            self.record(segments, None, false);
        }
        self.at += ahead;
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::`, and every other character that is no blank by itself.
fn tokens(code: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            found.push(Token { text: rest[..length].to_owned(), line: number + 1 });
            rest = rest[length..].trim_start();
        }
    }
    found
}

fn without_tests(mut all: Vec<Token>) -> Vec<Token> {
    for (start, end) in test_items(&all).into_iter().rev() {
        all.drain(start..end);
    }
    all
}

/// Start and end of every item under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn test_items(all: &[Token]) -> Vec<(usize, usize)> {
    let is = |at: usize, text: &str| all.get(at).is_some_and(|token| token.text == text);
    let mut items: Vec<(usize, usize)> = Vec::new();
    for start in 0..all.len() {
        let attribute = is(start, "#") && is(start + 1, "[") && is(start + 2, "cfg");
        if !attribute || items.last().is_some_and(|(_, end)| start < *end) {
            continue;
        }
        let close = close(all, start + 1);
        let condition = &all[start..close];
        if condition.iter().any(|token| token.text == "test") && !condition.iter().any(|token| token.text == "not") {
            items.push((start, item_end(all, close)));
        }
    }
    items
}

/// Past the first `;` or braced block at or after `at` that lies in no bracket.
fn item_end(all: &[Token], mut at: usize) -> usize {
    while at < all.len() {
        match all[at].text.as_str() {
            ";" => return at + 1,
            "{" => return close(all, at),
            "(" | "[" => at = close(all, at),
            _ => at += 1,
        }
    }
    at
}

/// Past the bracket that closes the one at `open`.
fn close(all: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in all.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    all.len()
}

/// The text with comments and the insides of literals blanked, line by line where it was.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| literal(rest, code.chars().last()));
        match skipped {
            Some(length) => {
                code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
                rest = &rest[length..];
            }
            None => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    code
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

/// Strings of every kind and characters; `previous` tells `r"` from a word that ends in `r`.
fn literal(text: &str, previous: Option<char>) -> Option<usize> {
    let after_word = previous.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let prefix = if after_word { 0 } else { text.find(|c| !"brc".contains(c))? };
    let (marks, body) = text.split_at(prefix);
    if marks.contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let inner = body[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(prefix + hashes + 1 + inner.find(&end).map_or(inner.len(), |at| at + end.len()));
    }
    match body.chars().next()? {
        '"' => Some(prefix + quoted(body, '"')),
        '\'' if is_character(body) => Some(prefix + quoted(body, '\'')),
        _ => None,
    }
}

/// Not a lifetime: `'a'`, `'\n'`.
fn is_character(text: &str) -> bool {
    let mut inside = text.chars().skip(1);
    inside.next() == Some('\\') || inside.next() == Some('\'')
}

fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}
