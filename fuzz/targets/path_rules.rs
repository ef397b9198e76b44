//! Attacks `path_rules`: see `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxgate::fuzzing::holds("path_rules", bytes));
