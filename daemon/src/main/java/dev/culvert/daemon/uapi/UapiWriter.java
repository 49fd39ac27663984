// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceSnapshot.PeerSnapshot;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.Arrays;

/** Writes {@code key=value} lines through a buffer that is wiped after each time it is sent. */
final class UapiWriter {
  private final OutputStream out;
  private final byte[] buffer = new byte[8192];
  private int length;

  UapiWriter(OutputStream out) {
    this.out = out;
  }

  /** Writes the answer to {@code get=1} except its last line, in the order of wireguard-go. */
  void device(DeviceSnapshot device, int listenPort, int fwmark) throws IOException {
    if (device.privateKey() != null) {
      secret("private_key", device.privateKey());
    }
    if (listenPort != 0) {
      line("listen_port", listenPort);
    }
    if (fwmark != 0) {
      line("fwmark", Integer.toUnsignedLong(fwmark));
    }
    for (PeerSnapshot peer : device.peers()) {
      peer(peer);
    }
  }

  private void peer(PeerSnapshot peer) throws IOException {
    line("public_key", peer.publicKey().toHex());
    secret("preshared_key", peer.presharedKey());
    line("protocol_version", 1);
    if (peer.endpoint() != null) {
      line("endpoint", peer.endpoint().toString());
    }
    Instant handshake = peer.lastHandshake() == null ? Instant.EPOCH : peer.lastHandshake();
    line("last_handshake_time_sec", handshake.getEpochSecond());
    line("last_handshake_time_nsec", handshake.getNano());
    line("tx_bytes", peer.txBytes());
    line("rx_bytes", peer.rxBytes());
    line("persistent_keepalive_interval", peer.persistentKeepalive());
    for (var prefix : peer.allowedIps()) {
      line("allowed_ip", prefix.toString());
    }
  }

  /** Ends the answer and sends it. {@code errno} is positive, 0 for success. */
  void end(int errno) throws IOException {
    line("errno", -(long) errno);
    put("\n");
    flush();
  }

  private void line(String key, long value) throws IOException {
    line(key, Long.toString(value));
  }

  private void line(String key, String value) throws IOException {
    put(key);
    put("=");
    put(value);
    put("\n");
  }

  private void secret(String key, SecretBytes secret) throws IOException {
    put(key);
    put("=");
    byte[] bytes = secret.toByteArray();
    try {
      for (byte b : bytes) {
        put((byte) Character.forDigit(b >> 4 & 15, 16));
        put((byte) Character.forDigit(b & 15, 16));
      }
    } finally {
      Arrays.fill(bytes, (byte) 0);
    }
    put("\n");
  }

  private void put(String text) throws IOException {
    for (byte b : text.getBytes(ISO_8859_1)) {
      put(b);
    }
  }

  private void put(byte b) throws IOException {
    if (length == buffer.length) {
      flush();
    }
    buffer[length++] = b;
  }

  private void flush() throws IOException {
    try {
      out.write(buffer, 0, length);
      out.flush();
    } finally {
      Arrays.fill(buffer, (byte) 0);
      length = 0;
    }
  }
}
