"""Postfix as a relay: a private instance that takes every message durably and hands it on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from contenders import CONNECTIONS, smtp_source
from peers import PEERS, NotInstalled, need
from processes import Cost, free_port, wait_for_port, wait_until, work_folder

MASTER = "/usr/lib/postfix/sbin/master"
DELIVERY_SECONDS = 3600
TICK = os.sysconf("SC_CLK_TCK")


class PostfixRelay:
    """Measured from the first message in until the last one is with the receiver, all its processes together."""

    name = "Postfix as a relay"
    most_messages = 20_000
    keeps = "messages, durably"

    def install(self):
        need("postfix")
        if not os.path.exists(MASTER):
            raise NotInstalled(f"there is no {MASTER}")
        if os.geteuid() != 0:
            raise NotInstalled("only root can start it")

    def measure(self, receiver, messages):
        with work_folder() as folder, Instance(folder, receiver.port) as postfix:
            before = postfix.used()
            start = time.monotonic()
            # A number in front of each recipient, else its caches make all of them one.
            source = subprocess.Popen(smtp_source(postfix.port, messages, "-N"))
            wait_until(lambda: receiver.taken() >= messages or source.poll(), DELIVERY_SECONDS)
            seconds = time.monotonic() - start
            after = postfix.used()
            if source.wait() != 0 or receiver.taken() < messages:
                sys.exit(f"{self.name}: {receiver.taken()} of {messages} delivered\n{postfix.log()[-2000:]}")
            return Cost(seconds, after.cpu_seconds - before.cpu_seconds,
                        after.memory_mb, after.written_mb - before.written_mb)


@dataclass
class Used:
    """A reading of the meters."""

    cpu_seconds: float
    memory_mb: float
    written_mb: float


class Instance:
    """A running Postfix whose every file is in one folder."""

    def __init__(self, folder, receiver_port):
        self.folder, self.receiver_port = folder, receiver_port

    def __enter__(self):
        self.port = free_port()
        # Its daemons give up root, and still have to get in here.
        os.chmod(self.folder, 0o755)
        for name in ("etc", "queue", "data"):
            os.mkdir(os.path.join(self.folder, name))
        shutil.chown(os.path.join(self.folder, "data"), "postfix")
        for name in ("main.cf", "master.cf"):
            self.write_config(name)
        etc = os.path.join(self.folder, "etc")
        subprocess.run(["postfix", "-c", etc, "check"], check=True)
        # What `postfix start` starts, but as a child.
        self.process = subprocess.Popen([MASTER, "-c", etc, "-s"])
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def write_config(self, name):
        places = {"folder": self.folder, "port": self.port, "receiver": self.receiver_port, "connections": CONNECTIONS}
        with open(os.path.join(PEERS, "postfix", name)) as template:
            text = template.read()
        for place, value in places.items():
            text = text.replace("{" + place + "}", str(value))
        with open(os.path.join(self.folder, "etc", name), "w") as file:
            file.write(text)

    def used(self):
        """What all of its processes used until now, the ended ones included; memory is what they hold now."""
        master = self.process.pid
        daemons = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent(pid) == master]
        alive = [master, *daemons]
        # The system adds what an ended process used to its parent, in CPU's last two fields and in the bytes.
        ended = cpu_fields(master)[2:]
        ticks = sum(ended) + sum(sum(cpu_fields(pid)[:2]) for pid in alive)
        return Used(
            cpu_seconds=ticks / TICK,
            # Pages that several share count once.
            memory_mb=sum(field(pid, "smaps_rollup", "Pss:") for pid in alive) / 1024,
            written_mb=sum(field(pid, "io", "write_bytes:") for pid in alive) / 1e6,
        )

    def log(self):
        with open(os.path.join(self.folder, "maillog")) as file:
            return file.read()


def stat(pid):
    """The fields of /proc/PID/stat from the third on: the second is a name that may hold anything."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def parent(pid):
    fields = stat(pid)
    return int(fields[1]) if fields else None


def cpu_fields(pid):
    """Ticks as user and in the system, its own and those of its children that have ended."""
    return [int(ticks) for ticks in stat(pid)[11:15]] or [0, 0, 0, 0]


def field(pid, file, name):
    """A number from a file of lines with names; 0 when the process has just ended."""
    try:
        with open(f"/proc/{pid}/{file}") as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0
