//! What holds of every request, whatever a stranger sends: said slowly and plainly, to be compared with what is fast.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use http::header::{CONNECTION, COOKIE, FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::{Browser, Clean, Client, Peer, RequestId, Rules, cookies, decode_path, headers, path, without_parameters};

/// Names of headers with their values, each name's in order.
type Lines = BTreeMap<String, Vec<Vec<u8>>>;

/// A request as it came, its headers one a line.
#[derive(Debug)]
pub(crate) struct Came<'a> {
    pub trusted: bool,
    pub target: &'a str,
    pub lines: Vec<(&'a [u8], &'a [u8])>,
}

/// R6, R25: a path that passes means one thing under any reading, and one with a single meaning passes.
pub(crate) fn path_is_judged_whole(path: &str) {
    let once = decoded_once(path.as_bytes());
    assert_eq!(decode_path(path).as_ref(), merged(&once), "{path:?} decoded");
    let bare = once.contains(&b';').then(|| merged(&cut_parameters(&merged(&once))));
    assert_eq!(without_parameters(&merged(&once)), bare, "{path:?} without parameters");
    assert_eq!(path::judge(path).is_err(), has_two_meanings(path), "{path:?}");
}

fn has_two_meanings(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let odd = path.chars().any(|c| matches!(c, '\\' | '#') || c.is_ascii_control());
    odd || ["%2f", "%5c", "%00"].iter().any(|encoded| lower.contains(encoded))
        || cut_parameters(&decoded_once(path.as_bytes()))
            .split(|byte| *byte == b'/')
            .any(|segment| matches!(segment, b"." | b".."))
}

fn decoded_once(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    decoded
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    while let Some(at) = path.windows(2).position(|pair| pair == b"//") {
        path.remove(at);
    }
    path
}

fn cut_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|byte| *byte == b'/');
    let bare: Vec<&[u8]> =
        segments.map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default()).collect();
    bare.join(&b'/')
}

/// R7, R9, R25, R40: what is forged goes, what may stay stays as it was, the target is not touched.
pub(crate) fn headers_are_cleaned(came: &Came<'_>, rules: &Rules) {
    let Some(request) = request(came) else { return };
    let peer = Peer::new(address(came.trusted), rules);
    assert_eq!(peer.trusted, came.trusted);
    let (target, before) = (request.uri().clone(), lines(request.headers()));
    trailers_are_cleaned(request.headers().clone(), rules);
    let Ok(clean) = rules.clean(request, &peer) else { return };
    let head = clean.head();
    let shown = target.path_and_query().map_or("/", |target| target.as_str());
    assert_eq!(head.target(), shown, "the target was touched");
    let mut after = lines(head.headers());
    for (name, value) in head.lines().iter() {
        let name = String::from_utf8_lossy(name).into_owned();
        assert!(after.insert(name, vec![value.to_vec()]).is_none(), "told twice: {value:?}");
    }
    client_is_told_truly(&before, &peer, *head.client(), &after, rules);
    let mut expected = expected(&before, came.trusted, rules);
    for ours in ["x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-request-id"] {
        let values = after.remove(ours).unwrap_or_default();
        assert!(!values.is_empty(), "{ours} is missing");
        let only = ours != "x-forwarded-proto" && ours != "x-forwarded-host";
        assert!(!only || values.len() == 1, "{ours}: {values:?}");
        let told = expected.remove(ours);
        // What a proxy of the operator's says of scheme and host is kept.
        if ours == "x-forwarded-proto" || ours == "x-forwarded-host" {
            assert!(told.is_none_or(|told| told == values), "{ours}: {values:?}");
        }
    }
    if target.authority().is_some() {
        // It outranks the Host received.
        for lines in [&mut after, &mut expected] {
            lines.remove("host");
        }
    }
    assert_eq!(after, expected, "what is left of {before:?}");
    asker_is_known(&clean, &before, &peer);
}

fn request(came: &Came<'_>) -> Option<Request<()>> {
    let mut request = Request::builder().uri(came.target).body(()).ok()?;
    for (name, value) in &came.lines {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) else { continue };
        request.headers_mut().append(name, value);
    }
    request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("m.example.com"));
    Some(request)
}

/// Of the operator's own proxy, or of anybody.
fn address(trusted: bool) -> SocketAddr {
    SocketAddr::from(if trusted { ([10, 0, 0, 1], 4711) } else { ([203, 0, 113, 9], 4711) })
}

fn lines(headers: &HeaderMap) -> Lines {
    let mut lines = Lines::new();
    for (name, value) in headers {
        lines.entry(name.as_str().to_owned()).or_default().push(value.as_bytes().to_vec());
    }
    lines
}

/// As every CGI folds a name, and then some.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn is_forged(name: &str, rules: &Rules) -> bool {
    let ours = rules.jwt_header.as_ref().map(HeaderName::as_str);
    folded(name).starts_with("x-wechat-")
        || ours.is_some_and(|ours| ours != "authorization" && folded(name) == folded(ours))
}

