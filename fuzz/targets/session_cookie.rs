//! Attacks `session_cookie`: see `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxgate::fuzzing::holds("session_cookie", bytes));
