"""Libraries that people send with: each reads the list, replaces the fields in the letter, sends, and keeps nothing."""

import copy
import os
import shutil
import subprocess

from campaign import write_letter, write_list
from contenders import CONNECTIONS
from processes import ROOT, TARGET, run, work_folder

PEERS = os.path.join(ROOT, "benches", "peers")
INSTALL_SECONDS = 900


class NotInstalled(Exception):
    """Why a peer is left out."""


class Library:
    """A program around a library; `install` gives its command, to which port, security, list and letter are added."""

    # So that the slower ones end; the figures are rates, and costs of one message.
    most_messages = 20_000
    keeps = "nothing"
    security = "plain"

    def over_starttls(self):
        secure = copy.copy(self)
        secure.security = "starttls"
        return secure

    def measure(self, receiver, messages):
        with work_folder() as folder:
            arguments = [str(receiver.port), self.security, str(CONNECTIONS),
                         write_list(folder, messages), write_letter(folder)]
            return run([*self.command, *arguments], folder)


class Lettre(Library):
    """Rust; its connections, one for each task, told not to hold back the end of a message."""

    name, way = "lettre (connections)", "connections"

    def install(self):
        need("cargo")
        target = os.path.join(TARGET, "peers")
        install(["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", target],
                os.path.join(PEERS, "lettre"))
        self.command = [os.path.join(target, "release", "lettre-peer"), self.way]


class LettrePool(Lettre):
    """Its pool, which cannot be told so: some 22 messages a second over each connection."""

    name, way = "lettre (pool)", "pool"
    most_messages = 2_000


class Nodemailer(Library):
    """Node.js; its pool."""

    name = "nodemailer (pool)"

    def install(self):
        need("node")
        need("npm")
        folder = os.path.join(PEERS, "nodemailer")
        install(["npm", "ci", "--loglevel=error"], folder)
        self.command = ["node", os.path.join(folder, "send.mjs")]


def need(program):
    if shutil.which(program) is None:
        raise NotInstalled(f"there is no {program}")


def install(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} took more than {INSTALL_SECONDS} s") from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise NotInstalled(f"{' '.join(command[:2])} failed: {lines[0]}")


def installed(peers):
    """Those of them that can be had here; the others are named with the reason."""
    present = []
    for peer in peers:
        try:
            peer.install()
            present.append(peer)
        except NotInstalled as reason:
            print(f"left out: {peer.name}: {reason}", flush=True)
    return present
