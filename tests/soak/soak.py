#!/usr/bin/env python3
"""Mixed load on a gate whose site is restarted all the while; every answer is checked.

    tests/soak/soak.py [--minutes 30] [--gate target/release/wxgate]

Needs a release build, Python with `h2` (pip install h2), curl and openssl. The site is killed every 20 seconds, the gate
told to read its configuration again every minute, and stopped in the middle of the load. Ends with 0 when nothing was wrong:
every answer was right, or an honest 502 or 504 of a request that a restart met; no POST reached the site twice;
memory, descriptors and threads did not grow.
"""

import argparse
import asyncio
import collections
import json
import random
import re
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import http1
import http2
from ask import Wrong, lost

ROOT = Path(__file__).resolve().parents[2]
AGENT = "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN"
APP = "wx51a71a70fa4e0001"
NAMES = ["lin", "fei", "wang", "doudou"]
# Who comes, and how many at a time.
EVERYBODY = [
    (http1.keep_alive, 12), (http2.streams, 3), (http1.websocket, 4), (http2.websocket_stream, 2), (http1.upload, 2),
    (http1.slow_reader, 3), (http1.leaver, 2),
]
Visitor = collections.namedtuple("Visitor", "openid cookie")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(port, tls_port, site, wechat, work):
    return f"""
public_url = "http://127.0.0.1:{port}"
upstream = "http://127.0.0.1:{site}"
[server]
listen = "127.0.0.1:{port}"
[server.tls]
listen = "127.0.0.1:{tls_port}"
cert = "{work}/cert.pem"
key = "{work}/key.pem"
[official_account]
app_id = "{APP}"
app_secret = "51a71a70fa4e00015ec4e75ec4e75ec4"
[session]
secret = "a secret for the soak, which is 32 bytes or more"
[identity.jwt]
header = "X-Wechat-Jwt"
algorithm = "HS256"
key = "a key for the soak's tokens, 32 bytes or more"
[log]
access = false
[endpoints]
open = "http://127.0.0.1:{wechat}"
api = "http://127.0.0.1:{wechat}"
[[route]]
path = "/open/**"
auth = "optional"
"""


