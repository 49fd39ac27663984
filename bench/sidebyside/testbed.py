"""Two network namespaces joined by a veth pair, with one end of a contestant in each."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile

from .system import MARK, end, run, undisturbed

CABLE = "wire0"


class Node:
    """A namespace with one end of the cable."""

    def __init__(self, letter, number, folder):
        self.namespace = f"{MARK}-{letter}"
        self.device = f"{MARK}{letter}"
        self.wire = f"10.200.0.{number}"
        self.inner = f"10.201.0.{number}"
        self.uapi = f"/var/run/wireguard/{self.device}.sock"
        self.key_file = os.path.join(folder, f"key-{letter}")
        self.log = open(os.path.join(folder, f"log-{letter}"), "w+b")
        self.daemon = None
        self.children = []

    def make(self):
        run("ip", "netns", "add", self.namespace)
        self.run("ip", "link", "set", "lo", "up")
        with open(os.open(self.key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            private = run("wg", "genkey").stdout
            file.write(private)
        self.public = subprocess.run(
            ["wg", "pubkey"], input=private, text=True, capture_output=True, check=True
        ).stdout.strip()

    def enter(self, *command):
        return ["ip", "netns", "exec", self.namespace, *command]

    def run(self, *command, **how):
        return run(*self.enter(*command), **how)

    def spawn(self, *command, **how):
        """Starts a command, which is ended with the node at the latest."""
        child = subprocess.Popen(self.enter(*command), stdin=subprocess.DEVNULL, text=True, **how)
        self.children.append(child)
        return child

    def start(self, command):
        """Starts the daemon, in a session of its own to tell its processes by."""
        self.daemon = self.spawn(*command, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def said(self):
        """The last lines of the daemon's output."""
        with open(self.log.name, errors="replace") as file:
            return " | ".join(file.read().split("\n")[-6:]).strip(" |")

    def has_device(self):
        return run("ip", "-n", self.namespace, "link", "show", self.device, check=False).returncode == 0

    def close(self):
        for child in reversed(self.children):
            end(child)
        # Processes that a daemon left running. Nobody else's are in a namespace of ours.
        for pid in run("ip", "netns", "pids", self.namespace, check=False).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "delete", self.namespace, check=False)
        # Notes of gateways about their guards, which went with the namespace.
        for file in (self.uapi, *(f"/run/culvert/{self.device}.{kind}" for kind in ("guard", "settings", "sock", "handover"))):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file)
        self.log.close()


@contextlib.contextmanager
def testbed():
    """Both nodes, cabled; whatever happens, nothing of them stays."""
    folder = tempfile.mkdtemp(prefix=MARK)
    nodes = []
    try:
        nodes += Node("a", 1, folder), Node("b", 2, folder)
        for node in nodes:
            node.make()
        a, b = nodes
        run("ip", "link", "add", CABLE, "netns", a.namespace, "type", "veth",
            "peer", "name", CABLE, "netns", b.namespace)  # fmt: skip
        for node in nodes:
            node.run("ip", "address", "add", f"{node.wire}/24", "dev", CABLE)
            node.run("ip", "link", "set", CABLE, "up")
        yield a, b
    finally:
        with undisturbed():
            for node in nodes:
                node.close()
            shutil.rmtree(folder)
