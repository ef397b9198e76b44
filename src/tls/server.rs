//! How the gate speaks TLS to its own clients: versions 1.2 and 1.3, and what makes a second handshake short.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};

/// For clients of TLS 1.2 that know no tickets; each takes some 200 bytes.
const SESSIONS: usize = 4096;

/// Shows what `certificates` chooses and speaks what `protocols` names, the first first (ALPN).
///
/// A client comes back within half a day by a ticket, or by an id of TLS 1.2; the keys of tickets and the ids are this
/// process's own, so that another replica makes a full handshake. Nothing is accepted before a handshake is over, since
/// early data can be sent again by anybody (RFC 8446 section 8).
///
/// # Errors
/// When the system has no randomness for the keys of tickets.
pub fn server(
    certificates: Arc<dyn ResolvesServerCert>,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs speaks TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.ticketer = Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    // This side does the work for many, and has AES in its processor; any phone of the last ten years has it, too.
    config.ignore_client_order = true;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}