class Stage:
    """What everybody shares: where things are, when the site was away, what was right and what was not."""

    def __init__(self, options, work):
        self.options, self.work, self.agent, self.rest = options, work, AGENT, 0.1
        self.port, self.tls_port, self.site_port, self.wechat_port = (free_port() for _ in range(4))
        self.good, self.excused, self.wrong = collections.Counter(), collections.Counter(), []
        self.away, self.over, self.draining, self.visitors, self.samples = [], False, 0, {}, []
        self.contexts = {}

    def context(self, protocols):
        key = protocols[0]
        if key not in self.contexts:
            context = ssl.create_default_context(cafile=self.work / "cert.pem")
            context.set_alpn_protocols(protocols)
            self.contexts[key] = context
        return self.contexts[key]

    # Verdicts.

    def restarting(self, begun):
        """Whether the site was away at some time since; it takes a moment to be itself again."""
        return any(back + 1 > begun for left, back in self.away[-3:])

    def excuse(self, ask, what):
        if self.restarting(ask.begun):
            self.excused[f"{ask.kind}: {what} in a restart"] += 1
        elif ask.method in ("POST", "CONNECT"):
            # The site closed a connection as the request was on its way, which cannot be sent again.
            self.excused[f"{ask.kind}: {ask.method} {what} as the site closed the connection"] += 1
        else:
            raise Wrong(f"{what} without a restart")

    def failed(self, ask, error, excused=False):
        if self.over:
            return
        if lost(error) and ask is not None:
            if self.draining and ask.begun > self.draining - 0.05:
                self.excused[f"{ask.kind}: not begun before the end"] += 1
                return
            if self.draining and ask.kind.startswith("WebSocket"):
                self.excused[f"{ask.kind}: ended with the gate"] += 1
                return
            if self.restarting(ask.begun) or excused:
                self.excused[f"{ask.kind}: cut in a restart" if not excused else f"{ask.kind}: closed early"] += 1
                return
        what = f"{time.monotonic() - self.began:.1f}s {ask and (ask.kind, ask.method, ask.target)}: {error!r}"
        print("WRONG", what, flush=True)
        self.wrong.append(what)

    # Processes.

    def start_site(self):
        self.site = subprocess.Popen([sys.executable, Path(__file__).with_name("upstream.py"), str(self.site_port), self.work / "notes"])

    async def start(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
            check=True, capture_output=True, cwd=self.work,
        )
        (self.work / "gate.toml").write_text(configuration(self.port, self.tls_port, self.site_port, self.wechat_port, self.work))
        log = (self.work / "gate.log").open("wb")
        self.wechat = subprocess.Popen([self.options.gate, "simulate", "--listen", f"127.0.0.1:{self.wechat_port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.gate = subprocess.Popen([self.options.gate, "run", "-c", self.work / "gate.toml"], stderr=log)
        self.start_site()
        for port in (self.port, self.tls_port, self.site_port, self.wechat_port):
            await self.listens(port)

    async def listens(self, port):
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.transport.abort()
                return
            except OSError:
                await asyncio.sleep(0.02)
        raise SystemExit(f"nothing listens on port {port}")

    def sign_in(self, name):
        curl = ["curl", "-sf", "-H", "content-type: application/json"]
        people = subprocess.run([*curl, f"http://127.0.0.1:{self.wechat_port}/__sim/users"], capture_output=True, check=True).stdout
        openid = next(person["openids"][APP] for person in json.loads(people) if person["id"] == name)
        auto = json.dumps({"user": name, "answer": "allow"})
        subprocess.run([*curl, "-o", "/dev/null", "-d", auto, f"http://127.0.0.1:{self.wechat_port}/__sim/auto"], check=True)
        jar = self.work / f"jar-{name}"
        subprocess.run(["curl", "-sfL", "-A", AGENT, "-H", "accept: text/html", "-c", jar, "-b", jar, "-o", "/dev/null", f"http://127.0.0.1:{self.port}/"], check=True)
        cookie = next(line.split("\t")[6] for line in jar.read_text().splitlines() if "\twxgate\t" in line)
        self.visitors[name] = Visitor(openid, f"wxgate={cookie}")

    # What goes on beside the load.

    async def restart_site(self):
        while True:
            await asyncio.sleep(20)
            window = [time.monotonic(), float("inf")]
            self.away.append(window)
            self.site.send_signal(random.choice([signal.SIGKILL, signal.SIGTERM]))
            self.site.wait()
            await asyncio.sleep(random.choice([0, 0.2, 1]))
            self.start_site()
            await self.listens(self.site_port)
            window[1] = time.monotonic()

    async def reload(self):
        while True:
            await asyncio.sleep(60)
            self.gate.send_signal(signal.SIGHUP)

    async def sample(self):
        while True:
            status = Path(f"/proc/{self.gate.pid}/status").read_text()
            number = lambda name: int(re.search(rf"{name}:\s+(\d+)", status)[1])
            descriptors = len(list(Path(f"/proc/{self.gate.pid}/fd").iterdir()))
            now = time.monotonic() - self.began
            self.samples.append((now, number("VmRSS"), descriptors, number("Threads")))
            if len(self.samples) % 12 == 1:
                print(f"{now:6.0f} s  {number('VmRSS')} KiB  {descriptors} descriptors  {number('Threads')} threads  {sum(self.good.values())} good  {sum(self.excused.values())} excused  {len(self.wrong)} wrong", flush=True)
            await asyncio.sleep(5)

    async def again(self, visit, tls):
        while not self.over:
            try:
                await visit(self, tls)
            except Exception as error:
                if not self.draining:
                    self.failed(None, error)
                await asyncio.sleep(0.1)

    async def run(self):
        self.began = time.monotonic()
        beside = [asyncio.ensure_future(task()) for task in (self.restart_site, self.reload, self.sample)]
        load = [
            asyncio.ensure_future(self.again(visit, index % 2 == 1)) for visit, count in EVERYBODY for index in range(count)
        ]
        await asyncio.sleep(self.options.minutes * 60)
        # Not amid a restart, which would excuse too much.
        while self.restarting(time.monotonic() - 5):
            await asyncio.sleep(0.1)
        for task in beside:
            task.cancel()
        self.draining = time.monotonic()
        self.gate.send_signal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        self.exit = await loop.run_in_executor(None, self.gate.wait, 60)
        self.ended_in = time.monotonic() - self.draining
        await asyncio.sleep(2)
        self.over = True
        await asyncio.wait(load, timeout=10)

    def stop(self):
        for process in (self.gate, self.site, self.wechat):
            if process.poll() is None:
                process.kill()
                process.wait()

    def report(self):
        seen = collections.Counter((self.work / "notes").read_text().split("\n"))
        again = collections.Counter(line.split()[0] for line, count in seen.items() if line and count > 1 and not line.endswith("none"))
        print("good:", *(f"\n  {count:8} {what}" for what, count in sorted(self.good.items())))
        print("excused:", *(f"\n  {count:8} {what}" for what, count in sorted(self.excused.items())))
        print("asked of the site twice:", dict(again) or "none")
        early, late = (
            [sample for sample in self.samples if first <= sample[0] <= last]
            for first, last in ((0.1 * self.options.minutes * 60, 0.3 * self.options.minutes * 60), (0.8 * self.options.minutes * 60, 9e9))
        )
        grown = False
        for at, what, slack in ((1, "KiB resident", 1.1), (2, "descriptors", 1.25), (3, "threads", 1)):
            before, after = (statistics.median(sample[at] for sample in part) for part in (early, late))
            print(f"{what}: {before:.0f} early, {after:.0f} late, at most {max(sample[at] for sample in self.samples)}")
            grown |= after > before * slack
        print(f"{len(self.away)} restarts of the site; SIGTERM: exit {self.exit} after {self.ended_in:.1f} s; {len(self.wrong)} wrong")
        twice = any(method not in ("GET", "HEAD") for method in again)
        return not (self.wrong or grown or twice or self.exit != 0 or self.ended_in > 32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--gate", type=Path, default=ROOT / "target/release/wxgate")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        stage = Stage(options, Path(folder))

        async def all_of_it():
            await stage.start()
            for name in NAMES:
                stage.sign_in(name)
            await stage.run()

        try:
            asyncio.run(all_of_it())
            sys.exit(0 if stage.report() else 1)
        finally:
            stage.stop()


if __name__ == "__main__":
    main()
