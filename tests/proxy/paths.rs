//! Paths of two readings are refused; what policy saw is what the site gets.

use super::gate::{Wants, before};
use super::origin::{OK, Origin};
use super::wire::{Wire, get};

#[tokio::test]
async fn r25_ambiguous_paths_are_refused_and_r6_so_is_a_raw_number_sign() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for path in [
        "/open/#",
        "/open/a#b",
        "/open/#/../admin",
        "/open/?q#f",
        "/open/\\",
        "/open\\..\\admin",
        "/open/%2f",
        "/open/%2Fadmin",
        "/open/%5c",
        "/open/%5C",
        "/open/%00",
        "/open/.",
        "/open/..",
        "/open/../admin",
        "/open/./a",
        "/open/%2e",
        "/open/%2E%2e/admin",
        "/open/.%2e/admin",
        "/open/%2e./admin",
        "/open/..;/admin",
        "/open/..;x=1/admin",
        "/open/.;/admin",
        "/open/%2e%2e;/admin",
        "/..",
        "/.",
        "/../open/",
        "//../open/",
    ] {
        let answer = wire.ask(get(path, "")).await;
        assert_eq!(answer.problem(), (400, "ambiguous-path".to_owned()), "{path}");
    }
    assert_eq!(origin.requests().len(), 0);
    // One that is no path at all, by raw bytes: control characters end the connection, too.
    for byte in (1..0x20).chain([0x7f]).filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        let mut request = get("/open/?", "").into_bytes();
        request[10] = byte;
        let answer = Wire::connect(world.gate).await.ask(&request).await;
        assert_eq!(answer.status(), 400, "{byte:#x}");
        assert!(["ambiguous-path", "bad-request"].contains(&answer.slug().as_str()), "{byte:#x}");
    }
    for (byte, slug) in [(0x01, "ambiguous-path"), (0x7f, "ambiguous-path"), (0x1b, "ambiguous-path")] {
        let mut request = get("/open/?", "").into_bytes();
        request[10] = byte;
        assert_eq!(Wire::connect(world.gate).await.ask(&request).await.slug(), slug, "{byte:#x}");
    }
    assert_eq!((origin.requests().len(), origin.connections()), (0, 0));
}

#[tokio::test]
async fn r6_encoded_and_odd_but_plain_targets_go_on_byte_for_byte() {
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants::default()).await;
    let mut wire = Wire::connect(world.gate).await;
    for target in [
        "/open/",
        "/open/%23",
        "/open/a%23b?c%23d",
        "/open/...",
        "/open/.well-known",
        "/open/a..b",
        "/open//double",
        "/open/%e4%b8%ad%E6%96%87",
        "/open/中文?名=值",
        "/open/a;b=c/d",
        "/open/%zz%",
        "/open/%252f%252e%252e",
        "/open/?",
        "/open/?a=1&a=2&&=",
        "/open/?q=/../%2f%00\\..",
        "/open/?url=http://x/?y=z",
        "/open/a+b%20c?d+e%20f",
        "/open/*'()!$&,:@~",
        "/open/[]|^",
        "/open/?[]{}|^`",
    ] {
        let answer = wire.ask(get(target, "")).await;
        assert_eq!(answer.status(), 200, "{target}: {}", answer.text());
        assert_eq!(origin.last().target(), target);
    }
}

/// xorshift64*: the same surprises in every run.
pub struct Surprises(pub u64);

