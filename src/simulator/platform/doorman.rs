//! Who may fetch tokens: the IP whitelist, and the administrator who is asked about strangers (rule 19).

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How long an address is shut out after the first, and after a further refusal by the administrator.
const SHUT_OUT: (u64, u64) = (3600, 24 * 3600);

/// What happens to an address that is not on the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum Otherwise {
    /// 40164.
    #[default]
    Refuse,
    /// 89503: the administrator is asked.
    Confirm,
}

/// What the administrator says about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum Decision {
    Approve,
    Refuse,
}

/// Why an address gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Stopped {
    NotListed(IpAddr),
    AwaitingTheAdministrator,
    RefusedForAnHour,
    RefusedForADay,
}

/// The list and the strangers at the door.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Doorman {
    /// None: everybody may.
    pub(in crate::simulator) whitelist: Option<Vec<IpNet>>,
    pub(in crate::simulator) otherwise: Otherwise,
    /// The address that every caller is taken to come from. None: its own.
    pub(in crate::simulator) seen_as: Option<IpAddr>,
    strangers: HashMap<IpAddr, Stranger>,
}

/// 企业可信IP: who may call WeCom's API.
#[derive(Debug)]
pub(in crate::simulator) struct TrustedIps {
    /// None: everybody may.
    pub(in crate::simulator) ips: Option<Vec<IpNet>>,
    /// Whether tokens are refused too, or only what is asked with them: reports differ.
    pub(in crate::simulator) gettoken: bool,
}

impl Default for TrustedIps {
    fn default() -> Self {
        Self { ips: None, gettoken: true }
    }
}

impl TrustedIps {
    pub(in crate::simulator) fn has(&self, ip: IpAddr) -> bool {
        self.ips.as_ref().is_none_or(|ranges| ranges.iter().any(|range| range.contains(&ip)))
    }
}

/// An address the administrator was asked about.
#[derive(Debug, Default)]
struct Stranger {
    approved: bool,
    refusals: u32,
    shut_out_until: u64,
}

impl Doorman {
    /// The address a caller has in WeChat's eyes.
    pub(in crate::simulator) fn sees(&self, peer: IpAddr) -> IpAddr {
        self.seen_as.unwrap_or(peer).to_canonical()
    }

    /// Lets an address pass, or tells why not.
    pub(in crate::simulator) fn admit(&mut self, peer: IpAddr, now: u64) -> Result<(), Stopped> {
        let ip = self.sees(peer);
        let Some(whitelist) = &self.whitelist else { return Ok(()) };
        if whitelist.iter().any(|range| range.contains(&ip)) {
            return Ok(());
        }
        if self.otherwise == Otherwise::Refuse {
            return Err(Stopped::NotListed(ip));
        }
        let stranger = self.strangers.entry(ip).or_default();
        match (stranger.approved, now < stranger.shut_out_until, stranger.refusals) {
            (true, ..) => Ok(()),
            (false, false, _) => Err(Stopped::AwaitingTheAdministrator),
            (false, true, 0 | 1) => Err(Stopped::RefusedForAnHour),
            (false, true, _) => Err(Stopped::RefusedForADay),
        }
    }

    /// The administrator's word about all who are waiting; tells which they are.
    pub(in crate::simulator) fn decide(&mut self, decision: Decision, now: u64) -> Vec<IpAddr> {
        let mut decided = Vec::new();
        for (ip, stranger) in &mut self.strangers {
            if stranger.approved || now < stranger.shut_out_until {
                continue;
            }
            decided.push(*ip);
            match decision {
                Decision::Approve => stranger.approved = true,
                Decision::Refuse => {
                    let (first, further) = SHUT_OUT;
                    stranger.shut_out_until = now + if stranger.refusals == 0 { first } else { further };
                    stranger.refusals = stranger.refusals.saturating_add(1);
                }
            }
        }
        decided
    }
}

impl Stopped {
    /// The errcode, and what WeChat says beside it.
    pub(in crate::simulator) fn words(self) -> (i64, String) {
        match self {
            // In these very words: operators and programs look for the address in them.
            Self::NotListed(ip) => (40164, format!("invalid ip {ip} ipv6 {}, not in whitelist", as_ipv6(ip))),
            Self::AwaitingTheAdministrator => {
                (89503, "this call needs the administrator's confirmation, please wait patiently".to_owned())
            }
            Self::RefusedForADay => {
                (89506, "the administrator refused this ip twice within 24 hours, try again after 24 hours".to_owned())
            }
            Self::RefusedForAnHour => {
                (89507, "the administrator refused this ip within an hour, try again after an hour".to_owned())
            }
        }
    }
}

fn as_ipv6(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("::ffff:{ip}"),
        IpAddr::V6(ip) => ip.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn doorman(otherwise: Otherwise) -> Doorman {
        let whitelist = Some(vec!["203.0.113.0/28".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        Doorman { whitelist, otherwise, ..Doorman::default() }
    }

    #[test]
    fn rule_19_without_a_list_everybody_may() {
        assert_eq!(Doorman::default().admit(HOME, 0), Ok(()));
        assert_eq!(
            Doorman { whitelist: Some(Vec::new()), ..Doorman::default() }.admit(HOME, 0),
            Err(Stopped::NotListed(HOME))
        );
    }

    #[test]
    fn rule_19_the_address_stands_in_the_message() {
        let check = |ip: &str, expected: Option<&str>| {
            let stopped = doorman(Otherwise::Refuse).admit(ip.parse().unwrap(), 0);
            assert_eq!(stopped.err().map(Stopped::words), expected.map(|words| (40164, words.to_owned())), "{ip}");
        };
        check("203.0.113.15", None);
        check("::ffff:203.0.113.15", None);
        check("2001:db8::9", None);
        check("203.0.113.16", Some("invalid ip 203.0.113.16 ipv6 ::ffff:203.0.113.16, not in whitelist"));
        check("::ffff:203.0.113.16", Some("invalid ip 203.0.113.16 ipv6 ::ffff:203.0.113.16, not in whitelist"));
        check("2001:db9::1", Some("invalid ip 2001:db9::1 ipv6 2001:db9::1, not in whitelist"));
    }

    #[test]
    fn rule_19_the_administrator_lets_in_or_shuts_out() {
        let mut door = doorman(Otherwise::Confirm);
        assert_eq!(door.decide(Decision::Approve, 0), Vec::<IpAddr>::new(), "nobody is waiting yet");
        assert_eq!(door.admit(HOME, 0), Err(Stopped::AwaitingTheAdministrator));
        assert_eq!(door.decide(Decision::Refuse, 0), [HOME]);
        assert_eq!(door.admit(HOME, 3599), Err(Stopped::RefusedForAnHour));
        assert_eq!(door.decide(Decision::Approve, 3599), Vec::<IpAddr>::new(), "too late for that");
        assert_eq!(door.admit(HOME, 3600), Err(Stopped::AwaitingTheAdministrator));
        door.decide(Decision::Refuse, 3600);
        assert_eq!(door.admit(HOME, 3600 + 24 * 3600 - 1), Err(Stopped::RefusedForADay));
        assert_eq!(door.admit(HOME, 3600 + 24 * 3600), Err(Stopped::AwaitingTheAdministrator));
        door.decide(Decision::Approve, 100_000);
        assert_eq!(door.admit(HOME, 100_000), Ok(()));
        assert_eq!(door.admit("203.0.113.1".parse().unwrap(), 0), Ok(()));
    }
}
