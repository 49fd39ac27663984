"""The measures: each figure's name, and how one run of a contestant gives it."""

import contextlib
import dataclasses
import re
import statistics
import time

from .iperf import outcome, serve, start_client, tcp, udp
from .system import Failure, cpu_seconds, peak_mebibytes
from .testbed import testbed
from .warming import COLD_MEAN_SECONDS, Warmth, cold_curve, warm_up

UDP_SIZES = (64, 512, 1372)
PERCENTILES = (50, 90, 99)
PATIENCE = 30


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    group: str  # its name for --only
    title: str
    unit: str
    more_is_better: bool = False
    decimals: int = 3


FIGURES = [
    Figure("tcp1", "tcp", "TCP, 1 stream", "Gbit/s", True, 2),
    Figure("tcp4", "tcp", "TCP, 4 streams", "Gbit/s", True, 2),
    *(
        figure
        for size in UDP_SIZES
        for figure in (
            Figure(f"udp{size}", "udp", f"UDP {size} B, received", "packets/s", True, 0),
            Figure(f"udp{size}_loss", "udp", f"UDP {size} B, lost", "%", False, 1),
        )
    ),
    *(
        Figure(f"{state}_p{percent}", group, f"ping {state}, p{percent}", "ms")
        for state, group in (("idle", "ping"), ("loaded", "ping"), ("new", "new"))
        for percent in PERCENTILES
    ),
    Figure("cpu", "cpu", "CPU, both ends", "s/GB", False, 2),
    Figure("memory", "memory", "peak resident, larger end", "MiB", False, 1),
    Figure("start", "start", "start to first answered ping", "s"),
    Figure("cold", "cold", f"TCP, mean of the first {COLD_MEAN_SECONDS} s", "Gbit/s", True, 2),
]
GROUPS = list(dict.fromkeys(figure.group for figure in FIGURES))


@dataclasses.dataclass
class Run:
    """The results of one run: figures by key, every round trip in ms by state, Gbit/s of each of the first seconds."""

    figures: dict
    round_trips: dict
    cold_curve: list
    warmth: Warmth


def measure(contestant, options):
    """One run: new namespaces and processes."""
    chosen = options.only
    run = Run({}, {}, [], Warmth())
    if "new" in chosen:
        # In a tunnel of its own: pings would warm the one of the cold curve.
        with new_tunnel(contestant, options) as (a, _, target, _):
            run.round_trips["new"] = ping(a, target, options.pings, options.ping_interval)
    with new_tunnel(contestant, options) as (a, b, target, run.figures["start"]):
        contestant.check(a)
        if contestant.runs_processes:
            if "cold" in chosen:
                run.cold_curve = cold_curve(a, b, target)
                run.figures["cold"] = statistics.mean(run.cold_curve[:COLD_MEAN_SECONDS])
            run.warmth = warm_up(a, b, target, options, run.cold_curve)
        measure_warm(run, a, b, target, options)
        if contestant.runs_processes:
            run.figures["memory"] = max(peak_mebibytes(node.daemon.pid) for node in (a, b))
            for node in (a, b):
                if node.daemon.poll() is not None:
                    raise Failure(f"{contestant.title} ended while it was measured: {node.said()}")
    wanted = {figure.key for figure in FIGURES if figure.group in chosen}
    if not contestant.runs_processes:
        wanted -= {"cpu", "memory", "start", "cold"}
    run.figures = {key: value for key, value in run.figures.items() if key in wanted}
    return run


@contextlib.contextmanager
def new_tunnel(contestant, options):
    """Both nodes, the address to ping, and the seconds until the first ping was answered."""
    with testbed() as (a, b):
        target = contestant.target(b)
        began = time.monotonic()
        contestant.bring_up(a, b, options)
        first_answer(a, target)
        answered = time.monotonic()
        time.sleep(options.rest)
        yield a, b, target, answered - began


def measure_warm(run, a, b, target, options):
    chosen, figures, round_trips = options.only, run.figures, run.round_trips
    if "ping" in chosen:
        round_trips["idle"] = ping(a, target, options.pings, options.ping_interval)
    if "tcp" in chosen or "cpu" in chosen:
        before = cpu_of(a, b)
        figures["tcp1"], moved = tcp(a, b, target, options.seconds, 1)
        figures["cpu"] = (cpu_of(a, b) - before) / (moved / 1e9)
    if "tcp" in chosen:
        figures["tcp4"], _ = tcp(a, b, target, options.seconds, 4)
    if "udp" in chosen:
        for size in UDP_SIZES:
            figures[f"udp{size}"], figures[f"udp{size}_loss"] = udp(
                a, b, target, options.seconds, size, options.udp_rate
            )
    if "ping" in chosen:
        round_trips["loaded"] = loaded_ping(a, b, target, options)
    for state, times in round_trips.items():
        for percent in PERCENTILES:
            figures[f"{state}_p{percent}"] = percentile(times, percent)


def cpu_of(*nodes):
    return sum(cpu_seconds(node.daemon.pid) for node in nodes if node.daemon is not None)


def first_answer(node, target):
    """Returns when a ping is answered; they go out every 10 ms until then; refused ones are skipped."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        left = str(max(1, round(deadline - time.monotonic())))
        # Ends early if an ICMP error comes back, as from a node that is not up yet.
        done = node.run("ping", "-n", "-c", "1", "-i", "0.01", "-w", left, target, check=False)
        if done.returncode == 0:
            return
    raise Failure(f"no ping was answered in {PATIENCE} s: {node.said() if node.daemon else done.stdout}")


def ping(node, target, count, interval):
    """Sorted round trips in ms. Those that were lost are not among them."""
    done = node.run(
        "ping", "-n", "-c", str(count), "-i", str(interval), "-W", "2", target,
        check=False, timeout=count * interval + PATIENCE,
    )  # fmt: skip
    times = sorted(float(time) for time in re.findall(r"time=([0-9.]+) ms", done.stdout))
    if len(times) < count / 2:
        raise Failure(f"{len(times)} of {count} pings were answered")
    return times


def percentile(ascending, percent):
    return ascending[round(percent / 100 * (len(ascending) - 1))]


def loaded_ping(a, b, target, options):
    """Pings while one TCP stream runs at full speed; all sent within the stream's time."""
    server = serve(b, target)
    client = start_client(a, target, options.seconds + 1)
    time.sleep(0.5)  # out of slow start
    times = ping(a, target, max(5, int(options.seconds / options.ping_interval)), options.ping_interval)
    outcome(client, options.seconds)
    outcome(server, options.seconds)
    return times
