//! Where secrets may lie, and that they never show.

use std::fs;

use wxgate::config::Config;

use super::{HEAD, pairs, problems, warnings, with};

const PLANTED: &str = "pLaNtEd-0123456789abcdef0123456789";

fn secret_file(contents: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(&file, contents).expect("written");
    file
}

fn session_secret(contents: &[u8]) -> Vec<u8> {
    let file = secret_file(contents);
    let text = with("", &format!("[session]\nsecret = {{ file = '{}' }}", file.path().display()));
    super::load(&text).config.session.secrets[0].expose().clone()
}

#[test]
fn one_line_break_at_the_end_of_a_file_is_no_part_of_the_secret() {
    let secret = PLANTED.as_bytes();
    for (end, left) in [("", ""), ("\n", ""), ("\r\n", ""), ("\n\n", "\n"), (" ", " ")] {
        let found = session_secret(&[secret, end.as_bytes()].concat());
        assert_eq!(found, [secret, left.as_bytes()].concat(), "{end:?}");
    }
    assert_eq!(session_secret(&[0xff; 40]), [0xff; 40]);
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let empty = secret_file(b"\n");
    let large = secret_file(&[b'x'; (64 << 10) + 1]);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let missing = folder.path().join("missing");
    for (path, expected) in [
        (missing.as_path(), format!("the file {} cannot be read: entity not found", missing.display())),
        (folder.path(), format!("the file {} cannot be read: is a directory", folder.path().display())),
        (empty.path(), "is empty".to_owned()),
        (large.path(), format!("the file {} is larger than 64 KiB", large.path().display())),
    ] {
        let text = with("", &format!("[session]\nsecret = {{ file = '{}' }}", path.display()));
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].starts_with(&format!("session.secret: {expected}.")), "{found:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let file = secret_file(PLANTED.as_bytes());
    let text = with("", &format!("[session]\nsecret = {{ file = '{}' }}", file.path().display()));
    for (mode, doubtful) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("changed");
        let expected =
            format!("session.secret: the file {} can be read by others than its owner", file.path().display());
        assert_eq!(warnings(&text), if doubtful { vec![expected] } else { vec![] }, "{mode:o}");
    }
}

#[test]
fn a_variable_that_holds_no_secret_is_named() {
    let text = format!(
        "{HEAD}{}",
        "[official_account]\napp_id = \"wx0123456789abcdef\"\napp_secret = { env = \"GONE\" }\n[session]\nsecret = { env = \"EMPTY\" }\n"
    );
    let problems = Config::parse(&text, &pairs(&[("EMPTY", "")])).expect_err("no secrets");
    let expected = "config.toml:5: official_account.app_secret: the variable GONE is not set. Put the secret there.\n\
                    config.toml:7: session.secret: the variable EMPTY is empty. Put the secret there.";
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn without_a_secret_a_fresh_random_one_is_used() {
    let text = with("", "").replace("secret = { env = \"SEALING\" }", "");
    let env = pairs(&[("WECHAT", "0123456789abcdef0123456789abcdef")]);
    let loaded = Config::parse(&text, &env).unwrap_or_else(|problems| panic!("{problems}"));
    let again = Config::parse(&text, &env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().starts_with("session.secret: missing, so a random one is used"));
    let secret = |loaded: &wxgate::config::Loaded| loaded.config.session.secrets[0].expose().clone();
    assert_eq!(secret(&loaded).len(), 32);
    assert_ne!(secret(&loaded), secret(&again));
}

/// Secrets in every place a secret may stand, and in places where it should not.
#[test]
fn r28_no_secret_shows_in_a_problem_a_warning_or_the_configuration() {
    let file = secret_file(PLANTED.as_bytes());
    let good = format!(
        "{HEAD}[official_account]\napp_id = \"wx0123456789abcdef\"\napp_secret = \"{PLANTED}\"\n\
         [session]\nsecret = [\"{PLANTED}\", {{ env = \"WXGATE_PLANTED\" }}, {{ file = '{}' }}]\n\
         [identity.jwt]\nheader = \"X-Jwt\"\nalgorithm = \"HS256\"\nkey = \"{PLANTED}\"\n\
         [admin]\nlisten = \"127.0.0.1:4181\"\ntoken = \"{PLANTED}\"\n",
        file.path().display()
    );
    let env = pairs(&[("WXGATE_PLANTED", PLANTED)]);
    let loaded = Config::parse(&good, &env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.config.session.secrets.len(), 3);
    let shown = format!("{loaded:?}");
    assert!(shown.contains("••••") && !shown.contains("pLaNtEd"), "{shown}");

    let bad = good.replace(&format!("\"{PLANTED}\","), "\"pLaNtEd-short\",").replace("wx0123456789abcdef", PLANTED);
    let elsewhere = [
        bad,
        good.replace("HS256", PLANTED),
        good.replace("X-Jwt", &format!("{PLANTED} ")),
        good.replace("http://127.0.0.1:8080", &format!("http://user:{PLANTED}@app")),
        good.replace("https://m.example.com", PLANTED),
        good.replace("app_secret = ", "app_secret = pLaNtEd"),
        good.replace(&format!("app_secret = \"{PLANTED}\""), &format!("app_secret = \"{PLANTED}")),
        good.replace("key = ", "kye = "),
        format!("{good}[store]\nredis = \"redis://:{PLANTED}@host\"\n"),
        good.replace("127.0.0.1:4181", PLANTED),
        good.replace(&format!("token = \"{PLANTED}\""), "token = \"pLaNtEd short\""),
        format!("{good}[server]\nlisten = \"{PLANTED}\"\nworkers = \"{PLANTED}\"\nheader_timeout = \"{PLANTED}\"\n"),
        format!("{good}[[route]]\npath = \"{PLANTED}\"\nallow = [\"{PLANTED}!\"]\nmethods = [\"{PLANTED}\"]\n"),
    ];
    for text in elsewhere {
        let problems = Config::parse(&text, &env).expect_err(&text);
        assert!(!format!("{problems}{problems:?}").contains("pLaNtEd"), "{problems}");
    }
    let mut env = env;
    env.push(("WXGATE_SESION__SECRET".to_owned(), PLANTED.to_owned()));
    env.push(("WXGATE_IDENTITY__JWT__KEY".to_owned(), "pLaNtEd".to_owned()));
    env.push(("WXGATE_SESSION__SECRET".to_owned(), format!("[{PLANTED}")));
    let problems = Config::parse(&good, &env).expect_err("three mistakes");
    assert_eq!(problems.0.len(), 3, "{problems}");
    assert!(!format!("{problems}{problems:?}").contains("pLaNtEd"), "{problems}");
}

#[test]
fn r28_ids_of_people_are_shortened() {
    let text = with("", "[[route]]\npath = \"/a\"\nallow = [\"oABCDEFGHIJKLMNOPQRSTUVWXYZ0\"]");
    let loaded = super::load(&text);
    let shown = format!("{loaded:?}");
    assert!(shown.contains("oABCDE") && !shown.contains("oABCDEF"), "{shown}");
}
