"""Statistics beside mail: a month of events is counted anew, again and again, while others send. Nobody waits for it."""

import contextlib
import datetime
import json
import os
import statistics
import subprocess
import sys
import threading
import time

from burdens import rate
from cluster import require
from postgres import Postgres, program
from processes import GLASSPOST, wait_until
from receivers import SmtpSink

MONTH_MESSAGES, BESIDE_MESSAGES, FIRST_MESSAGES = 2_000_000, 20_000, 160
# How long the first count of so many may take.
COUNTED_SECONDS = 1_200
LOOKS_A_SECOND = 20
# A bounced message among so many.
BOUNCED_OF = 20

# Mail of an account in its first lane, spread over a month until now; each with its acceptance and its end.
FILL = """
INSERT INTO messages (seq, lane, content, last_event, last_event_at, accepted_at, submission, attempts, state, address, data)
SELECT {last} + i, {lane}, 0, {last} + {count} + i, {begin} + i * {step}, {begin} + i * {step}, {last} + i, 1, 1,
       'someone' || i || '@example.com', '' FROM generate_series(1, {count}) AS i;
INSERT INTO events (seq, message, lane, at, attempts, kind)
SELECT {last} + {count} + i, {last} + i, {lane}, {begin} + i * {step}, 1, CASE WHEN i % {bounced_of} = 0 THEN 3 ELSE 1 END
FROM generate_series(1, {count}) AS i;
UPDATE log SET last = {last} + 2 * {count} WHERE last = {last};
VACUUM (ANALYZE);
CHECKPOINT
"""

# At one moment: sessions that wait for any lock of the server, for one of the statistics, and for such a one without being
# themselves among those who count.
WAITS = """
SELECT count(*), count(*) FILTER (WHERE is_theirs), count(*) FILTER (WHERE is_theirs AND NOT counts)
FROM (
    SELECT query LIKE '%pg_advisory_xact_lock(''statistics''%' AS counts,
        EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted AND (
            l.relation IN ('statistics'::regclass, 'statistics_progress'::regclass, 'forgotten_events'::regclass)
            OR l.locktype = 'advisory' AND l.objid IN ('statistics'::regclass, 'statistics_progress'::regclass)))
        OR EXISTS (SELECT FROM pg_stat_activity b WHERE b.pid = ANY (pg_blocking_pids(a.pid))
            AND b.query ILIKE ANY (ARRAY['%statistics%', '%corrections%'])) AS is_theirs
    FROM pg_stat_activity a WHERE wait_event_type = 'Lock' AND datname = current_database()
) AS waiting
"""


def beside_counting(messages, rounds):
    """The service's load without and with such a rebuild beside it; fails when anybody who sends waited for a lock of it."""
    messages = messages or MONTH_MESSAGES
    with Postgres() as server, SmtpSink() as receiver:
        database = server.database()
        month = fill(database, receiver, messages)
        with database.instance() as service:
            service.add_account(receiver.port)
            counted(service, messages)
            # What comes first is not counted: connections are opened, pages are read.
            rate(receiver, service, "first", FIRST_MESSAGES)
            measured = [compared(receiver, database, service, month, number) for number in range(rounds)]
            service.stop()
    tell(messages, measured)


