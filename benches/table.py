#!/usr/bin/env python3
"""wxgate beside nginx and HAProxy, as tables.

    benches/table.py [PART ...] [--rounds N] [--seconds S] [--gate PATH]

Parts: requests, bodies, many, cores, rates, idle, handshakes; all of them without a word.
Needs Debian's nginx-light, haproxy, wrk, nghttp2-client, curl and openssl, and a release build. The build by
benches/profiled.sh takes part where there is one.

Contenders take turns within each round, and what is printed is the median over the rounds of the ratio to nginx within
the same round: times drift with the machine, ratios hardly do.
"""

import argparse
import math
import sys
from pathlib import Path

import load
from contenders import ROOT, SIZES, Stand, need
from load import median

PROTOCOLS = ["HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2 over TLS"]
PROFILED = ["wxgate, profiled", "wxgate, profiled, with a token"]
ALL = ["nginx", "wxgate", "wxgate, with a token", "wxgate, public route", *PROFILED, "nginx auth_request", "HAProxy"]
FEW = ["nginx", "wxgate", PROFILED[0], "HAProxy"]


def main():
    parts = {
        "requests": requests, "bodies": bodies, "many": many, "cores": cores, "rates": rates, "idle": idle,
        "handshakes": handshakes,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[*parts, []], default=[])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--gate", type=Path, default=ROOT / "target/release/wxgate")
    options = parser.parse_args()
    need("nginx", "haproxy", "wrk", "h2load", "curl", "openssl", "taskset")
    if not options.gate.exists():
        sys.exit(f"missing: {options.gate} (cargo build --release --locked)")
    for part in options.part or parts:
        parts[part](options)


def rounds_of(options, contenders, measure):
    """Measures everybody in turn, round by round, after one round that does not count."""
    taken = {contender.name: [] for contender in contenders}
    for number in range(options.rounds + 1):
        for contender in contenders:
            print(f"\r\033[Kround {number} of {options.rounds}: {contender.name}", end="", file=sys.stderr, flush=True)
            one = measure(contender)
            if number > 0:
                taken[contender.name].append(one)
    print("\r\033[K", end="", file=sys.stderr)
    return taken


