#!/usr/bin/env bash
# Builds the gate laid out by a profile: once counting what runs under load, and once more by those counts.
#
#   benches/profiled.sh      (leaves target/profiled/wxgate)
#
# Needs what benches/table.py needs, and llvm-profdata of the compiler's own version: rustup component add llvm-tools
set -euo pipefail
cd "$(dirname "$0")/.."
host=$(rustc --print host-tuple)
profdata=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
[ -x "$profdata" ] || { echo "missing: llvm-profdata (rustup component add llvm-tools)" >&2; exit 1; }
python3 benches/train.py --check
out=$PWD/target/profiled
counts=$out/counts
# cargo sees no change in a profile of the same name.
rm -rf "$counts" "$out/build"
mkdir -p "$out"

# A target by name keeps the flags from build scripts and macros. As an encoded flag a path may have spaces.
build() { # FLAG FOLDER
  CARGO_ENCODED_RUSTFLAGS=$1 cargo build --release --locked --target "$host" --target-dir "$2"
}
build "-Cprofile-generate=$counts" "$out/counting"
python3 benches/train.py "$out/counting/$host/release/wxgate"
"$profdata" merge -o "$out/wxgate.profdata" "$counts"/*.profraw
build "-Cprofile-use=$out/wxgate.profdata" "$out/build"
cp "$out/build/$host/release/wxgate" "$out/wxgate"
echo "target/profiled/wxgate"
