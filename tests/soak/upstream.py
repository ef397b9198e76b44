"""The site behind the gate in a soak: tells back what it was asked and by whom, and notes every request in a file.

    upstream.py PORT NOTES
"""

import asyncio
import base64
import hashlib
import json
import os
import random
import socket
import sys
from urllib.parse import parse_qs, urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def filling(nonce, size):
    """The body that belongs to a nonce."""
    word = nonce.encode()
    return (word * (size // len(word) + 1))[:size]


def subject(token):
    """Whom a token names; the gate has signed it, and nobody else reaches this site."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]


async def head(reader):
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    fields = [line.split(":", 1) for line in lines]
    return method, target, [(name.lower(), value.strip()) for name, value in fields]


async def body(reader, fields):
    """Takes a body, and gives its length and digest."""
    told, digest, length = dict(fields), hashlib.sha256(), 0
    if "transfer-encoding" in told:
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            piece = (await reader.readexactly(size + 2))[:-2] if size else b""
            if not size:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                return length, digest.hexdigest()
            digest.update(piece)
            length += size
    left = int(told.get("content-length", 0))
    while left:
        piece = await reader.read(min(left, 65536))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        digest.update(piece)
        length, left = length + len(piece), left - len(piece)
    return length, digest.hexdigest()


async def echo(reader, writer):
    """WebSocket frames, told back without their mask."""
    while True:
        first, second = await reader.readexactly(2)
        length = second & 127
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        mask = await reader.readexactly(4)
        payload = await reader.readexactly(length)
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        payload = (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")
        if length < 126:
            size = bytes([length])
        elif length < 65536:
            size = b"\x7e" + length.to_bytes(2, "big")
        else:
            size = b"\x7f" + length.to_bytes(8, "big")
        writer.write(bytes([first]) + size + payload)
        await writer.drain()
        if first & 15 == 8:
            return


async def answer(reader, writer, notes):
    method, target, fields = await head(reader)
    told, query = dict(fields), parse_qs(urlsplit(target).query)
    nonce = told.get("x-nonce", "none")
    os.write(notes, f"{method} {nonce}\n".encode())
    who = ",".join(value for name, value in fields if name == "x-wechat-openid") or "-"
    named = subject(told["x-wechat-jwt"]) if "x-wechat-jwt" in told else "-"
    seen = f"X-Seen-Nonce: {nonce}\r\nX-Seen-Who: {who}\r\nX-Seen-Token: {named}\r\nX-Seen-Target: {target}\r\n"
    if told.get("upgrade", "").lower() == "websocket":
        accept = base64.b64encode(hashlib.sha1(told["sec-websocket-key"].encode() + GUID).digest()).decode()
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{seen}\r\n".encode())
        await echo(reader, writer)
        return False
    length, digest = await body(reader, fields)
    await asyncio.sleep(int(query.get("wait", ["0"])[0]) / 1000)
    if method == "POST":
        content = json.dumps({"nonce": nonce, "length": length, "digest": digest}).encode()
    else:
        content = filling(nonce, int(query.get("size", ["100"])[0]))
    # Some of the time it ends the connection: saying so, or without a word.
    chance = random.random()
    close = "Connection: close\r\n" if chance < 0.02 else ""
    if "chunked" in query and method != "HEAD":
        writer.write(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{seen}{close}\r\n".encode())
        for at in range(0, len(content), 30000):
            piece = content[at : at + 30000]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    else:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n{seen}{close}\r\n".encode())
        if method != "HEAD":
            for at in range(0, len(content), 65536):
                writer.write(content[at : at + 65536])
                await writer.drain()
    await writer.drain()
    return chance > 0.04


async def serve(reader, writer, notes):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while await answer(reader, writer, notes):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    notes = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, notes), "127.0.0.1", int(sys.argv[1]), backlog=4096, limit=1 << 20
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
