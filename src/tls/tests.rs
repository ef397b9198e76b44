//! Pairs that are wrong, each in its way, and certificates chosen and replaced between handshakes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use tempfile::TempDir;

use super::{Certificates, Doubt, Pair, client, server};
use crate::clock::{Clock, Timestamp};

/// An authority and a directory for what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        Self { issuer, directory: tempfile::tempdir().expect("a directory") }
    }

    /// Fresh texts of a chain and a key.
    fn sign(&self, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        edit(&mut params);
        let own = params.signed_by(&key, &self.issuer).expect("signed");
        (own.pem() + &self.issuer.pem(), key.serialize_pem())
    }

    fn write(&self, name: &str, (cert, key): (String, String)) -> Pair {
        let path = |kind| -> PathBuf { self.directory.path().join(format!("{name}.{kind}")) };
        fs::write(path("cert"), cert).expect("written");
        fs::write(path("key"), key).expect("written");
        Pair { cert: path("cert"), key: path("key") }
    }

    fn pair(&self, names: &[&str]) -> Pair {
        self.write(names[0].trim_start_matches("*."), self.sign(names, |_| {}))
    }

    fn client(&self) -> Arc<ClientConfig> {
        Arc::new(client(&[self.issuer.der().clone()]))
    }
}

fn clock() -> Clock {
    Clock::fixed(Timestamp(1_795_305_600))
}

/// The certificate a client is shown.
fn shake(server: &Arc<ServerConfig>, client: Arc<ClientConfig>, name: &str) -> CertificateDer<'static> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = ClientConnection::new(client, name).expect("a client");
    let mut server = ServerConnection::new(server.clone()).expect("a server");
    while client.is_handshaking() || server.is_handshaking() {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        client.write_tls(&mut there).expect("memory");
        server.read_tls(&mut &*there).expect("memory");
        server.process_new_packets().expect("a handshake");
        server.write_tls(&mut back).expect("memory");
        client.read_tls(&mut &*back).expect("memory");
        client.process_new_packets().expect("a handshake");
    }
    client.peer_certificates().expect("one")[0].clone().into_owned()
}

