"""Who takes part: each contestant is looked for or built before the first run."""

from .builds import newest_of_crate, newest_wireguard_go
from .contestants import CulvertEsp, CulvertGuarded, NullForwarder, Veth, WireGuard
from .strongswan import StrongSwan
from .system import Failure

CONTESTANTS = {
    "culvert": lambda options, folder: WireGuard("Culvert", options.culvert),
    "culvert-guarded": lambda options, folder: CulvertGuarded(options.culvert_gateway),
    "culvert-esp": lambda options, folder: CulvertEsp(options.culvert_gateway),
    "strongswan": lambda options, folder: StrongSwan("strongSwan, OpenSSL", "openssl"),
    "strongswan-aesni": lambda options, folder: StrongSwan("strongSwan, AES-NI", "aesni", "openssl"),
    "wireguard-go": lambda options, folder: WireGuard(
        "wireguard-go", options.wireguard_go or newest_wireguard_go(folder)
    ),
    "gotatun": lambda options, folder: WireGuard(
        "gotatun", options.gotatun or newest_of_crate("gotatun-cli", "gotatun", "--gotatun")
    ),
    "boringtun": lambda options, folder: WireGuard(
        "boringtun", options.boringtun or newest_of_crate("boringtun-cli", "boringtun-cli", "--boringtun")
    ),
    "null": lambda options, folder: NullForwarder(folder),
    "veth": lambda options, folder: Veth(),
}


def assemble(options, folder):
    """The contestants by key, in the order of the tables, and those left out, with the reason."""
    makers = {key: make for key, make in CONTESTANTS.items() if key in options.contestants}
    for addition in options.also:
        key, _, command = addition.partition("=")
        makers[key] = lambda options, folder, key=key, command=command: WireGuard(key, command)
    contestants, left_out = {}, []
    for key, make in makers.items():
        try:
            contestants[key] = make(options, folder)
        except Failure as why:
            left_out.append({"contestant": key, "pair": 0, "why": str(why)})
            print(f"{key} is left out: {why}", flush=True)
    return contestants, left_out
