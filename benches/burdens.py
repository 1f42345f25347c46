"""What the service bears: accounts whose relays are dead beside one that is measured, and a backlog of a million."""

import json
import socket
import statistics
import sys
import time

from meters import field
from processes import free_port, wait_until
from receivers import GlasspostSink
from service import CLIENTS, DELIVERY_SECONDS, Instance, in_parallel, messages_of

WAITING, MEASURED = 100_000, 8_000
LEAST_ISOLATION = 0.95
# What the first requests need is kept for the next ones, so memory is compared from there on.
FIRST, BACKLOG = 50_000, 1_000_000
MOST_GROWTH_MB, MOST_PAGE_MS, MOST_SCRAPE_MS, MOST_START_SECONDS = 20, 100, 100, 5
PAGES, PAGE = 100, 250
# What is measured comes in the usual sizes, what only waits is as small as may be.
BATCH, SMALL_BATCH, SMALL_BYTES = 500, 1000, 160


class PatientSink(GlasspostSink):
    """Takes its time for each message, so that what is measured is waiting, and other work on the machine is not."""

    name = "glasspost sink, 5 ms a message"

    def command(self):
        return [*super().command(), "--rule", "*: stall 5ms at end"]


def isolation(rounds):
    """One account's rate beside dead ones, as a ratio to its rate alone, in interleaved rounds; fails below the bar."""
    with PatientSink() as receiver, socket.create_server(("127.0.0.1", 0)) as mute:
        dead = {"a mute relay": mute.getsockname()[1], "a relay that refuses": free_port()}
        with Instance() as alone:
            alone.add_account(receiver.port)
            for kind, port in dead.items():
                beside(receiver, alone, kind, port, rounds)


def beside(receiver, alone, kind, port, rounds):
    """Measures both in turn, once more than is counted; who is not measured is held, and costs the other nothing."""
    with Instance() as burdened:
        burdened.add_account(receiver.port)
        burdened.add_account(port, "dead")
        in_parallel(CLIENTS, batches("dead", WAITING, SMALL_BATCH, SMALL_BYTES), burdened.hand_over)
        ratios = []
        for number in range(rounds + 1):
            rates = {}
            # Neither is always the first.
            for service, other in ((alone, burdened), (burdened, alone))[::1 if number % 2 else -1]:
                other.hold()
                rates[service] = rate(receiver, service, f"{kind}{number}")
                other.go_on()
            ratios.append(rates[burdened] / rates[alone])
        waiting = burdened.metric("gmp_pending_messages")
    ratios = ratios[1:]
    median = statistics.median(ratios)
    print(f"beside {WAITING} messages for {kind}: {median:.3f} x the rate alone "
          f"({', '.join(f'{ratio:.2f}' for ratio in ratios)}), {waiting:.0f} wait still", flush=True)
    if median < LEAST_ISOLATION:
        sys.exit(f"at least {LEAST_ISOLATION} is asked for")


def rate(receiver, service, name, messages=MEASURED):
    """Messages a second, from the first request to the last arrival."""
    wanted = receiver.taken() + messages
    bodies = batches("main", messages, BATCH, name=name)
    start = time.monotonic()
    in_parallel(CLIENTS, bodies, service.hand_over)
    if not wait_until(lambda: receiver.taken() >= wanted, DELIVERY_SECONDS):
        sys.exit(f"only {receiver.taken()} of {wanted} arrived")
    return messages / (time.monotonic() - start)


def batches(account, count, batch, body_bytes=None, name="w"):
    sizes = {} if body_bytes is None else {"body_bytes": body_bytes}
    return [messages_of(first, min(batch, count - first), account=account, name=name, **sizes)
            for first in range(0, count, batch)]


def backlog():
    """A million messages that wait; fails when they cost memory, or make a list, a scrape or a start slow."""
    with Instance(GMP_SCHEDULER_ACTIVE="false") as service:
        service.add_account(free_port())
        in_parallel(CLIENTS, batches("main", FIRST, SMALL_BATCH, SMALL_BYTES, "first"), service.hand_over)
        first_mb = resident_mb(service)
        start = time.monotonic()
        # A piece at a time: the million as text would be most of a gigabyte here.
        for part in range(10):
            texts = batches("main", BACKLOG // 10, SMALL_BATCH, SMALL_BYTES, f"part{part}-")
            in_parallel(CLIENTS, texts, service.hand_over)
        seconds = time.monotonic() - start
        full_mb = resident_mb(service)
        page_ms, scrape_ms = pages(service), scrapes(service)
        service.stop()
        start = time.monotonic()
        service.start()
        pending = service.metric("gmp_pending_messages")
        start_seconds = time.monotonic() - start
        again_ms = pages(service)
    print(f"{BACKLOG} messages taken in {seconds:.0f} s: {full_mb:.0f} MB, {first_mb:.0f} with {FIRST}; "
          f"a page of {PAGE} in {page_ms:.1f} ms, after a restart {again_ms:.1f}; a scrape in {scrape_ms:.1f} ms; "
          f"a start in {start_seconds:.2f} s")
    if pending != BACKLOG + FIRST:
        sys.exit(f"{pending:.0f} wait after the restart")
    bounds = (
        ("MB more", full_mb - first_mb, MOST_GROWTH_MB),
        ("ms a page", max(page_ms, again_ms), MOST_PAGE_MS),
        ("ms a scrape", scrape_ms, MOST_SCRAPE_MS),
        ("s a start", start_seconds, MOST_START_SECONDS),
    )
    for name, found, most in bounds:
        if found > most:
            sys.exit(f"{found:.1f} {name}; at most {most} is asked for")


def resident_mb(service, seconds=3):
    """What it holds when it has nothing to do: the least within a moment."""
    end, least = time.monotonic() + seconds, float("inf")
    while time.monotonic() < end:
        least = min(least, field(service.process.pid, "status", "VmRSS:") / 1024)
        time.sleep(0.05)
    return least


def pages(service):
    """Milliseconds of a page, the median of many in a row."""
    connection, after = service.connection(), ""

    def page():
        nonlocal after
        path = f"/messages?tenant_id=bench&active_only=true&limit={PAGE}{after}"
        answer = json.loads(service.ask(connection, "GET", path))
        if len(answer["messages"]) != PAGE:
            sys.exit(f"{len(answer['messages'])} messages on a page of {PAGE}")
        after = f"&after={answer['next']}"

    return median_ms(page)


def scrapes(service):
    connection = service.connection()
    return median_ms(lambda: service.ask(connection, "GET", "/metrics"))


def median_ms(work):
    times = []
    for _ in range(PAGES):
        begun = time.monotonic()
        work()
        times.append((time.monotonic() - begun) * 1e3)
    return statistics.median(times)
