"""Who is compared: wxgate in its ways, nginx with and without auth_request, HAProxy; and the site behind them all."""

import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk", "h2load": "nghttp2-client", "curl": "curl",
    "openssl": "openssl", "taskset": "util-linux",
}
SIZES = {"1 KiB": 1024, "100 KiB": 100 * 1024, "10 MiB": 10 * 1024 * 1024}
# The contender has a core for itself; the load, the site and whoever else is asked share the other.
OWN, OTHER = {0}, {1}
AGENT = "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN"

FORWARDED = """proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Request-Id $request_id;"""


def need(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        sys.exit("missing: " + ", ".join(f"{tool} (apt-get install {PACKAGES[tool]})" for tool in missing))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def more_descriptors():
    """HAProxy wants two for each of its connections; root may have them, anybody else needs `ulimit -n`."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (50_000, 50_000))
    except (ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Contender:
    """A server under test: its processes, and where it listens."""

    def __init__(self, name, port, tls_port=None, cookie=None):
        self.name, self.port, self.tls_port, self.cookie = name, port, tls_port, cookie
        self.pids, self.counted_too, self.site_pids = [], [], []

    def url(self, protocol, size):
        scheme, port = ("http", self.port) if protocol == "HTTP/1.1" else ("https", self.tls_port)
        return f"{scheme}://127.0.0.1:{port}/{SIZES[size]}"

    def speaks(self, protocol):
        return protocol == "HTTP/1.1" or self.tls_port is not None


class Stand:
    """Starts everybody, and ends them all."""

    def __init__(self, gate, cores=1):
        need("nginx", "haproxy", "curl", "openssl", "taskset")
        self.gate, self.cores = Path(gate), cores
        # By benches/profiled.sh, where it has been run.
        self.profiled = ROOT / "target/profiled/wxgate"
        self.most = (more_descriptors() - 200) // 2
        # As many connections at once as everybody here can have.
        self.many = min(10_000, self.most - 200)
        self.work = Path(tempfile.mkdtemp(prefix="bench-"))
        self.work.chmod(0o755)
        self.processes = []

    def __enter__(self):
        try:
            self._certificates()
            self._site()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.work, ignore_errors=True)

    def contenders(self, wanted):
        makers = {
            "nginx": lambda name: self._nginx(name),
            "wxgate": lambda name: self._gate(name, self.gate),
            "wxgate, with a token": lambda name: self._gate(name, self.gate, token=True),
            "wxgate, public route": lambda name: self._gate(name, self.gate, public=True),
            "wxgate, profiled": lambda name: self._gate(name, self.profiled),
            "wxgate, profiled, with a token": lambda name: self._gate(name, self.profiled, token=True),
            "nginx auth_request": lambda name: self._nginx(name, asks=True),
            "HAProxy": self._haproxy,
        }
        able = [name for name in makers if name in wanted and ("profiled" not in name or self.profiled.exists())]
        made = [makers[name](name) for name in able]
        # Everybody reads as many bytes; what is a session to one gate says nothing to the others.
        session = next((contender.cookie for contender in made if contender.cookie), "wxgate=" + 280 * "d")
        for contender in made:
            contender.cookie = contender.cookie or session.replace("wxgate=", "themes=")
            contender.site_pids = self.site_pids
        return made

    # Everybody's ways of being started.

    def _start(self, command, cores):
        log = (self.work / "log").open("ab")
        process = subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=log, preexec_fn=lambda: os.sched_setaffinity(0, cores)
        )
        self.processes.append(process)
        return process

    def _own(self):
        return OWN if self.cores == 1 else OWN | OTHER

    def _wait_for(self, port):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit(f"nothing listens on port {port}:\n" + (self.work / "log").read_text(errors="replace")[-2000:])

    def _certificates(self):
        run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.work)
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", "key.pem", "-out", "cert.pem")
        run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "token.pem")
        both = (self.work / "cert.pem").read_text() + (self.work / "key.pem").read_text()
        (self.work / "both.pem").write_text(both)

    def _nginx_process(self, name, http, cores, workers=1):
        home = self.work / re.sub(r"\W", "-", name)
        home.mkdir()
        temp = " ".join(f"{kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (home / "conf").write_text(
            f"""worker_processes {workers}; daemon off; pid {home}/pid; error_log {home}/errors; worker_rlimit_nofile 30000;
events {{ worker_connections 24000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; sendfile on; {temp} {http} }}
"""
        )
        process = self._start(["nginx", "-c", home / "conf"], cores)
        for _ in range(200):
            children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
            if len(children) == workers:
                return [int(pid) for pid in children]
            time.sleep(0.05)
        sys.exit(f"nginx did not start: {name}")

    def _site(self):
        pages = self.work / "pages"
        pages.mkdir()
        for size in SIZES.values():
            (pages / str(size)).write_bytes(b"x" * size)
        for path in (pages, *pages.iterdir()):
            path.chmod(0o755)
        self.site = free_port()
        self.site_pids = self._nginx_process("site", f"""open_file_cache max=100; default_type text/plain;
  server {{ listen 127.0.0.1:{self.site} backlog=8192; root {pages};
    error_page 405 =200 $uri; }}""", OTHER)
        self._wait_for(self.site)

    def _nginx(self, name, asks=False):
        contender = Contender(name, free_port(), free_port())
        question, service = "", ""
        if asks:
            # The least that any such service can cost.
            port = free_port()
            contender.counted_too = self._nginx_process(
                "auth service", f"server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}", OTHER
            )
            question = "auth_request /auth;"
            service = f"location = /auth {{ internal; proxy_pass http://auth; proxy_pass_request_body off; {FORWARDED} }}"
            service = service.replace("proxy_pass_request_body", "proxy_set_header Content-Length ''; proxy_pass_request_body")
        auth = f"upstream auth {{ server 127.0.0.1:{port}; keepalive 8192; keepalive_requests 100000000; }}" if asks else ""
        http = f"""upstream site {{ server 127.0.0.1:{self.site}; keepalive 8192; keepalive_requests 100000000; }} {auth}
  ssl_certificate {self.work}/cert.pem; ssl_certificate_key {self.work}/key.pem; ssl_session_cache shared:s:10m;
  proxy_max_temp_file_size 0;
  server {{ listen 127.0.0.1:{contender.port} backlog=8192 reuseport;
    listen 127.0.0.1:{contender.tls_port} backlog=8192 reuseport ssl http2; {service}
    location / {{ {question} proxy_pass http://site; {FORWARDED} }} }}"""
        contender.pids = self._nginx_process(name, http, self._own(), self.cores)
        self._wait_for(contender.port)
        return contender

    def _haproxy(self, name):
        contender = Contender(name, free_port(), free_port())
        conf = self.work / "haproxy.cfg"
        conf.write_text(
            f"""global
  maxconn {self.most}
  nbthread {self.cores}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  http-reuse always
frontend front
  bind 127.0.0.1:{contender.port} backlog 8192
  bind 127.0.0.1:{contender.tls_port} backlog 8192 ssl crt {self.work}/both.pem alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Request-Id %[uuid()]
  default_backend site
backend site
  server site 127.0.0.1:{self.site}
"""
        )
        contender.pids = [self._start(["haproxy", "-f", conf], self._own()).pid]
        self._wait_for(contender.port)
        return contender

    def _gate(self, name, gate, token=False, public=False):
        contender, wechat = Contender(name, free_port()), free_port()
        conf = self.work / (re.sub(r"\W", "-", name) + ".toml")
        text = f"""public_url = "http://127.0.0.1:{contender.port}"
upstream = "http://127.0.0.1:{self.site}"
[server]
listen = "127.0.0.1:{contender.port}"
workers = {self.cores}
keepalive_timeout = "10m"
header_timeout = "1m"
[official_account]
app_id = "wx51a71a70fa4e0001"
app_secret = "51a71a70fa4e00015ec4e75ec4e75ec4"
scope = "userinfo"
[session]
secret = "a secret for the benchmark, 32 bytes or more"
[log]
access = {os.environ.get("ACCESS_LOG", "false")}
[endpoints]
open = "http://127.0.0.1:{wechat}"
api = "http://127.0.0.1:{wechat}"
"""
        if token:
            text += f'[identity.jwt]\nheader = "X-Wechat-Jwt"\nkey = {{ file = "{self.work}/token.pem" }}\n'
        tls_port = free_port()
        tls = f"""[server.tls]
listen = "127.0.0.1:{tls_port}"
cert = "{self.work}/cert.pem"
key = "{self.work}/key.pem"
"""
        route = '[[route]]\npath = "/**"\nauth = "none"\n' if public else ""
        conf.write_text(text + tls + route)
        if subprocess.run([gate, "check", "-c", conf], capture_output=True).returncode == 0:
            contender.tls_port = tls_port
        else:
            # A build without TLS towards clients is measured in what it can.
            conf.write_text(text + route)
        self._start([gate, "simulate", "--listen", f"127.0.0.1:{wechat}"], OTHER)
        contender.pids = [self._start([gate, "run", "-c", conf], self._own()).pid]
        self._wait_for(wechat)
        self._wait_for(contender.port)
        if not public:
            contender.cookie = self._sign_in(contender, wechat)
        return contender

    def _sign_in(self, contender, wechat):
        jar = self.work / "jar"
        jar.unlink(missing_ok=True)
        curl = lambda *words: subprocess.run(["curl", "-sf", *words], check=True, capture_output=True, text=True).stdout
        curl("-H", "content-type: application/json", "-d", '{"user":"lin","answer":"allow"}',
             f"http://127.0.0.1:{wechat}/__sim/auto")
        page = curl("-L", "-A", AGENT, "-H", "accept: text/html", "-c", jar, "-b", jar, contender.url("HTTP/1.1", "1 KiB"))
        cookies = [line.split("\t") for line in jar.read_text().splitlines()]
        cookie = next((fields[6] for fields in cookies if len(fields) == 7 and fields[5] == "wxgate"), None)
        if cookie is None or page != "x" * 1024:
            sys.exit("the sign-in failed:\n" + (self.work / "log").read_text(errors="replace")[-2000:])
        return f"wxgate={cookie}"
