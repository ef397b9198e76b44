//! `wxgate check`: everything that is wrong with a configuration, or what it amounts to and where each value came from.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use super::{BAD, GOOD, online};
use crate::config::{Config, Effective, Loaded};

/// Where origins begin, so that they stand below each other.
const ORIGIN_COLUMN: usize = 56;

/// What no configuration shows, and WeChat cannot be asked: a running gate finds out by its visitors, and says so.
const TWO_OPENIDS: &str = "website_app: knows a visitor by another openid than official_account does. Know visitors by their \
    unionid, and bind both accounts to one Open Platform account at open.weixin.qq.com, or WeChat tells none; the log \
    warns after 20 visitors without.";

/// Reads the configuration and writes what is to be said of it; with `online` asks WeChat, too, whether it accepts a good
/// one. No secret is among that (R28).
///
/// Returns the exit code of the process: 0, 1 when WeChat says no or nothing, or 2 when there is a problem.
///
/// # Errors
/// Those of the writer.
pub fn check(
    file: Option<&Path>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    online: bool,
    out: &mut impl Write,
) -> io::Result<u8> {
    match Config::load(file, env) {
        Ok(loaded) => {
            effective(&loaded, out)?;
            if online { online::ask(&loaded.config, out) } else { Ok(GOOD) }
        }
        Err(problems) => {
            let count = problems.0.len();
            writeln!(out, "{problems}\n\n{count} problem{}", if count == 1 { "" } else { "s" })?;
            Ok(BAD)
        }
    }
}

fn effective(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    let Config { official_account, website_app, .. } = &loaded.config;
    let two_openids = (official_account.is_some() && website_app.is_some()).then_some(TWO_OPENIDS);
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    for warning in warnings.iter().map(String::as_str).chain(two_openids) {
        writeln!(out, "warning: {warning}")?;
    }
    if !warnings.is_empty() || two_openids.is_some() {
        writeln!(out)?;
    }
    for Effective { key, shown, origin } in &loaded.effective {
        let setting = format!("{key} = {shown}");
        writeln!(out, "{setting:ORIGIN_COLUMN$}  # {origin}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, env: &[(&str, &str)]) -> (u8, String) {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(&file, text).expect("written");
        let env = env.iter().map(|(name, value)| (name.into(), value.into()));
        let mut out = Vec::new();
        let code = check(Some(file.path()), env, false, &mut out).expect("a vector takes everything");
        let shown = String::from_utf8(out).expect("the report is UTF-8");
        (code, shown.replace(&file.path().display().to_string(), "config.toml"))
    }

    const GOOD_FILE: &str = r#"public_url = "https://m.example.com"
upstream = "http://127.0.0.1:8080"
[official_account]
app_id = "wx0123456789abcdef"
app_secret = "planted-secret-0123456789abcdef0"
[session]
secret = { env = "WXGATE_SECRET" }
"#;

    #[test]
    fn r28_a_good_configuration_is_shown_with_origins_and_without_secrets() {
        let env = [("WXGATE_SECRET", "planted-secret-of-32-bytes-or-more"), ("WXGATE_SESSION__TTL", "3d")];
        let (code, shown) = run(GOOD_FILE, &env);
        assert_eq!(code, 0, "{shown}");
        assert!(!shown.contains("planted"), "{shown}");
        for line in [
            r#"public_url = "https://m.example.com"                      # config.toml:1"#,
            "official_account.app_secret = ••••                        # config.toml:5",
            "session.secret = •••• (env WXGATE_SECRET)                 # config.toml:7",
            r#"session.ttl = "3d"                                        # WXGATE_SESSION__TTL"#,
            r#"session.idle = "24h"                                      # default"#,
            r#"paths.login = "/_wechat/login"                            # default"#,
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\nis not in\n{shown}");
        }
    }

    #[test]
    fn every_problem_is_shown_and_the_exit_code_is_2() {
        let (code, shown) = run("public_url = 1\n[session]\ncookie_name = \"a;b\"\n", &[("WXGATE_LOG__ACCESS", "yes")]);
        assert_eq!(code, 2);
        let expected = r#"config.toml:1: public_url: is a number. Write text in quotes.
config.toml:3: session.cookie_name: contains ';'. Use letters, digits, '-' or '_'.
WXGATE_LOG__ACCESS: log.access: is text. Write true or false, without quotes.
upstream: missing, and forward-auth without an upstream is not supported yet. Write upstream = "http://127.0.0.1:8080" at the top of the file.
official_account: missing. Write [official_account] with the app_id and app_secret of your service account; or [website_app], or [wecom].

5 problems
"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn warnings_come_before_the_values() {
        let text = GOOD_FILE.replace("https://m", "http://m").replace(r#"secret = { env = "WXGATE_SECRET" }"#, "");
        let (code, shown) = run(&text, &[]);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.starts_with("warning: config.toml:1: public_url: is http"), "{shown}");
        assert!(shown.contains("\nwarning: session.secret: missing"), "{shown}");
        assert!(shown.contains("\nsession.secret = (random)"), "{shown}");
    }

    #[test]
    fn two_accounts_that_know_one_visitor_by_two_openids_are_pointed_out() {
        let website = "[website_app]\napp_id = 'wx0123456789abcde0'\napp_secret = '0123456789abcdef0123456789abcdef'\n";
        let secret = [("WXGATE_SECRET", "a-secret-of-32-bytes-or-more-bytes")];
        let (code, shown) = run(&format!("{GOOD_FILE}{website}"), &secret);
        assert_eq!(code, 0, "{shown}");
        let warnings: Vec<&str> = shown.lines().take_while(|line| line.starts_with("warning: ")).collect();
        let [no_userinfo, two_openids] = warnings[..] else { panic!("{shown}") };
        assert!(no_userinfo.contains("official_account.scope: is \"base\"") && no_userinfo.contains("unionid"));
        assert!(two_openids.starts_with("warning: website_app: ") && two_openids.contains("unionid"), "{two_openids}");

        let route = "[[route]]\npath = '/account/**'\nscope = 'userinfo'\n";
        let (_, shown) = run(&format!("{GOOD_FILE}{website}{route}"), &secret);
        assert!(!shown.contains("official_account.scope: is") && shown.contains(two_openids), "{shown}");
        let (_, shown) = run(GOOD_FILE, &secret);
        assert!(!shown.contains("warning"), "{shown}");
    }

    #[test]
    fn a_file_that_is_not_there_is_the_one_problem() {
        let mut out = Vec::new();
        let code = check(Some(Path::new("nowhere/config.toml")), [], true, &mut out).expect("written");
        assert_eq!(code, 2);
        let shown = String::from_utf8(out).expect("UTF-8");
        assert_eq!(
            shown,
            "nowhere/config.toml cannot be read: entity not found. Name another file with -c FILE.\n\n1 problem\n"
        );
    }
}
