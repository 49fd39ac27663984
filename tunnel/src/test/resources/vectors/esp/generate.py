#!/usr/bin/env python3
"""Prints aes-gcm.json: whole ESP packets, laid out from RFC 4303 and RFC 4106, sealed by OpenSSL.

Shares no code with Culvert. Needs Python's package "cryptography", which calls OpenSSL.
"""

import hashlib
import ipaddress
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

V4 = ("10.0.0.1", "10.0.0.2")
V6 = ("fd00::1", "fd00::2")
NEXT_IPV4, NEXT_ICMP, NEXT_IPV6, NEXT_NONE = 4, 1, 41, 59


def numbers(label, count):
    """Bytes that anybody can compute again."""
    return hashlib.shake_256(label.encode()).digest(count)


def inner_packet(addresses, payload):
    """An IP packet of the protocol number for experiments, 253."""
    source, destination = (ipaddress.ip_address(a).packed for a in addresses)
    if len(source) == 16:
        return bytes.fromhex("60000000") + len(payload).to_bytes(2) + bytes([253, 64]) + source + destination + payload
    header = bytes.fromhex("4500") + (20 + len(payload)).to_bytes(2) + bytes.fromhex("0000000040fd")
    words = header + bytes(2) + source + destination
    total = sum(int.from_bytes(words[i : i + 2]) for i in range(0, 20, 2))
    total = (total & 0xFFFF) + (total >> 16)
    return header + (0xFFFF - total).to_bytes(2) + source + destination + payload


def vector(comment, key_bits, esn, sequence, addresses=V4, length=64, next_header=None, more_padding=0, flow_padding=0):
    if next_header is None:
        next_header = NEXT_IPV4 if addresses is V4 else NEXT_IPV6
    key = numbers(comment + " key", key_bits // 8)
    salt = numbers(comment + " salt", 4)
    iv = numbers(comment + " iv", 8)
    spi = numbers(comment + " spi", 4)
    inner = inner_packet(addresses, numbers(comment + " payload", length))
    content = inner + bytes(flow_padding)
    # RFC 4303 section 2.4: the trailer ends on a multiple of four bytes, the padding counts from 1.
    padding = -(len(content) + 2) % 4 + more_padding
    plain = content + bytes(range(1, padding + 1)) + bytes([padding, next_header])
    # RFC 4106 section 5: with ESN, the upper half is authenticated and not sent.
    aad = spi + sequence.to_bytes(8 if esn else 4)
    sealed = AESGCM(key).encrypt(salt + iv, plain, aad)
    return {
        "comment": comment,
        "algorithm": "AES_GCM",
        "key": key.hex(),
        "salt": salt.hex(),
        "spi": spi.hex(),
        "esn": esn,
        "sequence": format(sequence, "016x"),
        "source": addresses[0],
        "destination": addresses[1],
        "inner": inner.hex(),
        "plain": plain.hex(),
        "packet": (spi + (sequence & 0xFFFFFFFF).to_bytes(4) + iv + sealed).hex(),
    }


VECTORS = [
    vector("128-bit key, first number", 128, False, 1),
    vector("256-bit key, first number", 256, False, 1),
    vector("128-bit key, IPv6 inside", 128, False, 10, addresses=V6),
    vector("256-bit key, IPv6 inside, ESN", 256, True, 10, addresses=V6),
    vector("128-bit key, last 32-bit number", 128, False, 0xFFFFFFFF),
    vector("128-bit key, ESN, upper half not zero", 128, True, 0x8765432100000001),
    vector("128-bit key, ESN, lower half zero", 128, True, 0x8765432100000000),
    vector("256-bit key, ESN, lower half all ones", 256, True, 0x156F3126FFFFFFFF),
    vector("256-bit key, ESN, last number that is used", 256, True, 0xFFFFFFFFFFFFFFFE),
    vector("one byte of padding", 128, False, 2, length=65),
    vector("no padding", 128, False, 3, length=66),
    vector("three bytes of padding", 128, False, 4, length=67),
    vector("256-bit key, the longest padding", 256, True, 5, length=66, more_padding=252),
    vector("traffic flow confidentiality padding", 256, True, 6, length=33, flow_padding=100),
    vector("header alone", 128, True, 7, length=0),
    vector("1400 bytes", 256, True, 8, length=1380),
    vector("dummy packet", 128, False, 9, next_header=NEXT_NONE),
    vector("transport mode, which tunnels refuse", 256, True, 11, next_header=NEXT_ICMP),
]

print(json.dumps({"vectors": VECTORS}, indent=1))
