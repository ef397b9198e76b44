//! The section of TLS: what it needs, and certificates that are wrong before anything starts with them.

use wxgate::config::{Config, Listen};

use super::{Pair, load, problems, secrets_in_env, with};

const FILE: &str = "Write the path of a PEM file, such as ";

#[test]
fn a_section_with_its_three_keys_is_enough() {
    let (first, second) = (Pair::of("m.example.com"), Pair::of("other.example.com"));
    let more = format!("[[server.tls.more]]\ncert = '{}'\nkey = '{}'\n", second.cert, second.key);
    let loaded = load(&with("", &(first.section() + "redirect_http = true\n" + &more)));
    assert_eq!(loaded.warnings, []);
    let tls = loaded.config.server.tls.expect("it is there");
    assert_eq!(tls.listen, [Listen::Tcp("127.0.0.1:4443".parse().expect("an address"))]);
    assert!(tls.redirect_http);
    let keys: Vec<_> = tls.pairs.iter().map(|pair| pair.key.to_str().expect("text")).collect();
    assert_eq!(keys, [&first.key, &second.key]);
    assert!(load(&with("", "")).config.server.tls.is_none());
    let nothing_plain = first.section().replace("[server.tls]", "[server]\nlisten = []\n[server.tls]");
    assert_eq!(load(&with("", &nothing_plain)).config.server.listen, []);
    assert_eq!(problems(&with("", "[server]\nlisten = []")).len(), 1);
}

#[test]
fn variables_add_certificates() {
    let (first, second) = (Pair::of("m.example.com"), Pair::of("other.example.com"));
    let mut env = secrets_in_env();
    env.push(("WXGATE_SERVER__TLS__MORE__0__CERT".into(), second.cert.clone()));
    env.push(("WXGATE_SERVER__TLS__MORE__0__KEY".into(), second.key.clone()));
    let loaded = Config::parse(&with("", &first.section()), &env).expect("good");
    assert_eq!(loaded.config.server.tls.map(|tls| tls.pairs.len()), Some(2));

    env.push(("WXGATE_SERVER__TLS__MORE__2__KEY".into(), second.key));
    let found = Config::parse(&with("", &first.section()), &env).expect_err("a gap").to_string();
    let expected = "WXGATE_SERVER__TLS__MORE__2__KEY: server.tls.more.2.key: there is no such certificate. The next certificate is number 1; numbers start at 0 and leave no gap.";
    assert_eq!(found, expected);
}

