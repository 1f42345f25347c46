"""Contenders side by side: interleaved rounds against one kind of receiver, medians, and one table."""

import os
import statistics
from dataclasses import dataclass

from campaign import BODY_BYTES
from contenders import CONNECTIONS

BUSY_LOAD_PER_CORE = 0.5


@dataclass
class Row:
    """The medians of one contender."""

    name: str
    messages: int
    rate: float
    ratio: float
    cpu_seconds_per_10k: float
    peak_mb: float
    written_kb_per_message: float
    keeps: str


def describe_machine():
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    print(f"{cores} cores, load average {load:.1f} at the start", flush=True)
    if load > BUSY_LOAD_PER_CORE * cores:
        print("warning: the machine is busy with other things, so even the ratios are only rough", flush=True)


def table(title, receiver, entries, rounds, base="raw"):
    """Measures `entries`, pairs of a contender and its number of messages; the ratio is to the rate of the first."""
    print(f"\n{title}: {receiver.name}, {BODY_BYTES} bytes, {CONNECTIONS} connections, "
          f"{rounds} interleaved rounds, medians", flush=True)
    costs = [[] for _ in entries]
    for _ in range(rounds):
        for (contender, messages), own in zip(entries, costs):
            with receiver() as running:
                own.append(contender.measure(running, messages))
                running.require(messages, contender.name)
    rows = [row(contender, messages, own) for (contender, messages), own in zip(entries, costs)]
    for each in rows:
        each.ratio = each.rate / rows[0].rate
    show(rows, base)
    return rows


def row(contender, messages, costs):
    """The medians of a contender's rounds; the ratio is not known yet."""

    def median(figure):
        return statistics.median(getattr(cost, figure) for cost in costs)

    return Row(
        name=contender.name,
        messages=messages,
        rate=messages / median("seconds"),
        ratio=1.0,
        cpu_seconds_per_10k=median("cpu_seconds") * 1e4 / messages,
        peak_mb=median("peak_mb"),
        written_kb_per_message=median("written_mb") * 1e3 / messages,
        keeps=contender.keeps,
    )


def show(rows, base):
    print(f"{'':26}{'messages':>10}{'messages/s':>12}{'x ' + base:>9}{'CPU-s/10k':>11}{'peak MB':>9}"
          f"{'KB written/msg':>16}  keeps")
    for each in rows:
        print(f"{each.name:26}{each.messages:>10}{each.rate:>12.0f}{each.ratio:>9.2f}"
              f"{each.cpu_seconds_per_10k:>11.2f}{each.peak_mb:>9.0f}{each.written_kb_per_message:>16.2f}"
              f"  {each.keeps}", flush=True)
