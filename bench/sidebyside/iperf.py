"""iperf3 from one node to the other: throughput of TCP and of UDP."""

import json
import socket
import struct
import subprocess
import time

from .system import Failure

PORT = 5201
PATIENCE = 30


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
    listening = f" {number:08X}:{PORT:04X} 00000000:0000 0A "
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
