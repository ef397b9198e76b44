//! Builds the section of the operator's own listener.

use std::net::{IpAddr, SocketAddr};

use super::listen::meet;
use super::problem::Fault;
use super::reader::Reader;
use super::{Admin, Listen, Server};
use crate::secret::Secret;

/// 128 bits: beyond guessing, however fast the network is (R46).
const MIN_TOKEN_BYTES: usize = 16;

const LISTEN: &str = "admin.listen";
const TOKEN: &str = "admin.token";

pub(super) fn admin(read: &mut Reader<'_>, server: &Server) -> Option<Admin> {
    let listen = read.text(LISTEN, |text| {
        let remedy = r#"Write an IP address and a port, such as "127.0.0.1:4181"."#;
        text.parse::<SocketAddr>().map_err(|_| Fault::new("is not an address and a port", remedy))
    });
    let token = token(read);
    let Some(listen) = listen else {
        if read.is_set(TOKEN) && !read.is_set(LISTEN) {
            read.warn(TOKEN, "guards nothing", "Write admin.listen, or remove it.");
        }
        return None;
    };
    if server.places().filter_map(Listen::tcp).any(|visitors| meet(visitors, listen)) {
        // Visitors and operators share nothing (R27).
        read.refuse(LISTEN, Fault::new("is an address for visitors", "Choose another port."));
    }
    if !is_private(listen.ip()) {
        read.warn(
            LISTEN,
            "is not limited to this machine or a private network: whoever reaches it can read the metrics",
            r#"Write "127.0.0.1:4181", or the address of a private network."#,
        );
    }
    Some(Admin { listen, token })
}

fn token(read: &mut Reader<'_>) -> Option<Secret<Vec<u8>>> {
    let token = read.secrets(TOKEN)?.pop()?;
    let remedy = "Use the output of `wxgate secret`.";
    if token.expose().len() < MIN_TOKEN_BYTES {
        read.refuse(TOKEN, Fault::new(format!("is shorter than {MIN_TOKEN_BYTES} bytes"), remedy));
    } else if !token.expose().iter().all(u8::is_ascii_graphic) {
        read.refuse(TOKEN, Fault::new("contains a space or something else that no header can carry", remedy));
    }
    Some(token)
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
