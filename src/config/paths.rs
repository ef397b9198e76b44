//! Builds the paths of the gate's own endpoints: absolute, of one meaning, no two the same.

use super::problem::Fault;
use super::reader::Reader;
use super::value::quoted;
use super::{Paths, VerifyFile};

/// What lies below the prefix whatever the operator chooses.
pub(super) const FIXED: &[&str] = &["jsconfig", "wx.js", "jwks.json", "logo"];

pub(super) fn paths(read: &mut Reader<'_>, verify_files: &[VerifyFile]) -> Paths {
    let prefix = read.text("paths.prefix", prefix).expect("this key has a default");
    let mut own = |name: &str| {
        let key = format!("paths.{name}");
        if read.is_set(&key) {
            return read.text(&key, path).unwrap_or_default();
        }
        let derived = format!("{prefix}/{name}");
        read.derived(&key, quoted(&derived));
        derived
    };
    let (login, callback, logout, me) = (own("login"), own("callback"), own("logout"), own("me"));

    let mut taken: Vec<String> = FIXED.iter().map(|name| format!("{prefix}/{name}")).collect();
    taken.extend(verify_files.iter().map(|file| format!("/{}", file.name)));
    let forward_auth = format!("{prefix}/auth/");
    for (name, path) in [("login", &login), ("callback", &callback), ("logout", &logout), ("me", &me)] {
        // What could not be read is a problem already.
        if !path.is_empty() && (taken.contains(path) || path.starts_with(&forward_auth)) {
            let fault = Fault::new("is taken by another endpoint of the gate", "Choose a path of its own.");
            read.refuse(&format!("paths.{name}"), fault);
        }
        taken.push(path.clone());
    }
    Paths { prefix, login, callback, logout, me }
}

fn prefix(text: &str) -> Result<String, Fault> {
    if text.ends_with('/') {
        return Err(Fault::new("ends with a slash", r#"Write it without, such as "/_wechat"."#));
    }
    path(text)
}

/// An absolute path that means the same to everybody.
pub(super) fn path(text: &str) -> Result<String, Fault> {
    const REMEDY: &str = r#"Write an absolute path of letters, digits, '-', '_' and '.', such as "/wxAuthorize"."#;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~!$&'()*+,=:@".contains(c);
    let Some(rest) = text.strip_prefix('/') else {
        return Err(Fault::new("does not start with a slash", REMEDY));
    };
    if rest.is_empty() {
        Err(Fault::new("is the site's own front page", REMEDY))
    } else if let Some(odd) = text.chars().find(|c| !plain(*c)) {
        Err(Fault::new(format!("contains '{}'", odd.escape_debug()), REMEDY))
    } else if text.contains("//") || rest.split('/').any(|segment| matches!(segment, "." | "..")) {
        Err(Fault::new("has an empty segment or a dot segment", REMEDY))
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r25_own_paths_have_one_meaning() {
        for (text, message) in [
            ("", "does not start with a slash"),
            ("login", "does not start with a slash"),
            ("/", "is the site's own front page"),
            ("/a?b", "contains '?'"),
            ("/a#b", "contains '#'"),
            ("/a%2fb", "contains '%'"),
            ("/a\\b", "contains '\\\\'"),
            ("/a;b", "contains ';'"),
            ("/a\nb", "contains '\\n'"),
            ("/登录", "contains '登'"),
            ("//a", "has an empty segment or a dot segment"),
            ("/a/../b", "has an empty segment or a dot segment"),
            ("/a/.", "has an empty segment or a dot segment"),
        ] {
            assert_eq!(path(text).expect_err(text).message, message, "{text}");
        }
        for text in ["/wxAuthorize", "/a/b.php", "/.well-known/x", "/login/"] {
            assert_eq!(path(text).as_deref(), Ok(text));
        }
        assert_eq!(prefix("/a/").expect_err("slash").message, "ends with a slash");
    }
}
