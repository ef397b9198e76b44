//! Configuration from the outside: what is accepted, what is refused and in which words, and where values come from.

mod environment;
mod files;
mod mistakes;
mod never_panics;
mod reference;
mod refused;
mod secrets;
mod tls;
mod understood;

use wxgate::config::{Config, Loaded};

/// The smallest configuration there is, secrets aside.
const HEAD: &str = r#"public_url = "https://m.example.com"
upstream = "http://127.0.0.1:8080"
"#;
const ACCOUNT: &str = r#"[official_account]
app_id = "wx0123456789abcdef"
app_secret = { env = "WECHAT" }
"#;
const SESSION: &str = r#"[session]
secret = { env = "SEALING" }
"#;

fn secrets_in_env() -> Vec<(String, String)> {
    pairs(&[("WECHAT", "0123456789abcdef0123456789abcdef"), ("SEALING", "kUqzXvR3m8Yw1LdT5hN7cJ2sB9fG4pQ6")])
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A whole configuration with one thing changed: `top` goes to the top, `rest` to the end.
fn with(top: &str, rest: &str) -> String {
    let head: String = HEAD.lines().filter(|line| !says_the_same(line, top)).map(|line| format!("{line}\n")).collect();
    let section = |text: &str| {
        let header = text.lines().next().unwrap_or_default();
        if rest.lines().any(|line| line == header) { String::new() } else { text.to_owned() }
    };
    format!("{top}\n{head}{}{}{rest}\n", section(ACCOUNT), section(SESSION))
}

fn says_the_same(line: &str, top: &str) -> bool {
    let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    top.lines().any(|other| key(other) == key(line))
}

fn load(text: &str) -> Loaded {
    Config::parse(text, &secrets_in_env()).unwrap_or_else(|problems| panic!("{problems}\nin\n{text}"))
}

/// Every problem, without the file's name and line.
fn problems(text: &str) -> Vec<String> {
    let problems = Config::parse(text, &secrets_in_env()).expect_err(text).0;
    problems.iter().map(|problem| format!("{}: {}. {}", problem.key, problem.message, problem.remedy)).collect()
}

/// A certificate and its key in files of their own.
struct Pair {
    cert: String,
    key: String,
    folder: tempfile::TempDir,
}

impl Pair {
    fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        Self::with(&made.cert.pem(), &made.signing_key.serialize_pem())
    }

    fn with(cert: &str, key: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let [cert, key] = [("cert.pem", cert), ("key.pem", key)].map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path.to_str().expect("text").to_owned()
        });
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("its owner's");
        Self { cert, key, folder }
    }

    /// The section that names them.
    fn section(&self) -> String {
        format!("[server.tls]\nlisten = '127.0.0.1:4443'\ncert = '{}'\nkey = '{}'\n", self.cert, self.key)
    }
}

/// A PEM file that a `ca_file` may name.
const AUTHORITY: &str = "tests/config/authority.pem";

fn warnings(text: &str) -> Vec<String> {
    load(text).warnings.iter().map(|warning| format!("{}: {}", warning.key, warning.message)).collect()
}
