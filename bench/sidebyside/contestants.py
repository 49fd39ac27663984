"""What is compared: how each is started and made to carry packets between two nodes."""

import os
import shutil
import subprocess
import time

from .system import Failure, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEWEST_WIREGUARD_GO = "golang.zx2c4.com/wireguard@latest"
PORT = 51820
PATIENCE = 30.0
SEALED = 32  # bytes that WireGuard adds to an inner packet: header and tag


class Veth:
    """The cable itself: what the machine does without any tunnel."""

    title = "plain veth"
    runs_processes = False

    def target(self, node):
        return node.wire

    def bring_up(self, a, b, options):
        pass

    def describe(self):
        return {"title": self.title}


class Tunnel:
    """A daemon at both ends, each serving a TUN device."""

    runs_processes = True

    def target(self, node):
        return node.inner

    def bring_up(self, a, b, options):
        for node, other in ((a, b), (b, a)):
            node.start(self.command(node, other, options))
        for node, other in ((a, b), (b, a)):
            self.configure(node, other)
            node.run("ip", "address", "add", f"{node.inner}/24", "dev", node.device)
            node.run("ip", "link", "set", node.device, "mtu", str(options.mtu), "up")

    def await_true(self, node, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline or node.daemon.poll() is not None:
                raise Failure(f"{self.title} does not serve: {node.said() or 'it said nothing'}")
            time.sleep(0.002)


class NullForwarder(Tunnel):
    """No cipher: the floor of what a tunnel in userspace pays for system calls and copies."""

    title = "null forwarder"

    def __init__(self, folder):
        self.binary = os.path.join(folder, "null-forwarder")
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise Failure("no C compiler")
        run(compiler, "-O2", "-pthread", "-o", self.binary, f"{ROOT}/bench/null-forwarder.c")

    def command(self, node, other, options):
        # Datagrams as long as WireGuard's, so that the cable carries the same.
        return [self.binary, node.device, node.wire, other.wire, str(PORT), str(options.mtu + SEALED)]

    def configure(self, node, other):
        self.await_true(node, node.has_device)

    def describe(self):
        return {"title": self.title, "command": "bench/null-forwarder.c"}


class WireGuard(Tunnel):
    """Any userspace implementation that serves the interface named by its last argument to wg(8)."""

    def __init__(self, title, command):
        self.title = title
        self.words = command.split()
        if not self.words or shutil.which(self.words[0]) is None:
            raise Failure(f"no such command: {command}")

    def command(self, node, other, options):
        return [*self.words, node.device]

    def configure(self, node, other):
        # Asking wg costs a process each time, so it is asked when there is a socket to ask.
        self.await_true(
            node,
            lambda: os.path.exists(node.uapi)
            and node.run("wg", "show", node.device, check=False).returncode == 0,
        )
        node.run(
            "wg", "set", node.device, "private-key", node.key_file, "listen-port", str(PORT),
            "peer", other.public, "allowed-ips", f"{other.inner}/32",
            "endpoint", f"{other.wire}:{PORT}",
        )  # fmt: skip

    def describe(self):
        described = {"title": self.title, "command": " ".join(self.words)}
        version = go_module_version(self.words[0])
        return described | ({"version": version} if version else {})


def go_module_version(binary):
    """The version of the module that a Go program was built from, or None."""
    if shutil.which("go") is None:
        return None
    for line in run("go", "version", "-m", binary, check=False).stdout.splitlines():
        words = line.split()
        if words[:1] == ["mod"] and len(words) > 2:
            return words[2]
    return None


def newest_wireguard_go(folder):
    """Builds it and gives its command."""
    if shutil.which("go") is None:
        raise Failure("no Go to build the newest wireguard-go with; name one with --wireguard-go")
    print(f"building {NEWEST_WIREGUARD_GO}", flush=True)
    built = subprocess.run(
        ["go", "install", NEWEST_WIREGUARD_GO],
        env={**os.environ, "GOBIN": folder}, text=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if built.returncode != 0:
        raise Failure(f"go install {NEWEST_WIREGUARD_GO}: {built.stderr.strip()}")
    return os.path.join(folder, "wireguard") + " -f"


def assemble(options, folder):
    """The contestants by key, in the order of the tables, and what is left out, with why."""
    makers = {
        "culvert": lambda: WireGuard("Culvert", options.culvert),
        "wireguard-go": lambda: WireGuard(
            "wireguard-go", options.wireguard_go or newest_wireguard_go(folder)
        ),
        "null": lambda: NullForwarder(folder),
        "veth": Veth,
    }
    chosen = [key for key in makers if key in options.contestants]
    for addition in options.also:
        key, _, command = addition.partition("=")
        makers[key] = lambda key=key, command=command: WireGuard(key, command)
        chosen.append(key)
    contestants, left_out = {}, []
    for key in chosen:
        try:
            contestants[key] = makers[key]()
        except Failure as why:
            left_out.append({"contestant": key, "pair": 0, "why": str(why)})
            print(f"{key} is left out: {why}", flush=True)
    return contestants, left_out
