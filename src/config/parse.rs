//! Reads single values: durations, sizes, numbers, words. Each function says what is wrong without quoting the value.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::Fault;
use super::value::Value;

/// How many bytes of text any key takes, secrets in files aside.
const MAX_TEXT_BYTES: usize = 4096;

pub(super) fn text(value: &Value) -> Result<&str, Fault> {
    match value {
        Value::Text(text) if text.len() > MAX_TEXT_BYTES => {
            Err(Fault::new(format!("is longer than {MAX_TEXT_BYTES} bytes"), "Write something shorter."))
        }
        Value::Text(text) => Ok(text),
        other => Err(wrong(other, "Write text in quotes.")),
    }
}

pub(super) fn switch(value: &Value) -> Result<bool, Fault> {
    match value {
        Value::Switch(on) => Ok(*on),
        other => Err(wrong(other, "Write true or false, without quotes.")),
    }
}

pub(super) fn integer(value: &Value, bounds: &RangeInclusive<u64>) -> Result<u64, Fault> {
    let remedy = || format!("Write a whole number from {} to {}, without quotes.", bounds.start(), bounds.end());
    match value {
        Value::Integer(number) => u64::try_from(*number)
            .ok()
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| Fault::new("is out of bounds", remedy())),
        other => Err(wrong(other, remedy())),
    }
}

/// The position of the word in the list. An integer counts as its digits: `401` is as good as `"401"`.
pub(super) fn choice(value: &Value, words: &[&str]) -> Result<usize, Fault> {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let remedy = || match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("Write {} or {last}.", rest.join(", ")),
        _ => format!("Write {}.", quoted.concat()),
    };
    let digits;
    let word = match value {
        Value::Text(word) => word.as_str(),
        Value::Integer(number) => {
            digits = number.to_string();
            &digits
        }
        other => return Err(wrong(other, remedy())),
    };
    words.iter().position(|known| *known == word).ok_or_else(|| {
        if word == "privateinfo" {
            Fault::new("belongs to WeCom", "Write \"base\" or \"userinfo\" here, and \"privateinfo\" under [wecom].")
        } else {
            Fault::new("is none of the words known here", remedy())
        }
    })
}

/// `500ms 10s 5m 24h 7d`
pub(super) fn duration(value: &Value, bounds: &RangeInclusive<Duration>) -> Result<Duration, Fault> {
    const REMEDY: &str = r#"Write a whole number and a unit, such as "500ms", "10s", "5m", "24h" or "7d"."#;
    let text = match value {
        Value::Text(text) => text,
        Value::Integer(_) => return Err(Fault::new("has no unit", REMEDY)),
        other => return Err(wrong(other, REMEDY)),
    };
    let milliseconds = quantity(text, &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]);
    let duration = Duration::from_millis(milliseconds.ok_or_else(|| Fault::new("is not a duration", REMEDY))?);
    if bounds.contains(&duration) {
        Ok(duration)
    } else {
        let remedy =
            format!("Write a duration from {} to {}.", shown_duration(*bounds.start()), shown_duration(*bounds.end()));
        Err(Fault::new("is out of bounds", remedy))
    }
}

/// As [`duration`], or `None` for `off`.
pub(super) fn duration_or_off(value: &Value, bounds: &RangeInclusive<Duration>) -> Result<Option<Duration>, Fault> {
    match value {
        Value::Text(text) if text.as_str() == "off" => Ok(None),
        other => duration(other, bounds).map(Some),
    }
}

/// `16KiB 1MiB`
pub(super) fn size(value: &Value, bounds: &RangeInclusive<u64>) -> Result<u64, Fault> {
    const REMEDY: &str = r#"Write a whole number and a unit, such as "16KiB" or "1MiB"."#;
    let text = match value {
        Value::Text(text) => text,
        Value::Integer(_) => return Err(Fault::new("has no unit", REMEDY)),
        other => return Err(wrong(other, REMEDY)),
    };
    let bytes = quantity(text, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)])
        .ok_or_else(|| Fault::new("is not a size", REMEDY))?;
    if bounds.contains(&bytes) {
        Ok(bytes)
    } else {
        let remedy = format!("Write a size from {} to {}.", shown_size(*bounds.start()), shown_size(*bounds.end()));
        Err(Fault::new("is out of bounds", remedy))
    }
}

/// Digits and one of the units, nothing between, before or after.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn shown_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let whole = units.iter().find(|(size, _)| milliseconds > 0 && milliseconds.is_multiple_of(*size));
    whole.map_or_else(|| format!("{milliseconds}ms"), |(size, unit)| format!("{}{unit}", milliseconds / size))
}

fn shown_size(bytes: u64) -> String {
    let whole =
        [(1 << 20, "MiB"), (1 << 10, "KiB")].into_iter().find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size));
    whole.map_or_else(|| format!("{bytes}B"), |(size, unit)| format!("{}{unit}", bytes / size))
}

pub(super) fn wrong(value: &Value, remedy: impl Into<String>) -> Fault {
    Fault::new(format!("is {}", value.description()), remedy)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, milliseconds) in
            [("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("24h", 86_400_000), ("7d", 604_800_000), ("0s", 0)]
        {
            assert_eq!(duration(&Value::text(text), &ANY), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "10",
            "10 s",
            " 10s",
            "10s ",
            "-1s",
            "+1s",
            "1.5s",
            "10S",
            "10sec",
            "1h30m",
            "１s",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            let fault = duration(&Value::text(text), &ANY).expect_err(text);
            assert_eq!(fault.message, "is not a duration", "{text}");
        }
    }

    #[test]
    fn bounds_hold_on_both_sides() {
        let bounds = Duration::from_secs(1)..=Duration::from_secs(60);
        for (text, within) in [("999ms", false), ("1s", true), ("60s", true), ("1m", true), ("61s", false)] {
            assert_eq!(duration(&Value::text(text), &bounds).is_ok(), within, "{text}");
        }
        for (text, within) in [("4095B", false), ("4KiB", true), ("1MiB", true), ("1048577B", false)] {
            assert_eq!(size(&Value::text(text), &(4096..=1 << 20)).is_ok(), within, "{text}");
        }
        for (number, within) in [(-1, false), (0, true), (512, true), (513, false)] {
            assert_eq!(integer(&Value::Integer(number), &(0..=512)).is_ok(), within, "{number}");
        }
    }

    #[test]
    fn remedies_show_bounds_as_they_are_written() {
        let fault = duration(&Value::text("2d"), &(Duration::from_millis(1)..=Duration::from_secs(86_400)));
        assert_eq!(fault.expect_err("out of bounds").remedy, "Write a duration from 1ms to 1d.");
        let fault = size(&Value::text("1B"), &(4 << 10..=1 << 20)).expect_err("out of bounds");
        assert_eq!(fault.remedy, "Write a size from 4KiB to 1MiB.");
    }

    #[test]
    fn words_are_found_by_their_place() {
        assert_eq!(choice(&Value::text("b"), &["a", "b"]), Ok(1));
        assert_eq!(choice(&Value::Integer(401), &["redirect", "401"]), Ok(1));
        let fault = choice(&Value::text("B"), &["a", "b", "c"]).expect_err("case counts");
        assert_eq!(fault.remedy, r#"Write "a", "b" or "c"."#);
    }

    proptest! {
        #[test]
        fn r15_no_text_makes_a_reader_panic(text in "\\PC{0,30}") {
            let value = Value::text(&text);
            let _ = duration_or_off(&value, &ANY);
            let _ = size(&value, &(0..=u64::MAX));
            let _ = choice(&value, &["a"]);
        }
    }
}
