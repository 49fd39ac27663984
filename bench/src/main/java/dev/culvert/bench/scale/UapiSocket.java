// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.scale;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.lab.net.LabException;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/** The socket by which {@code wg} configures a device. */
record UapiSocket(Path path) {
  UapiSocket(String interfaceName) {
    this(Path.of("/var/run/wireguard", interfaceName + ".sock"));
  }

  boolean exists() {
    return Files.exists(path);
  }

  /** A new key and port. */
  static String device(byte[] privateKey, int port) {
    return "private_key=%s%nlisten_port=%d%n".formatted(HexFormat.of().formatHex(privateKey), port);
  }

  /** A peer whose place the device does not know. */
  static String peer(PeerIdentity peer) {
    StringBuilder lines = new StringBuilder("public_key=" + peer.publicKey().toHex() + "\n");
    for (Prefix range : peer.ranges()) {
      lines.append("allowed_ip=").append(range).append('\n');
    }
    return lines.toString();
  }

  static String keepalive(PublicKey peer, int seconds) {
    return "public_key=%s%nupdate_only=true%npersistent_keepalive_interval=%d%n"
        .formatted(peer.toHex(), seconds);
  }

  /**
   * Changes the device.
   *
   * @return seconds until the answer
   */
  double set(String lines) throws IOException {
    long began = System.nanoTime();
    List<String> answer = ask("set=1\n" + lines + "\n");
    if (!answer.equals(List.of("errno=0"))) {
      throw new LabException("the device answered " + answer);
    }
    return (System.nanoTime() - began) / 1e9;
  }

  /** All lines about the device. */
  List<String> get() throws IOException {
    return ask("get=1\n\n");
  }

  private List<String> ask(String question) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path));
        BufferedReader answer =
            new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), US_ASCII))) {
      ByteBuffer bytes = ByteBuffer.wrap(question.getBytes(US_ASCII));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      return answer.lines().takeWhile(line -> !line.isEmpty()).toList();
    }
  }
}
