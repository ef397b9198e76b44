//! Certificates that the operator names and a server shows as its own, as `openssl req -x509` makes them.
//!
//! Such a one calls itself an authority, and webpki takes no authority for a server. Whoever trusts it to speak for others
//! trusts it to speak for itself; everything else is checked as ever.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Checks as webpki does, but for that.
#[derive(Debug)]
pub(super) struct Named {
    usual: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Named {
    /// Trusts `roots`, these certificates among them.
    pub(super) fn new(
        roots: RootCertStore,
        certificates: &[CertificateDer<'static>],
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let usual = usual.build().expect("there are Mozilla's roots, and no revocation lists");
        Self { usual, certificates: certificates.to_vec() }
    }
}

/// What webpki finds last but for the name: the dates are good by then.
fn is_of_an_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.usual.verify_server_cert(shown, more, server, ocsp, now) {
            Err(error) if is_of_an_authority(&error) && self.certificates.contains(shown) => {
                verify_server_name(&ParsedCertificate::try_from(shown)?, server)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;

    /// Signed by itself, for `site.example`, in the 2020s.
    fn certificate(is_ca: IsCa) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["site.example".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
        params.is_ca = is_ca;
        params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").der().clone()
    }

    fn is_trusted(named: &CertificateDer<'static>, shown: &CertificateDer<'_>, server: &str, year: u64) -> bool {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add(named.clone()).expect("it is good");
        let verifier = Named::new(roots, std::slice::from_ref(named), Arc::new(default_provider()));
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600 + 86_400));
        verifier.verify_server_cert(shown, &[], &server.try_into().expect("a name"), &[], now).is_ok()
    }

    #[test]
    fn a_certificate_that_is_named_stands_for_itself_and_nothing_else() {
        for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let (named, other) = (certificate(is_ca), certificate(is_ca));
            assert!(is_trusted(&named, &named, "site.example", 2026), "{is_ca:?}");
            assert!(!is_trusted(&named, &named, "other.example", 2026), "{is_ca:?}: another name");
            assert!(!is_trusted(&named, &named, "site.example", 2031), "{is_ca:?}: too late");
            assert!(!is_trusted(&named, &named, "site.example", 2019), "{is_ca:?}: too early");
            assert!(!is_trusted(&named, &other, "site.example", 2026), "{is_ca:?}: another's");
        }
    }
}
