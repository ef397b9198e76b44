//! `wxgate explain ERRCODE`: what an errcode of WeChat's means and what to do about it, in Chinese and in English.

use std::io::{self, Write};

use super::{BAD, GOOD};
use crate::wechat::errcodes::{self, Explained, OFFICIAL_LIST, Text};

/// Writes what is known; complains that nothing is, as about any other argument that names nothing. Returns the exit code
/// of the process.
pub(super) fn explain(errcode: i64, out: &mut impl Write, complaints: &mut impl Write) -> io::Result<u8> {
    match errcodes::explain(errcode) {
        Some(_) => write(errcode, out).map(|()| GOOD),
        None => write(errcode, complaints).map(|()| BAD),
    }
}

/// What is known, or that nothing is.
pub(super) fn write(errcode: i64, out: &mut impl Write) -> io::Result<()> {
    match errcodes::explain(errcode) {
        Some(known) => write!(out, "{}", Page(known)),
        None => unknown(errcode, out),
    }
}

/// Everything about one errcode.
struct Page<'a>(&'a Explained);

impl std::fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Explained { errcode, meaning, cure, menu, gate } = self.0;
        let menu = menu.unwrap_or(NO_MENU);
        writeln!(f, "errcode {errcode}\n")?;
        for (label, text) in [("含义", meaning), ("办法", cure), ("菜单", &menu), ("自动处理", gate)] {
            // A Chinese character takes two columns of a terminal, and formatting counts one.
            let gap = 10 - label.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
            writeln!(f, "  {label}{:gap$}{}", "", text.zh)?;
        }
        writeln!(f)?;
        for (label, text) in [("meaning", meaning), ("to do", cure), ("menu", &menu), ("by itself", gate)] {
            writeln!(f, "  {label:<10}{}", text.en)?;
        }
        Ok(())
    }
}

const NO_MENU: Text = Text { zh: "没有要改的设置", en: "nothing to set" };

fn unknown(errcode: i64, out: &mut impl Write) -> io::Result<()> {
    let alike = alike(errcode);
    writeln!(out, "errcode {errcode}: wxgate 不认识这个错误码。 wxgate does not know this errcode.")?;
    if !alike.is_empty() {
        writeln!(out, "相近的有 similar ones it knows: {}", alike.join(", "))?;
    }
    writeln!(out, "微信的完整列表 WeChat's whole list: {OFFICIAL_LIST}")
}

/// The known errcodes that one slip of the finger makes of this one: a digit wrong, missing, added, or two swapped.
fn alike(errcode: i64) -> Vec<String> {
    let typed = errcode.to_string();
    errcodes::all().map(|known| known.errcode.to_string()).filter(|known| one_slip(&typed, known)).collect()
}

fn one_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
    let same = typed.iter().zip(meant).take_while(|(one, other)| one == other).count();
    let (typed, meant) = (&typed[same..], &meant[same..]);
    match (typed, meant) {
        ([_, typed @ ..], [_, meant @ ..]) if typed == meant => true,
        ([a, b, typed @ ..], [c, d, meant @ ..]) if (a, b) == (d, c) && typed == meant => true,
        ([_, typed @ ..], meant) if typed == meant => true,
        (typed, [_, meant @ ..]) => typed == meant,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(errcode: i64) -> (u8, String) {
        let (mut out, mut complaints) = (Vec::new(), Vec::new());
        let code = explain(errcode, &mut out, &mut complaints).expect("a vector takes everything");
        assert_eq!(out.is_empty(), code != 0, "an answer goes to one side, a complaint to the other");
        (code, String::from_utf8([out, complaints].concat()).expect("the answer is UTF-8"))
    }

    #[test]
    fn an_errcode_is_explained_in_both_languages_with_the_menu() {
        let (code, shown) = run(40164);
        assert_eq!(code, 0);
        for part in ["API IP白名单", "API IP whitelist", "wechat-misconfigured", "  含义      ", "  to do     "] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        assert_eq!(run(-1).0, 0);
        assert!(run(42001).1.contains("nothing to set"));
    }

    #[test]
    fn an_unknown_errcode_is_said_to_be_one() {
        let (code, shown) = run(41064);
        assert_eq!(code, 2);
        assert!(shown.contains("does not know") && shown.contains("https://developers.weixin.qq.com/"), "{shown}");
        assert!(shown.contains("40164"), "{shown}");
        let (code, shown) = run(i64::MIN);
        assert_eq!(code, 2);
        assert!(!shown.contains("similar"), "{shown}");
    }

    #[test]
    fn one_slip_is_recognised() {
        for (typed, meant, expected) in [
            ("41064", "40164", true),
            ("40163", "40164", true),
            ("4164", "40164", true),
            ("440164", "40164", true),
            ("1", "-1", true),
            ("40164", "40164", false),
            ("40613", "40164", false),
            ("-9223372036854775808", "-1", false),
        ] {
            assert_eq!(one_slip(typed, meant), expected, "{typed} {meant}");
        }
    }
}