impl Surprises {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % limit
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// As a lenient upstream would read a path: decoded, slashes merged, dots resolved whatever parameters they have.
fn lenient(path: &str) -> Vec<u8> {
    let decoded: Vec<u8> = percent_encoding::percent_decode(path.as_bytes()).collect();
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';').next().expect("split gives one") {
            b"" if segment.is_empty() => {}
            b"." => {}
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut read = Vec::new();
    for segment in segments {
        read.push(b'/');
        read.extend_from_slice(segment);
    }
    read
}

#[tokio::test]
async fn r25_what_was_authorised_is_byte_for_byte_what_is_sent() {
    const PIECES: &[&str] = &[
        "/",
        "//",
        "open",
        "/open/",
        "admin",
        "/admin",
        "/open/admin",
        "%61dmin",
        "adm%69n",
        "a",
        ".",
        "..",
        "/../",
        "/./",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "\\",
        ";",
        ";x=1",
        "..;",
        "%3b",
        "%252e",
        "#",
        "?",
        "?/open/",
        "%23",
        "%00",
        "%",
        "%zz",
        "中",
        "~",
        "*",
        "%20",
        ":",
        "@",
    ];
    // The admin area lies inside what is open, so that every slip shows.
    let guarded = "[[route]]\npath = '/files/admin/**'\n[[route]]\npath = '/files/admin'\n[[route]]\npath = '/files/**'\nauth = 'none'\n";
    let origin = Origin::saying(OK).await;
    let world = before(&origin, Wants { rest: guarded, ..Wants::default() }).await;
    let mut wire = Wire::connect(world.gate).await;
    let mut surprises = Surprises(0x5eed);
    let (mut passed, mut refused, mut asked) = (0, 0, 0);
    for _ in 0..1500 {
        let mut target = surprises.of(&["/files/", "/files/admin/", "/files", "/"]).to_owned();
        for _ in 0..surprises.below(6) {
            target += surprises.of(PIECES);
        }
        let before = origin.requests().len();
        let answer = wire.ask(get(&target, "Accept: application/json\r\n")).await;
        match answer.status() {
            200 => {
                passed += 1;
                assert_eq!(origin.last().target(), target);
                let read = lenient(target.split('?').next().expect("split gives one"));
                let open = read.starts_with(b"/files/")
                    || read == b"/files"
                    || read.starts_with(b"/open/")
                    || read == b"/open";
                assert!(open, "{target} passed");
                assert!(read != b"/files/admin" && !read.starts_with(b"/files/admin/"), "{target} passed");
                continue;
            }
            400 => {
                refused += 1;
                assert!(["ambiguous-path", "bad-request"].contains(&answer.slug().as_str()), "{target}");
                if answer.header("connection") == Some("close") {
                    wire = Wire::connect(world.gate).await;
                }
            }
            401 => {
                asked += 1;
                assert_eq!(answer.slug(), "login-required", "{target}");
            }
            status => panic!("{status} for {target}"),
        }
        assert_eq!(origin.requests().len(), before, "{target} was refused and sent");
    }
    assert!(passed > 100 && refused > 100 && asked > 100, "{passed} passed, {refused} refused, {asked} asked");
}

/// What a pattern means, written once more: `*` within a segment, `**` for any number of whole ones.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            matches(rest, path) || (0..path.len()).any(|at| path[at] == b'/' && matches(rest, &path[at + 1..]))
        }
        [b'*', b'*'] => true,
        [b'*', rest @ ..] => {
            let segment = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
            (0..=segment).any(|at| matches(rest, &path[at..]))
        }
        [first, rest @ ..] => path.first() == Some(first) && matches(rest, &path[1..]),
    }
}

/// The second reading of contract section 2: decoded, repeated slashes merged.
fn decoded(path: &str) -> Vec<u8> {
    let mut read: Vec<u8> = percent_encoding::percent_decode(path.as_bytes()).collect();
    read.dedup_by(|next, before| *next == b'/' && *before == b'/');
    read
}

#[tokio::test]
async fn r25_the_stricter_of_two_readings_holds_for_any_routes() {
    const PATTERNS: &[&str] = &[
        "/**", "/a/**", "/a/b/**", "/a", "/a/", "/a/b", "/*", "/a/*", "/*/b", "/a/*/c", "/**/b", "/a/**/c", "/*a",
        "/a*/b", "/b/**",
    ];
    const PIECES: &[&str] = &["/", "/", "//", "a", "b", "c", "%61", "%62", "%41", "ab", "%", "?a", ";", "%3f", "%20"];
    let origin = Origin::saying(OK).await;
    let mut surprises = Surprises(0x0007_ab1e);
    let (mut passed, mut asked) = (0, 0);
    for _ in 0..6 {
        let table: Vec<(&str, &str)> =
            (0..5).map(|_| (surprises.of(PATTERNS), surprises.of(&["required", "optional", "none", "none"]))).collect();
        let routes: String =
            table.iter().map(|(path, auth)| format!("[[route]]\npath = '{path}'\nauth = '{auth}'\n")).collect();
        // The route that the harness adds comes first, and none of these paths is below it.
        let world = before(&origin, Wants { rest: &routes, ..Wants::default() }).await;
        let mut wire = Wire::connect(world.gate).await;
        for _ in 0..150 {
            let target = (0..surprises.below(6)).fold("/".to_owned(), |target, _| target + surprises.of(PIECES));
            let path = target.split('?').next().expect("split gives one");
            let open = |path: &[u8]| {
                let first = table.iter().find(|(pattern, _)| matches(pattern.as_bytes(), path));
                first.is_some_and(|(_, auth)| *auth != "required")
            };
            let expected = if open(path.as_bytes()) && open(&decoded(path)) { 200 } else { 401 };
            let before = origin.requests().len();
            let answer = wire.ask(get(&target, "Accept: application/json\r\n")).await;
            assert_eq!(answer.status(), expected, "{target} by\n{routes}");
            if expected == 200 {
                passed += 1;
                assert_eq!(origin.last().target(), target);
            } else {
                asked += 1;
                assert_eq!(origin.requests().len(), before, "{target} by\n{routes}");
            }
        }
    }
    assert!(passed > 100 && asked > 100, "{passed} passed, {asked} asked");
}
