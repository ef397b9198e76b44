//! Attacks `jsconfig_url`: see `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxgate::fuzzing::holds("jsconfig_url", bytes));
