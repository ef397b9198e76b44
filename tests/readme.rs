//! Holds both READMEs to the truth, as far as a machine can tell it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use wxgate::config::Config;

/// English and Chinese.
const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];

#[test]
fn every_configuration_shown_is_accepted() {
    for readme in READMES {
        let blocks = blocks(&read(readme), "toml");
        let (smallest, fragments) = blocks.split_first().expect("the smallest configuration comes first");
        assert!(fragments.len() >= 4, "{readme}: {} fragments", fragments.len());
        accepted(smallest).unwrap_or_else(|problems| panic!("{readme}: the smallest configuration\n{problems}"));
        for fragment in fragments {
            accepted(&format!("{smallest}\n{fragment}"))
                .unwrap_or_else(|problems| panic!("{readme}: {fragment}\n{problems}"));
        }
        let all = blocks.join("\n");
        accepted(&all).unwrap_or_else(|problems| panic!("{readme}: all of them together\n{problems}"));
    }
}

#[test]
fn the_examples_configurations_are_accepted_as_they_stand() {
    for example in ["examples/php/config.toml", "examples/node/config.toml", "examples/spa/config.toml"] {
        let text = read(example);
        accepted(&text).unwrap_or_else(|problems| panic!("{example}: {problems}"));
        assert!(text.contains(wxgate::simulator::APP_ID) && text.contains(wxgate::simulator::APP_SECRET), "{example}");
        let real = uncommented(&text);
        accepted(&real).unwrap_or_else(|problems| panic!("{example}, the lines for real use: {problems}\n{real}"));
    }
}