fn is_hop(name: &str) -> bool {
    const HOPS: [&str; 9] = [
        "connection",
        "expect",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    HOPS.contains(&name)
}

fn speaks_of_forwarding(name: &str) -> bool {
    let name = folded(name);
    let words = ["forwarded", "x-real-ip", "x-request-id"].contains(&name.as_str());
    words || name.starts_with("x-forwarded-") || name.starts_with("x-original-")
}

fn expected(before: &Lines, trusted: bool, rules: &Rules) -> Lines {
    let named: BTreeSet<String> = tokens(before, CONNECTION.as_str()).map(|token| token.to_ascii_lowercase()).collect();
    let may_be_named =
        |name: &str| !["host", "cookie", "content-length"].contains(&name) && !speaks_of_forwarding(name);
    let goes = |name: &str| {
        let hop = is_hop(name) || (named.contains(name) && may_be_named(name));
        is_forged(name, rules) || hop || (!trusted && speaks_of_forwarding(name))
    };
    before.iter().filter(|(name, _)| !goes(name)).map(|(name, values)| (name.clone(), values.clone())).collect()
}

/// What commas separate in all lines of one header.
fn tokens<'a>(lines: &'a Lines, name: &str) -> impl Iterator<Item = String> + 'a {
    let values = lines.get(name).into_iter().flatten();
    let pieces = values.flat_map(|value| value.split(|byte| *byte == b','));
    pieces.map(|piece| String::from_utf8_lossy(piece.trim_ascii()).into_owned()).filter(|token| !token.is_empty())
}

fn trailers_are_cleaned(mut trailers: HeaderMap, rules: &Rules) {
    headers::strip_trailers(&mut trailers, rules.jwt_header.as_ref());
    for name in trailers.keys().map(HeaderName::as_str) {
        assert!(!is_forged(name, rules) && !is_hop(name) && !speaks_of_forwarding(name), "a trailer {name}");
        assert!(!["host", "cookie", "content-length", "authorization"].contains(&name), "a trailer {name}");
    }
}

/// R9, R33: the client is the last address that no proxy of ours has; whatever cannot be read means the peer.
fn client_is_told_truly(before: &Lines, peer: &Peer, client: Client, after: &Lines, rules: &Rules) {
    let peer_ip = peer.address.ip();
    let chain: Vec<String> = tokens(before, "x-forwarded-for").collect();
    let in_use = before.contains_key("x-forwarded-for") || !before.contains_key(FORWARDED.as_str());
    if !peer.trusted || (in_use && chain.is_empty()) {
        assert_eq!(client, Client { ip: peer_ip, told: false });
    } else if in_use {
        let ours = |hop: &String| read_address(hop).is_some_and(|ip| rules.trusts(ip));
        let first = chain.iter().rposition(|hop| !ours(hop)).unwrap_or(0);
        let expected = read_address(&chain[first]).map_or((peer_ip, false), |ip| (ip, true));
        assert_eq!((client.ip, client.told), expected, "{chain:?}");
    } else if client.told {
        let text = before[FORWARDED.as_str()].concat();
        assert!(!text.is_empty(), "an address from nowhere");
    }
    let mut told: Vec<Vec<u8>> = before.get("x-forwarded-for").filter(|_| peer.trusted).cloned().unwrap_or_default();
    told.push(peer_ip.to_string().into_bytes());
    assert_eq!(after["x-forwarded-for"], [told.join(&b", "[..])]);
    assert_eq!(after["x-real-ip"], [client.ip.to_string().into_bytes()]);
}

fn read_address(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.or_else(bracketed).or_else(with_port).map(|ip| ip.to_canonical())
}

fn asker_is_known<B>(clean: &Clean<B>, before: &Lines, peer: &Peer) {
    let head = clean.head();
    if let RequestId::Kept(id) = &head.asker().id {
        assert!(peer.trusted && before["x-request-id"].contains(&id.as_bytes().to_vec()), "an id from nowhere");
    }
    let id = head.asker().id.to_string();
    assert!(
        !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()),
        "{id:?} in a log line"
    );
    if head.asker().wants_page {
        let accepts = before.get("accept").into_iter().flatten();
        assert!(accepts.into_iter().any(|accept| accept.windows(9).any(|part| part == b"text/html")));
    }
    let agent = head.user_agent();
    assert_eq!(Browser::of(agent), Browser::of(&agent.to_ascii_uppercase()), "{agent}");
    assert_eq!(head.cookies().count(), cookies(head.headers()).count());
    for (name, value) in head.cookies() {
        assert!(!name.contains(&b'=') && !name.contains(&b';') && !value.contains(&b';'));
    }
    let given = before.get(COOKIE.as_str()).map_or(0, |lines| lines.iter().map(Vec::len).sum());
    assert!(head.cookies().map(|(name, value)| name.len() + 1 + value.len()).sum::<usize>() <= given);
}