def table(title, columns, rows):
    print(f"\n### {title}\n\n| contender | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
    for name, cells in rows:
        print(f"| {name} | " + " | ".join(cells) + " |")
    sys.stdout.flush()


def figure(value, digits=2):
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def against_nginx(taken, name, of=lambda one: one.each):
    return median(of(mine) / of(theirs) for mine, theirs in zip(taken[name], taken["nginx"]))


def rows_of(taken, per=1, unit_digits=1, woken=False):
    """CPU against nginx, CPU in microseconds, requests a second; a line more for helpers that take part."""
    for name, all_taken in taken.items():
        rest = [figure(median(one.rate for one in all_taken), 0)]
        if woken:
            rest.append(figure(median(one.woken for one in all_taken)))
        yield name, [
            figure(against_nginx(taken, name)), figure(median(one.each for one in all_taken) / per, unit_digits), *rest
        ]
        if any(one.with_helpers > one.each for one in all_taken):
            ratio = median(mine.with_helpers / theirs.each for mine, theirs in zip(all_taken, taken["nginx"]))
            each = median(one.with_helpers for one in all_taken)
            yield name + ", its service counted", [figure(ratio), figure(each / per, unit_digits), *rest]


def requests(options):
    with Stand(options.gate) as stand:
        everybody = stand.contenders(ALL)
        for protocol in PROTOCOLS:
            able = [contender for contender in everybody if contender.speaks(protocol)]
            taken = rounds_of(options, able, lambda one: load.ask(one, protocol, "1 KiB", 64, options.seconds))
            columns = ["CPU, nginx = 1", "CPU µs a request", "requests a second on one core"]
            columns.append("wake-ups of client and site a request")
            table(f"{protocol}, 1 KiB, 64 at a time", columns, rows_of(taken, woken=True))


def bodies(options):
    with Stand(options.gate) as stand:
        everybody = stand.contenders(FEW)
        for size, connections, per in [("100 KiB", 64, 1), ("10 MiB", 16, 10)]:
            for protocol in PROTOCOLS:
                able = [contender for contender in everybody if contender.speaks(protocol)]
                taken = rounds_of(options, able, lambda one: load.ask(one, protocol, size, connections, options.seconds))
                unit = "CPU µs a request" if per == 1 else "CPU µs a MiB"
                columns = ["CPU, nginx = 1", unit, "requests a second on one core"]
                table(f"{protocol}, {size}, {connections} at a time", columns, rows_of(taken, per, 0))


def many(options):
    with Stand(options.gate) as stand:
        taken = rounds_of(
            options, stand.contenders(FEW),
            lambda one: settled(load.ask(one, "HTTP/1.1", "1 KiB", stand.many, 5 * options.seconds), stand.many),
        )
        columns = ["CPU, nginx = 1", "CPU µs a request", "requests a second on one core"]
        table(f"HTTP/1.1, 1 KiB, {stand.many} at a time", columns, rows_of(taken))


def settled(taken, connections):
    """Nothing, if time was up before everybody had been answered twice: all went into connecting, and little came of it."""
    return taken if taken.answers >= 2 * connections else load.Taken(math.nan, 1, 0, 0, 0)


def cores(options):
    with Stand(options.gate, cores=2) as stand:
        taken = rounds_of(options, stand.contenders(FEW), lambda one: load.ask(one, "HTTP/1.1", "1 KiB", 64, options.seconds))
        columns = ["CPU, nginx = 1", "CPU µs a request", "requests a second on two cores"]
        table("HTTP/1.1, 1 KiB, 64 at a time, two workers on two cores that load and site share", columns, rows_of(taken))


def rates(options):
    with Stand(options.gate) as stand:
        program = load.pace_program(stand.work)
        everybody = stand.contenders(FEW)
        nginx = everybody[0]
        full = median(load.ask(nginx, "HTTP/1.1", "1 KiB", 64, options.seconds).rate for _ in range(3))
        for share in (0.25, 0.5):
            rate = full * share
            taken = rounds_of(options, everybody, lambda one: load.waits(program, one, rate, 64, options.seconds))
            rows = [
                (name, [figure(median(one[at] for one in all_taken), 3) for at in range(3)])
                for name, all_taken in taken.items()
            ]
            table(f"{rate:.0f} requests a second, {share:.0%} of what nginx can do", ["p50 ms", "p99 ms", "p99.9 ms"], rows)


def idle(options):
    ways = [("HTTP/1.1", False), ("HTTP/1.1", True), ("HTTP/1.1 over TLS", False), ("HTTP/1.1 over TLS", True)]
    taken = {}
    for protocol, at_once in ways:
        # Everybody anew: what one crowd leaves behind would serve the next.
        with Stand(options.gate) as stand:
            many = stand.many
            for contender in stand.contenders(FEW):
                able = contender.speaks(protocol)
                each = load.idle(contender, many - load.FIRST, protocol, at_once) if able else math.nan
                taken.setdefault(contender.name, []).append(figure(each / 1000))
    columns = [f"{protocol}, {'all at once' if at_once else '1,000 a second'}, kB each" for protocol, at_once in ways]
    table(f"{many} connections that asked once and rest", columns, taken.items())


def handshakes(options):
    with Stand(options.gate) as stand:
        able = [contender for contender in stand.contenders(FEW) if contender.speaks("HTTPS")]
        taken = rounds_of(options, able, lambda one: load.handshakes(one, options.seconds))
        rows = []
        for name in taken:
            cells = []
            for at in range(2):
                cells.append(figure(median(one[at] for one in taken[name]), 0))
                cells.append(figure(against_nginx(taken, name, lambda one: one[at])))
            rows.append((name, cells))
        columns = ["full, CPU µs", "nginx = 1", "resumed, CPU µs", "nginx = 1"]
        table("A TLS 1.3 connection (P-256) that asks for 1 KiB once", columns, rows)


if __name__ == "__main__":
    main()
