#!/usr/bin/env bash
# Instructions per signed-in request, step by step, by callgrind: the same on a noisy machine as on a quiet one.
#
#   benches/instructions.sh
#
# Needs valgrind (Debian: apt-get install valgrind). Two runs of different length cancel what start-up costs.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "missing: valgrind" >&2; exit 1; }
program=$(cargo bench --locked --bench hot --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*hot-[^"]*\)".*/\1/p' | tail -1)
count() { valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 | awk '/Collected/ { print $4 }'; }
before=0
for step in request clean resume decide stamp; do
  each=$(( ($(count "$step" 3000) - $(count "$step" 1000)) / 2000 ))
  printf '%-8s %6d instructions\n' "$step" $((each - before))
  before=$each
done
