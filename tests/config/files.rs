//! Files that the configuration names and cannot use.

use super::{load, problems, with};

#[test]
fn a_logo_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).expect("written");
        path
    };
    let kinds = "Name a PNG, JPEG or SVG file of at most 64 KiB.";
    let found = "A relative path counts from the working directory of the gate.";
    let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
    large.resize((64 << 10) + 1, 0);
    for (path, why, remedy) in [
        (file("logo.gif", b"GIF89a"), "is neither PNG, JPEG nor SVG", kinds),
        (file("empty.png", b""), "is neither PNG, JPEG nor SVG", kinds),
        (file("cut.png", &large[..100]), "breaks off", kinds),
        (file("large.png", &large), "is larger than 64 KiB", kinds),
        (folder.path().join("missing.svg"), "cannot be read: entity not found", found),
        (folder.path().to_owned(), "cannot be read: is a directory", found),
    ] {
        let expected = format!("pages.logo_file: the file {} {why}. {remedy}", path.display());
        let told = problems(&with("", &format!("[pages]\nlogo_file = '{}'", path.display())));
        assert!(told.len() == 1 && told[0].ends_with(&expected), "{told:?}");
    }
    for (name, why) in [("", "is empty"), ("a\\u202Eb", "contains '\\u{202e}'")] {
        let told = problems(&with("", &format!("[pages]\nsite_name = \"{name}\"")));
        assert!(told.len() == 1 && told[0].contains(&format!("pages.site_name: {why}. ")), "{told:?}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let good = std::fs::read_to_string(super::AUTHORITY).expect("text");
    let path = file.path().display().to_string();
    let text = |url: &str| with(&format!("upstream = {{ url = \"{url}\", ca_file = \"{path}\" }}"), "");
    for (pem, problem) in [
        (String::new(), "holds no certificate"),
        ("no PEM at all".to_owned(), "holds no certificate"),
        (format!("{good}{}", &good[..good.len() / 2]), "breaks off within certificate number 2"),
        (good.replacen('\n', "\n!!!!", 1), "holds no base64 in certificate number 1"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "holds no good certificate as number 1: ",
        ),
    ] {
        std::fs::write(&file, &pem).expect("written");
        let found = problems(&text("https://127.0.0.1"));
        let expected = format!("upstream.ca_file: the file {path} {problem}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}\nis not\n{expected}");
    }
    std::fs::write(&file, &good).expect("written");
    assert_eq!(load(&text("https://127.0.0.1:8443")).config.upstream.extra_roots.len(), 1);
    let found = problems(&text("http://127.0.0.1:8080"));
    assert_eq!(
        found,
        ["upstream.ca_file: is for an https upstream, and this one is not. Write https:// or remove it."]
    );
}
