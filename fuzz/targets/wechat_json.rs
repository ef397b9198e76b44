//! Attacks `wechat_json`: see `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxgate::fuzzing::holds("wechat_json", bytes));
