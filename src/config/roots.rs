//! Reads certificates of authorities from PEM files.

use std::fs::File;
use std::io::{self, Read};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error, PemObject};

use super::problem::Fault;
use super::value::printable;

/// Room for every authority there is; a path to something endless is then an error and not a full memory.
const MAX_BYTES: u64 = 4 << 20;

/// The certificates in a file; never none.
pub(super) fn of_file(path: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let fault = |message: &str, remedy: &str| Fault::new(format!("the file {} {message}", printable(path)), remedy);
    let unreadable = |error: io::Error| {
        let remedy = "A relative path counts from the working directory of the gate.";
        fault(&format!("cannot be read: {}", error.kind()), remedy)
    };
    let mut pem = Vec::new();
    File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut pem).map_err(unreadable)?;
    if pem.len() as u64 > MAX_BYTES {
        return Err(fault(
            "is larger than 4 MiB",
            "Name a file that holds the authority's certificates and nothing else.",
        ));
    }
    let found = CertificateDer::pem_slice_iter(&pem)
        .enumerate()
        .map(|(index, certificate)| {
            let certificate = certificate.map_err(|error| fault(&broken(&error, index), REMEDY))?;
            // What is no certificate inside would only show when the first connection fails.
            rustls::RootCertStore::empty().add(certificate.clone()).map_err(|error| {
                fault(&format!("holds no good certificate as number {}: {error}", index + 1), REMEDY)
            })?;
            Ok(certificate)
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    if found.is_empty() { Err(fault("holds no certificate", REMEDY)) } else { Ok(found) }
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
