"""One request of a soak: what is sent, and what has to come back."""

import asyncio
import hashlib
import json
import os
import random
import ssl
import time

from upstream import filling


class Wrong(Exception):
    """An answer that is neither right nor honest."""


class Cut(Exception):
    """A connection or an answer that ended too early, for everybody to see."""


def lost(error):
    return isinstance(error, (Cut, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, EOFError))


class Ask:
    """One request: what is sent, and what has to come back."""

    def __init__(self, stage, kind):
        self.kind, self.nonce = kind, os.urandom(12).hex()
        self.name, visitor = random.choice(list(stage.visitors.items()) + [("", None)])
        self.method, self.content = "GET", b""
        self.who = visitor.openid if visitor else "-"
        self.fields = [("x-nonce", self.nonce), ("accept", "application/json"), ("user-agent", stage.agent)]
        if visitor:
            self.fields.append(("cookie", f"theme=dark; {visitor.cookie}"))
        if random.random() < 0.3:
            self.fields.append(("x-wechat-openid", "forged"))
        self.size = random.choice([0, 100, 1000, 1000, 20_000, 200_000])
        self.target = f"/{random.choice(['open', 'members'])}/{random.randrange(1000)}?size={self.size}"
        if random.random() < 0.2:
            self.target += f"&wait={random.randrange(200)}"
        if random.random() < 0.2:
            self.target += "&chunked=1"
        chance = random.random()
        if chance < 0.25:
            self.upload(random.randrange(20_000))
        elif chance < 0.3:
            self.method = "HEAD"
        self.begun = time.monotonic()

    def upload(self, length):
        self.method, self.content = "POST", random.randbytes(length)

    def refused(self):
        return self.who == "-" and self.target.startswith("/members/")

    def check(self, status, fields, body, stage):
        """Whether an answer is right; counts it."""
        told = dict(fields)
        if status in (502, 503, 504):
            slug = json.loads(body)["type"] if self.method != "HEAD" else "urn:wxgate:upstream-"
            if not slug.startswith("urn:wxgate:upstream-"):
                raise Wrong(f"{status} {slug}")
            stage.excuse(self, str(status))
            return
        if self.refused():
            if status != 401 or (self.method != "HEAD" and json.loads(body)["type"] != "urn:wxgate:login-required"):
                raise Wrong(f"{status} to a stranger")
            stage.good[f"{self.kind}, stranger refused"] += 1
            return
        if status != 200:
            raise Wrong(f"{status} {fields} {body[:500]}")
        expected = (200, self.nonce, self.who, self.who, self.target)
        seen = (status, *(told.get(f"x-seen-{name}") for name in ("nonce", "who", "token", "target")))
        if seen != expected:
            raise Wrong(f"{seen} instead of {expected}")
        if self.method == "POST":
            sent = {"nonce": self.nonce, "length": len(self.content), "digest": hashlib.sha256(self.content).hexdigest()}
            if json.loads(body) != sent:
                raise Wrong(f"{body[:200]} instead of {sent}")
        elif self.method == "GET" and body != filling(self.nonce, self.size):
            raise Wrong(f"{len(body)} bytes that are not the {self.size} asked for")
        stage.good[self.kind] += 1
