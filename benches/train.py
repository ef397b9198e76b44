#!/usr/bin/env python3
"""The load by which benches/profiled.sh learns what runs: signed-in, with a token and public, over every protocol.

    benches/train.py GATE      or --check, for what is missing
"""

import os
import sys

import load
from contenders import Stand, need

PROTOCOLS = ["HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2 over TLS"]
UPLOAD = 'wrk.method, wrk.body = "POST", string.rep("x", 20000)'


def main():
    need("nginx", "haproxy", "wrk", "h2load", "curl", "openssl", "taskset")
    if sys.argv[1:] == ["--check"]:
        return
    with Stand(sys.argv[1]) as stand:
        os.environ["ACCESS_LOG"] = "true"
        everybody = stand.contenders(["wxgate", "wxgate, with a token"])
        os.environ["ACCESS_LOG"] = "false"
        everybody += stand.contenders(["wxgate, public route"])
        script = stand.work / "upload.lua"
        script.write_text(UPLOAD)
        for contender in everybody:
            for protocol in PROTOCOLS:
                for size, connections, seconds in [("1 KiB", 64, 6), ("100 KiB", 16, 2)]:
                    taken = load.ask(contender, protocol, size, connections, seconds)
                    print(f"{contender.name}, {protocol}, {size}: {taken.rate:.0f} a second", flush=True)
            uploaded, _ = load.ask_by_wrk(contender, contender.url("HTTP/1.1", "1 KiB"), 16, 2, "-s", script)
            print(f"{contender.name}, uploads: {uploaded}", flush=True)


if __name__ == "__main__":
    main()
