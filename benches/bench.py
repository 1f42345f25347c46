#!/usr/bin/env python3
"""Measures whole processes side by side, in interleaved rounds, against one receiver.

Figures of one row come from the operating system's account of the finished process: wall time, CPU time
(user + system), peak memory, bytes written. A ratio compares medians of the same run; absolute times say
something about the machine, not about the program.
"""

import argparse
import csv
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GLASSPOST = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "glasspost")
CONNECTIONS = 10
BODY_BYTES = 4096


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"a receiver ended at its start: {process.args}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"a receiver does not answer: {process.args}")


class Receiver:
    """A process that takes mail on a port until the block ends."""

    def __init__(self, command, port):
        self.command, self.port = command, port

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def smtp_sink(port):
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return Receiver(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], port)


def glasspost_sink(port, *options):
    return Receiver([GLASSPOST, "sink", "--listen", f"127.0.0.1:{port}", *options], port)


def run(command, folder):
    """Runs a command to its end; gives seconds, CPU seconds, peak MB and MB written."""
    with open(os.path.join(folder, "output.txt"), "w") as output:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
    if status != 0:
        with open(os.path.join(folder, "output.txt")) as output:
            sys.exit(f"{command[0]} failed with status {status}:\n{output.read()[-2000:]}")
    return {
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "written_mb": usage.ru_oublock * 512 / 1e6,
    }


class SmtpSource:
    """Postfix's own load generator: nothing but SMTP, no list, no template, nothing kept."""

    name = "smtp-source (raw)"

    def measure(self, port, messages):
        with tempfile.TemporaryDirectory() as folder:
            command = ["smtp-source", "-d", "-s", str(CONNECTIONS), "-l", str(BODY_BYTES), "-m", str(messages),
                       "-f", "sender@example.org", "-t", "someone@example.com", f"127.0.0.1:{port}"]
            return run(command, folder)


class Glasspost:
    """A campaign: list read, every recipient accepted durably, rendered, sent, recorded durably, accounted."""

    def __init__(self, name="glasspost send", **relay):
        self.name, self.relay = name, relay

    def measure(self, port, messages):
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
            write_campaign(folder, port, messages, self.relay)
            command = [GLASSPOST, "send", "--env", "config.json", "--csv", "list.csv", "--template", "letter.html",
                       "--subject", "News for {{.name}}", "--concurrency", str(CONNECTIONS), "--data", "data"]
            figures = run(command, folder)
            with open(os.path.join(folder, "success.csv")) as account:
                sent = sum(1 for _ in account)
            if sent != messages:
                sys.exit(f"{self.name}: {sent} of {messages} in success.csv")
            return figures


def write_campaign(folder, port, messages, relay):
    smtp = {"host": "127.0.0.1", "port": port, "from": "News <news@example.org>", "tls": "off", **relay}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"smtp": smtp}, file)
    with open(os.path.join(folder, "list.csv"), "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "name", "plan"])
        for number in range(messages):
            rows.writerow([f"user{number}@example{number % 50}.com", f"Name {number}", "pro"])
    with open(os.path.join(folder, "letter.html"), "w") as file:
        file.write(letter())


def letter():
    """An HTML body of about four kilobytes with three fields."""
    head = "<html><body><h1>Hello {{.name}}</h1>\n<p>Your plan: {{.plan}}</p>\n"
    foot = '<p><a href="https://example.org/leave?who={{.email}}">Leave</a></p></body></html>\n'
    line = "<p>What happened this month, in one paragraph of plain words that fill a line.</p>\n"
    return head + line * ((BODY_BYTES - len(head) - len(foot)) // len(line)) + foot


def median(rounds, key):
    return statistics.median(figures[key] for figures in rounds)


def table(title, receiver, contenders, messages, rounds):
    print(f"\n{title}: {messages} messages, {BODY_BYTES} bytes, {CONNECTIONS} connections, "
          f"{rounds} interleaved rounds, medians", flush=True)
    results = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            port = free_port()
            with receiver(port):
                results[contender.name].append(contender.measure(port, messages))
    raw = median(results[contenders[0].name], "seconds")
    print(f"{'':24}{'messages/s':>12}{'x raw':>8}{'CPU-s/10k':>11}{'peak MB':>9}{'KB written/msg':>16}")
    for name, figures in results.items():
        seconds = median(figures, "seconds")
        print(f"{name:24}{messages / seconds:>12.0f}{raw / seconds:>8.2f}"
              f"{median(figures, 'cpu') * 1e4 / messages:>11.2f}{median(figures, 'peak_mb'):>9.0f}"
              f"{median(figures, 'written_mb') * 1e3 / messages:>16.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything runs")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", action="store_true", help="the same campaign at 20,000, 200,000 and 1,000,000")
    options = parser.parse_args()
    if options.quick:
        options.messages, options.rounds = 5_000, 1
    if options.sizes:
        for messages in (20_000, 200_000, 1_000_000):
            table("Growth", smtp_sink, [Glasspost()], messages, 1)
        return
    table("Plain SMTP to Postfix's smtp-sink", smtp_sink, [SmtpSource(), Glasspost()], options.messages, options.rounds)
    table("To our own sink", glasspost_sink, [SmtpSource(), Glasspost(), ], options.messages, options.rounds)
    secure = Glasspost("glasspost send, STARTTLS", tls="required", insecure_tls=True)
    table("STARTTLS to our own sink", lambda port: glasspost_sink(port, "--self-signed"),
          [Glasspost("glasspost send, plain"), secure], options.messages, options.rounds)


if __name__ == "__main__":
    if shutil.which("smtp-source") is None:
        sys.exit("smtp-source is not installed: scripts/install-test-parts.sh")
    main()
