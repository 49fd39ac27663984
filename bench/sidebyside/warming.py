"""The first seconds of a tunnel, and the traffic until it is as fast as it gets."""

import dataclasses
import statistics

from .iperf import iperf, tcp, udp

COLD_SECONDS = 10
COLD_MEAN_SECONDS = 4
TCP_WINDOW = 2
UDP_WINDOW = 1
UDP_BYTES = 512
LEAST_SECONDS = 20  # a JVM pauses at the speed of its first cipher before the fastest one is compiled
LATEST = 3  # windows that are compared with all before them
RISE = 1.03  # less than that is no rise


@dataclasses.dataclass(frozen=True)
class Warmth:
    """Seconds of TCP before the figures, and whether the throughput had stopped to rise."""

    seconds: float = 0
    steady: bool = True


def cold_curve(a, b, target):
    """Gbit/s received in each second of one TCP stream; to be called when a new tunnel answers."""
    _, server = iperf(a, b, target, COLD_SECONDS)
    return [interval["sum"]["bits_per_second"] / 1e9 for interval in server["intervals"][:COLD_SECONDS]]


def warm_up(a, b, target, options, cold=()):
    """Traffic for as long as it becomes faster, for every tunnel alike; lone packets as well.

    At least LEAST_SECONDS of TCP, with those of the cold curve, and at most options.warmup, which
    comes first; then a quarter of the most of UDP.
    """
    rates = [statistics.mean(cold[at : at + TCP_WINDOW]) for at in range(0, len(cold), TCP_WINDOW)]
    while len(rates) * TCP_WINDOW < least(options) or (
        rises(rates) and len(rates) * TCP_WINDOW < options.warmup
    ):
        rates.append(tcp(a, b, target, TCP_WINDOW, 1)[0])
    if "udp" in options.only:
        packets = []
        while rises(packets) and len(packets) * UDP_WINDOW < options.warmup / 4:
            packets.append(udp(a, b, target, UDP_WINDOW, UDP_BYTES, options.udp_rate)[0])
    return Warmth(len(rates) * TCP_WINDOW, not rises(rates))


def least(options):
    """The fewest seconds of TCP before the figures."""
    return min(LEAST_SECONDS, options.warmup)


def rises(windows):
    """Whether one of the latest windows is clearly better than all before."""
    return len(windows) <= LATEST or max(windows[-LATEST:]) > RISE * max(windows[:-LATEST])
