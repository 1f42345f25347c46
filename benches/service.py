"""The service as applications use it: mail comes in over REST and goes out by SMTP, each message durable before its answer."""

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

from campaign import BODY_BYTES
from meters import cpu_seconds
from processes import GLASSPOST, Cost, free_port, wait_for_port, wait_until, work_folder

DELIVERY_SECONDS = 600
BATCH = 500
CLIENTS = 4
TOKEN = "bench-token"


class GlasspostServe:
    """Batches of 500 from four clients at once, until the receiver has the last message."""

    keeps = "everything, durably"

    def __init__(self, name="glasspost serve"):
        self.name, self.accepted_rates = name, []

    def measure(self, receiver, messages):
        with self.instance() as service:
            service.add_account(receiver.port)
            batches = [messages_of(first, min(BATCH, messages - first)) for first in range(0, messages, BATCH)]
            start = time.monotonic()
            in_parallel(CLIENTS, batches, service.hand_over)
            self.accepted_rates.append(messages / (time.monotonic() - start))
            wait_until(lambda: receiver.taken() >= messages, DELIVERY_SECONDS)
            seconds = time.monotonic() - start
            wait_until(lambda: service.metric("gmp_pending_messages") == 0, 10)
            cost = service.stop()
            return Cost(seconds, cost.ru_utime + cost.ru_stime, cost.ru_maxrss / 1024, cost.ru_oublock * 512 / 1e6)

    def instance(self):
        return Instance()


class Instance:
    """A service in a folder of its own, with more variables in its environment."""

    def __init__(self, **variables):
        self.variables = variables

    def __enter__(self):
        self.folder = work_folder()
        self.start()
        return self

    def start(self):
        self.port = free_port()
        environment = {**os.environ, "GLASSPOST_ADMIN_TOKEN": TOKEN, "LOG_LEVEL": "ERROR", **self.variables}
        with open(os.path.join(self.folder.name, "output.txt"), "w") as output:
            self.process = subprocess.Popen(
                [GLASSPOST, "serve", "--port", str(self.port), "--data", "data"],
                cwd=self.folder.name, env=environment, stdout=output, stderr=subprocess.STDOUT)
        wait_for_port(self.port, self.process)

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def stop(self):
        """Ends it in good order; gives what it used."""
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = status
        if status != 0:
            sys.exit(f"glasspost serve ended with status {status}")
        return usage

    def cpu_seconds(self):
        """The processor time that it used until now."""
        return cpu_seconds(self.process.pid)

    def hold(self):
        """Stops the clock for it, as it were."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, body, {"Content-Type": "application/json", "X-API-Token": TOKEN})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{method} {path}: {answer.status} {content[:500]}")
        return content

    def add_account(self, relay_port, name="main"):
        connection = self.connection()
        self.ask(connection, "POST", "/tenant", json.dumps({"id": "bench", "name": "Bench"}))
        account = {"id": name, "tenant_id": "bench", "host": "127.0.0.1", "port": relay_port, "use_tls": False}
        self.ask(connection, "POST", "/account", json.dumps(account))

    def hand_over(self, batches):
        """One client: its batches one after the other, each answered before the next."""
        connection = self.connection()
        for batch in batches:
            answer = json.loads(self.ask(connection, "POST", "/commands/add-messages", batch))
            if answer["rejected"]:
                sys.exit(f"rejected: {answer['rejected'][:3]}")

    def metric(self, name):
        text = self.ask(self.connection(), "GET", "/metrics").decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def messages_of(first, count, account="main", name="m", body_bytes=BODY_BYTES, **fields):
    """A request with so many messages, named and numbered from `first`; the bodies make mails of the usual size, and all
    have the same more `fields`."""
    body = ("<p>" + "x" * 72 + "</p>\n") * (body_bytes // 80)
    messages = [
        {"id": f"{name}{number}", "tenant_id": "bench", "account_id": account, "from": "News <news@example.org>",
         "to": [f"someone{number}@example.com"], "subject": f"News {number}", "body": body, "content_type": "html",
         **fields}
        for number in range(first, first + count)
    ]
    return json.dumps({"messages": messages})


def in_parallel(clients, items, work):
    """Shares the items among so many threads."""
    threads = [threading.Thread(target=work, args=(items[client::clients],)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def single_posts(receiver, clients=16, posts=200):
    """Times single messages that many clients hand over at once; gives milliseconds: the median and the 99th percentile."""
    times = []
    with Instance() as service:
        service.add_account(receiver.port)

        def client(bodies):
            connection = service.connection()
            for body in bodies:
                begun = time.monotonic()
                service.ask(connection, "POST", "/commands/add-messages", body)
                times.append((time.monotonic() - begun) * 1e3)

        in_parallel(clients, [messages_of(number, 1) for number in range(clients * posts)], client)
        wait_until(lambda: receiver.taken() >= clients * posts, DELIVERY_SECONDS)
        service.stop()
    times.sort()
    return statistics.median(times), times[len(times) * 99 // 100]
