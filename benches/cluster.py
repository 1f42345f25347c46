"""The service on PostgreSQL: what the database costs, what a second process brings, and what a backlog costs others."""

import contextlib
import json
import statistics
import subprocess
import sys
import time

from burdens import SMALL_BATCH, SMALL_BYTES, PatientSink, rate
from contenders import SmtpSource
from postgres import Postgres
from processes import ROOT, free_port, wait_until
from receivers import GlasspostSink, SmtpSink
from service import CLIENTS, GlasspostServe, in_parallel, messages_of
from tables import table

SERVICE_MESSAGES, LEAST_SERVICE_RATIO, LARGEST_TABLES = 20_000, 0.1, 5
# One process with its eight connections takes half a minute for these.
NODES_MESSAGES, FIRST_MESSAGES, LEAST_NODES_RATIO = 4_000, 160, 1.6
BACKLOG, MOST_DUE_MS, BESIDE_MESSAGES, MOST_CPU_RATIO = 1_000_000, 10, 16_000, 1.05
# How long a process may take to know the others, or to record what arrived.
SETTLED_SECONDS = 30
TOMORROW_SECONDS = 24 * 3600
# Of so many messages one is put off before it is looked again.
PUT_OFF_OF = 20


class OnPostgres(GlasspostServe):
    """The same load on a database of its own; keeps what the server used for it."""

    def __init__(self, server):
        super().__init__("glasspost, PostgreSQL")
        self.server, self.cpu_seconds, self.log_bytes, self.tables = server, [], [], {}

    def measure(self, receiver, messages):
        self.database = self.server.database()
        cpu_before, log_before = self.server.cpu_seconds(), self.server.log_bytes()
        cost = super().measure(receiver, messages)
        self.cpu_seconds.append(self.server.cpu_seconds() - cpu_before)
        self.log_bytes.append(self.server.log_bytes() - log_before)
        self.tables = self.database.bytes_by_table()
        self.database.drop()
        return cost

    def instance(self):
        return self.database.instance()


def on_postgres(messages, rounds):
    """Raw SMTP, the service on its data file and on PostgreSQL in the same run; gives the ratio of the last to the first."""
    with Postgres() as server:
        ours = OnPostgres(server)
        entries = [(contender, messages) for contender in (SmtpSource(), GlasspostServe("glasspost, data file"), ours)]
        raw, _, row = table("Service on PostgreSQL", SmtpSink, entries, rounds)
    accepted = statistics.median(ours.accepted_rates) / raw.rate
    cpu = statistics.median(ours.cpu_seconds) * 1e4 / messages
    kept = ", ".join(f"{name} {size / messages:.0f}" for name, size in list(ours.tables.items())[:LARGEST_TABLES])
    print(f"accepted at {accepted:.2f} of raw; PostgreSQL used {cpu:.2f} CPU-s/10k and wrote "
          f"{statistics.median(ours.log_bytes) / messages / 1e3:.1f} KB of log a message; it keeps "
          f"{sum(ours.tables.values()) / messages:.0f} bytes a message ({kept})", flush=True)
    return row.ratio


def service_on_postgres(messages, rounds):
    ratio = on_postgres(messages or SERVICE_MESSAGES, rounds)
    if ratio < LEAST_SERVICE_RATIO:
        sys.exit(f"delivered at {ratio:.2f} of raw; at least {LEAST_SERVICE_RATIO} is asked for")


# === a second process that delivers ===


class SlowSink(GlasspostSink):
    """Takes 50 ms for each message, so that connections are the limit, and the processor is not."""

    name = "glasspost sink, 50 ms a message"

    def command(self):
        return [*super().command(), "--rule", "*: stall 50ms at end"]


def nodes(messages, rounds):
    """One account's rate with one process of the role smtp, and with two; fails below the bar."""
    messages = messages or NODES_MESSAGES
    rates = {1: [], 2: []}
    with Postgres() as server, SlowSink() as receiver:
        for number in range(rounds):
            # Neither is always the first.
            for count in (1, 2)[::1 if number % 2 else -1]:
                rates[count].append(rate_of_nodes(server, receiver, count, messages))
    one, two = (statistics.median(rates[count]) for count in (1, 2))
    print(f"{messages} messages of one account at 50 ms each, {rounds} interleaved rounds, medians: "
          f"{one:.0f}/s with one process, {two:.0f}/s with two, {two / one:.2f} x", flush=True)
    if two / one < LEAST_NODES_RATIO:
        sys.exit(f"at least {LEAST_NODES_RATIO} is asked for")


