"""The contestants: how each is started and made to carry packets between two nodes."""

import os
import shutil
import time

from .builds import compile_c, version, version_of_checkout
from .system import ROOT, Failure

PORT = 51820
PATIENCE = 30.0
ESP_PORT = 4500
ESP_KEY = 20  # bytes of an AES-128 key and its salt
SEALED = 32  # bytes that WireGuard adds to an inner packet: header and tag


class Veth:
    """The cable itself: the machine without any tunnel."""

    title = "plain veth"
    runs_processes = False

    def target(self, node):
        return node.wire

    def bring_up(self, a, b, options):
        pass

    def check(self, node):
        pass

    def describe(self):
        return {"title": self.title}


class Tunnel:
    """A daemon at both ends, each serving a TUN device."""

    runs_processes = True

    def target(self, node):
        return node.inner

    def check(self, node):
        """Fails if the tunnel is not the one that its title says."""

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
    """No cipher: the floor of system calls and copies for a tunnel in userspace."""

    title = "null forwarder"

    def __init__(self, folder):
        self.binary = os.path.join(folder, "null-forwarder")
        self.version = compile_c("null-forwarder.c", self.binary)

    def command(self, node, other, options):
        # Datagrams as long as WireGuard's, so that the cable carries the same.
        return [self.binary, node.device, node.wire, other.wire, str(PORT), str(options.mtu + SEALED)]

    def configure(self, node, other):
        self.await_true(node, node.has_device)

    def describe(self):
        return {"title": self.title, "command": "bench/null-forwarder.c", "version": self.version}


class WireGuard(Tunnel):
    """Any userspace implementation that serves the interface named by its last argument to wg(8)."""

    def __init__(self, title, command):
        self.title = title
        self.words = words(command)
        self.version = version_of(self.words[0])

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
        return {"title": self.title, "command": " ".join(self.words), "version": self.version}


class Gateway(Tunnel):
    """This checkout as a gateway: steered, guarded, strict both ways."""

    def __init__(self, command):
        self.words = words(command)
        self.version = version_of(self.words[0])

    def bring_up(self, a, b, options):
        for node, other in ((a, b), (b, a)):
            config = private_file(f"{node.key_file}.yaml", self.config(node, other, options))
            node.start([*self.words, "up", config])
        for node in (a, b):
            self.await_true(node, lambda node=node: routes_to_tunnel(node))

    def describe(self):
        return {"title": self.title, "command": " ".join([*self.words, "up"]), "version": self.version}


class CulvertGuarded(Gateway):
    """One that speaks WireGuard to the nodes of a cluster, with a verdict for each packet."""

    title = "Culvert, guarded"

    def config(self, node, other, options):
        return f"""
apiVersion: culvert.dev/v1alpha1
kind: Gateway
spec:
  interface:
    name: {node.device}
    addresses: [{node.inner}/32]
    listenPort: {PORT}
    mtu: {options.mtu}
  identity:
    privateKeyFile: {node.key_file}
  node: {node.namespace}
  clusterCIDRs: [{node.inner}/24]
  nodes:
""" + "".join(self.entry(each) for each in sorted((node, other), key=lambda one: one.namespace))

    def entry(self, node):
        return f"""
    - name: {node.namespace}
      internal: [{node.wire}]
      podCIDRs: [{node.inner}/32]
      publicKey: {node.public}
      endpoint: {node.wire}:{PORT}
"""


class CulvertEsp(Gateway):
    """One that speaks ESP, keyed by a file."""

    title = "Culvert, ESP"

    def __init__(self, command):
        super().__init__(command)
        # Known to nobody: a sample key would be refused.
        self.key = f"3 rfc4106(gcm(aes)) {os.urandom(ESP_KEY).hex()} 128\n"

    def config(self, node, other, options):
        keys = private_file(f"{node.key_file}-esp", self.key)
        return f"""
apiVersion: culvert.dev/v1alpha1
kind: Gateway
spec:
  engine: esp
  interface:
    name: {node.device}
    addresses: [{node.inner}/24]
    listenPort: {ESP_PORT}
    mtu: {options.mtu}
  esp:
    keyFile: {keys}
  internal: [{node.wire}]
  podCIDRs: [{node.inner}/32]
  peers:
    - name: {other.namespace}
      endpoint: {other.wire}:{ESP_PORT}
      allowedIps: [{other.inner}/32]
"""


def words(command):
    words = command.split()
    if not words or shutil.which(words[0]) is None:
        raise Failure(f"no such command: {command}")
    return words


def version_of(program):
    """The version of a program; of this checkout with its commit."""
    commit = f" ({version_of_checkout()})" if program == f"{ROOT}/culvert" else ""
    return version(program) + commit


def private_file(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return path


def routes_to_tunnel(node):
    """The gateway adds the routes of its own table last."""
    routes = node.run("ip", "route", "show", "table", "all", check=False).stdout.splitlines()
    return any(f" dev {node.device} table " in route and " table local " not in route for route in routes)
