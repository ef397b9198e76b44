//! Attacks `cookie_header`: see `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxgate::fuzzing::holds("cookie_header", bytes));
