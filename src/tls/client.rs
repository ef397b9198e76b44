//! How servers are spoken to, whoever speaks: their certificates are always checked.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use super::named::Named;

/// Trusts Mozilla's authorities and `extra` ones; there is no way to turn the check off (R47).
#[must_use]
pub fn client(extra: &[CertificateDer<'static>]) -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(extra.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs speaks TLS 1.2 and 1.3");
    let builder = if extra.is_empty() {
        builder.with_root_certificates(roots)
    } else {
        // "Dangerous" is what rustls calls any verifier but its own, which this one asks.
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Named::new(roots, extra, provider)))
    };
    builder.with_no_client_auth()
}
