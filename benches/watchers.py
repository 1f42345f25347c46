#!/usr/bin/env python3
"""Watches a running dashboard as browsers and a scraper do, until it closes; prints what they saw as JSON.

A browser that looks takes the stream of updates and notes how old each is when it comes. A stalled one opens the
stream and reads nothing. The scraper asks for the metrics each second, as often as Prometheus does at its busiest.
"""

import argparse
import asyncio
import datetime
import json
import socket
import time

SCRAPE_EVERY = 1.0
# One address may hold only so many streams; on a loopback interface there are plenty of addresses.
STREAMS_PER_ADDRESS = 20
LINE_BYTES_MAX = 16 << 20
STALLED_BUFFER_BYTES = 16 << 10
ESTABLISHED = 1


class Watch:
    """One dashboard, and what its watchers saw."""

    def __init__(self, port):
        self.port, self.lags, self.dropped_after, self.scrapes, self.refused = port, [], [], 0, 0

    def request(self, path):
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()

    async def open(self, path, number=0):
        source = (f"127.0.1.{1 + number // STREAMS_PER_ADDRESS}", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=source, limit=LINE_BYTES_MAX)
        writer.write(self.request(path))
        return reader, writer

    async def look(self, number):
        reader, _ = await self.open("/api/stream", number)
        if b" 200 " not in await reader.readline():
            self.refused += 1
            return
        while line := await reader.readline():
            if line.startswith(b"data: "):
                made = datetime.datetime.fromisoformat(json.loads(line[6:])["at"].replace("Z", "+00:00"))
                self.lags.append(time.time() - made.timestamp())

    async def stall(self, number):
        with socket.socket() as stream:
            # Else the kernel of whoever reads nothing may keep megabytes for it, and the server sees no stall.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_BUFFER_BYTES)
            stream.bind((f"127.0.1.{1 + number // STREAMS_PER_ADDRESS}", 0))
            stream.connect(("127.0.0.1", self.port))
            stream.sendall(self.request("/api/stream"))
            begun = time.monotonic()
            # Whoever reads nothing hears of the end only from the kernel.
            while stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED:
                await asyncio.sleep(0.5)
            self.dropped_after.append(time.monotonic() - begun)

    async def scrape(self):
        while True:
            reader, writer = await self.open("/metrics")
            await reader.readuntil(b"\r\n\r\n")
            self.scrapes += 1
            writer.close()
            await asyncio.sleep(SCRAPE_EVERY)

    async def answers(self):
        """Waits until the dashboard is there."""
        while True:
            try:
                (await self.open("/health"))[1].close()
                return
            except ConnectionRefusedError:
                await asyncio.sleep(0.005)

    async def all(self, looking, stalled):
        await self.answers()
        stalling = [asyncio.create_task(self.stall(looking + number)) for number in range(stalled)]
        watchers = [self.look(number) for number in range(looking)]
        # What is cut off at the dashboard's end is no failure.
        await asyncio.gather(*watchers, self.scrape(), return_exceptions=True)
        for stalled_one in stalling:
            stalled_one.cancel()

    def account(self):
        lags = sorted(self.lags) or [0.0]
        return {
            "updates": len(self.lags),
            "lag_p99_s": round(lags[len(lags) * 99 // 100], 3),
            "scrapes": self.scrapes,
            "refused": self.refused,
            "stalled_dropped": len(self.dropped_after),
            "stalled_dropped_after_s": round(max(self.dropped_after, default=0.0), 1),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--looking", type=int, default=1)
    parser.add_argument("--stalled", type=int, default=0)
    options = parser.parse_args()
    watch = Watch(options.port)
    asyncio.run(watch.all(options.looking, options.stalled))
    print(json.dumps(watch.account()))


if __name__ == "__main__":
    main()
