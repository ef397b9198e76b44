//! Builds the upstream, the top-level one and those of routes, and thinks about where it leads.

use std::net::SocketAddr;

use rustls_pki_types::{CertificateDer, ServerName};
use url::Host;

use super::listen;
use super::problem::Fault;
use super::reader::Reader;
use super::roots;
use super::site::Site;
use super::{Admin, Listen, PublicUrl, Server, Upstream, UpstreamAddress};

const EXAMPLE: &str = "http://127.0.0.1:8080";

/// What an upstream address must be told apart from.
pub(super) struct Surroundings<'a> {
    pub public_url: Option<&'a PublicUrl>,
    pub server: &'a Server,
    pub admin: Option<&'a Admin>,
}

pub(super) fn of_site(read: &mut Reader<'_>, around: &Surroundings<'_>) -> Option<Upstream> {
    if !read.is_set("upstream.url") {
        let origin = read.source.sections.get("upstream").cloned().unwrap_or(super::Origin::Default);
        let fault = Fault::new(
            "missing, and forward-auth without an upstream is not supported yet",
            format!("Write upstream = {EXAMPLE:?} at the top of the file."),
        );
        read.source.push(fault.at("upstream", origin));
    }
    let address = address(read, "upstream.url", around);
    let connect_timeout = read.duration("upstream.connect_timeout");
    let response_timeout = read.duration("upstream.response_timeout");
    let idle_timeout = read.duration("upstream.idle_timeout");
    let preserve_host = read.switch("upstream.preserve_host");
    let extra_roots = extra_roots(read, "upstream.ca_file", address.as_ref());
    Some(Upstream {
        address: address?,
        connect_timeout,
        response_timeout,
        idle_timeout,
        preserve_host,
        extra_roots: extra_roots.unwrap_or_default(),
    })
}

/// A route's own upstream, if it has one; what it leaves out it inherits.
pub(super) fn of_route(
    read: &mut Reader<'_>,
    route: &str,
    site: Option<&Upstream>,
    around: &Surroundings<'_>,
) -> Option<Upstream> {
    let section = format!("{route}.upstream");
    if !read.source.has_section(&section) {
        return None;
    }
    let key = |name| format!("{section}.{name}");
    let own_address = address(read, &key("url"), around);
    let connect_timeout = read.optional_duration(&key("connect_timeout"));
    let response_timeout = read.optional_duration(&key("response_timeout"));
    let idle_timeout = read.optional_duration(&key("idle_timeout"));
    let preserve_host = read.optional_switch(&key("preserve_host"));
    let leads_to = own_address.as_ref().or(site.map(|site| &site.address));
    let extra_roots = extra_roots(read, &key("ca_file"), leads_to);
    // Without a site's upstream there is a problem already, and nothing to inherit.
    let site = site?;
    Some(Upstream {
        address: own_address.unwrap_or_else(|| site.address.clone()),
        connect_timeout: connect_timeout.unwrap_or(site.connect_timeout),
        response_timeout: response_timeout.unwrap_or(site.response_timeout),
        idle_timeout: idle_timeout.unwrap_or(site.idle_timeout),
        preserve_host: preserve_host.unwrap_or(site.preserve_host),
        extra_roots: extra_roots.unwrap_or_else(|| site.extra_roots.clone()),
    })
}

