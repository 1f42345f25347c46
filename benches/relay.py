"""Postfix as a relay: a private instance that takes every message durably and hands it on."""

import os
import shutil
import signal
import subprocess
import sys
import time

from contenders import CONNECTIONS, smtp_source
from meters import used
from peers import PEERS, NotInstalled, need
from processes import Cost, free_port, wait_for_port, wait_until, work_folder

MASTER = "/usr/lib/postfix/sbin/master"
DELIVERY_SECONDS = 3600


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
            before = used(postfix.process.pid)
            start = time.monotonic()
            # A number in front of each recipient, else its caches make all of them one.
            source = subprocess.Popen(smtp_source(postfix.port, messages, "-N"))
            wait_until(lambda: receiver.taken() >= messages or source.poll(), DELIVERY_SECONDS)
            seconds = time.monotonic() - start
            after = used(postfix.process.pid)
            if source.wait() != 0 or receiver.taken() < messages:
                sys.exit(f"{self.name}: {receiver.taken()} of {messages} delivered\n{postfix.log()[-2000:]}")
            return Cost(seconds, after.cpu_seconds - before.cpu_seconds,
                        after.memory_mb, after.written_mb - before.written_mb)


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

    def log(self):
        with open(os.path.join(self.folder, "maillog")) as file:
            return file.read()
