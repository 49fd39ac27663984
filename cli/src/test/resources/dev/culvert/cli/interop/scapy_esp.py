"""The foreign end of a tunnel, on scapy's ESP.

Opens COUNT packets and answers the echo requests in them, then sends as many of its own and counts
the answers. One line is printed for each packet opened: its 64-bit sequence number.
"""

import argparse
import socket

from scapy.config import conf
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import raw

conf.verb = 0
PORT = 4500
PROTOCOL = 50


class Underlay:
    """UDP on port 4500, or IP protocol 50."""

    def __init__(self, options):
        family = socket.AF_INET6 if ":" in options.local else socket.AF_INET
        kind = (socket.SOCK_RAW, PROTOCOL) if options.raw else (socket.SOCK_DGRAM, 0)
        self.has_ip_header = options.raw and family == socket.AF_INET
        self.socket = socket.socket(family, *kind)
        self.socket.settimeout(20)
        self.socket.bind((options.local, 0 if options.raw else PORT))
        self.remote = (options.remote, 0 if options.raw else PORT)

    def receive(self):
        packet = self.socket.recv(65536)
        return packet[(packet[0] & 15) * 4 :] if self.has_ip_header else packet

    def send(self, packet):
        self.socket.sendto(packet, self.remote)


class Direction:
    """One SA, and how far its sequence numbers have come."""

    def __init__(self, options, sa, header, first):
        spi, key = sa.split(":")
        self.header = header
        self.sequence = first - 1
        self.extended = options.esn
        self.sa = SecurityAssociation(
            ESP,
            spi=int(spi),
            crypt_algo="AES-GCM",
            crypt_key=bytes.fromhex(key),
            tunnel_header=header,
            esn_en=options.esn,
        )

    def seal(self, inner):
        self.sequence += 1
        self.sa.seq_num = self.sequence & 0xFFFFFFFF
        self.sa.esn = self.sequence >> 32
        return raw(self.sa.encrypt(inner)[ESP])

    def seal_earlier(self, inner, distance):
        """Right after the start the last numbers of 32 bits would be taken for ones before the first
        (RFC 4303 appendix A2.2), so the receiver's window has to get there in two steps."""
        self.sequence -= distance
        sealed = self.seal(inner)
        self.sequence += distance - 1
        return sealed

    def open(self, packet):
        """Checks the ICV; that is scapy's own, not a line of it is here."""
        esp = ESP(packet)
        high = self.sequence >> 32
        if self.extended and esp.seq < (self.sequence & 0xFFFFFFFF) - 2**31:
            high += 1
        self.sequence = high << 32 | esp.seq
        self.sa.esn = high
        return self.sa.decrypt(self.header / esp)


def answer(request):
    if IPv6 in request:
        echo = request[ICMPv6EchoRequest]
        reply = ICMPv6EchoReply(id=echo.id, seq=echo.seq, data=echo.data)
        return IPv6(src=request.dst, dst=request.src) / reply
    echo = request[ICMP]
    assert echo.type == 8, request.summary()
    return IP(src=request.dst, dst=request.src) / ICMP(type=0, id=echo.id, seq=echo.seq) / echo.payload


def request(options, number):
    data = b"x" * (number * 7)
    if ":" in options.inner_local:
        echo = ICMPv6EchoRequest(id=7, seq=number, data=data)
        return IPv6(src=options.inner_local, dst=options.inner_remote) / echo
    return IP(src=options.inner_local, dst=options.inner_remote) / ICMP(id=7, seq=number) / data


def unasked(options):
    """A reply that nobody waits for."""
    if ":" in options.inner_local:
        return IPv6(src=options.inner_local, dst=options.inner_remote) / ICMPv6EchoReply(id=9)
    return IP(src=options.inner_local, dst=options.inner_remote) / ICMP(type=0, id=9)


def is_answer(packet, number):
    if IPv6 in packet:
        return ICMPv6EchoReply in packet and packet[ICMPv6EchoReply].seq == number
    return ICMP in packet and packet[ICMP].type == 0 and packet[ICMP].seq == number


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--esn", action="store_true")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, required=True, help="sequence number, of both sides")
    for name in ("local", "remote", "inner-local", "inner-remote"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--incoming", required=True, metavar="SPI:KEY")
    parser.add_argument("--outgoing", required=True, metavar="SPI:KEY")
    options = parser.parse_args()
    outer = IPv6 if ":" in options.local else IP
    incoming = Direction(
        options, options.incoming, outer(src=options.remote, dst=options.local), options.first
    )
    outgoing = Direction(
        options, options.outgoing, outer(src=options.local, dst=options.remote), options.first
    )
    underlay = Underlay(options)
    print("listening", flush=True)
    for number in range(options.count):
        inner = incoming.open(underlay.receive())
        print("opened", incoming.sequence, flush=True)
        if number == 0 and options.first > 2**31:
            underlay.send(outgoing.seal_earlier(unasked(options), 2**31))
        underlay.send(outgoing.seal(answer(inner)))
    answered = 0
    for number in range(1, options.count + 1):
        underlay.send(outgoing.seal(request(options, number)))
        answered += is_answer(incoming.open(underlay.receive()), number)
    print("answered", answered, flush=True)


main()