/// With the lines that stand in comments for real use.
fn uncommented(text: &str) -> String {
    let lines =
        text.lines().map(|line| line.strip_prefix("# ").filter(|rest| rest.starts_with(['[', 's'])).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// A certificate and its key.
const PAIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/pair.pem");

/// What the configuration's own reader says, with files and variables it names put in place.
fn accepted(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let [secret, admin, key] = ["secret", "admin", "key.pem"].map(|name| folder.path().join(name));
    fs::write(&admin, "0123456789abcdef").expect("written");
    fs::write(&secret, "0123456789abcdef0123456789abcdef").expect("written");
    fs::write(&key, fresh_key()).expect("written");
    let text = text
        .replace("/run/secrets/wechat", secret.to_str().expect("text"))
        .replace("/run/secrets/website_app", secret.to_str().expect("text"))
        .replace("/run/secrets/wecom", secret.to_str().expect("text"))
        .replace("/run/secrets/admin", admin.to_str().expect("text"))
        .replace("/etc/letsencrypt/live/m.example.com/fullchain.pem", PAIR)
        .replace("/etc/letsencrypt/live/m.example.com/privkey.pem", PAIR)
        .replace("key.pem", key.to_str().expect("text"))
        .replace("logo.svg", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/logo.svg"));
    let secret = ("WXGATE_SECRET".to_owned(), "Zm9yLXRlc3RzLW9ubHktbm90LWEtc2VjcmV0LTEyMzQ1Njc4".to_owned());
    // The variable may only be set where it is named.
    let names_it = |line: &str| !line.starts_with('#') && line.contains("\"WXGATE_SECRET\"");
    let env = if text.lines().any(names_it) { vec![secret] } else { vec![] };
    Config::parse(&text, &env).map(drop).map_err(|problems| problems.to_string())
}

fn fresh_key() -> String {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let key = data_encoding::BASE64.encode(pair.to_pkcs8v1().expect("a document").as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")
}

#[test]
fn snippets_are_the_examples_own_code() {
    for readme in READMES {
        let text = read(readme);
        for (language, sources) in [
            ("php", &["examples/php/public/member.php"][..]),
            ("js", &["examples/node/server.js", "tests/sdk/co_wechat_api.js"]),
            ("python", &["tests/sdk/wechatpy_client.py"]),
        ] {
            let found = blocks(&text, language);
            assert!(found.len() >= sources.len(), "{readme}: too little {language}");
            for block in found {
                let is_from = |source: &&str| read(source).contains(block.as_str());
                assert!(sources.iter().any(is_from), "{readme}: not in {sources:?}:\n{block}");
            }
        }
    }
}

#[test]
fn the_commands_shown_are_those_there_are() {
    let known: BTreeSet<String> = help(&["--help"])
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  ").filter(|line| !line.is_empty()))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|command| command != "help")
        .collect();
    for readme in READMES {
        let text = read(readme);
        let rows: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| `wxgate ")).collect();
        let shown: BTreeSet<String> =
            rows.iter().filter_map(|row| row.split([' ', '`']).next().map(str::to_owned)).collect();
        assert_eq!(shown, known, "{readme}");
        for row in rows {
            let usage = row.split('`').next().expect("closed");
            let command = usage.split(' ').next().expect("a command");
            let options = help(&[command, "--help"]);
            for option in usage.split([' ', '[', ']']).filter(|word| word.starts_with('-')) {
                assert!(options.contains(option), "{readme}: wxgate {command} has no {option}");
            }
        }
    }
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wxgate")).args(arguments).output().expect("wxgate runs");
    assert!(output.status.success(), "wxgate {arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn headers_slugs_and_endpoints_are_the_gates_own() {
    let code: String = ["src/identity/headers.rs", "src/edge/fault.rs"].map(read).concat();
    for readme in READMES {
        let text = read(readme);
        let inline: BTreeSet<&str> = text.split('`').skip(1).step_by(2).collect();
        let headers = inline.iter().filter(|word| word.starts_with("X-Wechat-") && !word.contains([' ', ':']));
        let slugs = inline.iter().filter(|word| {
            let family = word.split('-').next().unwrap_or_default();
            ["login", "upstream", "wechat", "ambiguous", "snapshot", "not", "jsconfig"].contains(&family)
                && !word.contains(['.', '_', '/'])
        });
        let named: Vec<String> =
            headers.map(|header| header.to_lowercase()).chain(slugs.map(|slug| (*slug).to_owned())).collect();
        assert!(named.len() > 15, "{readme}: only {named:?}");
        for name in named.iter().filter(|name| *name != "upstream") {
            assert!(code.contains(&format!("\"{name}\"")), "{readme}: the gate knows no {name}");
        }
    }
}

#[test]
fn symptoms_quote_the_gates_own_pages() {
    for (readme, text) in READMES.into_iter().zip(["english", "chinese"]) {
        let (readme, titles) = (read(readme), read(&format!("src/edge/pages/text/{text}.rs")));
        let rows = readme.lines().filter(|line| line.starts_with("| “"));
        let quoted: Vec<&str> =
            rows.flat_map(|row| row.split('“').skip(1)).filter_map(|rest| rest.split('”').next()).collect();
        assert!(quoted.len() >= 8, "{quoted:?}");
        for title in quoted {
            assert!(titles.contains(&format!("title: \"{title}\"")), "no page is called {title}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    for readme in READMES {
        let text = read(readme);
        let targets: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(targets.len() >= 5, "{readme}: {targets:?}");
        for target in targets.into_iter().filter(|target| !target.starts_with("https://")) {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(target).exists(), "{readme}: {target}");
        }
    }
}

#[test]
fn both_languages_say_the_same() {
    let [english, chinese] = READMES.map(read);
    assert_eq!(shape(&english), shape(&chinese));
    for language in ["toml", "php", "js", "python", "html", "nginx", "text", "sh"] {
        let plain = |text: &str| blocks(text, language).iter().map(|block| without_comments(block)).collect::<Vec<_>>();
        assert_eq!(plain(&english), plain(&chinese), "{language}");
    }
    let rows = |text: &str| -> Vec<BTreeSet<String>> {
        text.lines()
            .filter(|line| line.starts_with('|'))
            .map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned).collect())
            .collect()
    };
    assert_eq!(rows(&english), rows(&chinese), "what the tables name");
}

/// The skeleton: headings by level, paragraphs, list items, rows, fences.
fn shape(text: &str) -> Vec<String> {
    let mut shape: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let fence = trimmed.starts_with("```");
        let kind = match trimmed.split(' ').next().unwrap_or_default() {
            mark if fence => mark,
            _ if fenced => continue,
            mark if mark.starts_with('#') => mark,
            mark @ ("|" | "-") => mark,
            mark if mark.strip_suffix('.').is_some_and(|number| number.parse::<u8>().is_ok()) => mark,
            "" => "",
            _ => "text",
        };
        fenced ^= fence;
        // Lines of one paragraph are one: the languages break them differently.
        if kind != "text"
            || shape.last().is_none_or(|last| !["text", "-"].contains(&last.as_str()) && !last.ends_with('.'))
        {
            shape.push(kind.to_owned());
        }
    }
    shape
}

/// The code blocks of a language, without their fences and the indentation they share.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(&fence) {
        let line = rest[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let indent = &rest[line..at];
        let (body, after) = rest[at + fence.len()..].split_once(&format!("{indent}```")).expect("a closed fence");
        found.push(body.lines().map(|line| format!("{}\n", line.strip_prefix(indent).unwrap_or(line))).collect());
        rest = after;
    }
    found
}

fn without_comments(block: &str) -> String {
    block.lines().map(|line| format!("{}\n", line.split(" # ").next().unwrap_or(line).trim_end())).collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