/// Whoever does not mind the name may ask for any.
fn whatever_name(authority: &Authority) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("both");
    let verifier = Arc::new(NoName(verifier.build().expect("a verifier")));
    Arc::new(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[derive(Debug)]
struct NoName(Arc<rustls::client::WebPkiServerVerifier>);

impl rustls::client::danger::ServerCertVerifier for NoName {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let authority = Authority::new();
    let good = authority.sign(&["m.example.com"], |_| {});
    let other = authority.sign(&["m.example.com"], |_| {});
    let lines = |text: &str| text.lines().count();
    let check = |edit: &dyn Fn(&mut String, &mut String), file: &str, message: &str| {
        let (mut cert, mut key) = good.clone();
        edit(&mut cert, &mut key);
        let pair = authority.write("edited", (cert, key));
        let error = pair.read().expect_err(message).to_string();
        assert_eq!(error, format!("the file {}{message}", authority.directory.path().join(file).display()));
    };
    let (own, key_lines) = (lines(&good.0) / 2, lines(&good.1));
    assert!(own > 5 && key_lines == 5, "{own} {key_lines}");

    check(&|cert, _| cert.clear(), "edited.cert", " holds no certificate");
    check(&|cert, key| cert.clone_from(key), "edited.cert", " holds no certificate");
    check(&|_, key| key.clear(), "edited.key", " holds no private key");
    check(&|cert, key| key.clone_from(cert), "edited.key", " holds no private key");
    check(&|cert, _| cert.truncate(300), "edited.cert", ", line 1: begins something that never ends");
    check(&|_, key| key.truncate(100), "edited.key", ", line 1: begins something that never ends");
    check(
        &|cert, _| cert.truncate(cert.len() - 40),
        "edited.cert",
        &format!(", line {}: begins something that never ends", lines(&good.0) - lines(&authority.issuer.pem()) + 1),
    );
    check(&|cert, _| cert.insert(120, '*'), "edited.cert", ", line 3: is not base64, or a part of it is missing");
    check(&|_, key| key.insert(40, ' '), "edited.key", ", line 2: is not base64, or a part of it is missing");
    check(&|_, key| key.replace_range(40..41, ""), "edited.key", ", line 1: is not base64, or a part of it is missing");
    check(
        &|cert, _| *cert = cert.replacen("-----BEGIN", "----BEGIN", 1),
        "edited.cert",
        &format!(", line {}: ends something that never began", lines(&good.0) - lines(&authority.issuer.pem())),
    );
    check(
        &|_, key| *key = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        "edited.key",
        ", line 1: the private key is encrypted, and nobody is there to type its password",
    );
    check(
        &|_, key| *key = format!("note\n{}", key.replace("-----\nMI", "-----\nProc-Type: 4,ENCRYPTED\n\nMI")),
        "edited.key",
        ", line 2: the private key is encrypted, and nobody is there to type its password",
    );
    check(&|_, key| key.clone_from(&other.1), "edited.key", ", line 1: is the private key of another certificate");
    check(
        &|cert, _| *cert = authority.issuer.pem() + cert,
        "edited.cert",
        &format!(
            ", line {}: the key belongs to certificate number 2, which is not the first",
            lines(&authority.issuer.pem()) + 1
        ),
    );
    check(
        &|_, key| *key = include_str!("../../tests/tls/weak.key.pem").to_owned(),
        "edited.key",
        ", line 1: is an RSA key of less than 2048 bits",
    );
    check(
        &|_, key| *key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
        "edited.key",
        ", line 1: is no private key of a kind that TLS signs with: RSA, ECDSA P-256, P-384, P-521, Ed25519",
    );
    check(
        &|cert, _| *cert = "\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        "edited.cert",
        ", line 2: is no X.509 certificate of version 3: TrailingData(SignedData)",
    );
    check(&|cert, _| *cert = "x".repeat(300 << 10), "edited.cert", " is larger than 256 KiB");

    let missing = Pair { cert: authority.directory.path().join("none"), key: authority.directory.path().join("none") };
    let message = missing.read().expect_err("no file").to_string();
    assert!(message.ends_with("none cannot be read: entity not found"), "{message}");
    let binary = authority.write("binary", good.clone());
    fs::write(&binary.cert, authority.issuer.der()).expect("written");
    assert!(binary.read().expect_err("DER").to_string().ends_with("binary.cert is DER, not PEM"));
}

#[test]
fn one_file_may_hold_both_and_notes_between() {
    let authority = Authority::new();
    let (cert, key) = authority.sign(&["m.example.com"], |_| {});
    let both = format!("{key}subject=CN = m.example.com\r\n\r\n{}", cert.replace('\n', "\r\n"));
    let pair = authority.write("both", (both.clone(), both));
    assert_eq!(pair.read().map(|certified| certified.names), Ok(vec!["m.example.com".to_owned()]));
}

#[test]
fn doubts_come_with_time() {
    let authority = Authority::new();
    let text = authority.sign(&["m.example.com", "*.n.example.com"], |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2026, 11, 1), date_time_ymd(2026, 12, 31));
    });
    let certified = authority.write("short", text.clone()).read().expect("good");
    for (day, doubts) in [
        (1_793_491_199, vec![Doubt::NotYetValid]),
        (1_793_491_200, vec![]),
        (1_798_675_200 - 14 * 86_400, vec![]),
        (1_798_675_200 - 14 * 86_400 + 1, vec![Doubt::ExpiresIn(13)]),
        (1_798_675_200, vec![Doubt::ExpiresIn(0)]),
        (1_798_675_201, vec![Doubt::Expired]),
    ] {
        assert_eq!(certified.doubts(Timestamp(day)), doubts, "{day}");
    }
    for (host, expected) in [
        ("m.example.com", true),
        ("a.n.example.com", true),
        ("a.b.n.example.com", false),
        ("n.example.com", false),
        ("127.0.0.1", false),
        ("[::1]", false),
    ] {
        assert_eq!(certified.is_for(host), expected, "{host}");
    }
    let alone = text.0[..text.0.find("-----END").expect("an end")].to_owned() + "-----END CERTIFICATE-----\n";
    let alone = authority.write("alone", (alone, text.1)).read().expect("good");
    assert_eq!(alone.doubts(Timestamp(1_793_491_200)), [Doubt::Alone]);
}

