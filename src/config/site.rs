//! Reads `scheme://host[:port]` and nothing more: no path, query or user. The host comes out lower-case and as A-labels.

use std::net::IpAddr;

use url::{Host, Url};

use super::problem::Fault;

/// An http or https origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub https: bool,
    /// No dot at the end.
    pub host: Host<String>,
    /// `None` when it is the scheme's own.
    pub port: Option<u16>,
}

impl Site {
    /// Reads an origin; one slash at its end is forgiven.
    pub(super) fn parse(text: &str, example: &str) -> Result<Self, Fault> {
        let fault =
            |message: &str| Fault::new(message, format!("Write scheme, host and, if need be, port: {example:?}."));
        let (scheme, rest) = text.split_once("://").ok_or_else(|| fault("is not a URL"))?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(fault("is neither http nor https")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // The URL standard forgives and drops several of these, and a reader may then see another host than we do.
        match authority.chars().find(|c| c.is_control() || c.is_whitespace() || "/\\?#@%".contains(*c)) {
            Some('@') => return Err(fault("names a user")),
            Some('/') => return Err(fault("has a path")),
            Some('?' | '#') => return Err(fault("has a query or fragment")),
            Some(_) => return Err(fault("contains a character that no host has")),
            None if authority.is_empty() || authority.ends_with(':') => {
                return Err(fault("has no host or an empty port"));
            }
            None => {}
        }
        let url = Url::parse(text).map_err(|error| fault(&format!("is not a URL: {error}")))?;
        let host = match url.host().ok_or_else(|| fault("has no host"))? {
            Host::Domain(name) => Host::Domain(name.strip_suffix('.').unwrap_or(name).to_owned()),
            Host::Ipv4(ip) => Host::Ipv4(ip),
            Host::Ipv6(ip) => Host::Ipv6(ip),
        };
        if matches!(&host, Host::Domain(name) if name.is_empty() || name.ends_with('.') || name.len() > 253) {
            return Err(fault("has no proper host"));
        }
        if url.port() == Some(0) {
            return Err(fault("has port 0"));
        }
        Ok(Self { https, host, port: url.port() })
    }

    /// `scheme://host[:port]`
    pub(super) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{}:{port}", self.host),
            None => format!("{scheme}://{}", self.host),
        }
    }

    /// The port connections go to.
    pub(super) fn effective_port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    pub(super) const fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        }
    }

    /// 127.0.0.0/8, `[::1]` or `localhost`.
    pub(super) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        }
    }

    /// Whether strangers on the Internet may well reach this host, as far as its name tells. Asks no DNS.
    pub(super) fn looks_public(&self) -> bool {
        // Names that are private by RFC 6761, 6762, 8375 or 9476, or by the habit of container platforms.
        const PRIVATE: &[&str] =
            &["localhost", "local", "internal", "lan", "intranet", "home.arpa", "test", "svc", "alt"];
        match &self.host {
            Host::Domain(name) => name.contains('.') && !PRIVATE.iter().any(|suffix| ends_at_dot(name, suffix)),
            Host::Ipv4(ip) => {
                let [first, second, ..] = ip.octets();
                let carrier_grade_nat = first == 100 && (64..128).contains(&second);
                !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || carrier_grade_nat)
            }
            Host::Ipv6(ip) => {
                !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified())
            }
        }
    }
}

/// Whether `name` is `suffix` or ends with it at a dot (R3).
pub(super) fn ends_at_dot(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r32_hosts_come_out_in_one_spelling() {
        for (text, origin) in [
            ("https://m.example.com", "https://m.example.com"),
            ("https://M.Example.COM./", "https://m.example.com"),
            ("https://m.example.com:443", "https://m.example.com"),
            ("http://m.example.com:8080", "http://m.example.com:8080"),
            ("https://微信.example", "https://xn--vuqz89a.example"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://0x7f.1", "http://127.0.0.1"),
        ] {
            assert_eq!(Site::parse(text, "").map(|site| site.origin()).as_deref(), Ok(origin), "{text}");
        }
    }

    #[test]
    fn what_is_more_than_an_origin_is_refused() {
        for (text, message) in [
            ("", "is not a URL"),
            ("m.example.com", "is not a URL"),
            ("https:m.example.com", "is not a URL"),
            ("ftp://m.example.com", "is neither http nor https"),
            ("https://", "has no host or an empty port"),
            ("https:///m.example.com", "has a path"),
            ("https://m.example.com/app", "has a path"),
            ("https://m.example.com//", "has a path"),
            ("https://m.example.com?", "has a query or fragment"),
            ("https://m.example.com/#", "has a path"),
            ("https://u:p@m.example.com", "names a user"),
            ("https://@m.example.com", "names a user"),
            ("https://m.exa\tmple.com", "contains a character that no host has"),
            ("https://m.example.com\\", "contains a character that no host has"),
            ("https://%6d.example.com", "contains a character that no host has"),
            ("https://m.example.com:", "has no host or an empty port"),
            ("https://m.example.com:0", "has port 0"),
            ("https://m.example.com:99999", "is not a URL: invalid port number"),
            ("https://.", "has no proper host"),
            ("https://a..", "has no proper host"),
        ] {
            assert_eq!(Site::parse(text, "").expect_err(text).message, message, "{text}");
        }
    }

    #[test]
    fn r42_public_addresses_are_told_from_private_ones() {
        for (text, public) in [
            ("http://127.0.0.1:80", false),
            ("http://10.1.2.3", false),
            ("http://172.16.0.1", false),
            ("http://192.168.0.1", false),
            ("http://100.64.0.1", false),
            ("http://[fd00::1]", false),
            ("http://app:3000", false),
            ("http://app.default.svc.cluster.local", false),
            ("http://app.default.svc", false),
            ("http://93.184.216.34", true),
            ("http://100.128.0.1", true),
            ("http://172.32.0.1", true),
            ("http://[2001:db8::1]", true),
            ("http://www.example.com", true),
            ("http://notlocal.example.com", true),
        ] {
            assert_eq!(Site::parse(text, "").map(|site| site.looks_public()), Ok(public), "{text}");
        }
    }
}
