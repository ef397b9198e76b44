//! Variables beat the file, every key has one, and none is ignored.

use wxgate::config::schema::{self, Kind, Support};
use wxgate::config::{Config, Origin, UpstreamAddress, variable};

use super::{load, pairs, secrets_in_env, with};

/// A value that is not the default, as a variable holds it and as it is shown.
fn sample(path: &str, kind: &Kind) -> (&'static str, &'static str) {
    match path {
        "public_url" => ("https://env.example.com", r#""https://env.example.com""#),
        "upstream.url" | "route.0.upstream.url" => ("unix:/run/env.sock", r#""unix:/run/env.sock""#),
        "server.listen" => ("127.0.0.1:1, 127.0.0.1:2", r#"["127.0.0.1:1", "127.0.0.1:2"]"#),
        "server.tls.listen" => ("127.0.0.1:3", r#"["127.0.0.1:3"]"#),
        path if path.starts_with("server.tls.") && path != "server.tls.redirect_http" => {
            ("tests/tls/pair.pem", r#""tests/tls/pair.pem""#)
        }
        "server.trusted_proxies" => (r#"["10.0.0.0/8"]"#, r#"["10.0.0.0/8"]"#),
        "admin.listen" => ("127.0.0.1:4182", r#""127.0.0.1:4182""#),
        "official_account.app_id" => ("wxfedcba9876543210", r#""wxfedcba9876543210""#),
        "sign_in.verify_files" => ("WW_verify_0123456789abcdef.txt", r#"["WW_verify_0123456789abcdef.txt"]"#),
        "session.cookie_name" | "identity.jwt.cookie" => ("from_env", r#""from_env""#),
        "session.cookie_domain" => ("example.com", r#""example.com""#),
        "identity.jwt.header" => ("X-Env", r#""X-Env""#),
        "identity.jwt.audience" => ("env", r#""env""#),
        "pages.site_name" => ("Env", r#""Env""#),
        "pages.logo_file" => ("tests/config/logo.svg", r#""tests/config/logo.svg""#),
        "website_app.app_id" => ("wx1111111111111111", r#""wx1111111111111111""#),
        "wecom.corp_id" => ("ww1111111111111111", r#""ww1111111111111111""#),
        "wecom.agent_id" => ("1000007", r#""1000007""#),
        "endpoints.open" | "endpoints.api" | "endpoints.qyapi" | "endpoints.wwlogin" => {
            ("http://localhost:1", r#""http://localhost:1""#)
        }
        "upstream.ca_file" | "route.0.upstream.ca_file" => (super::AUTHORITY, r#""tests/config/authority.pem""#),
        "jssdk.path" => ("/env", r#""/env""#),
        "jssdk.hosts" => ("n.example.com", r#"["n.example.com"]"#),
        "jssdk.api_list" | "jssdk.open_tags" => ("scanQRCode,x", r#"["scanQRCode", "x"]"#),
        "route.0.methods" => ("GET,POST", r#"["GET", "POST"]"#),
        "route.0.allow" => {
            ("oABCDEFGHIJ,unionid:o6_bmjrPTlm6,userid:zhangsan", r#"["oABCDE…", "unionid:o6_bmj…", "userid:zhangs…"]"#)
        }
        path if path.starts_with("paths.") || path == "route.0.path" => ("/env", r#""/env""#),
        _ => match kind {
            Kind::Choice(words) => *[
                ("userinfo", r#""userinfo""#),
                ("privateinfo", r#""privateinfo""#),
                ("deny", r#""deny""#),
                ("classic", r#""classic""#),
                ("en", r#""en""#),
                ("none", r#""none""#),
                ("base64", r#""base64""#),
                ("HS256", r#""HS256""#),
                ("json", r#""json""#),
                ("classic", r#""classic""#),
                ("debug", r#""debug""#),
                ("401", r#""401""#),
                ("optional", r#""optional""#),
            ]
            .iter()
            .rfind(|(word, _)| words.contains(word))
            .expect("a sample word"),
            Kind::Switch => ("false", "false"),
            Kind::Integer(_) => ("7", "7"),
            Kind::Duration(_) | Kind::DurationOrOff(_) => ("17s", r#""17s""#),
            Kind::Size(_) => ("17KiB", r#""17KiB""#),
            Kind::Secret | Kind::Secrets => ("env-0123456789abcdef0123456789abcdef", "••••"),
            Kind::Text | Kind::List => panic!("{path} needs a sample"),
        },
    }
}

#[test]
fn every_key_can_be_set_by_its_variable_and_beats_the_file() {
    let tls = "cert = 'tests/tls/pair.pem'\nkey = 'tests/tls/pair.pem'\n";
    let tls = format!("[server.tls]\nlisten = \"127.0.0.1:4\"\n{tls}[[server.tls.more]]\n{tls}");
    let file = "[identity.jwt]\nheader = \"X-Jwt\"\nalgorithm = \"HS256\"\nkey = { env = \"SEALING\" }\n[website_app]\napp_id = \"wx2222222222222222\"\napp_secret = { env = \"WECHAT\" }\n[wecom]\ncorp_id = \"ww0123456789abcdef\"\nagent_id = \"1\"\nsecret = { env = \"WECHAT\" }\n[[route]]\npath = \"/file\"";
    for key in schema::keys().iter().filter(|key| key.support != Support::Later) {
        let path = key.path.replace('*', "0");
        let (text, shown) = sample(&path, &key.kind);
        let mut env = secrets_in_env();
        env.push((variable(&path), text.to_owned()));
        if let Some(upstream) = path.strip_suffix("ca_file") {
            env.push((variable(&format!("{upstream}url")), "https://localhost".to_owned()));
        }
        let loaded = Config::parse(&with("", &format!("{tls}{file}")), &env)
            .unwrap_or_else(|problems| panic!("{path}: {problems}"));
        let line =
            loaded.effective.iter().find(|line| line.key == path).unwrap_or_else(|| panic!("{path} is not shown"));
        assert_eq!(line.origin, Origin::Env { name: variable(&path) }, "{path}");
        assert_eq!(line.shown, shown, "{path}");
    }
}

#[test]
fn everything_can_come_from_the_environment() {
    let env = pairs(&[
        ("WXGATE_PUBLIC_URL", "https://m.example.com"),
        ("WXGATE_UPSTREAM", "http://app:3000"),
        ("WXGATE_OFFICIAL_ACCOUNT__APP_ID", "wx0123456789abcdef"),
        ("WXGATE_OFFICIAL_ACCOUNT__APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WXGATE_SESSION__SECRET", r#"["kUqzXvR3m8Yw1LdT5hN7cJ2sB9fG4pQ6", { env = "WXGATE_OLD_SECRET" }]"#),
        ("WXGATE_OLD_SECRET", "6Qp4Gf9Bs2Jc7Nh5TdL1wY8m3RvXzqUk"),
        ("WXGATE_ROUTE__0__PATH", "/static/**"),
        ("WXGATE_ROUTE__0__AUTH", "none"),
        ("WXGATE_ROUTE__1__PATH", "/app/**"),
        ("WXGATE_ROUTE__1__UPSTREAM", "http://other:3000"),
        ("WXGATE_ROUTE__1__UPSTREAM__IDLE_TIMEOUT", "1h"),
        ("PATH", "/usr/bin"),
    ]);
    let env = env.into_iter().map(|(name, value)| (name.into(), value.into()));
    let loaded = Config::load(None, env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.session.secrets.len(), 2);
    assert_eq!(loaded.config.session.secrets[1].expose(), b"6Qp4Gf9Bs2Jc7Nh5TdL1wY8m3RvXzqUk");
    let [_, app] = loaded.config.routes.as_slice() else { panic!("two routes") };
    let upstream = app.upstream.as_ref().expect("its own upstream");
    assert_eq!(upstream.address, UpstreamAddress::Http { host: "other".to_owned(), port: 3000 });
    assert_eq!(upstream.idle_timeout.as_secs(), 3600);
    assert_eq!(upstream.response_timeout, loaded.config.upstream.response_timeout);
}

#[test]
fn variables_change_the_files_routes_and_append_to_them() {
    let mut env = secrets_in_env();
    env.extend(pairs(&[("WXGATE_ROUTE__0__AUTH", "optional"), ("WXGATE_ROUTE__1__PATH", "/b")]));
    let loaded =
        Config::parse(&with("", "[[route]]\npath = \"/a\""), &env).unwrap_or_else(|problems| panic!("{problems}"));
    let shown: Vec<_> = loaded.config.routes.iter().map(|route| (route.path.0.as_str(), route.auth)).collect();
    assert_eq!(shown, [("/a", wxgate::config::Auth::Optional), ("/b", wxgate::config::Auth::Required)]);
}

#[test]
fn a_variable_a_secret_names_may_look_like_a_setting() {
    let text = with("", "[session]\nsecret = { env = \"WXGATE_SECRET\" }");
    let mut env = secrets_in_env();
    env.push(("WXGATE_SECRET".to_owned(), "0123456789abcdef0123456789abcdef".to_owned()));
    let loaded = Config::parse(&text, &env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.config.session.secrets[0].expose(), b"0123456789abcdef0123456789abcdef");
}

#[test]
fn variables_that_mean_nothing_are_refused() {
    for (name, expected) in [
        ("WXGATE_SESION__TTL", "WXGATE_SESION__TTL: not a variable of the gate. The nearest is WXGATE_SESSION__TTL."),
        (
            "WXGATE_SERVER",
            "WXGATE_SERVER: not a variable of the gate. Its settings have names of their own, such as WXGATE_SERVER__LISTEN.",
        ),
        ("WXGATE_SECRET", "WXGATE_SECRET: not a variable of the gate. The nearest is WXGATE_SESSION__SECRET."),
        ("WXGATE_SESSION_TTL", "WXGATE_SESSION_TTL: not a variable of the gate. The nearest is WXGATE_SESSION__TTL."),
        ("WXGATE_session__ttl", "WXGATE_session__ttl: not a variable of the gate. The nearest is WXGATE_SESSION__TTL."),
        ("WXGATE_public_url", "WXGATE_public_url: not a variable of the gate. The nearest is WXGATE_PUBLIC_URL."),
        ("WXGATE_UPSTRAEM", "WXGATE_UPSTRAEM: not a variable of the gate. The nearest is WXGATE_UPSTREAM."),
        (
            "WXGATE_PORT_80_TCP",
            "WXGATE_PORT_80_TCP: not a variable of the gate. If Kubernetes set it for a Service called wxgate, set enableServiceLinks: false in the pod.",
        ),
        (
            "WXGATE_ROUTE__1__PATH",
            "WXGATE_ROUTE__1__PATH: route.1.path: there is no such route. The next route is number 0; numbers start at 0 and leave no gap.",
        ),
        (
            "WXGATE_ROUTE__00__PATH",
            "WXGATE_ROUTE__00__PATH: route.00.path: there is no such route. The next route is number 0; numbers start at 0 and leave no gap.",
        ),
    ] {
        let mut env = secrets_in_env();
        env.push((name.to_owned(), "planted".to_owned()));
        let problems = Config::parse(&with("", ""), &env).expect_err(name);
        assert_eq!(problems.to_string(), expected);
    }
}

#[test]
fn one_key_cannot_be_set_by_two_variables() {
    let mut env = secrets_in_env();
    env.extend(pairs(&[("WXGATE_UPSTREAM", "http://a"), ("WXGATE_UPSTREAM__URL", "http://b")]));
    let problems = Config::parse(&with("", ""), &env).expect_err("two upstreams").to_string();
    assert_eq!(problems, "WXGATE_UPSTREAM__URL: upstream.url: is set by WXGATE_UPSTREAM as well. Keep one of the two.");
}

#[test]
fn variables_are_judged_like_the_file() {
    let mut env = secrets_in_env();
    env.push(("WXGATE_SESSION__COOKIE_NAME".to_owned(), "a;b".to_owned()));
    let problems = Config::parse(&with("", ""), &env).expect_err("a bad name").to_string();
    let expected = "WXGATE_SESSION__COOKIE_NAME: session.cookie_name: contains ';'. Use letters, digits, '-' or '_'.";
    assert_eq!(problems, expected);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_a_problem_only_when_it_matters() {
    use std::os::unix::ffi::OsStringExt;
    let broken = || std::ffi::OsString::from_vec(vec![0xff, 0xfe]);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&file, with("", "")).expect("written");
    let env = |name: &str| {
        let secrets = secrets_in_env().into_iter().map(|(name, value)| (name.into(), value.into()));
        secrets.chain([(name.into(), broken()), (broken(), broken())]).collect::<Vec<_>>()
    };
    Config::load(Some(file.path()), env("OTHER")).expect("other programs' variables are theirs");
    for (name, expected) in [
        ("WXGATE_SESSION__TTL", "session.ttl: is not UTF-8. Write it in UTF-8, or unset it."),
        ("WECHAT", "official_account.app_secret: the variable WECHAT is not UTF-8. Put the secret there."),
    ] {
        let problems = Config::load(Some(file.path()), env(name)).expect_err(name).to_string();
        assert!(problems.ends_with(expected), "{problems}");
    }
}

#[test]
fn the_file_speaks_where_no_variable_does() {
    let loaded = load(&with("", "[log]\nlevel = \"debug\""));
    let line = loaded.effective.iter().find(|line| line.key == "log.level").expect("shown");
    assert!(matches!(&line.origin, Origin::File { name, line } if &**name == "config.toml" && *line > 1));
}
