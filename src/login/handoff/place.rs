//! What a desktop tells of itself, for its owner to recognise: a browser, a system, the beginning of an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::attempts::subnet;

// First match wins: most browsers name others too. A place in these lists is stored: entries are added at the end only.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("QQBrowser", "QQBrowser"),
    ("MetaSr", "Sogou"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "Internet Explorer"),
];
const SYSTEMS: &[(&str, &str)] =
    &[("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS X", "macOS"), ("Linux", "Linux")];
/// No entry of a list.
const UNKNOWN: u8 = u8::MAX;

/// Where somebody sits who wants to sign in. Hints, not proof: a browser says what it likes of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    browser: u8,
    system: u8,
    address: Option<IpAddr>,
}

impl Place {
    /// `address`: `None` where it would be a proxy's.
    pub(super) fn of(user_agent: &str, address: Option<IpAddr>) -> Self {
        let first = |list: &[(&str, &str)]| {
            let found = list.iter().position(|(sign, _)| user_agent.contains(sign));
            found.and_then(|index| u8::try_from(index).ok()).unwrap_or(UNKNOWN)
        };
        Self { browser: first(BROWSERS), system: first(SYSTEMS), address: address.map(|ip| ip.to_canonical()) }
    }

    /// `Chrome, Windows`; words of ours only. `None` when it says neither.
    #[must_use]
    pub fn browser(&self) -> Option<String> {
        let name = |list: &[(&str, &'static str)], index: u8| list.get(usize::from(index)).map(|(_, name)| *name);
        let names: Vec<&str> = name(BROWSERS, self.browser).into_iter().chain(name(SYSTEMS, self.system)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The beginning of the address: enough to tell home from abroad, too little to find somebody by.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.address.map(|ip| match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                format!("{a}.{b}.{c}.*")
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}:*")
            }
        })
    }

    /// Whether somebody at `address` shares a network with it.
    pub(super) fn shares_network(&self, address: Option<IpAddr>) -> bool {
        self.address.is_some_and(|ours| address.is_some_and(|other| subnet(ours) == subnet(other)))
    }

    /// `browser | system | length, the octets of the address`
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[self.browser, self.system]);
        match self.address {
            None => bytes.push(0),
            Some(IpAddr::V4(ip)) => {
                bytes.push(4);
                bytes.extend_from_slice(&ip.octets());
            }
            Some(IpAddr::V6(ip)) => {
                bytes.push(16);
                bytes.extend_from_slice(&ip.octets());
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[browser, system, length], address) = bytes.split_first_chunk()?;
        if address.len() != usize::from(length) {
            return None;
        }
        let address = match length {
            0 => None,
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).into()),
            16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into()),
            _ => return None,
        };
        Some(Self { browser, system, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desktops_are_told_by_names_of_ours() {
        for (agent, expected) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36", Some("Chrome, Windows")),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", Some("Edge, Windows")),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.0 Safari/605.1.15", Some("Safari, macOS")),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", Some("Firefox, Linux")),
            ("<script>alert(1)</script>", None),
            ("Lynx/2.9", None),
            ("", None),
        ] {
            assert_eq!(Place::of(agent, None).browser().as_deref(), expected, "{agent}");
        }
    }

    #[test]
    fn r31_addresses_are_shortened_and_compared_by_network() {
        for (address, shown, neighbour, stranger) in [
            ("203.0.113.7", "203.0.113.*", "203.0.113.7", "203.0.113.8"),
            ("::ffff:203.0.113.7", "203.0.113.*", "203.0.113.7", "203.0.113.8"),
            ("2001:db8:1:2::7", "2001:db8:1:*", "2001:db8:1:2:ffff::1", "2001:db8:1:3::7"),
        ] {
            let place = Place::of("", address.parse().ok());
            assert_eq!(place.address().as_deref(), Some(shown));
            assert!(place.shares_network(neighbour.parse().ok()), "{address}");
            assert!(!place.shares_network(stranger.parse().ok()), "{address}");
            let mut bytes = Vec::new();
            place.encode(&mut bytes);
            assert_eq!(Place::decode(&bytes), Some(place));
        }
        let nowhere = Place::of("", None);
        assert_eq!(nowhere.address(), None);
        assert!(!nowhere.shares_network(None), "two unknowns are not neighbours");
    }
}
