"""What is asked of a contender, and what it spends on it."""

import functools
import math
import re
import resource
import socket
import ssl
import subprocess
import time
from pathlib import Path

from contenders import AGENT, OTHER, SIZES

# Connections of a first load, before those at rest are weighed.
FIRST = 2000
# Seconds until what is given back has been: some allocators take ten of them.
SETTLED = 20


def cpu(pids):
    """Seconds of CPU that processes have used, from the scheduler's own counts, in nanoseconds."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def wakeups(pids):
    """How often the load so far and these processes have gone to sleep, to be woken again."""
    total = resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.MULTILINE)[1])
    return total


def resident(pids):
    """Bytes of memory in use."""
    status = (Path(f"/proc/{pid}/status").read_text() for pid in pids)
    return sum(int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) for text in status) * 1024


def headers(contender):
    lines = [f"User-Agent: {AGENT}", f"Cookie: {contender.cookie}"]
    return [word for line in lines for word in ("-H", line)]


def on_other_core(command):
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, OTHER)), *map(str, command)], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class Taken:
    """What a while of load took, for each answer: CPU in microseconds, that of helpers counted as well, and how often client
    and site were woken; and how many answers came in a second."""

    def __init__(self, answers, seconds, own, helpers, woken):
        self.answers = answers
        self.each, self.with_helpers = own / answers * 1e6, (own + helpers) / answers * 1e6
        self.woken, self.rate = woken / answers, answers / seconds


def ask(contender, protocol, size, connections, seconds):
    """Asks as fast as answers come. Every answer has to be a good one."""
    before, helpers, woken = cpu(contender.pids), cpu(contender.counted_too), wakeups(contender.site_pids)
    ask_by = ask_by_h2load if protocol.startswith("HTTP/2") else ask_by_wrk
    answers, length = ask_by(contender, contender.url(protocol, size), connections, seconds)
    if SIZES[size] >= LARGE:
        answers = length / SIZES[size]
    own, helping = cpu(contender.pids) - before, cpu(contender.counted_too) - helpers
    # Where none came in time there is nothing to share out.
    return Taken(answers or math.nan, seconds, own, helping, wakeups(contender.site_pids) - woken)


# Of these there are many under way when the time is up, and some machines finish none: every byte that came counts.
LARGE = 64 * 1024


def ask_by_h2load(contender, url, connections, seconds):
    """How many answers came, how many bytes of bodies."""
    streams = 4
    said = on_other_core(
        ["h2load", "-t1", f"-c{max(1, connections // streams)}", f"-m{streams}", f"-D{seconds}", *headers(contender), url]
    )
    if " 0 failed, 0 errored" not in said or not re.search(r"status codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx", said):
        raise RuntimeError(f"{contender.name}: answers were not 200:\n{said}")
    return int(re.search(r"(\d+) succeeded", said)[1]), int(re.search(r"\((\d+)\) data", said)[1])


def ask_by_wrk(contender, url, connections, seconds, *how):
    """The same; of bytes it says three figures, and answers' heads are among them."""
    said = on_other_core(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", *how, *headers(contender), url])
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{contender.name}: answers were not 200:\n{said}")
    requests, length, unit = re.search(r"(\d+) requests in \S+, ([\d.]+)(\w+) read", said).groups()
    return int(requests), float(length) * 1024 ** ["B", "KB", "MB", "GB", "TB"].index(unit)


def pace_program(folder):
    """Builds the generator of fixed rates, which needs nothing but the standard library."""
    program = folder / "pace"
    source = Path(__file__).with_name("pace.rs")
    subprocess.run(["rustc", "--edition", "2024", "-O", "-o", program, source], check=True)
    return program


def waits(program, contender, rate, connections, seconds):
    """How long answers take at a fixed rate, in milliseconds: p50, p99, p99.9."""
    path = contender.url("HTTP/1.1", "1 KiB").split("/", 3)[3]
    said = on_other_core(
        [program, f"127.0.0.1:{contender.port}", f"/{path}", contender.cookie, f"{rate:.0f}", connections, seconds]
    )
    return [float(value) for value in said.split()]


def idle(contender, count, protocol="HTTP/1.1", at_once=False):
    """Bytes that each of many connections keeps that asked once and rest; they ask 1,000 a second, or all at once."""
    port = contender.port if protocol == "HTTP/1.1" else contender.tls_port
    path = contender.url(protocol, "1 KiB").split("/", 3)[3]
    request = f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: {AGENT}\r\n"
    request = f"{request}Cookie: {contender.cookie}\r\n\r\n".encode()
    # What a first load leaves behind is not the connections'.
    held = [asked(connected(port, protocol), request) for _ in range(FIRST)]
    time.sleep(SETTLED)
    before = resident(contender.pids)
    if at_once:
        all_of_them = [connected(port, protocol) for _ in range(count)]
        for connection in all_of_them:
            connection.sendall(request)
        held += [answered(connection) for connection in all_of_them]
    else:
        for number in range(count):
            held.append(asked(connected(port, protocol), request))
            if number % 100 == 0:
                time.sleep(0.1)
    time.sleep(SETTLED)
    each = (resident(contender.pids) - before) / count
    for connection in held:
        connection.close()
    return each


def connected(port, protocol):
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    return connection if protocol == "HTTP/1.1" else any_certificate().wrap_socket(connection, server_hostname="localhost")


@functools.cache
def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def asked(connection, request):
    connection.sendall(request)
    return answered(connection)


def answered(connection):
    answer = b""
    while not answer.endswith(b"x" * 1024):
        piece = connection.recv(4096)
        if not piece:
            raise RuntimeError(f"no whole answer: {answer[:200]}")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"not a good answer: {answer[:200]}")
    return connection


def handshakes(contender, seconds):
    """CPU of a TLS 1.3 connection that asks for one thing, in microseconds: with a full handshake, and resumed."""
    context = any_certificate()
    host = f"127.0.0.1:{contender.tls_port}"
    request = f"GET /1024 HTTP/1.1\r\nHost: {host}\r\nCookie: {contender.cookie}\r\nConnection: close\r\n\r\n"

    def once(session):
        with socket.create_connection(("127.0.0.1", contender.tls_port), timeout=60) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                connection.sendall(request.encode())
                answer = b""
                while piece := connection.recv(16384):
                    answer += piece
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(f"not a good answer: {answer[:200]}")
                return connection.session, connection.session_reused

    def spent(resumed):
        session, _ = once(None)
        before, end, count = cpu(contender.pids), time.monotonic() + seconds, 0
        while time.monotonic() < end:
            next_session, reused = once(session if resumed else None)
            if reused != resumed:
                raise RuntimeError(f"{contender.name}: a session was {'not ' if resumed else ''}resumed")
            session, count = next_session or session, count + 1
        return (cpu(contender.pids) - before) / count * 1e6

    return spent(False), spent(True)


def median(values):
    values = sorted(value for value in values if not math.isnan(value))
    return values[len(values) // 2] if values else math.nan
