"""strongSwan as a contestant."""

import os
import re
import shutil

from .builds import version_of_package
from .contestants import Tunnel, private_file
from .system import Failure

LIBIPSEC_MTU = 1400  # the plugin's own; of a larger packet it drops the rest


class StrongSwan(Tunnel):
    """strongSwan's daemon with its own ESP in userspace, which always has UDP around it.

    AES-128-GCM is that of the first plugin in `ciphers` that has it.
    """

    program = "/usr/lib/ipsec/charon"
    plugins = "/usr/lib/ipsec/plugins/libstrongswan-"
    device = "ipsec0"  # the plugin's name for it

    def __init__(self, title, *ciphers):
        self.title = title
        self.ciphers = ciphers
        plugins = [f"{self.plugins}{plugin}.so" for plugin in ("kernel-libipsec", *ciphers)]
        for file in (self.program, *plugins):
            if not os.path.exists(file):
                raise Failure(f"no {file}: strongswan-charon, libcharon-extra-plugins and strongswan-swanctl")
        if shutil.which("swanctl") is None:
            raise Failure("no swanctl: strongswan-swanctl")

    def bring_up(self, a, b, options):
        for node, other in ((a, b), (b, a)):
            node.run("ip", "address", "add", f"{node.inner}/32", "dev", "lo")
            node.settings = private_file(f"{node.key_file}-charon", self.settings())
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

    def check(self, node):
        """charon uses the first implementation of a cipher that it lists."""
        used = re.search(r"AES_GCM_16\[(.*?)\]", self.swanctl(node, "--list-algs").stdout)
        if used is None or used.group(1) != self.ciphers[0]:
            raise Failure(f"{self.title} has AES-GCM of {used.group(1) if used else 'no plugin'}, not {self.ciphers[0]}")

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

    def settings(self):
        return f"""
charon {{
  load = {" ".join(self.ciphers)} random nonce hmac sha2 kdf kernel-libipsec kernel-netlink socket-default vici updown
  filelog {{
    stderr {{
      default = 1
    }}
  }}
  plugins {{
    kernel-libipsec {{
      load = yes
    }}
    vici {{
      socket = unix:///run/charon.vici
    }}
  }}
}}
swanctl {{
  load = random nonce
}}
"""

    def describe(self):
        return {
            "title": self.title,
            "command": f"charon ({', '.join(self.ciphers)})",
            "version": version_of_package("libcharon-extra-plugins"),
        }
