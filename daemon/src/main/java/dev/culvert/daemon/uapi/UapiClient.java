// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.uapi;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.tunnel.noise.PublicKey;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Asks any userspace WireGuard device for its state. */
public final class UapiClient {
  private final String interfaceName;
  private final List<PeerView> peers = new ArrayList<>();
  private @Nullable String publicKey;
  private int listenPort;
  private long fwmark;
  private @Nullable PeerLines peer;

  private UapiClient(String interfaceName) {
    this.interfaceName = interfaceName;
  }

  /** A peer while its lines are read. */
  private static final class PeerLines {
    final String publicKey;
    final List<String> allowedIps = new ArrayList<>();
    boolean presharedKey;
    @Nullable String endpoint;
    long lastHandshake;
    long txBytes;
    long rxBytes;
    int persistentKeepalive;

    PeerLines(String publicKey) {
      this.publicKey = publicKey;
    }

    PeerView build() {
      return new PeerView(
          null,
          publicKey,
          presharedKey,
          endpoint,
          lastHandshake == 0 ? null : lastHandshake,
          txBytes,
          rxBytes,
          persistentKeepalive,
          allowedIps);
    }
  }

  /**
   * Asks the device {@code interfaceName}.
   *
   * @throws IOException if there is no answer, or the answer is not that of a WireGuard device
   */
  public static GatewayView get(Path directory, String interfaceName) throws IOException {
    Path path = directory.resolve(interfaceName + ".sock");
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      channel.write(ByteBuffer.wrap("get=1\n\n".getBytes(US_ASCII)));
      return read(interfaceName, Channels.newInputStream(channel));
    }
  }

  static GatewayView read(String interfaceName, InputStream in) throws IOException {
    UapiClient client = new UapiClient(interfaceName);
    try (UapiReader lines = new UapiReader(in)) {
      while (lines.advance()) {
        if (lines.isEmpty()) {
          return client.build();
        }
        client.line(lines);
      }
    } catch (UapiException | IllegalArgumentException e) {
      throw new IOException(interfaceName + " gave an answer that is not understood", e);
    }
    throw new IOException(interfaceName + " hung up before its answer's end");
  }

  private void line(UapiReader lines) throws IOException, UapiException {
    switch (lines.key()) {
      case "private_key" -> publicKey = publicKeyOf(lines);
      case "listen_port" -> listenPort = Integer.parseInt(lines.value());
      case "fwmark" -> fwmark = Long.parseLong(lines.value());
      case "public_key" -> {
        finishPeer();
        peer = new PeerLines(PublicKey.parseHex(lines.value()).toString());
      }
      case "errno" -> {
        if (!lines.value().equals("0")) {
          throw new IOException(interfaceName + " answered with error " + lines.value());
        }
      }
      default -> {
        if (peer != null) {
          peerLine(peer, lines);
        }
      }
    }
  }

  /** Takes a line about a peer. Unknown keys are passed over, since newer devices may have more. */
  private static void peerLine(PeerLines peer, UapiReader lines) throws UapiException {
    switch (lines.key()) {
      case "preshared_key" -> {
        try (SecretBytes key = secret(lines)) {
          peer.presharedKey = !key.isZero();
        }
      }
      case "endpoint" -> peer.endpoint = lines.value();
      case "last_handshake_time_sec" -> peer.lastHandshake = Long.parseLong(lines.value());
      case "tx_bytes" -> peer.txBytes = Long.parseLong(lines.value());
      case "rx_bytes" -> peer.rxBytes = Long.parseLong(lines.value());
      case "persistent_keepalive_interval" ->
          peer.persistentKeepalive = Integer.parseInt(lines.value());
      case "allowed_ip" -> peer.allowedIps.add(lines.value());
      default -> {}
    }
  }

  private static SecretBytes secret(UapiReader lines) throws UapiException {
    SecretBytes secret = lines.secret();
    if (secret == null) {
      throw UapiException.invalid("not a key");
    }
    return secret;
  }

  private static @Nullable String publicKeyOf(UapiReader lines) throws UapiException {
    try (SecretBytes secret = secret(lines)) {
      if (secret.isZero()) {
        return null;
      }
      byte[] privateKey = secret.toByteArray();
      try {
        return PublicKey.of(X25519.publicKey(privateKey)).toString();
      } finally {
        Arrays.fill(privateKey, (byte) 0);
      }
    }
  }

  private void finishPeer() {
    if (peer != null) {
      peers.add(peer.build());
    }
  }

  private GatewayView build() {
    finishPeer();
    return new GatewayView(
        interfaceName,
        GatewayView.WIREGUARD,
        publicKey,
        listenPort,
        fwmark,
        null,
        null,
        peers,
        null,
        List.of(),
        null);
  }
}
