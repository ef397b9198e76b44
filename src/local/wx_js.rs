//! `GET P/wx.js`: the browser's side of the gate, `window.wxgate`.

use crate::config;

/// Made of `wx.js`, which is the one to read and to change.
const SCRIPT: &str = include_str!("wx.min.js");

/// The script with this site's paths in it.
#[must_use]
pub fn script(paths: &config::Paths) -> String {
    let jsconfig = format!("{}/jsconfig", paths.prefix);
    // Paths hold nothing that ends or escapes a text in double quotes: their reader sees to that.
    [("{jsconfig}", &jsconfig), ("{me}", &paths.me), ("{login}", &paths.login), ("{logout}", &paths.logout)]
        .into_iter()
        .fold(SCRIPT.to_owned(), |script, (place, path)| script.replace(place, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> config::Paths {
        let own = |name: &str| format!("/g'a&te/{name}");
        config::Paths {
            prefix: "/g'a&te".to_owned(),
            login: own("login"),
            callback: own("callback"),
            logout: own("logout"),
            me: own("me"),
        }
    }

    #[test]
    fn every_place_is_filled_and_in_double_quotes() {
        let script = script(&paths());
        for text in ["\"/g'a&te/jsconfig\"", "\"/g'a&te/me\"", "\"/g'a&te/login?rd=\"", "\"/g'a&te/logout\""] {
            assert!(script.contains(text), "{text} is not in {script}");
        }
        assert!(!["{jsconfig}", "{me}", "{login}", "{logout}"].iter().any(|place| script.contains(place)), "{script}");
    }

    #[test]
    fn it_is_small() {
        assert!(script(&paths()).len() < 3 << 10, "{} bytes", script(&paths()).len());
    }
}
