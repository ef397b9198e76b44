//! A certificate chain and its private key as files: read, held against each other, and judged. Says which file is
//! wrong and on which line, and never a byte of a key (R28).

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use aws_lc_rs::rsa;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use webpki::EndEntityCert;
use zeroize::Zeroizing;

use super::pem::{self, Broken, How, Section};
use super::validity::Validity;
use crate::clock::Timestamp;

/// Where a certificate and its key lie; both may be in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The chain in PEM: the gate's own certificate first, then those of its issuers.
    pub cert: PathBuf,
    /// In PEM, not encrypted.
    pub key: PathBuf,
}

/// A pair that can be shown to clients.
#[derive(Debug, Clone)]
pub struct Certified {
    pub(super) key: Arc<sign::CertifiedKey>,
    /// DNS names as the certificate has them, lower-case, wildcards included.
    pub(super) names: Vec<String>,
    validity: Option<Validity>,
    issued_by_another: bool,
}

/// What the files held, to be told from what they hold later.
pub(super) type Print = [u8; SHA256_OUTPUT_LEN];

/// Which of a pair's files is wrong, where, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairError {
    pub file: PathBuf,
    /// `true`: the file of the key.
    pub is_key: bool,
    /// Counted from 1; `None` where it is about the whole file.
    pub line: Option<usize>,
    pub flaw: Flaw,
}

/// How a file of a pair can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    Unreadable(io::ErrorKind),
    TooLarge,
    Pem(How),
    /// DER, where PEM is needed.
    Binary,
    NoCertificate,
    NoKey,
    Encrypted,
    /// No X.509 certificate of version 3, with the parser's reason.
    BadCertificate(String),
    BadKey,
    /// An RSA key below 2048 bits.
    WeakKey,
    /// The key of another certificate.
    Mismatch,
    /// The key belongs to this certificate of the chain, counted from 1, which should be the first.
    Order(usize),
}

/// What an operator should know about a pair that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    Expired,
    NotYetValid,
    /// In so many whole days.
    ExpiresIn(u64),
    /// The chain is the certificate alone, although another signed it.
    Alone,
}

impl Pair {
    /// Room for any chain; a path to something endless is then an error and not a full memory.
    const MAX_BYTES: usize = 256 * 1024;

    /// Reads both files and holds them against each other.
    ///
    /// # Errors
    /// The first thing that keeps clients from being shown this pair.
    pub fn read(&self) -> Result<Certified, PairError> {
        self.texts()?.certified(self)
    }

    pub(super) fn texts(&self) -> Result<Texts, PairError> {
        let read = |path: &Path, is_key| {
            contents(path, Self::MAX_BYTES).map_err(|flaw| PairError {
                file: path.to_owned(),
                is_key,
                line: None,
                flaw,
            })
        };
        Ok(Texts { cert: read(&self.cert, false)?, key: read(&self.key, true)? })
    }

    /// Whether others than the owner may read the key. What is not a file has its own guards.
    #[cfg(unix)]
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(&self.key)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o007 != 0)
    }

    /// Whether others than the owner may read the key: unknown here.
    #[cfg(not(unix))]
    #[must_use]
    pub const fn is_exposed(&self) -> bool {
        false
    }
}

/// What the files of a pair hold; wiped when dropped.
pub(super) struct Texts {
    cert: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

impl Texts {
    pub(super) fn print(&self) -> Print {
        let both = [&self.cert, &self.key].map(|text| digest(&SHA256, text));
        let mut print = [0; SHA256_OUTPUT_LEN];
        print.copy_from_slice(digest(&SHA256, &[both[0].as_ref(), both[1].as_ref()].concat()).as_ref());
        print
    }

