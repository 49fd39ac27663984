"""The contestants: how each is started and made to carry packets between two nodes."""

import os
import shutil
import subprocess
import time

from .system import Failure, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEWEST_WIREGUARD_GO = "golang.zx2c4.com/wireguard@latest"
PORT = 51820
PATIENCE = 30.0
ESP_PORT = 4500
LIBIPSEC_MTU = 1400  # the plugin's own; of a larger packet it drops the rest
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
    """No cipher: the floor of system calls and copies for a tunnel in userspace."""

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


class Gateway(Tunnel):
    """This checkout as a gateway: steered, guarded, strict both ways."""

    def __init__(self, command):
        self.words = command.split()
        if not self.words or shutil.which(self.words[0]) is None:
            raise Failure(f"no such command: {command}")

    def bring_up(self, a, b, options):
        for node, other in ((a, b), (b, a)):
            config = private_file(f"{node.key_file}.yaml", self.config(node, other, options))
            node.start([*self.words, "up", config])
        for node in (a, b):
            self.await_true(node, lambda node=node: routes_to_tunnel(node))

    def describe(self):
        return {"title": self.title, "command": " ".join([*self.words, "up"])}


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


class StrongSwan(Tunnel):
    """strongSwan's daemon with its own ESP in userspace, which always has UDP around it."""

    title = "strongSwan kernel-libipsec"
    program = "/usr/lib/ipsec/charon"
    plugin = "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"
    device = "ipsec0"  # the plugin's name for it

    def __init__(self):
        for file in (self.program, self.plugin):
            if not os.path.exists(file):
                raise Failure(f"no {file}: strongswan-charon, libcharon-extra-plugins and strongswan-swanctl")
        if shutil.which("swanctl") is None:
            raise Failure("no swanctl: strongswan-swanctl")

    def bring_up(self, a, b, options):
        for node, other in ((a, b), (b, a)):
            node.run("ip", "address", "add", f"{node.inner}/32", "dev", "lo")
            node.settings = private_file(f"{node.key_file}-charon", CHARON)
            node.connection = private_file(f"{node.key_file}-swanctl", self.connection(node, other))
            # Each needs a /run of its own: its pid file has a fixed name.
            start = f"mount -t tmpfs tmpfs /run && exec {self.program}"
            node.start(["env", f"STRONGSWAN_CONF={node.settings}", "sh", "-c", start])
        for node in (a, b):
            self.await_true(node, lambda node=node: self.load(node))
        self.swanctl(a, "--initiate", "--child", "tunnel")
        for node in (a, b):
            node.run("ip", "link", "set", self.device, "mtu", str(min(options.mtu, LIBIPSEC_MTU)))

    def load(self, node):
        return self.swanctl(node, "--load-all", "--noprompt", "--file", node.connection, check=False).returncode == 0

    def swanctl(self, node, *arguments, **how):
        pid = str(node.daemon.pid)  # ip and sh have replaced themselves by the daemon
        settings = ("env", f"STRONGSWAN_CONF={node.settings}", f"SWANCTL_DIR={os.path.dirname(node.settings)}")
        return node.run("nsenter", "-t", pid, "-m", *settings, "swanctl", *arguments, **how)

    def connection(self, node, other):
        return f"""
connections {{
  peer {{
    version = 2
    local_addrs = {node.wire}
    remote_addrs = {other.wire}
    encap = yes
    mobike = no
    rekey_time = 0
    proposals = aes128-sha256-ecp256
    local {{
      auth = psk
    }}
    remote {{
      auth = psk
    }}
    children {{
      tunnel {{
        local_ts = {node.inner}/32
        remote_ts = {other.inner}/32
        esp_proposals = aes128gcm16-noesn
        rekey_time = 0
      }}
    }}
  }}
}}
secrets {{
  ike-both {{
    secret = "only for this run"
  }}
}}
"""

    def describe(self):
        described = {"title": self.title, "command": "charon"}
        version = run("dpkg-query", "-W", "-f", "${Version}", "libcharon-extra-plugins", check=False).stdout
        return described | ({"version": version} if version else {})


CHARON = """
charon {
  load = openssl random nonce hmac sha2 kdf kernel-libipsec kernel-netlink socket-default vici updown
  filelog {
    stderr {
      default = 1
    }
  }
  plugins {
    kernel-libipsec {
      load = yes
    }
    vici {
      socket = unix:///run/charon.vici
    }
  }
}
swanctl {
  load = random nonce
}
"""


def private_file(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return path


def routes_to_tunnel(node):
    """The gateway adds the routes of its own table last."""
    routes = node.run("ip", "route", "show", "table", "all", check=False).stdout.splitlines()
    return any(f" dev {node.device} table " in route and " table local " not in route for route in routes)


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
    """The contestants by key, in the order of the tables, and those left out, with the reason."""
    makers = {
        "culvert": lambda: WireGuard("Culvert", options.culvert),
        "culvert-guarded": lambda: CulvertGuarded(options.culvert_gateway),
        "culvert-esp": lambda: CulvertEsp(options.culvert_gateway),
        "strongswan": StrongSwan,
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
