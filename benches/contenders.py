"""Raw SMTP, and Glasspost, also while it is watched. A contender sends so many messages to a receiver and tells its Cost."""

import json
import os
import subprocess
import sys

from campaign import BODY_BYTES, write_letter, write_list
from processes import GLASSPOST, ROOT, free_port, run, work_folder

CONNECTIONS = 10


def smtp_source(port, messages, *options):
    """The command of Postfix's load generator, whose connections stay open."""
    return ["smtp-source", "-d", "-s", str(CONNECTIONS), "-l", str(BODY_BYTES), "-m", str(messages), *options,
            "-f", "sender@example.org", "-t", "someone@example.com", f"127.0.0.1:{port}"]


class SmtpSource:
    """Nothing but SMTP: no list, no template, nothing kept."""

    name = "smtp-source (raw)"
    keeps = "nothing"

    def measure(self, receiver, messages):
        with work_folder() as folder:
            return run(smtp_source(receiver.port, messages), folder)


class Glasspost:
    """A campaign: list read, every recipient accepted durably, rendered, sent, recorded durably, accounted."""

    keeps = "everything, durably"

    def __init__(self, name="glasspost send", **relay):
        self.name, self.relay = name, relay

    def measure(self, receiver, messages):
        with work_folder() as folder:
            write_list(folder, messages)
            write_letter(folder)
            self.write_config(folder, receiver.port)
            cost = self.send(folder)
            with open(os.path.join(folder, "success.csv")) as account:
                sent = sum(1 for _ in account)
            if sent != messages:
                sys.exit(f"{self.name}: {sent} of {messages} in success.csv")
            return cost

    def send(self, folder, *options):
        return run([GLASSPOST, "send", "--env", "config.json", "--csv", "list.csv", "--template", "letter.html",
                    "--subject", "News for {{.name}}", "--concurrency", str(CONNECTIONS), "--data", "data",
                    *options], folder)

    def write_config(self, folder, port):
        relay = {"host": "127.0.0.1", "port": port, "from": "News <news@example.org>", "tls": "off", **self.relay}
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"smtp": relay}, file)


class WatchedGlasspost(Glasspost):
    """The same with its dashboard open: browsers that look, browsers that stall, and a scraper."""

    def __init__(self, name, looking=1, stalled=0):
        super().__init__(name)
        self.looking, self.stalled, self.seen = looking, stalled, []

    def send(self, folder, *options):
        port = str(free_port())
        watchers = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "benches", "watchers.py"), "--port", port,
             "--looking", str(self.looking), "--stalled", str(self.stalled)], stdout=subprocess.PIPE)
        cost = super().send(folder, "--monitor", "--monitor-port", port, "--monitor-linger", "0s", *options)
        seen, _ = watchers.communicate()
        self.seen.append(json.loads(seen))
        return cost
