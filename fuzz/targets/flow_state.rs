//! Attacks `flow_state`: see `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wxgate::fuzzing::holds("flow_state", bytes));
