//! WeChat's errcodes for operators: what each one means, which menu to open, and what this gate does by itself.
//!
//! The table is data, in the files beside this one. What the gate does about an errcode is decided in `error.rs`; tests
//! hold the two together.

mod accounts;
mod address;
mod calls;
mod credentials;
mod menus;
mod pages;
#[cfg(test)]
mod tests;
mod tokens;
mod visitors;
mod wecom;

use std::borrow::Cow;
use std::net::IpAddr;

pub(super) use address::address;

use super::error::{Error, Trouble};

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

impl Error {
    /// One line for the log. For a refusal: what its errcode means and what to do, the menu by its Chinese name; of
    /// WeChat's own words nothing gets through but the address to be whitelisted, and that only if it is one. For a call
    /// that got no answer, or none that makes sense: what to look at.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        match (self.errcode, self.trouble) {
            (Some(errcode), _) => line(errcode, self.ip).into(),
            (None, Trouble::Nonsense) => NONSENSE.into(),
            (None, _) => UNREACHABLE.into(),
        }
    }
}

const UNREACHABLE: &str = "no answer from WeChat: look at DNS, the firewall and any proxy between this machine and it";
const NONSENSE: &str = "an answer that is not WeChat's: look for a proxy or a login page of the network on the way";

fn line(errcode: i64, address: Option<IpAddr>) -> String {
    let Some(known) = explain(errcode) else {
        return format!("errcode {errcode} is not known to wxgate; WeChat's list: {OFFICIAL_LIST}");
    };
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