#[test]
fn what_is_missing_or_contradicts_is_said() {
    let pair = Pair::of("m.example.com");
    let good = pair.section();
    for (top, rest, expected) in [
        (
            "",
            "[server.tls]".to_owned(),
            vec![
                r#"server.tls.listen: missing. Write an address and a port, such as "0.0.0.0:443"."#.to_owned(),
                format!(r#"server.tls.cert: missing. {FILE}"/etc/wxgate/fullchain.pem"."#),
                format!(r#"server.tls.key: missing. {FILE}"/etc/wxgate/privkey.pem"."#),
            ],
        ),
        (
            "",
            good.clone() + "[[server.tls.more]]\ncert = ''",
            vec![
                format!(r#"server.tls.more.0.key: missing. {FILE}"/etc/wxgate/privkey.pem"."#),
                format!(r#"server.tls.more.0.cert: is empty. {FILE}"/etc/wxgate/fullchain.pem"."#),
            ],
        ),
        (
            "",
            good.replace(":4443", ":4180").replace("[server.tls]", "[server]\nlisten = '127.0.0.1:4180'\n[server.tls]"),
            vec!["server.tls.listen: is a place of server.listen. One place speaks TLS or does not: choose.".to_owned()],
        ),
        (
            "",
            good.replace("[server.tls]", "[server]\nlisten = '0.0.0.0:4443'\n[server.tls]"),
            vec!["server.tls.listen: is a place of server.listen. One place speaks TLS or does not: choose.".to_owned()],
        ),
        (
            "public_url = \"http://m.example.com\"",
            good.clone() + "redirect_http = true",
            vec!["server.tls.redirect_http: needs a public_url that is https. Write public_url with https://, or redirect_http = false.".to_owned()],
        ),
        (
            "upstream = \"https://127.0.0.1:4443\"",
            good.clone(),
            vec!["upstream.url: is the gate's own address, so every request would circle. Write the address of your application.".to_owned()],
        ),
        (
            "",
            good.clone() + "[admin]\nlisten = '127.0.0.1:4443'",
            vec!["admin.listen: is an address for visitors. Choose another port.".to_owned()],
        ),
        (
            "",
            good.replace("[server.tls]", "[server.tls]\nmore = 1"),
            vec!["server.tls.more: is not a list of tables. Write [[server.tls.more]] on a line of its own, and its keys below.".to_owned()],
        ),
        (
            "",
            good.clone() + "[[server.tls.more]]\ncrt = 'x'",
            vec![
                "server.tls.more.0.crt: unknown key. The nearest known key is server.tls.more.0.cert.".to_owned(),
                format!(r#"server.tls.more.0.cert: missing. {FILE}"/etc/wxgate/fullchain.pem"."#),
                format!(r#"server.tls.more.0.key: missing. {FILE}"/etc/wxgate/privkey.pem"."#),
            ],
        ),
    ] {
        let mut found = problems(&with(top, &rest));
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{rest}");
    }
}

#[test]
fn a_wrong_certificate_or_key_is_a_problem_with_file_and_line() {
    let (good, other) = (Pair::of("m.example.com"), Pair::of("m.example.com"));
    let [cert, key] = [&good.cert, &good.key].map(|path| std::fs::read_to_string(path).expect("text"));
    let other_key = std::fs::read_to_string(&other.key).expect("text");
    for (pair, name, expected) in [
        (
            Pair::with(&cert[..cert.len() / 2], &key),
            "cert",
            "cert.pem, line 1: begins something that never ends. Copy the file again, whole, as the authority or certbot wrote it.",
        ),
        (
            Pair::with(&format!("# ours\n\n{}", cert.replacen("\nMII", "\n*II", 1)), &key),
            "cert",
            "cert.pem, line 4: is not base64, or a part of it is missing. Copy the file again, whole, as the authority or certbot wrote it.",
        ),
        (
            Pair::with(&cert, &cert),
            "key",
            "key.pem holds no private key. Write PEM: -----BEGIN PRIVATE KEY-----, base64, -----END PRIVATE KEY-----.",
        ),
        (
            Pair::with(&cert, &other_key),
            "key",
            "key.pem, line 1: is the private key of another certificate. Name the key with which the certificate was asked for.",
        ),
    ] {
        let found = problems(&with("", &pair.section()));
        let expected = format!("server.tls.{name}: the file {}/{expected}", pair.folder.path().display());
        assert_eq!(found, [expected]);
    }
}

#[test]
fn r28_no_problem_quotes_a_key() {
    let good = Pair::of("m.example.com");
    let [cert, key] = [&good.cert, &good.key].map(|path| std::fs::read_to_string(path).expect("text"));
    let body = key.lines().nth(1).expect("a line of it").to_owned();
    for spoilt in [
        key.replace(&body, &format!("{body} {body}")),
        key.replace("-----BEGIN", &format!("-----BEGIN {body}")),
        key.replace("-----END PRIVATE KEY-----", &body),
        format!("{body}\n-----END {body}-----\n"),
    ] {
        let pair = Pair::with(&cert, &spoilt);
        let found = problems(&with("", &pair.section())).concat();
        assert!(!found.is_empty() && !found.contains(&body[..12]), "{found}");
    }
}

#[test]
fn what_is_doubtful_about_a_certificate_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let warnings = |pair: &Pair| -> Vec<String> {
        load(&with("", &pair.section()))
            .warnings
            .iter()
            .map(|warning| format!("{}: {}", warning.key, warning.message))
            .collect()
    };
    assert_eq!(
        warnings(&Pair::of("other.example.com")),
        ["server.tls.cert: names no host of public_url, so browsers refuse it"]
    );
    assert_eq!(warnings(&Pair::of("*.example.com")), [""; 0]);
    let open = Pair::of("m.example.com");
    std::fs::set_permissions(&open.key, std::fs::Permissions::from_mode(0o644)).expect("everybody's");
    assert_eq!(warnings(&open), ["server.tls.key: the file can be read by everybody on this machine"]);

    let mut params = rcgen::CertificateParams::new(["m.example.com".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    let old = Pair::with(&params.self_signed(&key).expect("signed").pem(), &key.serialize_pem());
    assert_eq!(warnings(&old), ["server.tls.cert: the certificate has expired"]);
}
