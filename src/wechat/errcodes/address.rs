//! The one thing of WeChat's own words that is passed on: the address of this machine as WeChat sees it.

use std::net::IpAddr;

/// An errmsg has under 200 bytes; what comes later is not looked at.
const MAX_ERRMSG: usize = 1024;

/// This machine's address in words like `invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist`: the first
/// that is one, an IPv4 address never in IPv6's clothes. None where the errcode is about something else.
pub(in crate::wechat) fn address(errcode: i64, errmsg: &str) -> Option<IpAddr> {
    if !matches!(errcode, 40164 | 60020 | 61004 | 89501..=89507) {
        return None;
    }
    errmsg[..errmsg.floor_char_boundary(MAX_ERRMSG)]
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '(' | ')' | '"' | '\''))
        .filter_map(|word| word.parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .find(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_address_is_named_exactly() {
        let whole = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 66d19aa4-3f927127-199f930f";
        let late = "中".repeat(1000) + " 203.0.113.9";
        for (errmsg, expected) in [
            (whole, Some("203.0.113.9")),
            ("invalid ip 2001:db8::7 ipv6 2001:db8::7, not in whitelist", Some("2001:db8::7")),
            ("invalid ip ::ffff:203.0.113.9, not in whitelist", Some("203.0.113.9")),
            ("not allow to access from your ip, hint: [1688], from ip: 203.0.113.9, more info", Some("203.0.113.9")),
            ("invalid ip 203.0.113.999, not in whitelist", None),
            ("invalid ip <b>203.0.113.9</b>", None),
            ("invalid ip 203.0.113.9\u{202e}, not in whitelist", None),
            ("invalid ip 0.0.0.0 ipv6 ::", None),
            (&late, None),
            ("", None),
        ] {
            let found = address(40164, errmsg);
            assert_eq!(found.map(|address| address.to_string()).as_deref(), expected, "{errmsg}");
        }
        assert_eq!(address(40013, whole), None, "only where it is about the address");
    }
}
