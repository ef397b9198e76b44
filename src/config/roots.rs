//! Reads certificates of authorities from PEM files.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error, PemObject};

use super::files::{self, Limit};
use super::problem::Fault;

/// Room for every authority there is.
const LIMIT: Limit = Limit {
    bytes: 4 << 20,
    words: "4 MiB",
    remedy: "Name a file that holds the authority's certificates and nothing else.",
};

/// The certificates in a file; never none.
pub(super) fn of_file(path: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let fault = |message: &str| files::about(path, message, REMEDY);
    let pem = files::read(files::open(path)?, path, LIMIT)?;
    let found = CertificateDer::pem_slice_iter(&pem)
        .enumerate()
        .map(|(index, certificate)| {
            let certificate = certificate.map_err(|error| fault(&broken(&error, index)))?;
            // What is no certificate inside would only show when the first connection fails.
            rustls::RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|error| fault(&format!("holds no good certificate as number {}: {error}", index + 1)))?;
            Ok(certificate)
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    if found.is_empty() { Err(fault("holds no certificate")) } else { Ok(found) }
}

const REMEDY: &str = "Write PEM: -----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----.";

fn broken(error: &Error, index: usize) -> String {
    let number = index + 1;
    match error {
        Error::MissingSectionEnd { .. } => format!("breaks off within certificate number {number}"),
        Error::Base64Decode(_) => format!("holds no base64 in certificate number {number}"),
        other => format!("is no PEM at certificate number {number}: {other}"),
    }
}
