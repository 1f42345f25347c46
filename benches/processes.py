"""Runs a process to its end and tells what it cost, as the operating system accounts for it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
GLASSPOST = os.path.join(TARGET, "release", "glasspost")


@dataclass
class Cost:
    """What a contender used: wall clock, CPU (user and system), memory, and what it had written to disk."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    written_mb: float


def run(command, folder):
    """Runs a command in a folder; gives its Cost. Any failure ends everything."""
    output = os.path.join(folder, "output.txt")
    with open(output, "w") as file:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
    if status != 0:
        with open(output) as file:
            sys.exit(f"{command[0]} failed with status {status}:\n{file.read()[-2000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, usage.ru_oublock * 512 / 1e6)


def work_folder():
    """A temporary folder on the disk that is measured: that of BENCH_DIR, else the system's for temporary files."""
    return tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=30):
    """Waits until a process that was just started answers on its port."""

    def answers():
        if process.poll() is not None:
            sys.exit(f"ended at its start: {process.args}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    if not wait_until(answers, seconds):
        sys.exit(f"does not answer: {process.args}")


def wait_until(condition, seconds):
    """Asks every ten milliseconds until the answer is true or time is up; gives the last answer."""
    end = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return answer
