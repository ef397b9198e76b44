"""Visitors who speak HTTP/2, WebSockets among them (RFC 8441)."""

import asyncio
import random

import h2.config
import h2.connection
import h2.errors
import h2.events

from ask import Ask, Cut, Wrong
from http1 import echoed, message

GOAWAY = 7


class Stream:
    def __init__(self, ask):
        self.ask, self.fields, self.body, self.ended, self.status = ask, [], bytearray(), False, 0
        self.more = asyncio.Event()

    async def wait(self, wanted):
        while not wanted():
            if self.ended:
                return False
            self.more.clear()
            await self.more.wait()
        return True


class Lines:
    """A connection of HTTP/2."""

    @classmethod
    async def open(cls, stage):
        lines = cls()
        lines.stage, lines.streams, lines.gone, lines.broken, lines.last = stage, {}, False, None, 0x7FFF_FFFF
        lines.window = asyncio.Event()
        lines.reader, lines.writer = await asyncio.open_connection("127.0.0.1", stage.tls_port, ssl=stage.context(["h2"]))
        lines.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        lines.h2.initiate_connection()
        lines.flush()
        lines.listening = asyncio.ensure_future(lines.listen())
        return lines

    def flush(self):
        if data := self.h2.data_to_send():
            self.writer.write(data)

    async def listen(self):
        try:
            while True:
                head = await self.reader.readexactly(9)
                frame = head + await self.reader.readexactly(int.from_bytes(head[:3], "big"))
                if head[3] == GOAWAY:
                    # The library would hear no more after it, though streams go on.
                    self.gone, code = True, int.from_bytes(frame[13:17], "big")
                    self.last = int.from_bytes(frame[9:13], "big") & 0x7FFF_FFFF
                    if code:
                        raise Wrong(f"GOAWAY {code}")
                    continue
                for event in self.h2.receive_data(frame):
                    self.heard(event)
                self.flush()
        except Exception as error:
            self.broken = error
            for stream in self.streams.values():
                stream.ended = True
                stream.more.set()
            self.window.set()

    def heard(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            self.window.set()
        if not stream:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.status = int(dict(event.headers)[":status"])
            stream.fields = event.headers
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
        elif isinstance(event, h2.events.StreamReset):
            stream.ended = True
            stream.ask.reset = event.error_code
            self.window.set()
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
            stream.ask.whole = True
        stream.more.set()

    def begin(self, ask, more=(), end=False):
        pseudo = [(":method", ask.method), (":scheme", "https"), (":authority", f"127.0.0.1:{self.stage.tls_port}"), (":path", ask.target)]
        number = self.h2.get_next_available_stream_id()
        ask.whole = False
        self.streams[number] = Stream(ask)
        self.h2.send_headers(number, [*pseudo[:1], *more, *pseudo[1:], *ask.fields], end_stream=end)
        self.flush()
        return number, self.streams[number]

    async def say(self, number, stream, content, end=True):
        while content and not stream.ended:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size, len(content))
            if room <= 0:
                self.window.clear()
                await self.window.wait()
                continue
            self.h2.send_data(number, content[:room])
            content = content[room:]
            self.flush()
            await self.writer.drain()
        if end and not stream.ended:
            self.h2.end_stream(number)
            self.flush()

    def close(self):
        self.listening.cancel()
        self.writer.transport.abort()


async def one_stream(stage, lines):
    ask = Ask(stage, "HTTP/2")
    try:
        number, stream = lines.begin(ask, end=ask.method != "POST")
        if ask.method == "POST":
            await lines.say(number, stream, ask.content)
        if random.random() < 0.01:
            # Rarely: who resets most of what it asks for is sent away.
            lines.h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
            lines.flush()
            stage.good["HTTP/2 reset"] += 1
            return
        await stream.wait(lambda: False)
        if not ask.whole:
            # An early refusal ends with a reset that asks for no more of the body.
            if not (ask.refused() and stream.status == 401):
                raise lines.broken or Cut(f"reset {getattr(ask, 'reset', None)}")
        ask.check(stream.status, stream.fields, bytes(stream.body), stage)
    except Exception as error:
        stage.failed(ask, error, excused=lines.gone and not stream_begun(lines, ask))
    finally:
        lines.streams.pop(locals().get("number"), None)


def stream_begun(lines, ask):
    return any(stream.ask is ask and stream.status for stream in lines.streams.values())


async def streams(stage, tls=True):
    """Up to twenty at a time, each somebody else."""
    lines = await Lines.open(stage)
    try:
        for _ in range(random.randrange(100)):
            if stage.over or lines.gone or lines.broken:
                break
            await asyncio.gather(*(one_stream(stage, lines) for _ in range(random.randrange(1, 20))))
            await asyncio.sleep(random.random() * stage.rest)
    finally:
        lines.close()


async def websocket_stream(stage, tls=True):
    """A WebSocket as a stream of HTTP/2 (RFC 8441)."""
    lines, ask = await Lines.open(stage), Ask(stage, "WebSocket over HTTP/2")
    try:
        ask.method, ask.content, ask.target = "CONNECT", b"", "/open/socket"
        ask.fields.append(("sec-websocket-version", "13"))
        number, stream = lines.begin(ask, more=[(":protocol", "websocket")])
        await stream.wait(lambda: stream.status)
        if stream.status != 200:
            await stream.wait(lambda: False)
            ask.check(stream.status, stream.fields, bytes(stream.body), stage)
            return
        if dict(stream.fields)["x-seen-who"] != ask.who:
            raise Wrong(f"{dict(stream.fields)['x-seen-who']} instead of {ask.who}")
        for _ in range(random.randrange(200)):
            payload = random.randbytes(random.choice([5, 500, 50_000]))
            await lines.say(number, stream, message(payload), end=False)
            if not await stream.wait(lambda: len(stream.body) >= len(echoed(payload))):
                raise lines.broken or Cut("a tunnel that ends")
            if bytes(stream.body) != echoed(payload):
                raise Wrong("not the message that was sent")
            stream.body.clear()
            stage.good["WebSocket over HTTP/2 message"] += 1
            if stage.over:
                return
            await asyncio.sleep(random.random() * 0.2)
        stage.good["WebSocket over HTTP/2"] += 1
    except Exception as error:
        stage.failed(ask, error)
    finally:
        lines.close()
