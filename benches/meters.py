"""What processes use, as the operating system tells it while they run."""

import os
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Used:
    """A reading of the meters."""

    cpu_seconds: float
    memory_mb: float
    written_mb: float


def used(pid):
    """What a process and its children used until now, the ended ones included; memory is what they hold now."""
    alive = [pid, *children(pid)]
    return Used(
        cpu_seconds=cpu_seconds(pid),
        # Pages that several share count once.
        memory_mb=sum(field(each, "smaps_rollup", "Pss:") for each in alive) / 1024,
        written_mb=sum(field(each, "io", "write_bytes:") for each in alive) / 1e6,
    )


def cpu_seconds(pid):
    """The processor time of a process and its children until now, the ended ones included."""
    # The system adds what an ended process used to its parent, in the last two fields.
    ended = cpu_fields(pid)[2:]
    return (sum(ended) + sum(sum(cpu_fields(each)[:2]) for each in [pid, *children(pid)])) / TICK


def children(pid):
    """Those that are alive."""
    return [each for each in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent(each) == pid]


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