    pub(super) fn certified(&self, pair: &Pair) -> Result<Certified, PairError> {
        let in_cert = |(line, flaw)| PairError { file: pair.cert.clone(), is_key: false, line, flaw };
        let in_key = |(line, flaw)| PairError { file: pair.key.clone(), is_key: true, line, flaw };
        let chain = chain(&self.cert).map_err(in_cert)?;
        let (key, key_line) = key(&self.key).map_err(in_key)?;
        let links: Vec<CertificateDer<'static>> = chain.iter().map(|(link, _)| link.clone()).collect();
        let key = sign::CertifiedKey::new(links, key);
        if !is_for(&key, 0) {
            return Err(match (1..chain.len()).find(|index| is_for(&key, *index)) {
                Some(index) => in_cert((Some(chain[index].1), Flaw::Order(index + 1))),
                None => in_key((Some(key_line), Flaw::Mismatch)),
            });
        }
        let (own, line) = &chain[0];
        let parsed = EndEntityCert::try_from(own)
            .map_err(|error| in_cert((Some(*line), Flaw::BadCertificate(error.to_string()))))?;
        Ok(Certified {
            names: parsed.valid_dns_names().map(str::to_ascii_lowercase).collect(),
            validity: Validity::of(own),
            issued_by_another: parsed.issuer() != parsed.subject(),
            key: Arc::new(key),
        })
    }
}

type Found<T> = Result<T, (Option<usize>, Flaw)>;

/// Every certificate and its line; at least one.
fn chain(text: &[u8]) -> Found<Vec<(CertificateDer<'static>, usize)>> {
    let sections = sections(text)?;
    let mut links = Vec::new();
    for section in sections.iter().filter(|section| section.label == b"CERTIFICATE") {
        let link: CertificateDer<'static> = section.decode().map_err(broken)?;
        if let Err(error) = EndEntityCert::try_from(&link) {
            return Err((Some(section.line), Flaw::BadCertificate(error.to_string())));
        }
        links.push((link, section.line));
    }
    if links.is_empty() { Err((None, Flaw::NoCertificate)) } else { Ok(links) }
}

/// The first private key and its line.
fn key(text: &[u8]) -> Found<(Arc<dyn sign::SigningKey>, usize)> {
    let sections = sections(text)?;
    let section = sections.iter().find(|section| section.label.ends_with(b"PRIVATE KEY"));
    let section = section.ok_or((None, Flaw::NoKey))?;
    let here = |flaw| (Some(section.line), flaw);
    if section.label == b"ENCRYPTED PRIVATE KEY" || section.has_headers() {
        return Err(here(Flaw::Encrypted));
    }
    if !matches!(section.label, b"PRIVATE KEY" | b"RSA PRIVATE KEY" | b"EC PRIVATE KEY") {
        return Err(here(Flaw::BadKey));
    }
    let der: PrivateKeyDer<'static> = section.decode().map_err(broken)?;
    let weak = is_weak(&der);
    match default_provider().key_provider.load_private_key(der) {
        Ok(key) => Ok((key, section.line)),
        // The library's own words may hold more than they should.
        Err(_) => Err(here(if weak { Flaw::WeakKey } else { Flaw::BadKey })),
    }
}

/// Whether it is an RSA key that nobody should accept any more.
fn is_weak(key: &PrivateKeyDer<'_>) -> bool {
    let refused = match key {
        PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return false,
    };
    refused.is_err_and(|refused| refused.description_() == "TooSmall")
}

fn sections(text: &[u8]) -> Found<Vec<Section<'_>>> {
    // A DER file begins with a sequence of more than 127 bytes.
    if let [0x30, 0x81..=0x83, ..] = text { Err((None, Flaw::Binary)) } else { pem::sections(text).map_err(broken) }
}

const fn broken(broken: Broken) -> (Option<usize>, Flaw) {
    (Some(broken.line), Flaw::Pem(broken.how))
}

/// Whether the key belongs to this certificate of the chain.
fn is_for(key: &sign::CertifiedKey, index: usize) -> bool {
    sign::CertifiedKey::new(vec![key.cert[index].clone()], key.key.clone()).keys_match().is_ok()
}

fn contents(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Flaw> {
    // What is read never moves, so that wiping it wipes all of it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    let read = File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(Flaw::Unreadable(error.kind())),
        Ok(length) if length > most => Err(Flaw::TooLarge),
        Ok(_) => Ok(bytes),
    }
}

impl Certified {
    /// From this many days on there is a word in the log: authorities renew with a month to go.
    const SOON_DAYS: u64 = 14;