def rate_of_nodes(server, receiver, count, messages):
    database = server.database()
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(database.instance("api,worker"))
        for _ in range(count):
            stack.enter_context(database.instance("smtp"))
        require(lambda: database.sql("SELECT count(*) FROM nodes") == [[str(count + 1)]], "the processes know each other")
        api.add_account(receiver.port)
        # So that connections are open, and each lane is with its process.
        rate(receiver, api, "first", FIRST_MESSAGES)
        measured = rate(receiver, api, "then", messages)
    database.drop()
    return measured


# === a backlog ===


def backlog(messages, rounds):
    """A million messages for a relay that is dead: how soon what is due is found, and what others cost beside it."""
    messages = messages or BACKLOG
    with Postgres() as quiet, Postgres() as burdened, PatientSink() as receiver:
        database = burdened.database()
        fill(database, messages)
        found_ms = finding(database)
        put_off(database, messages // PUT_OFF_OF)
        found_ms = max(found_ms, finding(database))
        print(f"what is due among {messages} messages is found in {found_ms:.1f} ms p99", flush=True)
        ratio = cpu_beside(receiver, quiet.database(), database, rounds)
    if found_ms > MOST_DUE_MS:
        sys.exit(f"at most {MOST_DUE_MS} ms are asked for")
    if ratio > MOST_CPU_RATIO:
        sys.exit(f"at most {MOST_CPU_RATIO} x is asked for")


def fill(database, messages):
    """Messages of every priority that are due, each fifth of them tomorrow."""
    with database.instance(GMP_SCHEDULER_ACTIVE="false") as service:
        service.add_account(free_port(), "dead")
        start = time.monotonic()
        # A piece at a time: the million as text would be most of a gigabyte here.
        for first in range(0, messages, 100 * SMALL_BATCH):
            in_parallel(CLIENTS, waiting(first, min(messages, first + 100 * SMALL_BATCH)), service.hand_over)
        print(f"{messages} messages taken in {time.monotonic() - start:.0f} s", flush=True)
        service.stop()
    # What a server does by itself when so much was written is not to be measured with the rest.
    database.sql("VACUUM (ANALYZE)")
    database.sql("CHECKPOINT")


def put_off(database, count):
    """Leaves so many dead rows before what is due, as a delivery does until they are vacuumed."""
    print(f"behind {count} that were just put off:", flush=True)
    database.sql(f"UPDATE messages SET due_at = due_at + {TOMORROW_SECONDS * 1000} WHERE seq IN ("
                 f"SELECT seq FROM messages WHERE state = 0 ORDER BY due_at, seq LIMIT {count})")


def waiting(first, end):
    """Requests with the messages of these numbers."""
    bodies = []
    for number in range(first, end, SMALL_BATCH):
        batch = number // SMALL_BATCH
        fields = {"priority": batch % 4}
        if batch % 5 == 0:
            fields["deferred_ts"] = int(time.time()) + TOMORROW_SECONDS
        bodies.append(messages_of(number, min(SMALL_BATCH, end - number), "dead", "waiting", SMALL_BYTES, **fields))
    return bodies


def finding(database):
    """Milliseconds, the 99th percentile of the slowest way to look."""
    example = ["cargo", "run", "--release", "--quiet", "-p", "store", "--example", "due_cost", "--", database.address]
    told = subprocess.run(example, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    print(told, end="", flush=True)
    return max(json.loads(line)["p99_ms"] for line in told.splitlines())


def cpu_beside(receiver, quiet, burdened, rounds):
    """The processor time of a message beside the backlog, of the service and its server, as a ratio to that without."""
    costs = {quiet: [], burdened: []}
    with quiet.instance() as alone, burdened.instance() as beside:
        services = {quiet: alone, burdened: beside}
        for service in services.values():
            service.add_account(receiver.port)
        # The first round is not counted.
        for number in range(rounds + 1):
            for database in (quiet, burdened)[::1 if number % 2 else -1]:
                costs[database].append(cpu_of(receiver, database, services[database], f"round{number}-"))
    without, beside = (statistics.median(costs[database][1:]) * 1e4 / BESIDE_MESSAGES for database in (quiet, burdened))
    print(f"another account's messages cost {without:.2f} CPU-s/10k without the backlog and {beside:.2f} beside it, "
          f"{beside / without:.3f} x", flush=True)
    return beside / without


def cpu_of(receiver, database, service, name):
    """The processor time until everything is recorded."""
    waits = service.metric("gmp_pending_messages")
    before = cpu_seconds_of(database, service)
    rate(receiver, service, name, BESIDE_MESSAGES)
    require(lambda: service.metric("gmp_pending_messages") == waits, "what arrived is recorded")
    return cpu_seconds_of(database, service) - before


def cpu_seconds_of(database, service):
    return database.server.cpu_seconds() + service.cpu_seconds()


def require(condition, what):
    if not wait_until(condition, SETTLED_SECONDS):
        sys.exit(f"not within {SETTLED_SECONDS} s: {what}")