#[test]
fn each_client_is_shown_the_certificate_of_the_name_it_asks_for() {
    let authority = Authority::new();
    let pairs = [&["first.example"][..], &["m.example.com", "*.shop.example"], &["one.shop.example"]]
        .map(|names| authority.pair(names));
    let certificates = Arc::new(Certificates::read(&pairs, clock()).expect("good"));
    let server = server(certificates, &[b"http/1.1"]).expect("randomness");
    let own = |pair: &Pair| pair.read().expect("good").key.cert[0].clone();
    for (name, index) in [
        ("first.example", 0),
        ("m.example.com", 1),
        ("M.Example.COM", 1),
        ("two.shop.example", 1),
        ("one.shop.example", 2),
        ("a.two.shop.example", 0),
        ("shop.example", 0),
        ("example.com", 0),
        ("127.0.0.1", 0),
    ] {
        assert_eq!(shake(&server, whatever_name(&authority), name), own(&pairs[index]), "{name}");
    }
}

#[test]
fn new_files_are_shown_from_the_next_handshake_on_and_half_written_ones_are_not() {
    let authority = Authority::new();
    let pair = authority.pair(&["m.example.com"]);
    let certificates = Arc::new(Certificates::read(std::slice::from_ref(&pair), clock()).expect("good"));
    let server = server(certificates.clone(), &[b"http/1.1"]).expect("randomness");
    let shown = || shake(&server, authority.client(), "m.example.com");
    let before = shown();
    certificates.reload();
    assert_eq!(shown(), before);

    let (cert, key) = authority.sign(&["m.example.com"], |_| {});
    fs::write(&pair.cert, &cert[..200]).expect("written");
    certificates.reload();
    assert_eq!(shown(), before, "breaks off");
    fs::write(&pair.cert, &cert).expect("written");
    certificates.reload();
    assert_eq!(shown(), before, "the key is still the old one");
    fs::remove_file(&pair.key).expect("removed");
    certificates.reload();
    assert_eq!(shown(), before, "no key");
    fs::write(&pair.key, key).expect("written");
    certificates.reload();
    assert_eq!(shown(), pair.read().expect("good").key.cert[0]);
    assert_ne!(shown(), before);
}

#[test]
fn one_pair_that_is_wrong_keeps_no_other_from_being_replaced() {
    let authority = Authority::new();
    let pairs = [authority.pair(&["a.example"]), authority.pair(&["b.example"])];
    let certificates = Arc::new(Certificates::read(&pairs, clock()).expect("good"));
    let server = server(certificates.clone(), &[b"http/1.1"]).expect("randomness");
    let shown = |name| shake(&server, authority.client(), name);
    let before = shown("a.example");
    fs::write(&pairs[0].key, "").expect("written");
    authority.pair(&["b.example"]);
    certificates.reload();
    assert_eq!(shown("a.example"), before);
    assert_eq!(shown("b.example"), pairs[1].read().expect("good").key.cert[0]);

    // Other pairs are taken all together, or not at all.
    let more = [authority.pair(&["c.example"]), pairs[0].clone()];
    assert!(certificates.replace(&more).is_err());
    assert_eq!(shown("a.example"), before);
    certificates.replace(&more[..1]).expect("good");
    assert_eq!(shown("c.example"), more[0].read().expect("good").key.cert[0]);
}

#[tokio::test]
async fn files_that_change_are_noticed_without_being_told() {
    let authority = Authority::new();
    // As Kubernetes does it: the directory is a link that is turned to another one.
    let (old, new) = (authority.directory.path().join("old"), authority.directory.path().join("new"));
    let link = authority.directory.path().join("now");
    for directory in [&old, &new] {
        fs::create_dir(directory).expect("a directory");
        let (cert, key) = authority.sign(&["m.example.com"], |_| {});
        fs::write(directory.join("tls.crt"), cert).expect("written");
        fs::write(directory.join("tls.key"), key).expect("written");
    }
    std::os::unix::fs::symlink(&old, &link).expect("a link");
    let pair = Pair { cert: link.join("tls.crt"), key: link.join("tls.key") };
    let certificates = Arc::new(Certificates::read(&[pair], clock()).expect("good"));
    let server = server(certificates.clone(), &[b"http/1.1"]).expect("randomness");
    let watching = tokio::spawn(certificates.watch());
    let first = shake(&server, authority.client(), "m.example.com");
    fs::remove_file(&link).expect("removed");
    std::os::unix::fs::symlink(&new, &link).expect("a link");
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while shake(&server, authority.client(), "m.example.com") == first {
        assert!(tokio::time::Instant::now() < deadline, "nobody noticed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    watching.abort();
}