def fill(database, receiver, messages):
    """Writes the month; gives its name."""
    with database.instance() as service:
        service.add_account(receiver.port)
        # So that the account's lanes are there.
        rate(receiver, service, "lane", FIRST_MESSAGES)
        service.stop()
    now = datetime.datetime.now(datetime.timezone.utc)
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    (lane,), = database.sql("SELECT id FROM lanes WHERE account IS NOT NULL ORDER BY shard LIMIT 1")
    (last,), = database.sql("SELECT max(last) FROM log")
    start = time.monotonic()
    for statement in FILL.format(
            last=last, lane=lane, count=messages, begin=int(begin.timestamp() * 1e3), bounced_of=BOUNCED_OF,
            step=max(1, int((now - begin).total_seconds() * 1e3) // messages)).split(";"):
        database.sql(statement)
    print(f"{messages} messages of {begin:%Y-%m} written in {time.monotonic() - start:.0f} s", flush=True)
    return f"{begin:%Y-%m}"


def counted(service, messages):
    """Waits until the duty has counted all of it."""
    connection, start = service.connection(), time.monotonic()

    def accepted():
        told = json.loads(service.ask(connection, "GET", "/statistics?by=month"))
        return told["total"]["accepted"] >= messages

    if not wait_until(accepted, COUNTED_SECONDS):
        sys.exit(f"not counted within {COUNTED_SECONDS} s")
    print(f"counted for the first time in {time.monotonic() - start:.0f} s", flush=True)


def compared(receiver, database, service, month, number):
    """One round: the load alone and beside the rebuild; neither is always the first."""
    costs = {}
    for is_beside in (False, True)[::1 if number % 2 else -1]:
        with contextlib.ExitStack() as stack:
            rebuilding = stack.enter_context(Rebuilding(database, month)) if is_beside else None
            waits = stack.enter_context(Waits(database))
            costs[is_beside] = cost(receiver, service, f"round{number}-{is_beside}-")
        if is_beside:
            costs["rebuilds"], costs["waits"] = rebuilding.seconds, waits
    return costs


def cost(receiver, service, name):
    """Messages a second, and the processor time of the service for each."""
    before = service.cpu_seconds()
    measured = rate(receiver, service, name, BESIDE_MESSAGES)
    require(lambda: service.metric("gmp_pending_messages") == 0, "what arrived is recorded")
    return measured, (service.cpu_seconds() - before) / BESIDE_MESSAGES


class Rebuilding:
    """Counts a month anew, again and again, until its block ends."""

    def __init__(self, database, month):
        self.command = [GLASSPOST, "statistics", "rebuild", "--json", "--month", month, "--store", database.address]
        self.is_over, self.seconds = threading.Event(), []
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def work(self):
        while not self.is_over.is_set():
            told = subprocess.run(self.command, check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
            rebuilt = json.loads(told.stdout)
            if rebuilt["corrected"] != 0:
                # From here an exit would end only the thread.
                print(f"figures differed: {rebuilt}", file=sys.stderr, flush=True)
                os._exit(1)
            self.seconds.append(rebuilt["seconds"])


class Waits:
    """Looks many times a second who waits for a lock, until its block ends."""

    def __init__(self, database):
        self.database = database

    def __enter__(self):
        psql = [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.database.address]
        self.psql = subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write(f"{WAITS.strip()}\n\\watch {1 / LOOKS_A_SECOND}\n")
        self.psql.stdin.flush()
        return self

    def __exit__(self, *_):
        self.psql.kill()
        lines = self.psql.communicate()[0].splitlines()
        looks = [list(map(int, line.split("|"))) for line in lines if line.count("|") == 2]
        self.looks = len(looks)
        self.any, self.theirs, self.of_others = (sum(column) for column in zip(*looks)) if looks else (0, 0, 0)


def tell(messages, measured):
    rates, cpu = ({beside: statistics.median(each[beside][place] for each in measured) for beside in (False, True)}
                  for place in (0, 1))
    seconds = [second for each in measured for second in each["rebuilds"]]
    waits = [each["waits"] for each in measured]
    looks, any_waits, theirs, of_others = (
        sum(getattr(wait, name) for wait in waits) for name in ("looks", "any", "theirs", "of_others"))
    print(f"{len(measured)} interleaved rounds of {BESIDE_MESSAGES} messages, medians: {rates[False]:.0f}/s alone, "
          f"{rates[True]:.0f}/s beside {len(seconds)} rebuilds of {messages} messages ({statistics.median(seconds):.1f} s each), "
          f"{rates[True] / rates[False]:.2f} x; {cpu[False] * 1e4:.2f} and {cpu[True] * 1e4:.2f} CPU-s/10k of ours, "
          f"{cpu[True] / cpu[False]:.3f} x", flush=True)
    print(f"at {looks} looks into pg_locks and pg_stat_activity, sessions waited for a lock {any_waits} times, for one of the "
          f"statistics {theirs} times, and not to count themselves {of_others} times", flush=True)
    if looks == 0:
        sys.exit("nobody looked who waits")
    if of_others > 0:
        sys.exit("nobody who sends may wait for a lock of the statistics")
