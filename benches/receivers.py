"""The two receivers: each takes mail on a port until its block ends, and counts what it took."""

import json
import os
import re
import signal
import subprocess
import sys

from processes import GLASSPOST, free_port, wait_for_port, wait_until, work_folder


class Receiver:
    """What both have in common; `command` and `taken` are theirs."""

    def __enter__(self):
        self.port = free_port()
        self.folder = work_folder()
        self.output = os.path.join(self.folder.name, "output.txt")
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder.name, stdout=output, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.folder.cleanup()

    def require(self, messages, sender, seconds=5):
        """Waits for this many messages; any other number of them ends everything."""
        wait_until(lambda: self.taken() >= messages, seconds)
        if self.taken() != messages:
            sys.exit(f"{sender}: the receiver got {self.taken()} of {messages} messages")


class SmtpSink(Receiver):
    """Postfix's own, in one thread of C: fast, and no TLS."""

    name = "Postfix's smtp-sink"

    def command(self):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return ["smtp-sink", "-c", *user, f"127.0.0.1:{self.port}", "1000"]

    def taken(self):
        """The last of the running counters that it prints after each message."""
        with open(self.output, "rb") as output:
            output.seek(max(0, os.path.getsize(self.output) - 200))
            counters = re.findall(rb"mesg=(\d+)\r", output.read())
        return int(counters[-1]) if counters else 0


class GlasspostSink(Receiver):
    """Our own, with STARTTLS."""

    name = "glasspost sink"

    def command(self):
        return [GLASSPOST, "sink", "--listen", f"127.0.0.1:{self.port}", "--self-signed", "--report", "report.json"]

    def taken(self):
        """Asked for by a signal, and answered by a file."""
        report = os.path.join(self.folder.name, "report.json")
        if os.path.exists(report):
            os.remove(report)
        self.process.send_signal(signal.SIGUSR1)
        counts = wait_until(lambda: read_json(report), seconds=5)
        if not counts:
            sys.exit("glasspost sink does not write its report")
        return counts["accepted_messages"]


def read_json(path):
    """What a file holds; None while it is not there or half written."""
    try:
        with open(path) as file:
            return json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):
        return None