    /// What is doubtful at this moment.
    #[must_use]
    pub fn doubts(&self, now: Timestamp) -> Vec<Doubt> {
        let time = self.validity.and_then(|Validity { from, until }| {
            let left = until.since(now);
            if now > until {
                Some(Doubt::Expired)
            } else if now < from {
                Some(Doubt::NotYetValid)
            } else {
                let days = left.as_secs() / 86_400;
                (left < Duration::from_secs(Self::SOON_DAYS * 86_400)).then_some(Doubt::ExpiresIn(days))
            }
        });
        let alone = self.issued_by_another && self.key.cert.len() == 1;
        time.into_iter().chain(alone.then_some(Doubt::Alone)).collect()
    }

    /// Whether a browser that asked for this host would take the certificate for it: a name, or an IP address.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let own = EndEntityCert::try_from(&self.key.cert[0]).expect("it was parsed when it was read");
        ServerName::try_from(host).is_ok_and(|name| own.verify_is_valid_for_subject_name(&name).is_ok())
    }
}

impl std::error::Error for PairError {}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file {}", self.file.display().to_string().escape_debug())?;
        match self.line {
            Some(line) => write!(f, ", line {line}: {}", self.flaw),
            None => write!(f, " {}", self.flaw),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable(kind) => return write!(f, "cannot be read: {kind}"),
            Self::TooLarge => "is larger than 256 KiB",
            Self::Pem(How::BreaksOff) => "begins something that never ends",
            Self::Pem(How::StrayEnd) => "ends something that never began",
            Self::Pem(How::OddMark) => "a BEGIN or END is not alone at the start of its line, or lacks a dash",
            Self::Pem(How::NotBase64) => "is not base64, or a part of it is missing",
            Self::Binary => "is DER, not PEM",
            Self::NoCertificate => "holds no certificate",
            Self::NoKey => "holds no private key",
            Self::Encrypted => "the private key is encrypted, and nobody is there to type its password",
            Self::BadCertificate(why) => return write!(f, "is no X.509 certificate of version 3: {why}"),
            Self::BadKey => "is no private key of a kind that TLS signs with: RSA, ECDSA P-256, P-384, P-521, Ed25519",
            Self::WeakKey => "is an RSA key of less than 2048 bits",
            Self::Mismatch => "is the private key of another certificate",
            Self::Order(number) => {
                return write!(f, "the key belongs to certificate number {number}, which is not the first");
            }
        })
    }
}

impl Flaw {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "A relative path counts from the working directory of the gate.",
            Self::TooLarge => "Name a file that holds the certificates or the key and nothing else.",
            Self::Pem(_) => "Copy the file again, whole, as the authority or certbot wrote it.",
            Self::Binary => "Convert it: openssl x509 -inform der -in FILE, or openssl pkey -inform der -in FILE.",
            Self::NoCertificate => "Write PEM: -----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----.",
            Self::NoKey => "Write PEM: -----BEGIN PRIVATE KEY-----, base64, -----END PRIVATE KEY-----.",
            Self::Encrypted => "Write it without a password: openssl pkey -in FILE -out NEW. Keep that to its owner.",
            Self::BadCertificate(_) => "Ask the authority for the certificate again, in PEM.",
            Self::BadKey | Self::WeakKey => "Make a new key and a certificate for it, such as with certbot.",
            Self::Mismatch => "Name the key with which the certificate was asked for.",
            Self::Order(_) => "Put the site's own certificate first, then that of its issuer, as in fullchain.pem.",
        }
    }
}

impl Doubt {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Expired | Self::ExpiresIn(_) => "Renew it; the gate takes the new files up by itself.",
            Self::NotYetValid => "Wait, or set this machine's clock.",
            Self::Alone => "Name the file with the whole chain, such as fullchain.pem.",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::ExpiresIn(0) => "the certificate expires within a day",
            Self::ExpiresIn(days) => return write!(f, "the certificate expires within {} days", days + 1),
            Self::Alone => "the issuer's certificate is missing, without which many clients refuse",
        })
    }
}
