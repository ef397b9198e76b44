"""Visitors who speak HTTP/1.1, WebSockets among them."""

import asyncio
import os
import random

from ask import Ask, Cut, Wrong


class Line:
    """A connection of HTTP/1.1."""

    @classmethod
    async def open(cls, stage, tls):
        line = cls()
        line.stage, line.host = stage, f"127.0.0.1:{stage.tls_port if tls else stage.port}"
        line.reader, line.writer = await asyncio.open_connection(
            "127.0.0.1", stage.tls_port if tls else stage.port, ssl=stage.context(["http/1.1"]) if tls else None, limit=1 << 20
        )
        return line

    def head(self, ask, more=()):
        fields = [("host", self.host), *ask.fields, *more]
        return f"{ask.method} {ask.target} HTTP/1.1\r\n".encode() + b"".join(
            f"{name}: {value}\r\n".encode() for name, value in fields
        ) + b"\r\n"

    async def say(self, ask, chunked=False, pause=0):
        if ask.method != "POST":
            self.writer.write(self.head(ask))
        elif chunked:
            self.writer.write(self.head(ask, [("transfer-encoding", "chunked")]))
            for at in range(0, len(ask.content), 50_000):
                piece = ask.content[at : at + 50_000]
                self.writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await self.writer.drain()
                await asyncio.sleep(pause)
            self.writer.write(b"0\r\n\r\n")
        else:
            self.writer.write(self.head(ask, [("content-length", str(len(ask.content)))]))
            for at in range(0, len(ask.content), 65536):
                self.writer.write(ask.content[at : at + 65536])
                await self.writer.drain()
                await asyncio.sleep(pause)
        await self.writer.drain()

    async def hear_head(self):
        raw = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        fields = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines)]
        return int(first.split(" ")[1]), fields

    async def hear(self, ask, pause=0):
        status, fields = await self.hear_head()
        told, body = dict(fields), bytearray()
        if ask.method != "HEAD" and "chunked" in told.get("transfer-encoding", ""):
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        elif ask.method != "HEAD":
            left = int(told["content-length"])
            while left:
                piece = await self.reader.read(min(left, 65536))
                if not piece:
                    raise Cut("a body that ends early")
                body += piece
                left -= len(piece)
                await asyncio.sleep(pause) if pause else None
        ask.check(status, fields, bytes(body), self.stage)
        return told.get("connection") != "close"

    def close(self):
        self.writer.transport.abort()


async def keep_alive(stage, tls):
    """Asks again and again on one connection, each time as somebody else; at times several at once."""
    line, ask = await Line.open(stage, tls), None
    try:
        while not stage.over:
            asks = [Ask(stage, "TLS HTTP/1.1" if tls else "HTTP/1.1") for _ in range(random.choice([1, 1, 1, 3]))]
            if len(asks) > 1:
                asks = [ask for ask in asks if ask.method != "POST"] or [asks[0]]
            for ask in asks:
                await line.say(ask, chunked=random.random() < 0.5)
            goes_on = True
            for ask in asks:
                if not goes_on:
                    raise Cut("asked behind the last answer")
                goes_on = await line.hear(ask)
            if not goes_on:
                return
            await asyncio.sleep(random.random() * stage.rest)
    except Exception as error:
        stage.failed(ask, error, excused=stage.draining and isinstance(error, Cut))
    finally:
        line.close()


async def upload(stage, tls):
    """Sends much, and hears an early answer while sending."""
    line, ask = await Line.open(stage, tls), Ask(stage, "upload")
    try:
        ask.upload(random.randrange(1 << 20, 8 << 20))
        saying = asyncio.ensure_future(line.say(ask, random.random() < 0.5, random.choice([0, 0, 0.03])))
        try:
            await line.hear(ask)
        finally:
            saying.cancel()
            (said,) = await asyncio.gather(saying, return_exceptions=True)
        if isinstance(said, Exception):
            raise said
    except Exception as error:
        stage.failed(ask, error)
    finally:
        line.close()
    await asyncio.sleep(stage.rest)


async def slow_reader(stage, tls):
    line, ask = await Line.open(stage, tls), Ask(stage, "slow reader")
    try:
        ask.method, ask.size, ask.content = "GET", 4 << 20, b""
        ask.target = f"/open/slow?size={ask.size}" + random.choice(["", "&chunked=1"])
        await line.say(ask)
        await line.hear(ask, pause=0.05)
    except Exception as error:
        stage.failed(ask, error)
    finally:
        line.close()


async def leaver(stage, tls):
    """Leaves in the middle of a head, of a body, or of an answer."""
    line, ask = await Line.open(stage, tls), Ask(stage, "left")
    try:
        way = random.choice(["head", "body", "waiting", "answer"])
        if way == "head":
            line.writer.write(line.head(ask)[: random.randrange(1, 100)])
        elif way == "body":
            ask.method = "POST"
            line.writer.write(line.head(ask, [("content-length", "1000000")]) + bytes(random.randrange(100_000)))
        else:
            ask.method, ask.target = "GET", "/open/left?size=3000000&wait=100"
            line.writer.write(line.head(ask))
        if way == "answer":
            await line.hear_head()
        await asyncio.sleep(random.random() * 0.15)
        stage.good["left"] += 1
    except Exception as error:
        stage.failed(ask, error)
    finally:
        line.close()
    await asyncio.sleep(stage.rest)


def message(payload):
    mask = os.urandom(4)
    length = len(payload)
    size = bytes([128 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return b"\x82" + size + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")


def echoed(payload):
    length = len(payload)
    return b"\x82" + (bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")) + payload


async def websocket(stage, tls):
    line, ask = await Line.open(stage, tls), Ask(stage, "WebSocket")
    try:
        ask.method, ask.content, ask.target = "GET", b"", "/open/socket"
        more = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")]
        line.writer.write(line.head(ask, more))
        status, fields = await line.hear_head()
        if status != 101:
            ask.check(status, fields, await line.reader.readexactly(int(dict(fields)["content-length"])), stage)
            return
        if dict(fields)["x-seen-who"] != ask.who:
            raise Wrong(f"{dict(fields)['x-seen-who']} instead of {ask.who}")
        for _ in range(random.randrange(200)):
            payload = random.randbytes(random.choice([5, 500, 50_000]))
            line.writer.write(message(payload))
            if await line.reader.readexactly(len(echoed(payload))) != echoed(payload):
                raise Wrong("not the message that was sent")
            stage.good["WebSocket message"] += 1
            if stage.over:
                return
            await asyncio.sleep(random.random() * 0.2)
        stage.good["WebSocket"] += 1
    except Exception as error:
        stage.failed(ask, error)
    finally:
        line.close()
