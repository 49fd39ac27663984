"""The measures: each figure's name, and how one run of a contestant gives it."""

import dataclasses
import json
import re
import socket
import struct
import subprocess
import time

from .system import Failure, cpu_seconds, peak_mebibytes
from .testbed import testbed

UDP_SIZES = (64, 512, 1372)
PERCENTILES = (50, 90, 99)
IPERF_PORT = 5201
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
        Figure(f"{state}_p{percent}", "ping", f"ping {state}, p{percent}", "ms")
        for state in ("idle", "loaded")
        for percent in PERCENTILES
    ),
    Figure("cpu", "cpu", "CPU, both ends", "s/GB", False, 2),
    Figure("memory", "memory", "peak resident, larger end", "MiB", False, 1),
    Figure("start", "start", "start to first answered ping", "s"),
]
GROUPS = list(dict.fromkeys(figure.group for figure in FIGURES))


def measure(contestant, options):
    """One run: fresh namespaces and processes. Gives the figures and every round trip in ms."""
    chosen = options.only
    figures, round_trips = {}, {}
    with testbed() as (a, b):
        target = contestant.target(b)
        began = time.monotonic()
        contestant.bring_up(a, b, options)
        first_answer(a, target)
        figures["start"] = time.monotonic() - began
        if contestant.runs_processes:
            warm_up(a, b, target, options)
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
        if contestant.runs_processes:
            figures["memory"] = max(peak_mebibytes(node.daemon.pid) for node in (a, b))
            for node in (a, b):
                if node.daemon.poll() is not None:
                    raise Failure(f"{contestant.title} ended while it was measured: {node.said()}")
    wanted = {figure.key for figure in FIGURES if figure.group in chosen}
    if not contestant.runs_processes:
        wanted -= {"cpu", "memory", "start"}
    return {key: value for key, value in figures.items() if key in wanted}, round_trips


def warm_up(a, b, target, options):
    """Traffic for a JIT compiler to warm up on, for every tunnel alike; lone packets as well."""
    if options.warmup > 0:
        tcp(a, b, target, options.warmup, 1)
        if "udp" in options.only:
            udp(a, b, target, max(1, options.warmup // 4), 512, options.udp_rate)


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


def tcp(a, b, target, seconds, streams):
    """Gbit/s received, and the bytes."""
    client, _ = iperf(a, b, target, seconds, "-P", str(streams))
    received = client["end"]["sum_received"]
    if received["bytes"] == 0:
        raise Failure("iperf3: nothing was received over TCP")
    return received["bits_per_second"] / 1e9, received["bytes"]


def udp(a, b, target, seconds, size, rate):
    """Packets a second that the receiver counted, and how many of those sent it did not, in %."""
    client, server = iperf(a, b, target, seconds, "-u", "-b", rate, "-l", str(size))
    sent = client["end"]["sum_sent"]["packets"]
    # The receiver's own count of lost packets misses those after the last that came.
    received = server["end"]["sum_received"]["bytes"] / size
    if received == 0:
        raise Failure(f"iperf3: none of {sent} UDP packets was received")
    return received / client["end"]["sum_sent"]["seconds"], 100 * max(0.0, 1 - received / sent)


def loaded_ping(a, b, target, options):
    """Pings while one TCP stream runs at full speed; all sent within the stream's time."""
    server = serve(b, target)
    client = start_client(a, target, options.seconds + 1)
    time.sleep(0.5)  # out of slow start
    times = ping(a, target, max(5, int(options.seconds / options.ping_interval)), options.ping_interval)
    outcome(client, options.seconds)
    outcome(server, options.seconds)
    return times


def iperf(a, b, target, seconds, *how):
    """One test from a to b; the reports of both ends."""
    server = serve(b, target)
    client = start_client(a, target, seconds, *how)
    return outcome(client, seconds), outcome(server, seconds)


def start_client(node, target, seconds, *how):
    return node.spawn("iperf3", "-c", target, "-t", str(seconds), "-J", *how,
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip


def serve(node, address):
    """Starts a server for one test; returns when it listens."""
    server = node.spawn("iperf3", "-s", "-1", "-J", "-B", address,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    listening = f" {number:08X}:{IPERF_PORT:04X} 00000000:0000 0A "
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        with open(f"/proc/{server.pid}/net/tcp") as sockets:
            if listening in sockets.read():
                return server
        time.sleep(0.005)
    raise Failure(f"iperf3 does not listen: {server.stdout.read() if server.poll() is not None else 'it runs on'}")


def outcome(process, seconds):
    try:
        output, _ = process.communicate(timeout=seconds + PATIENCE)
    except subprocess.TimeoutExpired:
        raise Failure(f"iperf3 had not ended {PATIENCE} s after its time") from None
    try:
        # Warnings stand before it, such as that 1372 bytes exceed TCP's segment size.
        report = json.loads(output[output.find("{") :])
    except ValueError:
        raise Failure(f"iperf3: {' '.join(output.split())[:300] or 'no report'}") from None
    if "error" in report:
        raise Failure(f"iperf3: {report['error']}")
    return report
