//! Which known key an unknown one was probably meant to be. Pure.

use super::schema::{self, Support};
use super::source::is_upstream;

/// What is compared of a name: a file may hold a very long one, and no key of ours comes near.
const COMPARED_CHARS: usize = 64;

/// A right name under the wrong section is likelier than a rare typo, but a typo under the right one is likelier still.
const MOVED: usize = 2;

/// The known key or section closest to this path.
pub(super) fn key(path: &str) -> String {
    nearest(path, |key| with_sections(key).collect())
}

/// The known key closest to this path; no section, but for `upstream`, which may stand for its URL.
pub(super) fn setting(path: &str) -> String {
    nearest(path, |key| with_sections(key).filter(|name| *name == key || is_upstream(name)).collect())
}

fn nearest(path: &str, names: impl Fn(&'static str) -> Vec<&'static str>) -> String {
    let index = schema::in_list(path).map_or("0", |(_, index)| index);
    let index = if index.parse::<usize>().is_ok() { index } else { "0" };
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let wanted = last(path);
    let known = schema::keys().iter().flat_map(|key| names(key.path).into_iter().map(|name| (name, key.support)));
    known
        .map(|(name, support)| (name.replace('*', index), support))
        .min_by_key(|(name, support)| {
            let steps = distance(path, name).min(distance(&wanted, &last(name)) + MOVED);
            // Every site has a session, and few are in WeCom.
            (steps, *support == Support::Later, name.starts_with("wecom."))
        })
        .map(|(name, _)| name)
        .expect("the table of keys is not empty")
}

/// The closest of a few words.
pub(super) fn word<'a>(wanted: &str, known: &[&'a str]) -> &'a str {
    known.iter().min_by_key(|name| distance(wanted, name)).expect("nobody asks for the closest of none")
}

/// A path and every section it lies in: `a.b.c`, `a.b`, `a`. A bare `route.*` is written `[[route]]`.
fn with_sections(path: &'static str) -> impl Iterator<Item = &'static str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let here = rest?;
        rest = here.rsplit_once('.').map(|(section, _)| section);
        Some(here)
    })
    .filter(|name| !name.ends_with('*'))
}

/// Levenshtein's distance, two neighbours swapped counting as one step.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(COMPARED_CHARS).collect();
    let right: Vec<char> = right.chars().take(COMPARED_CHARS).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let mut steps = (above[j] + usize::from(l != r)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                steps = steps.min(before[j - 1] + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_lead_to_the_key_that_was_meant() {
        for (typed, meant) in [
            ("public-url", "public_url"),
            ("sesion", "session"),
            ("session.cookie_nmae", "session.cookie_name"),
            ("session.upstream", "upstream"),
            ("listen", "server.listen"),
            ("official_account.appid", "official_account.app_id"),
            ("server.tls.crt", "server.tls.cert"),
            ("server.tls.more.2.crt", "server.tls.more.2.cert"),
            ("route.3.pth", "route.3.path"),
            ("routes", "route"),
            ("trusted_proxies", "server.trusted_proxies"),
            ("cookie_name", "session.cookie_name"),
            ("secret", "session.secret"),
        ] {
            assert_eq!(key(typed), meant, "{typed}");
        }
    }

    #[test]
    fn distances_count_steps() {
        for (left, right, steps) in
            [("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), steps, "{left} {right}");
        }
    }
}
