//! JSON as WeChat writes it: slashes escaped, every other byte of a text sent as it is, legal or not.

/// An object under construction.
#[derive(Debug)]
pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn new() -> Self {
        Self(vec![b'{'])
    }

    /// A text. Only `"`, `\` and `/` are escaped: control bytes and broken UTF-8 go out raw, as they do at WeChat.
    pub(super) fn text(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.key(key);
        self.0.push(b'"');
        for &byte in value.as_ref() {
            if matches!(byte, b'"' | b'\\' | b'/') {
                self.0.push(b'\\');
            }
            self.0.push(byte);
        }
        self.0.push(b'"');
        self
    }

    /// A text that is left out when there is none.
    pub(super) fn maybe(self, key: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    pub(super) fn number(mut self, key: &str, value: i64) -> Self {
        self.key(key);
        self.0.extend_from_slice(value.to_string().as_bytes());
        self
    }

    /// A span of time.
    pub(super) fn seconds(self, key: &str, value: u64) -> Self {
        self.number(key, i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// A list of texts in which nothing needs escaping but `/`.
    pub(super) fn texts(mut self, key: &str, values: &[&str]) -> Self {
        self.key(key);
        let quoted: Vec<_> = values.iter().map(|value| format!("\"{}\"", value.replace('/', "\\/"))).collect();
        self.0.extend_from_slice(format!("[{}]", quoted.join(",")).as_bytes());
        self
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_15_slashes_are_escaped_and_odd_bytes_are_not() {
        let object = Object::new()
            .number("n", -1)
            .text("t", b"a/b\"c\\\x07\xff")
            .maybe("no", None)
            .texts("l", &[])
            .texts("m", &["1/2", "3"]);
        assert_eq!(object.finish(), b"{\"n\":-1,\"t\":\"a\\/b\\\"c\\\\\x07\xff\",\"l\":[],\"m\":[\"1\\/2\",\"3\"]}");
    }
}
