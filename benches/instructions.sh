#!/usr/bin/env bash
# Instructions per signed-in request, step by step, by callgrind: the same on a noisy machine as on a quiet one.
#
#   benches/instructions.sh
#
# Needs valgrind (Debian: apt-get install valgrind). Two runs of different length cancel what start-up costs. A visitor's
# first request to a worker costs more than those that follow: both are counted.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "missing: valgrind" >&2; exit 1; }
program=$(cargo bench --locked --bench hot --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*hot-[^"]*\)".*/\1/p' | tail -1)
count() { valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 | awk '/Collected/ { print $4 }'; }
each() { echo $((($(count "$1" "$2" 3000) - $(count "$1" "$2" 1000)) / 2000)); }
first_before=0 again_before=0
printf '%-8s %12s %12s\n' step "first sight" "seen before"
for step in request clean resume decide stamp; do
  first=$(each first "$step") again=$(each again "$step")
  printf '%-8s %12d %12d\n' "$step" $((first - first_before)) $((again - again_before))
  first_before=$first again_before=$again
done
