//! Builds the section of TLS, and looks at the certificates before anything is started with them.

use std::path::PathBuf;

use super::listen;
use super::problem::Fault;
use super::reader::Reader;
use super::{Listen, PublicUrl, Tls};
use crate::clock::Clock;
use crate::tls::{Certified, Pair};

const SECTION: &str = "server.tls";
const MORE: &str = "server.tls.more";
const LISTEN: &str = "server.tls.listen";
const REDIRECT: &str = "server.tls.redirect_http";

pub(super) fn tls(read: &mut Reader<'_>, plain: &[Listen], public_url: Option<&PublicUrl>) -> Option<Tls> {
    if !read.source.has_section(SECTION) {
        return None;
    }
    let redirect_http = read.switch(REDIRECT);
    let listen = places(read, plain);
    let sections = std::iter::once(SECTION.to_owned())
        .chain((0..read.source.count(MORE)).map(|index| format!("{MORE}.{index}")))
        // What is no table is a problem already.
        .filter(|section| section == SECTION || read.source.has_section(section));
    let found: Vec<_> = sections.collect::<Vec<_>>().into_iter().map(|section| pair(read, &section)).collect();
    let (pairs, certified): (Vec<Pair>, Vec<Option<Certified>>) = found.into_iter().flatten().unzip();
    match public_url {
        Some(url) if url.https => judge_names(read, url, &certified),
        Some(_) if redirect_http => {
            let remedy = "Write public_url with https://, or redirect_http = false.";
            read.refuse(REDIRECT, Fault::new("needs a public_url that is https", remedy));
        }
        _ => {}
    }
    (!pairs.is_empty()).then_some(Tls { listen, pairs, redirect_http })
}

fn places(read: &mut Reader<'_>, plain: &[Listen]) -> Vec<Listen> {
    if !read.is_set(LISTEN) {
        read.missing(LISTEN, r#"Write an address and a port, such as "0.0.0.0:443"."#);
        return Vec::new();
    }
    let places = listen::places(read, LISTEN, false);
    if places.iter().any(|place| plain.iter().any(|other| other.meets(place))) {
        read.refuse(LISTEN, Fault::new("is a place of server.listen", "One place speaks TLS or does not: choose."));
    }
    places
}

/// A pair of files, and what they hold where that is good.
fn pair(read: &mut Reader<'_>, section: &str) -> Option<(Pair, Option<Certified>)> {
    let mut file = |name: &str, example: &str| {
        let key = format!("{section}.{name}");
        if !read.is_set(&key) {
            read.missing(&key, &format!("Write the path of a PEM file, such as {example:?}."));
        }
        read.text(&key, |path| match path {
            "" => Err(Fault::new("is empty", format!("Write the path of a PEM file, such as {example:?}."))),
            path => Ok(PathBuf::from(path)),
        })
    };
    let cert = file("cert", "/etc/wxgate/fullchain.pem");
    let key = file("key", "/etc/wxgate/privkey.pem");
    let pair = Pair { cert: cert?, key: key? };
    let certified = match pair.read() {
        Ok(certified) => certified,
        Err(error) => {
            let name = if error.is_key { "key" } else { "cert" };
            read.refuse(&format!("{section}.{name}"), Fault::new(error.to_string(), error.flaw.remedy()));
            return Some((pair, None));
        }
    };
    for doubt in certified.doubts(Clock::system().now()) {
        read.warn(&format!("{section}.cert"), doubt.to_string(), doubt.remedy());
    }
    if pair.is_exposed() {
        let message = "the file can be read by everybody on this machine";
        read.warn(&format!("{section}.key"), message, "Take their rights away: chmod 600.");
    }
    Some((pair, Some(certified)))
}

/// Whether visitors who come by public_url are well received.
fn judge_names(read: &mut Reader<'_>, public_url: &PublicUrl, certified: &[Option<Certified>]) {
    let known: Vec<&Certified> = certified.iter().flatten().collect();
    if known.len() == certified.len() && !known.iter().any(|certified| certified.is_for(&public_url.host)) {
        read.warn(
            "server.tls.cert",
            "names no host of public_url, so browsers refuse it",
            "Ask for a certificate with that host, unless something in front of the gate has one.",
        );
    }
}
