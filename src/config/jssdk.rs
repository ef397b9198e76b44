//! Builds the section of the JS-SDK: where it is signed, for whose pages, for what.

use super::paths::{FIXED, path};
use super::problem::Fault;
use super::reader::Reader;
use super::site::Site;
use super::{JsSdk, Paths, PublicUrl, SignedHost, VerifyFile};

pub(super) fn jssdk(
    read: &mut Reader<'_>,
    public_url: Option<&PublicUrl>,
    paths: &Paths,
    verify_files: &[VerifyFile],
) -> JsSdk {
    JsSdk {
        path: endpoint(read, paths, verify_files),
        hosts: hosts(read, public_url),
        api_list: names(read, "jssdk.api_list", r#"Write it as WeChat's documentation does, such as "scanQRCode"."#),
        open_tags: names(
            read,
            "jssdk.open_tags",
            r#"Write it as WeChat's documentation does, such as "wx-open-launch-weapp"."#,
        ),
    }
}

fn endpoint(read: &mut Reader<'_>, paths: &Paths, verify_files: &[VerifyFile]) -> Option<String> {
    const KEY: &str = "jssdk.path";
    let chosen = read.text(KEY, |text| if text.is_empty() { Ok(None) } else { path(text).map(Some) }).flatten()?;
    // Its place below the prefix is its own already.
    let fixed = FIXED.iter().filter(|name| **name != "jsconfig").map(|name| format!("{}/{name}", paths.prefix));
    let files = verify_files.iter().map(|file| format!("/{}", file.name));
    let own = [&paths.login, &paths.callback, &paths.logout, &paths.me].map(Clone::clone);
    let taken = fixed.chain(files).chain(own).any(|taken| taken == chosen);
    if taken || chosen.starts_with(&format!("{}/auth/", paths.prefix)) {
        read.refuse(KEY, Fault::new("is taken by another endpoint of the gate", "Choose a path of its own."));
    }
    Some(chosen)
}

fn hosts(read: &mut Reader<'_>, public_url: Option<&PublicUrl>) -> Vec<SignedHost> {
    const KEY: &str = "jssdk.hosts";
    let before = read.source.problems.len();
    let hosts = read.list(KEY, host);
    let Some(public_url) = public_url else { return hosts };
    if hosts.is_empty() && read.source.problems.len() == before {
        return vec![SignedHost { host: public_url.host.clone(), port: None }];
    }
    let port = public_url.port.unwrap_or(if public_url.https { 443 } else { 80 });
    let ours = |signed: &SignedHost| signed.host == public_url.host && signed.port.is_none_or(|signed| signed == port);
    if !hosts.iter().any(ours) {
        read.warn(
            KEY,
            "does not name the host of public_url, so no page there can use the JS-SDK",
            format!("Add {:?} if it should.", public_url.host),
        );
    }
    hosts
}

/// `host` or `host:port`.
fn host(text: &str) -> Result<SignedHost, Fault> {
    const REMEDY: &str = r#"Write a host, such as "m.example.com"; with a port where only that one may be signed for."#;
    if text.contains(['/', '*']) {
        return Err(Fault::new("is not a plain host", REMEDY));
    }
    let parse = |scheme: &str| {
        let site = Site::parse(&format!("{scheme}://{text}"), "").map_err(|fault| Fault::new(fault.message, REMEDY))?;
        Ok::<_, Fault>(site)
    };
    // Each scheme drops its own port, and a port that is named counts.
    let (https, http) = (parse("https")?, parse("http")?);
    Ok(SignedHost { host: https.host.to_string(), port: https.port.or(http.port) })
}

/// Names of APIs or tags.
fn names(read: &mut Reader<'_>, key: &str, remedy: &str) -> Vec<String> {
    read.list(key, |name| {
        if JsSdk::is_name(name) { Ok(name.to_owned()) } else { Err(Fault::new("is no name of WeChat's", remedy)) }
    })
}

impl JsSdk {
    /// Whether a text could be the name of an API or of an open tag: letters, digits and the marks of `menu:share:qq`,
    /// at most 64 of them.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r32_hosts_come_out_in_one_spelling_and_a_port_that_is_named_counts() {
        for (text, name, port) in [
            ("m.example.com", "m.example.com", None),
            ("M.Example.COM.", "m.example.com", None),
            ("微信.example", "xn--vuqz89a.example", None),
            ("m.example.com:443", "m.example.com", Some(443)),
            ("m.example.com:80", "m.example.com", Some(80)),
            ("m.example.com:8443", "m.example.com", Some(8443)),
            ("[::1]:8080", "[::1]", Some(8080)),
        ] {
            assert_eq!(host(text), Ok(SignedHost { host: name.to_owned(), port }), "{text}");
        }
    }

    #[test]
    fn r34_what_is_no_plain_host_is_refused() {
        for text in ["", "https://m.example.com", "m.example.com/", "*.example.com", "a@b", "a b", "m.example.com:"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
