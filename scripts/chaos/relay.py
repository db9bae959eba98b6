# Relays TCP connections between a worker and a server, and lets them be cut, broken and slowed down.

import asyncio


class Direction:
    """One way through a relay: open or cut, and how many bytes a second it carries."""

    def __init__(self):
        self.open = asyncio.Event()
        self.open.set()
        self.rate = None


class Relay:
    """Listens where a worker connects to, and connects to the same ports of the server."""

    def __init__(self, address, server, ports):
        self.address, self.server, self.ports = address, server, ports
        self.to_server, self.to_worker = Direction(), Direction()
        self.writers = set()
        self.listeners = []

    async def start(self):
        for port in self.ports:
            handle = lambda reader, writer, port=port: self.accept(reader, writer, port)
            self.listeners.append(await asyncio.start_server(handle, self.address, port))

    async def accept(self, reader, writer, port):
        try:
            there, other = await asyncio.open_connection(self.server, port)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, other}
        ways = [
            asyncio.ensure_future(self.carry(reader, other, self.to_server)),
            asyncio.ensure_future(self.carry(there, writer, self.to_worker)),
        ]
        # A connection that is closed at one end is closed at the other.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, other):
            self.writers.discard(end)
            end.transport.abort()

    async def carry(self, reader, writer, direction):
        try:
            while True:
                data = await reader.read(1 << 16)
                if not data:
                    return
                await direction.open.wait()
                if direction.rate:
                    await asyncio.sleep(len(data) / direction.rate)
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    def break_connections(self):
        for writer in list(self.writers):
            writer.transport.abort()