fn address(read: &mut Reader<'_>, key: &str, around: &Surroundings<'_>) -> Option<UpstreamAddress> {
    let read_address = |text: &str| match text.strip_prefix("unix:") {
        Some(path) => listen::socket_path(path).map(Err),
        None => Site::parse(text, EXAMPLE).map(Ok),
    };
    let found = read.text(key, read_address)?;
    let is_own = |own: &Listen| match (&found, own) {
        (Ok(site), Listen::Tcp(own)) => leads_to(site, *own),
        (Err(path), Listen::Unix(own)) => path == own,
        // What systemd holds is known only once the gate starts.
        _ => false,
    };
    if around.server.places().any(is_own) {
        let fault = Fault::new(
            "is the gate's own address, so every request would circle",
            "Write the address of your application.",
        );
        read.refuse(key, fault);
        return None;
    }
    let site = match found {
        // Visitors and operators share nothing (R27).
        Ok(site) if around.admin.is_some_and(|admin| leads_to(&site, admin.listen)) => {
            let fault = Fault::new("is the operator's address, admin.listen", "Write the address of your application.");
            read.refuse(key, fault);
            return None;
        }
        Ok(site) => site,
        Err(path) => return Some(UpstreamAddress::Unix(path)),
    };
    let port = site.effective_port();
    let public = around.public_url.filter(|public| !public.https && public.host == site.host.to_string());
    if public.is_some_and(|public| public.port.unwrap_or(80) == port) && !site.is_loopback() {
        read.warn(key, "is public_url, so requests may circle", "Write the address your application listens on.");
    } else if site.looks_public() {
        read.warn(
            key,
            "looks public: whoever reaches it directly can claim to be anybody",
            "Bind the application to 127.0.0.1 or a private network.",
        );
    }
    let host = match site.host {
        Host::Domain(name) => name,
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    if site.https && ServerName::try_from(&*host).is_err() {
        let fault = Fault::new("has a host that no certificate can name", "Write a DNS name or an IP address.");
        read.refuse(key, fault);
        return None;
    }
    Some(if site.https { UpstreamAddress::Https { host, port } } else { UpstreamAddress::Http { host, port } })
}

/// The certificates of a `ca_file`, if there is one.
fn extra_roots(
    read: &mut Reader<'_>,
    key: &str,
    address: Option<&UpstreamAddress>,
) -> Option<Vec<CertificateDer<'static>>> {
    let found = read.text(key, roots::of_file)?;
    if !matches!(address, None | Some(UpstreamAddress::Https { .. })) {
        let fault = Fault::new("is for an https upstream, and this one is not", "Write https:// or remove it.");
        read.refuse(key, fault);
    }
    Some(found)
}

/// Whether a connection to the site ends at this listener of ours.
fn leads_to(site: &Site, own: SocketAddr) -> bool {
    if own.port() == 0 || site.effective_port() != own.port() {
        return false;
    }
    let unspecified = site.ip().is_some_and(|ip| ip.is_unspecified());
    match site.ip() {
        Some(ip) if ip == own.ip() => true,
        // A listener for all IPv4 addresses takes no IPv6; the other way round it does.
        Some(ip) if ip.is_ipv6() && own.is_ipv4() => false,
        _ => {
            (site.is_loopback() || unspecified)
                && (own.ip().is_unspecified() || own.ip().is_loopback() && is_localhost(site))
        }
    }
}

fn is_localhost(site: &Site) -> bool {
    matches!(&site.host, Host::Domain(name) if name == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_seen_where_the_address_alone_tells() {
        for (site, own, circle) in [
            ("http://127.0.0.1:80", "0.0.0.0:80", true),
            ("http://127.0.0.1", "0.0.0.0:80", true),
            ("http://127.0.0.1:80", "[::]:80", true),
            ("http://localhost:80", "127.0.0.1:80", true),
            ("http://localhost:80", "[::1]:80", true),
            ("http://0.0.0.0:80", "0.0.0.0:80", true),
            ("http://10.0.0.1:80", "10.0.0.1:80", true),
            ("http://[::1]:80", "[::]:80", true),
            ("http://[::1]:80", "0.0.0.0:80", false),
            ("http://127.0.0.1:81", "0.0.0.0:80", false),
            ("http://127.0.0.2:80", "127.0.0.1:80", false),
            ("http://10.0.0.2:80", "0.0.0.0:80", false),
            ("http://app:80", "0.0.0.0:80", false),
            ("http://127.0.0.1:80", "0.0.0.0:0", false),
        ] {
            let parsed = Site::parse(site, "").expect(site);
            assert_eq!(leads_to(&parsed, own.parse().expect(own)), circle, "{site} {own}");
        }
    }
}
