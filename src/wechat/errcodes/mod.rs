//! WeChat's errcodes for operators: what each one means, which menu to open, and what this gate does by itself.
//!
//! The table is data, in the files beside this one. What the gate does about an errcode is decided in `error.rs`; tests
//! hold the two together.

mod accounts;
mod calls;
mod credentials;
mod menus;
mod pages;
#[cfg(test)]
mod tests;
mod tokens;
mod visitors;
mod wecom;

use std::net::IpAddr;

/// The same in Chinese and in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    pub zh: &'static str,
    pub en: &'static str,
}

/// What is to be known about an errcode.
#[derive(Debug, Clone, Copy)]
pub struct Explained {
    pub errcode: i64,
    /// What WeChat says by it.
    pub meaning: Text,
    /// What the operator does.
    pub cure: Text,
    /// The menu to open for that; none where nothing can be set.
    pub menu: Option<Text>,
    /// What this gate does by itself.
    pub gate: Text,
}

/// Every errcode that is explained, in the order of the files.
pub fn all() -> impl Iterator<Item = &'static Explained> {
    [credentials::ROWS, accounts::ROWS, tokens::ROWS, visitors::ROWS, calls::ROWS, pages::ROWS, wecom::ROWS]
        .into_iter()
        .flatten()
}

/// What is known about an errcode, if anything.
#[must_use]
pub fn explain(errcode: i64) -> Option<&'static Explained> {
    all().find(|known| known.errcode == errcode)
}

/// One line for the log: what an errcode means and what to do, the menu by its Chinese name. Of WeChat's own words
/// (`errmsg`) nothing gets through but the address to be whitelisted, and that only if it is one.
#[must_use]
pub fn sentence(errcode: i64, errmsg: Option<&str>) -> String {
    line(errcode, errmsg.and_then(address_in))
}

fn line(errcode: i64, address: Option<IpAddr>) -> String {
    let Some(known) = explain(errcode) else {
        return format!("errcode {errcode} is not known to wxgate; WeChat's list: {OFFICIAL_LIST}");
    };
    let address = address.filter(|_| is_about_addresses(errcode));
    [
        Some(format!("errcode {errcode}: {} {}", known.meaning.en, known.cure.en)),
        address.map(|address| format!(" The address is {address}")),
        known.menu.map(|menu| format!(" Menu: {}", menu.zh)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// WeChat's own list of errcodes.
pub const OFFICIAL_LIST: &str = "https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html";

/// Whether WeChat names the caller's address along with this errcode, and wants it on a list.
const fn is_about_addresses(errcode: i64) -> bool {
    matches!(errcode, 40164 | 60020 | 61004)
}

/// An errmsg has under 200 bytes; what comes later is not looked at.
const MAX_ERRMSG: usize = 1024;

/// The caller's address in words like `invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist`: the first
/// that is one, an IPv4 address never in IPv6's clothes.
#[must_use]
pub fn address_in(errmsg: &str) -> Option<IpAddr> {
    errmsg[..errmsg.floor_char_boundary(MAX_ERRMSG)]
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '(' | ')' | '"' | '\''))
        .filter_map(|word| word.parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .find(|address| !address.is_unspecified())
}
