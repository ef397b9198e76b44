//! What holds of every verdict: the strictest reading of a path decides, each pattern read the slow way.

use http::Method;

use super::Policy;
use crate::config::{Auth, PathPattern, Route};
use crate::request::{decode_path, without_parameters};
use crate::types::Scope;

/// One route for each pattern, open to everybody, to whoever signs in, to anybody, and so on in turn.
pub(crate) fn the_strictest_reading_decides(patterns: &[PathPattern], path: &str) {
    let turns = [Auth::None, Auth::Required, Auth::Optional];
    let routes: Vec<Route> =
        patterns.iter().zip(turns.into_iter().cycle()).map(|(path, auth)| route(path, auth)).collect();
    let policy = Policy::new(&routes, Scope::Base).expect("configuration lets no other pattern through");
    let decoded = decode_path(path);
    let readings = [Some(path.as_bytes().to_vec()), Some(decoded.to_vec()), without_parameters(&decoded)];
    let strictest =
        readings.iter().flatten().map(|reading| first_match(&routes, reading)).max_by_key(|auth| rank(*auth));
    let verdict = policy.decide(&Method::GET, path).auth;
    assert_eq!(Some(verdict), strictest, "{path:?} among {patterns:?}");
}

fn route(path: &PathPattern, auth: Auth) -> Route {
    Route {
        path: path.clone(),
        methods: Vec::new(),
        auth,
        scope: None,
        on_anonymous: None,
        allow: Vec::new(),
        upstream: None,
    }
}

const fn rank(auth: Auth) -> u8 {
    match auth {
        Auth::None => 0,
        Auth::Optional => 1,
        Auth::Required => 2,
    }
}

fn first_match(routes: &[Route], path: &[u8]) -> Auth {
    routes
        .iter()
        .find(|route| fits(&segments(route.path.0.as_bytes()), &segments(path)))
        .map_or(Auth::Required, |route| route.auth)
}

fn segments(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').collect()
}

/// `**` stands for any number of whole segments; last, for what follows a slash.
fn fits(pattern: &[&[u8]], path: &[&[u8]]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([b"**"], path) => !path.is_empty(),
        ([b"**", rest @ ..], path) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        ([first, pattern @ ..], [segment, path @ ..]) => segment_fits(first, segment) && fits(pattern, path),
        _ => false,
    }
}

/// `*` stands for anything but a slash.
fn segment_fits(pattern: &[u8], segment: &[u8]) -> bool {
    match (pattern, segment) {
        ([], []) => true,
        ([b'*', rest @ ..], segment) => (0..=segment.len()).any(|taken| segment_fits(rest, &segment[taken..])),
        ([wanted, pattern @ ..], [found, segment @ ..]) => wanted == found && segment_fits(pattern, segment),
        _ => false,
    }
}
